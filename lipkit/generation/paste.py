"""Put drawn lips back into a still face."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from lipkit.face.lips import paste_back

LARGEST_SIDE = 4096
"""Pixels; a larger picture is shrunk to this, the most that players of H.264 can be relied on
to show."""


def paste_into(
    picture: np.ndarray,
    lips: Iterable[np.ndarray],
    box: np.ndarray,
    largest_side: int = LARGEST_SIDE,
) -> Iterator[np.ndarray]:
    """Put each lip image back into a still picture (:func:`lipkit.face.lips.paste_back`).

    The lips take on the colours of the picture around them.

    Parameters
    ----------
    picture
        u8 [H, W, 3].
    lips
        u8 [n, n, 3] each.
    box
        [3]: centre x, centre y and side, pixels of the picture.
    largest_side
        Pixels; a larger picture is shrunk to this.

    Yields
    ------
    np.ndarray
        u8 [H, W, 3], a frame for each lip image.

    >>> import numpy as np
    >>> picture, lips = np.full((90, 120, 3), 120, np.uint8), np.full((2, 64, 64, 3), 200, np.uint8)
    >>> lips[:, 28:36] = 100  # a dark line across lips that are brighter than the picture
    >>> first, second = paste_into(picture, lips, box=np.array([60.0, 45.0, 32.0]))
    >>> first.shape, bool(first[45, 60, 0] < 60), int(first[0, 0, 0])
    ((90, 120, 3), True, 120)
    """
    scale = shrinking(picture.shape, largest_side)
    picture, box = shrink(picture, scale), shrink_box(box, scale)
    for image in lips:
        yield paste_back(picture, image, box)


def shrinking(shape: tuple[int, ...], largest_side: int) -> float:
    """What makes a picture of ``shape`` [H, W, ...] no larger than ``largest_side``: at most 1."""
    return min(1.0, largest_side / max(shape[:2]))


def shrink(picture: np.ndarray, scale: float) -> np.ndarray:
    """The picture u8 [H, W, 3] times ``scale``; itself where that is 1."""
    if scale == 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def shrink_points(points: np.ndarray, scale: float) -> np.ndarray:
    """Where points [..., 2] of a picture lie in it times ``scale``."""
    # Pixel centres lie at whole numbers, so the picture's corner is at -1/2.
    return (points + 0.5) * scale - 0.5 if scale != 1 else points


def shrink_box(box: np.ndarray, scale: float) -> np.ndarray:
    """A box [3] (centre x, centre y, side) in the picture times ``scale``."""
    return np.array([*shrink_points(box[:2], scale), box[2] * scale]) if scale != 1 else box
