"""What people wear on their faces: glasses, painted once as a layer of the head."""

import cv2
import numpy as np

from lipkit.talker.head import LEFT, SCALE, TOP, Anatomy
from lipkit.talker.strokes import empty, over

GLASSES = ("none", "round", "square", "half-rim", "dark")
"""Shapes of glasses; ``dark`` are sunglasses."""
_SHIFT = 4


def glasses(anatomy: Anatomy) -> np.ndarray:
    """The person's glasses as a layer (premultiplied u8), clear without any."""
    who, layer = anatomy.who, empty()
    if who.glasses == "none":
        return layer
    ex, ey = anatomy.eye
    wide, high = 15.5 * who.face_width, (11.0 if who.glasses == "half-rim" else 12.5)
    power = 2.0 if who.glasses == "round" else 4.0
    colour = np.array(who.frame_colour, float)
    for side in (-1, 1):
        rim = _lens(side * (ex + 0.6), ey + 2.0, wide, high, power)
        _glass(layer, rim, dark=who.glasses == "dark")
        part = rim if who.glasses != "half-rim" else rim[rim[:, 1] < ey + 3]
        _line(layer, part, colour, 1.7, closed=who.glasses != "half-rim")
        temple = np.array([[side * (ex + wide), ey - 1.5], [side * (ex + wide + 22), ey + 1.5]])
        _line(layer, temple, colour * 0.8, 1.5, closed=False)
    bridge = np.linspace(-1, 1, 9)
    inner = ex + 0.6 - wide
    path = np.c_[bridge * inner, ey - 1.5 - 2.2 * (1 - bridge**2)]
    _line(layer, path, colour, 1.7, closed=False)
    return cv2.GaussianBlur(layer, (0, 0), 0.5)


def _lens(cx: float, cy: float, wide: float, high: float, power: float) -> np.ndarray:
    """A superellipse's outline, head coordinates [72, 2]."""
    t = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** (2 / power)
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** (2 / power)
    return np.c_[cx + wide * x, cy + high * y]


def _glass(layer: np.ndarray, rim: np.ndarray, dark: bool) -> None:
    """A breath of reflection, or sunglasses' dark, within the rim."""
    pane = empty()
    shade = (22, 20, 24, 225) if dark else (16, 18, 22, 26)
    cv2.fillPoly(pane, [_fixed(rim)], shade, cv2.LINE_AA, _SHIFT)
    layer[:] = over(layer, pane)


def _line(layer: np.ndarray, path: np.ndarray, colour, width: float, closed: bool) -> None:
    r, g, b = np.asarray(colour, float).tolist()
    thick = max(round(width * SCALE / 1.4), 1)
    cv2.polylines(layer, [_fixed(path)], closed, (r, g, b, 255), thick, cv2.LINE_AA, _SHIFT)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(((points - [LEFT, TOP]) * SCALE - 0.5) * (1 << _SHIFT)).astype(np.int32)
