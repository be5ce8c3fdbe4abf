"""Landmark distance (LMD): how far the predicted mouth's points are from the true ones'."""

import numpy as np

from lipkit.errors import LipkitError
from lipkit.metrics.metric import Context, Metric


def lmd(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    r"""Mean distance of the mouth points of every frame, without their centroids.

    .. math:: \frac{1}{P} \sum_p \| (\hat l_p - \bar{\hat l}) - (l_p - \bar l) \|_2

    Each side's centroid is subtracted, so that a mouth in another place costs nothing, while one
    of another shape or size does. This is the published definition (fact sheet section 8);
    the released code sums over the points (:func:`summed_lmd`).

    Parameters
    ----------
    predicted, true
        Mouth points ``[T, P, 2]``, in pixels of the 64x64 lip image.

    Returns
    -------
    np.ndarray
        f64 ``[T]``, pixels; NaN in frames where either was not found.

    >>> import numpy as np
    >>> true = np.random.default_rng(0).uniform(0, 64, (3, 20, 2))
    >>> lmd(true + 5, true).round(6).tolist()  # a mouth in another place costs nothing
    [0.0, 0.0, 0.0]
    """
    return _distances(predicted, true).mean(axis=1)


def summed_lmd(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """:func:`lmd` as the released code has it: the sum over the points, 20 times as large.

    >>> import numpy as np
    >>> predicted, true = np.random.default_rng(0).uniform(0, 64, (2, 3, 20, 2))
    >>> bool(np.allclose(summed_lmd(predicted, true), 20 * lmd(predicted, true)))
    True
    """
    return _distances(predicted, true).sum(axis=1)


def _distances(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if predicted.shape != true.shape or predicted.ndim != 3 or predicted.shape[2] != 2:
        raise LipkitError(
            f"landmarks {list(predicted.shape)} against {list(true.shape)}; both must be "
            "[T, points, 2] of the same frames"
        )
    predicted = predicted - predicted.mean(axis=1, keepdims=True)
    true = true - true.mean(axis=1, keepdims=True)
    return np.linalg.norm(predicted - true, axis=2)


def _standard(prediction, truth, sound, context: Context) -> np.ndarray:
    return lmd(*_both(context.prediction_points, context.truth_points))


def _paper(prediction, truth, sound, context: Context) -> np.ndarray:
    return summed_lmd(*_both(context.prediction_points_fixed, context.truth_points_fixed))


def _both(predicted: np.ndarray | None, true: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if predicted is None or true is None:
        raise LipkitError("LMD needs landmarks of prediction and truth; give both")
    return predicted, true


METRICS = (
    Metric(
        "lmd",
        "LMD",
        "px",
        "lower",
        "standard",
        "lips pasted back into their frames, dlib's predictor on the known face, centroid "
        "removed, mean over 20 points and frames, pixels of the 64x64 lips",
        _standard,
        needs=("truth_points", "prediction_points"),
        points_only=True,
    ),
    Metric(
        "lmd_paper",
        "LMD, summed",
        "px",
        "lower",
        "paper",
        "the released code's: lips in one fixed (here drawn) face, detected anew, sum over 20 "
        "points; divide by 20 to compare with published values",
        _paper,
        needs=("truth_points_fixed", "prediction_points_fixed"),
        slow=True,
    ),
)
