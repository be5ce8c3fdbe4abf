"""Put generated lips back into a still face."""

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from lipkit.face.lips import paste_back

LARGEST_SIDE = 1280
"""Pixels; a larger picture is shrunk to this before lips are pasted back into it."""


def paste_into(
    picture: np.ndarray, lips: Iterable[np.ndarray], box: np.ndarray
) -> Iterator[np.ndarray]:
    """Put each lip image back into a still picture u8 [H, W, 3] at ``box`` (x, y, side)."""
    picture, box = shrink(picture, box)
    for image in lips:
        yield paste_back(picture, image, box)


def shrink(picture: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture u8 [H, W, 3], not larger than is worth pasting into, and its box [3]."""
    scale = min(1.0, LARGEST_SIDE / max(picture.shape[:2]))
    if scale == 1:
        return picture, box
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # Pixel centres lie at whole numbers, so the picture's corner is at -1/2.
    x, y, side = box
    return picture, np.array([(x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, side * scale])
