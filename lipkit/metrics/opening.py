"""Does the mouth open when the true one does, and as far? Needs landmarks, but no weights."""

import numpy as np

from lipkit.errors import LipkitError
from lipkit.face.mouth import mouth_opening
from lipkit.metrics.metric import Context, Metric

LEAST_FRAMES = 8
"""A correlation over fewer frames says nothing."""


def opening_correlation(predicted: np.ndarray, true: np.ndarray) -> float:
    """Pearson's r of two openings, mouth points ``[T, 20, 2]`` twice.

    Frames where either was not found (NaN) are left out; NaN when fewer than
    :data:`LEAST_FRAMES` are left or when one of the mouths never moves.

    >>> import numpy as np
    >>> points = np.zeros((25, 20, 2))
    >>> points[:, 18, 1] = np.sin(np.arange(25.0))  # the lower inner lip's middle
    >>> round(opening_correlation(2 * points, points), 4)
    1.0
    """
    a, b, found = _openings(predicted, true)
    a, b = a[found], b[found]
    if len(a) < LEAST_FRAMES or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def opening_amplitude(
    predicted: np.ndarray, true: np.ndarray, joints: tuple[int, ...] = (0,)
) -> float:
    """How far the mouth goes: spread of the opening over that of the true one.

    The spread is the standard deviation about the mean of each window, all windows pooled, for
    windows that begin from different identity images differ though nothing moves. 0 for lips
    that stand still; those of a photograph tremble a little where points have to be found.
    Whether the mouth goes there at the right time is :func:`opening_correlation`'s question.

    Parameters
    ----------
    predicted, true
        Mouth points ``[T, 20, 2]``. Frames where either was not found (NaN) are left out.
    joints
        The frames at which a window begins.

    Returns
    -------
    float
        NaN when fewer than :data:`LEAST_FRAMES` frames are left or when the true mouth never
        moves.

    >>> import numpy as np
    >>> points = np.zeros((25, 20, 2))
    >>> points[:, 18, 1] = 2 + np.sin(np.arange(25.0))  # the lower inner lip's middle
    >>> round(opening_amplitude(points / 2, points), 4)
    0.5
    """
    a, b, found = _openings(predicted, true)
    inner = [joint for joint in joints if 0 < joint < len(a)]
    spreads = [
        np.concatenate([w - w.mean() if len(w) else w for w in _windows(opening, found, inner)])
        for opening in (a, b)
    ]
    if found.sum() < LEAST_FRAMES or not spreads[1].any():
        return float("nan")
    return float(spreads[0].std() / spreads[1].std())


def _openings(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, ...]:
    """Both openings [T], and in which frames both were found."""
    a, b = (mouth_opening(np.asarray(points, np.float64)) for points in (predicted, true))
    return a, b, np.isfinite(a) & np.isfinite(b)


def _windows(opening: np.ndarray, found: np.ndarray, joints: list[int]) -> list[np.ndarray]:
    pieces = zip(np.split(opening, joints), np.split(found, joints), strict=True)
    return [piece[seen] for piece, seen in pieces]


def _points(context: Context) -> tuple[np.ndarray, np.ndarray]:
    if context.prediction_points is None or context.truth_points is None:
        raise LipkitError("the mouth opening needs landmarks of prediction and truth; give both")
    return context.prediction_points, context.truth_points


def _correlation(prediction, truth, sound, context: Context) -> float:
    return opening_correlation(*_points(context))


def _amplitude(prediction, truth, sound, context: Context) -> float:
    return opening_amplitude(*_points(context), context.joints)


METRICS = (
    Metric(
        "opening",
        "Opening r",
        "",
        "higher",
        "standard",
        "Pearson's r of the mouth opening (points 62 to 66) with the true one, over a clip",
        _correlation,
        over="clip",
        needs=("truth_points", "prediction_points"),
        points_only=True,
    ),
    Metric(
        "amplitude",
        "Amplitude",
        "",
        "truth",
        "standard",
        "spread of the mouth opening about its mean in each window, over that of the true one",
        _amplitude,
        over="clip",
        needs=("truth_points", "prediction_points"),
        points_only=True,
    ),
)
