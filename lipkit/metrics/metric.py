"""What a metric is: a name, a unit, a direction, a convention, and a function."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray, "Context"], np.ndarray | float]


@dataclass(frozen=True, eq=False)
class Context:
    """What a metric may ask of a piece of video besides its pictures and its sound.

    The piece has T frames; all fields are optional when a metric is called by hand.
    """

    joints: tuple[int, ...] = (0,)
    """Frames at which a window begins: the piece's pictures were made apart on both sides."""
    start: int = 0
    """The piece's first frame, counted in its clip."""
    clip_sound: np.ndarray | None = None
    """f16 ``[4F, 128]``, dB: the sound of the whole clip of F frames."""
    truth_points: np.ndarray | None = None
    """f32 ``[T, 20, 2]``: mouth points of the true lips in lip pixels, NaN where not found."""
    prediction_points: np.ndarray | None = None
    """The same of the predicted lips, found in the same way."""
    truth_points_fixed: np.ndarray | None = None
    """The same, found by detection in one fixed face: the authors' way."""
    prediction_points_fixed: np.ndarray | None = None
    made: dict[Hashable, tuple[tuple, Any]] = field(default_factory=dict, repr=False)
    """What :meth:`once` keeps; pieces of the same truth may share it."""

    def once(self, name: Hashable, of: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` makes from the objects ``of``; made once, however many metrics need it.

        Parameters
        ----------
        name
            What is made.
        of
            What it is made from, recognised by identity.
        make
            Called the first time, and again for other objects.
        """
        known = self.made.get(name)
        if known is None or any(a is not b for a, b in zip(known[0], of, strict=True)):
            known = self.made[name] = of, make()
        return known[1]


@dataclass(frozen=True)
class Metric:
    """One number per frame, window or clip.

    ``measure(prediction, truth, sound, context)`` takes lips u8 ``[T, 64, 64, 3]`` twice, the
    log-mel f16 ``[4T, 128]`` in dB that belongs to them, and a :class:`Context`. It returns
    one value per frame, f64 ``[T]``, or one value for the whole piece. NaN stands for a failure
    and infinity for a perfect score without bound: both are counted and never averaged in.
    """

    name: str
    """Its name in files, such as ``psnr_paper``."""
    label: str
    """Its name in tables."""
    unit: str
    """``px`` (pixels of the 64x64 lip image), ``dB``, ``frames``, or empty."""
    better: Literal["higher", "lower", "truth"]
    """``truth``: the nearer to the ground truth's own value."""
    convention: Literal["standard", "paper"]
    """``paper``: as the authors' released code computes it, faults included."""
    meaning: str
    """One line: what exactly is computed."""
    measure: Measure
    over: Literal["window", "clip"] = "window"
    """``clip``: the piece is a clip's windows that do not overlap, one behind the other."""
    needs: tuple[str, ...] = ()
    """Fields of :class:`Context` without which it cannot be measured."""
    points_only: bool = False
    """It looks only at points, so that it can measure a model that predicts nothing else."""
    slow: bool = False
    """Left out unless asked for by name."""
    reads: tuple[Path, ...] = ()
    """Files that come with the kit and decide its values, such as a network's weights."""
