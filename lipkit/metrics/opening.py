"""Does the mouth open when the true one does, and as far? Needs landmarks, but no weights."""

from collections.abc import Callable

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
    a, b = _both_found(predicted, true)
    if len(a) < LEAST_FRAMES or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def opening_amplitude(predicted: np.ndarray, true: np.ndarray) -> float:
    """How far the mouth goes: standard deviation of the opening over that of the true one.

    Mouth points ``[T, 20, 2]`` twice; 0 for frozen lips. Whether it goes there at the right
    time is :func:`opening_correlation`'s question. Frames where either was not found (NaN)
    are left out; NaN when fewer than :data:`LEAST_FRAMES` are left or when the true mouth
    never moves.

    >>> import numpy as np
    >>> points = np.zeros((25, 20, 2))
    >>> points[:, 18, 1] = 2 + np.sin(np.arange(25.0))  # the lower inner lip's middle
    >>> round(opening_amplitude(points / 2, points), 4)
    0.5
    """
    a, b = _both_found(predicted, true)
    if len(a) < LEAST_FRAMES or np.ptp(b) == 0:
        return float("nan")
    return float(a.std() / b.std())


def _both_found(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = (mouth_opening(np.asarray(points, np.float64)) for points in (predicted, true))
    found = np.isfinite(a) & np.isfinite(b)
    return a[found], b[found]


def _of_points(function: Callable[[np.ndarray, np.ndarray], float]) -> Callable[..., float]:
    def measure(prediction, truth, sound, context: Context) -> float:
        if context.prediction_points is None or context.truth_points is None:
            raise LipkitError(
                "the mouth opening needs landmarks of prediction and truth; give both"
            )
        return function(context.prediction_points, context.truth_points)

    return measure


METRICS = (
    Metric(
        "opening",
        "Opening r",
        "",
        "higher",
        "standard",
        "Pearson's r of the mouth opening (points 62 to 66) with the true one, over a clip",
        _of_points(opening_correlation),
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
        "standard deviation of the mouth opening over that of the true one, over a clip",
        _of_points(opening_amplitude),
        over="clip",
        needs=("truth_points", "prediction_points"),
        points_only=True,
    ),
)
