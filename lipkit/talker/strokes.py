"""Layers of the head, and strokes (hairs) drawn on them.

A layer is premultiplied u8 [H, W, 4] (red, green, blue, cover) in the size of the head layer.
"""

from collections.abc import Callable

import cv2
import numpy as np

from lipkit.talker.head import LEFT, SCALE, SIZE, TOP

_SHIFT = 4
"""Fractional bits of cv2's coordinates."""


def empty() -> np.ndarray:
    """A clear layer."""
    return np.zeros((*SIZE, 4), np.uint8)


def over(below: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """``layer`` (premultiplied, 4 channels) over ``below`` (u8, 3 or 4 channels)."""
    keep = 255 - layer[..., 3:].astype(np.uint16)
    top = layer[..., : below.shape[2]]
    return (top + (below.astype(np.uint16) * keep + 127) // 255).clip(0, 255).astype(np.uint8)


def pixels(points: np.ndarray) -> np.ndarray:
    """Head coordinates -> cv2's fixed-point pixel coordinates of a layer, i32."""
    return np.round(((points - [LEFT, TOP]) * SCALE - 0.5) * (1 << _SHIFT)).astype(np.int32)


def fill(layer: np.ndarray, polygon: np.ndarray, colour: np.ndarray) -> None:
    """Fill a polygon [N, 2] of head coordinates with an sRGB colour."""
    r, g, b = np.asarray(colour, float).tolist()
    cv2.fillPoly(layer, [pixels(polygon)], (r, g, b, 255), cv2.LINE_AA, _SHIFT)


def draw(layer: np.ndarray, paths: np.ndarray, colours: np.ndarray) -> None:
    """Draw strokes: ``paths`` [N, P, 2] head coordinates, ``colours`` [N, 3] sRGB."""
    for path, (r, g, b) in zip(pixels(paths), colours.tolist(), strict=True):
        cv2.polylines(layer, [path], False, (r, g, b, 255), 1, cv2.LINE_AA, _SHIFT)


def flow_paths(
    roots: np.ndarray,
    direction: Callable[[np.ndarray, int], np.ndarray],
    lengths: np.ndarray,
    steps: int = 9,
) -> np.ndarray:
    """Follow ``direction(points [N, 2], step)`` from the roots -> [N, steps + 1, 2]."""
    paths = [roots]
    for i in range(steps):
        d = direction(paths[-1], i)
        d = d / np.maximum(np.linalg.norm(d, axis=1, keepdims=True), 1e-6)
        paths.append(paths[-1] + d * (lengths / steps)[:, None])
    return np.stack(paths, axis=1)
