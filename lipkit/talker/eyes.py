"""Eyes and lids, painted at a few stages of a blink once per person."""

import cv2
import numpy as np

from lipkit.talker.head import LEFT, SCALE, TOP, Anatomy
from lipkit.talker.skin import Light, linear, mottle

STAGES = 5
"""Painted stages from open (0) to shut (``STAGES`` - 1)."""
_FINE = 2
"""Sub-samples of a pixel of the head layer, each way."""


class Eyes:
    """Both eyes of one person."""

    def __init__(self, anatomy: Anatomy, light: Light, rng: np.random.Generator) -> None:
        self.anatomy, self.light = anatomy, light
        self.crease = float(rng.uniform(0.25, 0.95))
        self.gaze = rng.normal(0, 0.25, 2)
        self.fibres = rng.standard_normal(48).astype(np.float32)
        self.veins = mottle(rng, (64, 96), 8, 20)
        ex, ey = anatomy.eye
        rows = (int((ey - 13 - TOP) * SCALE), int((ey + 13 - TOP) * SCALE))
        cols = (int((-ex - 17 - LEFT) * SCALE), int((ex + 17 - LEFT) * SCALE))
        self.window = slice(*rows), slice(*cols)
        """Rows and columns of the head layer that hold both eyes."""

    def lids(self, t: np.ndarray, shut: float) -> tuple[np.ndarray, np.ndarray]:
        """y of the upper and lower lid at ``t`` = -1 inner corner .. 1 outer corner."""
        size = self.anatomy.who.eye_size
        base = self.anatomy.eye[1] + 1.1 - 0.75 * (t + 1)
        arch = np.clip(1 - np.abs(t - 0.06 * (1 - t**2)) ** 2.3, 0, 1)
        upper = base - 4.3 * size * arch**0.85
        lower = base + 2.5 * size * np.clip(1 - t**2, 0, 1) ** 0.9
        lower = lower - 0.5 * shut * arch
        return upper + shut * (lower - 0.1 - upper), lower

    def landmarks(self, shut: float) -> np.ndarray:
        """The twelve eye points of iBUG's order (36-47), f64 [12, 2], head coordinates."""
        ex, half = self.anatomy.eye[0], self.anatomy.eye_half
        t = np.array([0.86, 0.32, -0.36, -0.92, -0.36, 0.32])
        upper, lower = self.lids(t, shut)
        y = np.where([False, True, True, False, False, False], upper, lower)
        left = np.c_[-(ex + t * half), y]
        right = np.c_[ex + t * half, y]
        return np.concatenate([left, right[[3, 2, 1, 0, 5, 4]]])

    def paint(self, skin: np.ndarray, shut: float) -> np.ndarray:
        """Linear f32 picture of ``window`` with the eyes over the lit ``skin`` (same window)."""
        rows, cols = self.window
        big = cv2.resize(skin, None, fx=_FINE, fy=_FINE, interpolation=cv2.INTER_LINEAR)
        h, w = big.shape[:2]
        yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        y = (yy + 0.5) / (_FINE * SCALE) + TOP + rows.start / SCALE
        x = (xx + 0.5) / (_FINE * SCALE) + LEFT + cols.start / SCALE
        picture = self._paint(big, x, y, shut)
        return cv2.resize(picture, skin.shape[1::-1], interpolation=cv2.INTER_AREA)

    def _paint(self, skin: np.ndarray, x: np.ndarray, y: np.ndarray, shut: float) -> np.ndarray:
        who = self.anatomy.who
        ex = self.anatomy.eye[0]
        t = (np.abs(x) - ex) / self.anatomy.eye_half
        inside_t = np.clip(t, -1, 1)
        upper, lower = self.lids(inside_t, shut)
        open_upper, _ = self.lids(inside_t, 0.0)
        ends = _step((1.02 - np.abs(t)) * 8)
        picture = skin.copy()

        lid = _step((y - open_upper) * 3) * _step((lower - y) * 3) * ends
        lid_colour = cv2.GaussianBlur(skin, (0, 0), 5) * np.array([0.92, 0.84, 0.82], np.float32)
        curve = 1.0 - 0.22 * np.clip((y - open_upper) / 7, 0, 1)
        picture = _mix(picture, lid_colour * curve[..., None], lid)
        fold = open_upper - 2.2 - 1.6 * np.sqrt(np.clip(1 - inside_t**2, 0, 1)) * (1 - 0.5 * shut)
        groove = np.exp(-(((y - fold) / 0.85) ** 2)) * _step((1.15 - np.abs(t)) * 5)
        picture *= (1 - 0.48 * self.crease * groove)[..., None]
        bag = np.exp(-(((y - lower - 2.6) / 1.0) ** 2)) * ends
        picture *= (1 - (0.08 + 0.002 * who.age) * bag)[..., None]

        ball = _step((y - upper) * 3) * _step((lower - y) * 3) * ends
        picture = _mix(picture, self._ball(x, y, t, upper), ball)
        dark = linear((42, 28, 22)) if sum(who.hair) > 330 else linear((24, 17, 14))
        thick = 0.75 + 0.45 * np.clip((inside_t + 1) / 2, 0, 1) + (0.35 if who.woman else 0)
        lash = np.exp(-(((y - upper) / thick) ** 2)) * _step((1.06 - np.abs(t)) * 7)
        picture = _mix(picture, dark * np.ones_like(picture), lash * (0.92 if who.woman else 0.78))
        rim = np.exp(-(((y - lower - 0.2) / 0.65) ** 2)) * ends
        under = picture * np.array([0.50, 0.38, 0.36], np.float32)
        return _mix(picture, under, rim * (0.6 if who.woman else 0.45))

    def _ball(self, x: np.ndarray, y: np.ndarray, t: np.ndarray, upper: np.ndarray) -> np.ndarray:
        who, (ex, ey) = self.anatomy.who, self.anatomy.eye
        side = np.sign(x)
        r = 4.7 * who.eye_size
        dx = x - side * ex - self.gaze[0]
        dy = y - (ey - 0.6 + self.gaze[1])
        d = np.sqrt(dx**2 + dy**2) / r
        white = np.array([0.50, 0.44, 0.41], np.float32) * (1 - 0.45 * np.abs(t[..., None]) ** 2.5)
        caruncle = np.clip(_step((-0.78 - t) * 9), 0, 1)
        white = _mix(
            white, np.array([0.52, 0.25, 0.22], np.float32) * np.ones_like(white), caruncle
        )
        angle = (np.arctan2(dy, dx) / (2 * np.pi) + 0.5) * len(self.fibres)
        fibre = self.fibres[angle.astype(int) % len(self.fibres)]
        tone = (0.75 + 0.10 * fibre + 0.55 * np.clip(dy / r, -1, 1) * 0.6) * (1.15 - 0.8 * d**4)
        iris = linear(who.iris) * np.clip(tone, 0.08, 2)[..., None]
        iris = _mix(iris, np.full_like(iris, 0.004), _step((0.40 - d) * r * 2.5))
        colour = _mix(white, iris, _step((1.0 - d) * r * 1.6))
        falling = self.light.key.mean() * 0.75 + self.light.fill.mean() * 0.55
        shade = 0.30 + 0.70 * np.clip((y - upper) / 3.2, 0, 1)
        colour = colour * (falling * shade)[..., None]
        lx = 0.34 * np.sign(self.light.direction[0] + 1e-6)
        spot = np.exp(-(((dx / r - lx) ** 2 + (dy / r + 0.36) ** 2) / 0.014))
        return colour + (0.5 * spot * np.clip(shade, 0.5, 1))[..., None]


def _step(x: np.ndarray) -> np.ndarray:
    """Soft edge: 0 at x <= -0.5, 1 at x >= 0.5."""
    return np.clip(x + 0.5, 0, 1)


def _mix(under: np.ndarray, over: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return under + (over - under) * alpha[..., None]
