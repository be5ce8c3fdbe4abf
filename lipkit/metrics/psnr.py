"""Peak signal-to-noise ratio: the true one, and the one of the published tables."""

import numpy as np

from lipkit.metrics.conventions import grey_of, released_greys, require_pair
from lipkit.metrics.metric import Context, Metric

PEAK = 255.0


def psnr(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    r"""True PSNR of every frame, dB.

    .. math:: 10 \log_{10} \frac{255^2}{\mathrm{mean}\,(\hat v - v)^2}

    Parameters
    ----------
    prediction, truth
        Grey, u8 ``[T, H, W]``.

    Returns
    -------
    np.ndarray
        f64 ``[T]``; infinite where the frames are equal.

    >>> import numpy as np
    >>> black, grey = np.zeros((1, 64, 64), np.uint8), np.full((1, 64, 64), 16, np.uint8)
    >>> psnr(grey, black).round(2).tolist()
    [24.05]
    """
    difference = prediction.astype(np.float64) - truth
    return _decibels(np.square(difference).mean(axis=(1, 2)))


def wrapped_psnr(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The released code's PSNR of every frame, dB: differences and squares wrap around at 256.

    It subtracts and squares in 8 bits. Of a difference of 16 nothing is left, and the mean
    square of unrelated pictures is about 105: they typically have 27.9 dB, and all published
    values lie in 27.96 to 29.98 (fact sheet section 8). That is no bound: the largest square
    modulo 256 is 249, or 24.2 dB. Shapes as :func:`psnr`. Equal frames give infinity; the code
    returns 100 there.

    >>> import numpy as np
    >>> black, grey = np.zeros((1, 64, 64), np.uint8), np.full((1, 64, 64), 16, np.uint8)
    >>> wrapped_psnr(grey, black).tolist()  # 16 x 16 = 256, which is 0 in 8 bits
    [inf]
    """
    difference = prediction - truth  # u8: modulo 256
    return _decibels((difference * difference).mean(axis=(1, 2)))


def _decibels(mean_square: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return 10 * np.log10(PEAK**2 / mean_square)


def _standard(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return psnr(grey_of(prediction, context), grey_of(truth, context, "truth"))


def _paper(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return wrapped_psnr(*released_greys(prediction, truth, context))


METRICS = (
    Metric(
        "psnr", "PSNR", "dB", "higher", "standard", "of grey frames, mean over frames", _standard
    ),
    Metric(
        "psnr_paper",
        "PSNR, wrapped",
        "dB",
        "higher",
        "paper",
        "the released code's: grey frames after stretch and JPEG, arithmetic modulo 256; "
        "unrelated pictures have about 27.9 dB",
        _paper,
    ),
)
