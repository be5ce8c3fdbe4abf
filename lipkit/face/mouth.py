"""The mouth among dlib's 68 points: which they are, how far it is open, how wide it is.

Both functions take all 68 points or the mouth's 20 alone, in any unit.
"""

import numpy as np

MOUTH = slice(48, 68)
"""The mouth among the 68 points: 48-59 the outer lip, 60-67 the inner."""
POINTS = 20
INNER = slice(12, 20)
"""Landmarks 60 to 67, the inner lip, among the mouth's 20."""
LEFT_CORNER, RIGHT_CORNER = 0, 6
"""Landmarks 48 and 54 among the mouth's 20: the corners, left and right in the picture."""
UPPER_INNER, LOWER_INNER = 14, 18
"""Landmarks 62 and 66 among the mouth's 20: the inner lips' middles."""


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """Distance of the inner lips' middles: [..., 68 or 20, 2] -> [...], in the points' unit.

    >>> import numpy as np
    >>> points = np.zeros((20, 2))
    >>> points[18] = 0.0, 5.0  # point 66, the lower inner lip's middle; 62 is the upper's
    >>> float(mouth_opening(points))
    5.0
    """
    return _distance(points, UPPER_INNER, LOWER_INNER)


def mouth_width(points: np.ndarray) -> np.ndarray:
    """Distance of the mouth's corners: [..., 68 or 20, 2] -> [...], in the points' unit."""
    return _distance(points, LEFT_CORNER, RIGHT_CORNER)


def _distance(points: np.ndarray, one: int, other: int) -> np.ndarray:
    mouth = points if points.shape[-2] == POINTS else points[..., MOUTH, :]
    return np.linalg.norm(mouth[..., other, :] - mouth[..., one, :], axis=-1)
