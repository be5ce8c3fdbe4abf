"""Terms of the objective that need no network of their own.

Each is a function of the batch and of what the generator made of it. A new one is an entry
here and its weight, a field of :class:`lipkit.config.LossConfig` of the same name, in
:class:`lipkit.losses.Objective`; it is computed, logged and checked as the others are.
"""

from collections.abc import Callable

from torch import Tensor

from lipkit.config import Preset
from lipkit.errors import UsageError
from lipkit.losses import (
    MotionLoss,
    MouthLoss,
    PixelLoss,
    PointsLoss,
    SharpnessLoss,
    SimilarityLoss,
)
from lipkit.models.catalogue import ARCHITECTURES
from lipkit.models.generator import Generated
from lipkit.training.batches import Batch

Term = Callable[[Batch, Generated], Tensor]

_pixel, _mouth, _similarity = PixelLoss(), MouthLoss(), SimilarityLoss()
_sharpness, _motion, _points = SharpnessLoss(), MotionLoss(), PointsLoss()


def pixel(batch: Batch, made: Generated) -> Tensor:
    """l_pix of the video (:class:`lipkit.losses.PixelLoss`)."""
    return _pixel(made.video, batch["video"])


def mouth(batch: Batch, made: Generated) -> Tensor:
    """l_mouth of the video (:class:`lipkit.losses.MouthLoss`)."""
    return _mouth(made.video, batch["video"], _rendered_points(batch))


def warped(batch: Batch, made: Generated) -> Tensor:
    """l_mouth of the moved identity image, before anything is painted over it."""
    return _mouth(made.warped, batch["video"], _rendered_points(batch))


def similarity(batch: Batch, made: Generated) -> Tensor:
    """l_ssim of the video (:class:`lipkit.losses.SimilarityLoss`)."""
    return _similarity(made.video, batch["video"])


def sharpness(batch: Batch, made: Generated) -> Tensor:
    """l_sharp of the video (:class:`lipkit.losses.SharpnessLoss`)."""
    return _sharpness(made.video, batch["video"])


def motion(batch: Batch, made: Generated) -> Tensor:
    """l_motion of the video (:class:`lipkit.losses.MotionLoss`)."""
    return _motion(made.video, batch["video"])


def points(batch: Batch, made: Generated) -> Tensor:
    """l_points of all frames (:class:`lipkit.losses.PointsLoss`)."""
    real = batch["points"], batch["identity_points"]
    return _points(made.points, real[0], made.identity_points, real[1])


def _rendered_points(batch: Batch) -> Tensor:
    """[B, N, 20, 2]: the true points of the frames that the video holds."""
    chosen = batch["frames"][..., None, None]
    return batch["points"].gather(1, chosen.expand(-1, -1, *batch["points"].shape[2:]))


TERMS: dict[str, Term] = {
    "pix": pixel,
    "mouth": mouth,
    "warped": warped,
    "ssim": similarity,
    "sharpness": sharpness,
    "motion": motion,
    "points": points,
}

NEED_POINTS = frozenset({"mouth", "warped", "points"})
"""Names of the terms that read what only :class:`lipkit.data.varied_windows.VariedWindows` has."""
WINDOW_LOSSES = ("corr", "gen", "perc")
"""Losses that need every frame of a window, 16 of them."""


def varied(preset: Preset) -> bool:
    """Whether training takes varied windows.

    Raises
    ------
    UsageError
        Where settings do not go together, naming the one to change.
    """
    data, loss, architecture = preset.data, preset.loss, preset.generator.architecture
    if loss.corr.weight > 0 and architecture != "glance":
        raise UsageError(
            "loss.corr.weight: needs the sound's features by time and frequency, which "
            f"generator.architecture={architecture} has not; set it to 0"
        )
    window = getattr(ARCHITECTURES.get(architecture), "window", data.window)
    if window != data.window:
        raise UsageError(
            f"data.window={data.window}: generator.architecture={architecture} makes windows of "
            f"{window} frames; set it to {window}"
        )
    drawing = [name for name in ("warped", "points") if getattr(loss, name) > 0]
    if architecture != "warp":
        unfit = [f"loss.{name}" for name in drawing]
        unfit += ["data.rendered"] * (data.rendered > 0) + ["train.guided"] * (
            preset.train.guided > 0
        )
        if unfit:
            raise UsageError(
                f"{unfit[0]} needs mouth points, which only generator.architecture=warp has"
            )
    whole = [name for name in WINDOW_LOSSES if getattr(loss, name).weight > 0]
    if data.rendered > 0 and whole:
        raise UsageError(
            f"loss.{whole[0]}.weight: needs all frames of a window; set data.rendered=0 and "
            "data.window=16, or the weight to 0"
        )
    wanted = data.rendered > 0 or data.augment or data.balance < 1 or preset.train.guided > 0
    return wanted or any(getattr(loss, name) > 0 for name in NEED_POINTS)
