"""The shape of the head: outline, relief, and where its landmarks lie.

Everything is in head coordinates: pixels of a 360x288 frame, origin between the eyes, x to
the right of the picture, y down, z towards the camera. Numbers are those of an average
face in GRID, which a :class:`~lipkit.talker.people.Person` stretches.
"""

from functools import cached_property

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from lipkit.talker.people import Person

SCALE = 2
"""Pixels of the head layer to one of the frame."""
LEFT, TOP, RIGHT, BOTTOM = -100, -120, 100, 150
"""The part of head space that the head layer shows."""
SIZE = ((BOTTOM - TOP) * SCALE, (RIGHT - LEFT) * SCALE)

# Half width of the face at each height, from the crown to the chin.
_OUTLINE_Y = [-88, -85, -76, -60, -40, -15, 10, 30, 48, 62, 74, 84, 92, 96.5, 98]
_OUTLINE_X = [0, 20, 36, 47, 53, 54.5, 53.5, 51.5, 48.5, 45, 39.5, 31.5, 20.5, 10, 0]
_DEPTH = 60.0


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Head coordinates of every pixel centre of the head layer: x, y f32 ``SIZE``."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    return (x + 0.5) / SCALE + LEFT, (y + 0.5) / SCALE + TOP


class Anatomy:
    """Measures of one person's head."""

    def __init__(self, who: Person) -> None:
        self.who = who
        k = who.face_length
        self.eye = (23.0 * who.eye_gap, 2.5)
        self.eye_half = 10.4 * who.eye_size
        self.nose_tip = 31.0 * who.nose_length
        self.nose_base = 40.8 * who.nose_length
        self.nose_half = 11.5 * who.nose_width
        self.mouth = 61.2 * k
        """y of the lips' seam at rest."""
        self.chin = 97.0 * k + 3.0 * (who.chin - 1)
        heights = np.array(_OUTLINE_Y, float)
        below = heights > 0
        heights[below] *= self.chin / 98.0
        jaw = 1 + (who.jaw_width - 1) * np.clip((heights - 10) / 40, 0, 1)
        widths = np.array(_OUTLINE_X) * who.face_width * jaw
        self._outline = PchipInterpolator(heights, widths)
        self.crown = heights[0]

    def half_width(self, y: np.ndarray) -> np.ndarray:
        """Half width of the face at height ``y``; 0 above the crown and below the chin."""
        inside = np.clip(y, self.crown, self.chin)
        return np.maximum(self._outline(inside), 0).astype(np.float32)

    def outline(self, points: int = 200) -> np.ndarray:
        """The face's closed outline, f32 [2 * points, 2]."""
        t = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
        y = self.crown + t * (self.chin - self.crown)
        w = self.half_width(y)
        return np.concatenate([np.c_[w, y], np.c_[-w, y][::-1]]).astype(np.float32)

    @cached_property
    def heights(self) -> np.ndarray:
        """:meth:`relief` at every pixel of the head layer, f32 ``SIZE``."""
        return self.relief(*grid())

    def relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Height z of the skin, lips excluded, f32 like ``x``; 0 at the outline."""
        who, m = self.who, self.mouth
        r = np.abs(x) / np.maximum(self.half_width(y), 1e-3)
        up = np.clip((y - 5) / (self.crown - 5), 0, 1)
        down = np.clip((y - 5) / (self.chin - 5), 0, 1)
        dome = np.sqrt(np.clip(1 - up**2.2, 0, 1)) * np.sqrt(np.clip(1 - 0.62 * down**3.4, 0, 1))
        z = _DEPTH * dome * np.clip(1 - np.minimum(r, 1) ** 2.4, 0, 1) ** 0.55
        bump = _Bumps(x, y, z)
        ex, ey = self.eye
        ridge = 1.8 if who.woman else 3.2
        bump.pair(ex + 3, ey - 15.5, 13, 4.5, ridge)
        bump.pair(ex - 13, ey - 14, 7, 6, 0.7 * ridge)
        bump.pair(ex + 1, ey - 6.5, 13, 4.6, -3.4)
        bump.pair(ex - 10.5, ey - 1, 5.2, 8, -3.6)
        bump.pair(ex + 2, ey + 1.5, 13, 7.5, -4.5)
        bump.pair(ex, ey + 1.0, 9.0, 6.0, 4.6)
        bump.pair(33, 25, 14, 9, 4.2 * who.cheek)
        bump.pair(29, 44, 12, 13, 2.6 * who.cheek)
        bump.pair(39, 58, 9, 14, -2.4 + 1.2 * who.cheek)
        bump.pair(50, -20, 9, 16, -2.5)
        bump.one(0, m - 5, 23, 17, 6.0)
        bump.one(0, self.chin - 10, 14 * who.jaw_width, 8, 6.0 * who.chin)
        bump.one(0, m + 13.5, 13, 4.2, -3.2)
        bump.pair(23, self.chin - 14, 9, 9, -1.5)
        self._nose(bump)
        bump.one(0, (self.nose_base + m) / 2 - 1.5, 2.1, 6.5, -1.5)
        bump.pair(4.2, (self.nose_base + m) / 2 - 1, 2.2, 6.5, 1.0)
        bump.pair(who.mouth_width / 2 + 2.5, m + 0.5, 2.6, 3.4, -1.6)
        self._folds(bump)
        return bump.z.astype(np.float32)

    def _nose(self, bump: "_Bumps") -> None:
        tip, base, half = self.nose_tip, self.nose_base, self.nose_half
        wide = self.who.nose_width
        y = np.clip(bump.y, -30, base + 7)
        along = PchipInterpolator(
            [-30, -16, -4, tip * 0.5, tip - 2, base - 5, base + 0.5, base + 7],
            [0, 1.5, 4.5, 10.0, 14.0, 12.5, 5.5, 0],
        )
        width = PchipInterpolator(
            [-30, -4, tip * 0.45, tip - 2, base + 5], np.array([8, 5.0, 5.6, 7.0, 7.6]) * wide
        )
        # Steep flanks and a flat back: the fourth power of a Gaussian's distance, nearly.
        ridge = along(y) * np.exp(-0.5 * np.abs(bump.x / width(y)) ** 2.3)
        bump.z += ridge.astype(np.float32)
        bump.one(0, tip + 1.5, 5.4 * wide, 5.0, 4.0)
        bump.pair(half - 3.3, base - 4.6, 3.4, 3.6, 5.0)
        bump.pair(half + 1.7, base - 4.0, 1.5, 4.4, -2.2)

    def _folds(self, bump: "_Bumps") -> None:
        """Nasolabial folds, tear troughs, deeper with the years."""
        who = self.who
        deep = 0.5 + 1.6 * np.clip((who.age - 25) / 40, 0, 1)
        a, m = self.nose_half, self.mouth
        fold = [(a + 1.5, self.nose_base - 7), (a + 8, self.nose_base + 4)]
        fold += [(who.mouth_width / 2 + 6.5, m - 5), (who.mouth_width / 2 + 7.5, m + 4)]
        bump.crease(fold, 1.6, -deep)
        ex, ey = self.eye
        bump.crease([(ex - 9, ey + 8), (ex - 1, ey + 12), (ex + 9, ey + 10)], 1.5, -0.6 * deep)
        if who.age > 45:
            bump.crease(
                [(who.mouth_width / 2 + 3, m + 4), (who.mouth_width / 2 + 5, m + 16)], 1.5, -deep
            )


class _Bumps:
    """Adds Gaussian hills and creases to a height map."""

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        self.x, self.y, self.z = x, y, z.astype(np.float32)

    def one(self, cx: float, cy: float, sx: float, sy: float, height: float) -> None:
        self.z += height * np.exp(-0.5 * (((self.x - cx) / sx) ** 2 + ((self.y - cy) / sy) ** 2))

    def pair(self, cx: float, cy: float, sx: float, sy: float, height: float) -> None:
        self.one(cx, cy, sx, sy, height)
        self.one(-cx, cy, sx, sy, height)

    def crease(self, path: list[tuple[float, float]], width: float, height: float) -> None:
        """A groove along a smooth path, on both sides of the face, fading at its ends."""
        p = np.array(path)
        t = np.linspace(0, 1, 24)
        line = np.c_[
            PchipInterpolator(np.linspace(0, 1, len(p)), p[:, 0])(t),
            PchipInterpolator(np.linspace(0, 1, len(p)), p[:, 1])(t),
        ]
        fade = np.sin(np.pi * np.clip(t * 0.9 + 0.08, 0, 1)) ** 0.7
        reach = 40**0.5 * width  # of one point; beyond, it is as at its edge, next to nothing
        for side in (1, -1):
            groove = np.full_like(self.z, fade.max() * np.exp(-20))
            for (cx, cy), f in zip(line * [side, 1], fade, strict=True):
                near = self._around(cx, cy, reach)
                d = ((self.x[near] - cx) ** 2 + (self.y[near] - cy) ** 2) / width**2
                np.maximum(groove[near], f * np.exp(-0.5 * np.minimum(d, 40)), out=groove[near])
            self.z += height * groove

    def _around(self, cx: float, cy: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns of all places that are so near to a point."""
        rows = np.searchsorted(self.y[:, 0], [cy - reach, cy + reach])
        columns = np.searchsorted(self.x[0], [cx - reach, cx + reach])
        return slice(rows[0], rows[1] + 1), slice(columns[0], columns[1] + 1)


def normals(z: np.ndarray, smooth: float = 1.0) -> np.ndarray:
    """Unit normals f32 [H, W, 3] (x right, y down, z to the camera) of a head-layer height map."""
    z = cv2.GaussianBlur(z, (0, 0), smooth)
    gx = cv2.Sobel(z, cv2.CV_32F, 1, 0, ksize=3) * SCALE / 8
    gy = cv2.Sobel(z, cv2.CV_32F, 0, 1, ksize=3) * SCALE / 8
    n = np.dstack([-gx, -gy, np.ones_like(z)])
    return n / np.linalg.norm(n, axis=2, keepdims=True)
