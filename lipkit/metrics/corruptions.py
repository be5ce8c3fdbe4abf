"""Ways to spoil lips on purpose, to see which metric notices (notebook 09).

Every function takes lips u8 ``[T, H, W, 3]`` and a strength, returns the same shape, and at
strength 0 changes nothing. :data:`CORRUPTIONS` holds all of them by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from lipkit.errors import UsageError
from lipkit.metrics import METRICS, Context
from lipkit.settings import did_you_mean


def blur(lips: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian of ``sigma`` pixels over every frame.

    >>> import numpy as np
    >>> lips = np.zeros((1, 64, 64, 3), np.uint8)
    >>> lips[:, 32, 32] = 255
    >>> int(blur(lips, 2.0).max()) < 20
    True
    """
    if sigma == 0:
        return lips.copy()
    return ndimage.gaussian_filter(lips, (0, sigma, sigma, 0), mode="nearest")


def noise(lips: np.ndarray, sigma: float, seed: int = 0) -> np.ndarray:
    """Grain of ``sigma`` grey levels, the same in all colours, anew in every frame.

    >>> import numpy as np
    >>> spoilt = noise(np.full((3, 64, 64, 3), 128, np.uint8), 10.0)
    >>> bool(9 < spoilt.std() < 11)
    True
    """
    grain = np.random.default_rng(seed).normal(0, 1, (*lips.shape[:3], 1))
    return _bytes(lips + sigma * grain)


def brighten(lips: np.ndarray, levels: float) -> np.ndarray:
    """Every value raised by ``levels`` (lowered, if negative), cut off at 0 and 255."""
    return _bytes(lips + np.float64(levels))


def shift(lips: np.ndarray, pixels: int) -> np.ndarray:
    """The picture moved ``pixels`` to the right; its left edge is repeated."""
    return lips[:, :, np.clip(np.arange(lips.shape[2]) - int(pixels), 0, lips.shape[2] - 1)]


def freeze(lips: np.ndarray, share: float) -> np.ndarray:
    """Every frame mixed with the first: at ``share`` 1 nothing moves."""
    return _mix(lips, lips[:1], share)


def delay(lips: np.ndarray, frames: int) -> np.ndarray:
    """The lips ``frames`` later than they were; the first frame stands until they begin.

    >>> import numpy as np
    >>> lips = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    >>> delay(lips, 2).ravel().tolist()
    [0, 0, 0, 1]
    """
    return lips[np.clip(np.arange(len(lips)) - int(frames), 0, len(lips) - 1)]


