"""The jaw, which follows the lower lip: motion below the mouth, faded out in the neck.

The generator sees the mouth and its surroundings only. Where its picture ends, skin that moved
with the lip would be cut off; here it goes on, down to the chin and out to the cheeks.
"""

import numpy as np

from lipkit.face.mouth import LEFT_CORNER, RIGHT_CORNER

CHIN = 0.77
"""Of the lower lip's way that the chin follows. Regression of landmark 8 on landmarks 55 to 59,
seen from the nose, for eight speakers of GRID: 0.56 to 0.98, correlation 0.77 to 0.96."""
ENDS = 1.1
"""Of the jaw's half width, where nothing follows any more. Between there and the chin the share
is a cosine, which gives landmarks 5 and 11 0.40, 3 and 13 0.19, 1 and 15 0.11; the same eight
speakers have 0.44, 0.27 and 0.14."""
NECK = 0.5
"""Of the way from mouth to chin, over which the motion fades below the jaw."""
STEEPEST = 0.75
"""Most that a fading motion may shrink the skin by; the rest would fold it."""
LARGEST_DROP = 16
"""Lip pixels; the canvas has room for as much."""
LOWER_LIP = slice(7, 12)
"""Landmarks 55 to 59, the lower edge of the lower lip, among the mouth's 20."""
_JAW, _CHIN, _JAW_ENDS = slice(0, 17), 8, (1, 15)


class Jaw:
    """The jaw of a still face.

    Parameters
    ----------
    face:
        f32 [68, 2], its landmarks in lip pixels.
    x, y:
        f32 [h, w], lip pixels of the canvas.
    """

    def __init__(self, face: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        self._x, self._y = x, y
        mouth = face[48:68]
        self._mouth = float(mouth[[LEFT_CORNER, RIGHT_CORNER], 1].mean())
        chin = face[_CHIN]
        half = max(abs(face[_JAW_ENDS[1], 0] - face[_JAW_ENDS[0], 0]) / 2, 1.0)
        self._height = max(float(chin[1]) - self._mouth, 1.0)
        aside = np.abs(x - chin[0])
        self._across = np.cos(np.clip(aside / (ENDS * half), 0, 1) * np.pi / 2)
        # Beside the mouth skin begins to follow higher up, and follows more slowly.
        off_mouth = np.abs(x - mouth[:, 0].mean())
        start = self._mouth - np.minimum(off_mouth / 2, self._height / 2)
        self._down = rise(y, start, start + self._height / 4 + off_mouth / 2)
        # From the lip, which is followed entirely, to the chin.
        depth = np.clip((y - self._mouth) / self._height, 0, 1)
        self._follows = self._across * self._down * (1 - (1 - CHIN) * depth)
        order = np.argsort(face[_JAW, 0])
        self._edge = np.interp(x, face[_JAW, 0][order], face[_JAW, 1][order])

    @staticmethod
    def reach(face: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Corners (x, y) of a canvas, lip pixels, that holds what the jaw moves, too."""
        left, right = face[_JAW, 0].min(), face[_JAW, 0].max()
        over = (ENDS - 1) * (right - left) / 2
        below = face[_CHIN, 1] + LARGEST_DROP * (CHIN + 1.5 / STEEPEST)
        reached = np.ceil([right + over, below]).astype(int)
        return np.minimum(low, [int(left - over), low[1]]), np.maximum(high, reached)

    def flow(self, points: np.ndarray, still: np.ndarray) -> np.ndarray:
        """f32 [h, w]: y of the flow, lip pixels, for a mouth at ``points`` [20, 2] that rests at
        ``still``."""
        drop = float((points[LOWER_LIP, 1] - still[LOWER_LIP, 1]).mean())
        edge = self._edge + drop * CHIN * self._across
        # A smooth step is 1.5 times as steep in its middle as from end to end.
        neck = max(NECK * self._height, 1.5 * abs(drop) / STEEPEST)
        return -drop * self._follows * (1 - rise(self._y, edge, edge + neck))

    def takes_over(self, points: np.ndarray) -> np.ndarray:
        """f32 [h, w]: 0 in and above the mouth, rising to 1 below it."""
        left, right = points[LEFT_CORNER], points[RIGHT_CORNER]
        x, y = (left + right) / 2
        wide = max((right[0] - left[0]) / 2 * 1.1, 1.0)
        high = max(points[LOWER_LIP, 1].max() + 2 - y, 4.0)
        away = np.hypot((self._x - x) / wide, np.maximum(self._y - y, 0) / high)
        return rise(away, 1.0, 1.6) * rise(self._y, y, y + high / 2)


def rise(x: np.ndarray, start: np.ndarray | float, end: np.ndarray | float) -> np.ndarray:
    """0 up to ``start``, 1 from ``end`` on, a smooth step between."""
    t = np.clip((x - start) / (end - start), 0, 1)
    return t * t * (3 - 2 * t)
