"""SSIM by scikit-image; :mod:`lipkit.losses.structural_similarity` is its twin in torch."""

from typing import Literal

import numpy as np

from lipkit.metrics.conventions import grey_of, released_greys, require_pair
from lipkit.metrics.metric import Context, Metric

UNIFORM = 7
"""Side of the uniform window, pixels."""
SIGMA = 1.5
"""Standard deviation of the Gaussian window, pixels; scikit-image makes its side 11."""


def ssim(
    prediction: np.ndarray, truth: np.ndarray, window: Literal["uniform", "gaussian"] = "uniform"
) -> np.ndarray:
    """SSIM of every frame: grey u8 ``[T, H, W]`` twice -> f64 ``[T]`` in [-1, 1].

    ``uniform`` is what the released code called, scikit-image's defaults: windows of 7 x 7
    pixels of equal weight, sample covariance, range 255. ``gaussian`` is as published by
    Wang et al. (2004): 11 x 11 pixels, Gaussian of 1.5 pixels, population covariance.

    >>> import numpy as np
    >>> frames = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    >>> ssim(frames, frames).round(4).tolist()
    [1.0, 1.0]
    """
    from skimage.metrics import structural_similarity

    settings = {"win_size": UNIFORM}
    if window == "gaussian":
        settings = {"gaussian_weights": True, "sigma": SIGMA, "use_sample_covariance": False}
    return np.array(
        [
            structural_similarity(a, b, data_range=255, **settings)
            for a, b in zip(prediction, truth, strict=True)
        ]
    )


def _standard(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return ssim(grey_of(prediction, context), grey_of(truth, context, "truth"))


def _wang(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return ssim(grey_of(prediction, context), grey_of(truth, context, "truth"), "gaussian")


def _paper(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return ssim(*released_greys(prediction, truth, context))


METRICS = (
    Metric(
        "ssim",
        "SSIM",
        "",
        "higher",
        "standard",
        "scikit-image, grey frames, 7x7 uniform window, range 255",
        _standard,
    ),
    Metric(
        "ssim_wang",
        "SSIM, Gaussian",
        "",
        "higher",
        "standard",
        "as Wang et al. 2004: grey frames, 11x11 Gaussian window of 1.5 pixels",
        _wang,
    ),
    Metric(
        "ssim_paper",
        "SSIM, stretched",
        "",
        "higher",
        "paper",
        "the released code's: as SSIM, after stretch and JPEG",
        _paper,
    ),
)