def replace(lips: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Every frame mixed with the same frame of another clip; at ``share`` 1 only the other is seen.

    A clip that is too short stands still at its end.
    """
    return _mix(lips, other[np.minimum(np.arange(len(lips)), len(other) - 1)], share)


def _mix(lips: np.ndarray, others: np.ndarray, share: float) -> np.ndarray:
    return _bytes((1 - share) * lips + share * others.astype(np.float64))


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


MIXED = "mixed in"
"""Unit of a strength that is a share, from 0 to 1."""


@dataclass(frozen=True)
class Corruption:
    """One way to spoil lips, with the strengths that a slider offers."""

    name: str
    unit: str
    usual: float
    """The strength shown in a gallery."""
    most: float
    step: float
    spoil: Callable[[np.ndarray, np.ndarray, float], np.ndarray]
    """``(lips, other, strength)``; ``other`` are lips of another speaker."""

    def describe(self, strength: float) -> str:
        """Name and strength, such as ``blur, 1.5 px``; the name alone for all of another clip."""
        if self.unit == MIXED and strength == 1:
            return self.name
        return f"{self.name}, {strength:g} {self.unit}"


CORRUPTIONS: dict[str, Corruption] = {
    c.name: c
    for c in (
        Corruption("blur", "px", 1.5, 4, 0.25, lambda a, _, s: blur(a, s)),
        Corruption("noise", "levels", 12, 48, 1, lambda a, _, s: noise(a, s)),
        Corruption("brightness", "levels", 25, 80, 1, lambda a, _, s: brighten(a, s)),
        Corruption("shift", "px", 3, 12, 1, lambda a, _, s: shift(a, s)),
        Corruption("frozen", MIXED, 1, 1, 0.05, lambda a, _, s: freeze(a, s)),
        Corruption("delayed", "frames", 5, 15, 1, lambda a, _, s: delay(a, s)),
        Corruption("other speaker", MIXED, 1, 1, 0.05, replace),
    )
}
"""All corruptions by name."""


def corrupt(name: str, lips: np.ndarray, other: np.ndarray, strength: float) -> np.ndarray:
    """Spoil ``lips`` by the corruption ``name``; ``other`` are lips of another speaker.

    Raises
    ------
    UsageError
        For an unknown name, or a strength that is not between 0 and ``most``.

    >>> import numpy as np
    >>> lips = np.full((2, 64, 64, 3), 100, np.uint8)
    >>> int(corrupt("brightness", lips, other=lips, strength=25).max())
    125
    """
    if name not in CORRUPTIONS:
        raise UsageError(f"corruption {name!r} is unknown; {did_you_mean(name, CORRUPTIONS)}")
    most = CORRUPTIONS[name].most
    if not 0 <= strength <= most:
        raise UsageError(f"{name} of strength {strength:g}: must be from 0 to {most:g}")
    return CORRUPTIONS[name].spoil(lips, other, strength)


Finder = Callable[[np.ndarray, Sequence[int]], np.ndarray]
"""As :meth:`lipkit.metrics.faces.OwnFaces.points`."""


class Judge:
    """One clip, against which other lips are measured by all the metrics asked for.

    Parameters
    ----------
    lips
        u8 ``[T, 64, 64, 3]``, the truth.
    logmel
        ``[4T, 128]``, dB.
    metrics
        Names out of :data:`lipkit.metrics.METRICS`.
    finder
        Mouth points of lips in given frames; without it, metrics that need points are left out.

    Raises
    ------
    UsageError
        For an unknown metric.

    >>> import numpy as np
    >>> lips = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    >>> judge = Judge(lips, np.full((16, 128), -40.0, np.float32), ["ssim"])
    >>> round(judge.truth["ssim"], 3), judge.scores(blur(lips, 1.0))["ssim"] < 1
    (1.0, True)
    """

    def __init__(
        self,
        lips: np.ndarray,
        logmel: np.ndarray,
        metrics: Sequence[str],
        finder: Finder | None = None,
    ) -> None:
        for name in metrics:
            if name not in METRICS:
                raise UsageError(f"metric {name!r} is unknown; {did_you_mean(name, METRICS)}")
        wanted = [METRICS[name] for name in metrics]
        self.metrics = [m for m in wanted if finder is not None or not m.needs]
        self.lips, self.logmel, self._finder = lips, logmel, finder
        self._true_points = self._points(lips)

    def _points(self, lips: np.ndarray) -> np.ndarray | None:
        if not any(metric.needs for metric in self.metrics):
            return None
        return self._finder(lips, range(len(lips)))

    @cached_property
    def truth(self) -> dict[str, float]:
        """:meth:`scores` of the true lips."""
        return self.scores(self.lips)

    @cached_property
    def frozen(self) -> dict[str, float]:
        """:meth:`scores` of the first true frame, repeated."""
        return self.scores(freeze(self.lips, 1.0))

    def scores(self, lips: np.ndarray) -> dict[str, float]:
        """Metric -> its mean over the frames where it is defined; NaN where it never is.

        It is infinite only where all defined values are: infinities are never averaged in.
        """
        same = lips is self.lips
        context = Context(
            clip_sound=self.logmel,
            truth_points=self._true_points,
            prediction_points=self._true_points if same else self._points(lips),
        )
        return {
            m.name: _mean(m.measure(lips, self.lips, self.logmel, context)) for m in self.metrics
        }


def _mean(values: np.ndarray | float) -> float:
    values = np.atleast_1d(np.asarray(values, np.float64))
    values = values[~np.isnan(values)]
    finite = values[np.isfinite(values)]
    if len(finite):
        return float(finite.mean())
    return float(values[0]) if len(values) else float("nan")


def damage(
    scores: dict[str, float], truth: dict[str, float], frozen: dict[str, float]
) -> dict[str, float]:
    """How bad each metric says lips are: 0 as the truth, 1 as bad as frozen lips.

    PSNR, which is infinite for the truth, is compared by the error behind it, RMS in grey
    levels. Where nearer to the truth is better (CPBD, motion), the truth's own value is the
    scale: 1 means that all of it is gone. The opening of lips that never move has no
    correlation and counts as 0. The sync offset has no scale: NaN.

    >>> damage({"ssim": 0.75}, truth={"ssim": 1.0}, frozen={"ssim": 0.5})
    {'ssim': 0.5}
    """
    found = {}
    for name in scores:
        value, best, worst = (_in_levels(name, row[name]) for row in (scores, truth, frozen))
        if METRICS[name].better == "truth":
            scaled = name != "sync_offset" and best != 0
            found[name] = abs(value - best) / abs(best) if scaled else float("nan")
            continue
        if name == "opening":
            value, worst = np.nan_to_num(value), 0.0
        found[name] = (value - best) / (worst - best) if worst != best else float("nan")
    return {name: float(value) for name, value in found.items()}


def _in_levels(name: str, value: float) -> float:
    return 255 * 10 ** (-value / 20) if METRICS[name].unit == "dB" else value
