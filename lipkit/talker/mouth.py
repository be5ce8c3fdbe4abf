"""The picture of the mouth.

Lips are two ribbons between the four curves of ``lip_shape``. What is on them (colour,
creases, light) is painted once per person in ribbon coordinates and then stretched to the curves
of each frame; teeth stand still, the lower ones move with the jaw.
"""

import cv2
import numpy as np

from lipkit.talker.head import LEFT, SCALE, TOP, Anatomy
from lipkit.talker.lip_shape import Curves, Lips, LipShape
from lipkit.talker.skin import Light, display, linear, mottle

_REACH_X, _UP, _DOWN = 33, 19, 40
"""The window painted each frame: this far from the mouth's middle, pixels."""


class Mouth:
    """One person's mouth."""

    def __init__(self, anatomy: Anatomy, light: Light, rng: np.random.Generator) -> None:
        self.anatomy, self.who, self.light = anatomy, anatomy.who, light
        self.y = anatomy.mouth
        rows = (int((self.y - _UP - TOP) * SCALE), int((self.y + _DOWN - TOP) * SCALE))
        cols = (int((-_REACH_X - LEFT) * SCALE), int((_REACH_X - LEFT) * SCALE))
        self.window = slice(*rows), slice(*cols)
        """Rows and columns of the head layer that a frame repaints."""
        self._x = ((np.arange(*cols) + 0.5) / SCALE + LEFT).astype(np.float32)
        self._y = ((np.arange(*rows) + 0.5) / SCALE + TOP).astype(np.float32)[:, None]
        self.shape = LipShape(anatomy, float(rng.normal(0, 0.25)))
        self._upper_skin = self._lip_texture(rng, upper=True)
        self._lower_skin = self._lip_texture(rng, upper=False)
        self._upper_teeth = self._teeth(upper=True)
        self._lower_teeth = self._teeth(upper=False)
        self._papillae = (mottle(rng, (len(self._y), len(self._x)), 3, 7) * 5).astype(np.float32)

    def paint(self, skin: np.ndarray, lips: Lips) -> np.ndarray:
        """The window with the mouth over the lit, moved ``skin`` -> u8 [h, w, 3]."""
        c = self.shape.curves(lips, self._x)
        edges = [
            v.astype(np.float32)[None]
            for v in (c.upper_outer, c.upper_inner, c.lower_inner, c.lower_outer)
        ]
        top, inner_top, inner_bottom, bottom = edges
        u = c.u.astype(np.float32)[None]
        # Above and below these rows the mouth changes no pixel by half a grey level.
        rows = self._rows(top.min() - 5, bottom.max() + 10 + 0.25 * lips.lower)
        y = self._y[rows]
        picture = self._around(skin[rows].astype(np.float32), y, lips, u, top, bottom, c)
        within = np.clip((1.03 - np.abs(u)) * lips.half * 0.8, 0, 1)
        if lips.opening > 0.05:
            hole_rows = self._rows(inner_top.min() - 1, inner_bottom.max() + 1)
            hy = self._y[hole_rows]
            hole = _edge(hy - inner_top) * _edge(inner_bottom - hy) * within
            inside = self._inside(hole_rows, lips, u, inner_top, inner_bottom)
            part = picture[hole_rows.start - rows.start : hole_rows.stop - rows.start]
            part += (inside - part) * hole[..., None]
        for texture, start, end, out in (
            (self._upper_skin, top, inner_top, 0),
            (self._lower_skin, inner_bottom, bottom, 1),
        ):
            lip_rows = self._rows(start.min() - 2, end.max() + 2)
            ly = self._y[lip_rows]
            across = (ly - start) / np.maximum(end - start, 0.4)
            red = self._sample(texture, u, across)
            vermilion = _edge((ly - start) / (1.5 if out == 0 else 1.0))
            vermilion *= _edge((end - ly) / (1.7 if out == 1 else 1.0)) * within
            part = picture[lip_rows.start - rows.start : lip_rows.stop - rows.start]
            part += (red - part) * vermilion[..., None]
        self._seam(picture, y, lips, c)
        painted = skin.copy()
        painted[rows] = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        return painted

    def _rows(self, low: float, high: float) -> slice:
        """Rows of the window between two heights, head coordinates."""
        first, last = np.searchsorted(self._y[:, 0], [low, high])
        return slice(int(first), int(last))

    def _sample(self, texture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        rows, cols = texture.shape[:2]
        map_v = np.clip(v, 0, 1) * np.float32(rows - 1)
        map_u = np.broadcast_to((u + 1) * np.float32((cols - 1) / 2), map_v.shape)
        return cv2.remap(
            texture,
            np.ascontiguousarray(map_u, np.float32),
            map_v.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _around(self, picture, y, lips: Lips, u, top, bottom, c: Curves) -> np.ndarray:
        """Skin next to the lips: rim above, shadow below, dimples at the corners."""
        a = np.minimum(np.abs(u), 1.2)
        middle = np.clip(1 - a**4, 0, 1)
        rim = np.exp(-(((y - top + 1.3) / 1.1) ** 2)) * middle
        below = (y - bottom - 2.6 - 0.25 * lips.lower) / 2.8
        shadow = np.exp(-(below**2)) * np.clip(1 - a**2.2, 0, 1)
        strength = 0.13 + 0.012 * lips.lower + 0.06 * lips.roundness
        corner = np.zeros_like(shadow)
        seam = float(c.seam[np.argmin(np.abs(np.abs(c.u) - 1))])
        deep = 0.20 + 0.12 * lips.spread + 0.10 * lips.press
        for side in (-1, 1):
            d = ((self._x[None] - side * (lips.half + 0.6)) / 2.4) ** 2 + ((y - seam) / 1.7) ** 2
            corner += np.exp(-np.minimum(d, 30))
        factor = 1 + 0.06 * rim - strength * shadow - deep * corner
        return picture * factor[..., None]

    def _inside(self, rows: slice, lips: Lips, u, top, bottom) -> np.ndarray:
        """Teeth, tongue and the dark behind them in some rows, f32 [rows, w, 3]."""
        y, x = self._y[rows], self._x[None]
        gap = bottom - top
        picture = np.empty((len(y), len(self._x), 3), np.float32)
        depth = np.clip((y - top) / np.maximum(gap, 2.0), 0, 1)
        picture[:] = np.float32([38, 15, 14]) + depth[..., None] * np.float32([34, 10, 9])
        rise = lips.tongue
        cy = self.y + lips.jaw * (0.92 - 0.4 * rise) + 4.2 - 2.6 * rise
        ry = 5.4 + 1.2 * rise
        r = (x / (14.0 - 2 * rise)) ** 2 + ((y - cy) / ry) ** 2
        body = np.clip((1.0 - r) * 2.2, 0, 1)
        bright = 0.62 + 0.28 * np.clip((cy + 1 - y) / ry, -0.6, 1)
        groove = 1 - 0.16 * np.exp(-((x / 1.4) ** 2))
        tongue = np.float32([168, 92, 88]) * (bright * groove)[..., None]
        tongue += self._papillae[rows, :, None]
        picture += (tongue - picture) * body[..., None]
        move = np.float32([[1, 0, 0], [0, 1, (lips.jaw * 0.95 + 0.1) * SCALE]])
        lower = cv2.warpAffine(self._lower_teeth, move, self._lower_teeth.shape[1::-1])[rows]
        for teeth in (lower, self._upper_teeth[rows]):
            picture += teeth[..., :3] - picture * teeth[..., 3:]
        # The upper lip throws its shadow in, and little light reaches the sides.
        lit = 0.62 + 0.38 * np.clip((y - top) / 2.2, 0, 1)
        lit *= 1 - 0.35 * np.clip(1 - (bottom - y) / 2.2, 0, 1)
        # Lips pushed forward leave the teeth in the dark.
        lit *= 1 - 0.20 * lips.roundness
        lit *= 1 - 0.72 * np.clip(np.abs(u) / lips.aperture, 0, 1) ** 3.2
        lit *= 0.82 + 0.18 * np.clip(lips.opening / 6, 0, 1)
        return picture * lit[..., None]

    def _seam(self, picture: np.ndarray, y: np.ndarray, lips: Lips, c: Curves) -> None:
        """The dark line where lips touch."""
        touch = np.clip(1 - (c.lower_inner - c.upper_inner) / 1.6, 0, 1)
        touch = (touch * np.clip((1.02 - np.abs(c.u)) * 8, 0, 1)).astype(np.float32)[None]
        line = ((c.lower_inner + c.upper_inner) / 2).astype(np.float32)[None]
        d = (y - line) / np.float32(0.62 + 0.12 * lips.press)
        dark = np.exp(-(d**2)) * touch * np.float32(0.55)
        picture *= 1 - dark[..., None] * np.float32([0.85, 1.0, 1.0])

    def _lip_texture(self, rng: np.random.Generator, upper: bool) -> np.ndarray:
        """Lit lip over (v: from its upper to its lower edge, u), sRGB f32 [48, 160, 3]."""
        who, rows, cols = self.who, 48, 160
        v, u = np.mgrid[0:rows, 0:cols].astype(np.float32)
        v, u = v / (rows - 1), u / (cols - 1) * 2 - 1
        # How far the surface looks up (-) or down (+) between its edges.
        if upper:
            lean = np.interp(v, [0, 0.15, 0.5, 0.85, 1], [-0.05, 0.12, 0.38, 0.62, 0.95])
        else:
            lean = np.interp(v, [0, 0.12, 0.4, 0.7, 0.92, 1], [-0.9, -0.66, -0.25, 0.12, 0.42, 0.3])
        creases = cv2.GaussianBlur(rng.standard_normal((1, cols), dtype=np.float32), (0, 0), 1.3)
        creases = creases / creases.std() + 0.35 * mottle(rng, (rows, cols), 5)
        body = np.sin(np.pi * np.clip(v * 0.9 + 0.05, 0, 1))
        nx = 0.60 * u * np.abs(u) + 0.10 * creases * body
        n = np.dstack([nx, lean, np.ones_like(u) * 0.9]).astype(np.float32)
        n /= np.linalg.norm(n, axis=2, keepdims=True)
        lit = self.light.shade(n)
        colour = self._red(upper) * (1 + 0.05 * mottle(rng, (rows, cols), 8, 20))[..., None]
        colour *= (1 - 0.05 * np.maximum(creases, 0) * body)[..., None]
        inner = v if upper else 1 - v
        colour *= (np.float32([1, 0.90, 0.92]) ** (inner**2)[..., None]) * (
            1 - 0.30 * inner[..., None] ** 6
        )
        colour *= (1 - 0.25 * np.abs(u) ** 5)[..., None]
        wet = self.light.gloss(n, 22) * 0.10 + self.light.gloss(n, 70) * 0.20
        wet *= (0.4 + who.lip_gloss + 0.5 * who.lipstick) * (1 + 0.25 * creases)
        wet *= np.clip(1 - np.abs(u) ** 2 * 1.3, 0, 1)
        light = colour * lit + np.maximum(wet, 0)[..., None] * (0.35 if upper else 0.8)
        return display(light).astype(np.float32)

    def _red(self, upper: bool) -> np.ndarray:
        """The lip's own colour, linear f32 [3]."""
        who = self.who
        skin = linear(who.skin)
        pale, rich = np.float32([0.86, 0.60, 0.60]), np.float32([0.80, 0.34, 0.38])
        colour = skin * (pale + (rich - pale) * who.lip_red)
        if who.skin[0] < 160:
            pink = linear((176, 104, 98))
            colour = colour + (pink - colour) * (0.10 if upper else 0.42)
        paint = linear([(176, 42, 58), (150, 40, 66), (196, 88, 84)][who.seed % 3])
        return colour + (paint - colour) * who.lipstick * 0.75

    def _teeth(self, upper: bool) -> np.ndarray:
        """A row of teeth in the window, premultiplied f32 [h, w, 4]; cover 0-1.

        The lower row is drawn for a shut jaw.
        """
        who = self.who
        x, y = np.broadcast_arrays(self._x[None], self._y)
        widths = [3.9, 3.1, 3.2, 2.7, 2.4, 2.2] if upper else [2.5, 2.6, 2.9, 2.7, 2.4, 2.2]
        edges = np.cumsum([0, *widths])
        a = np.abs(x)
        which = np.clip(np.searchsorted(edges, a, side="right") - 1, 0, len(widths) - 1)
        middle = (edges[which] + np.array(widths)[which] / 2).astype(np.float32)
        half = (np.array(widths)[which] / 2).astype(np.float32)
        inside = np.abs(a - middle) / half
        if upper:
            tip = self.y + 2.5 - 0.010 * a**2 - np.array([0, 0.6, 0.1, 0.5, 0.7, 0.8])[which]
            tip = tip - 0.45 * inside**4
            cover = _edge(tip - y) * _edge((y - (tip - 8.0)) / 1.5)
            depth = (tip - y) / 8.0
        else:
            tip = self.y + 1.0 + 0.010 * a**2 + 0.35 * inside**4
            cover = _edge(y - tip) * _edge(((tip + 6.5) - y) / 1.5)
            depth = (y - tip) / 6.5
        cover = cover * np.clip((edges[-1] - a) / 1.5, 0, 1)
        white = np.float32([228, 214, 190]) + who.teeth * np.float32([16, 20, 32])
        tone = 1 - 0.16 * inside**6 - 0.14 * np.clip(depth, 0, 1) ** 1.5
        tone = tone * (1 - 0.0011 * a**2) * (1.0 if upper else 0.84)
        colour = white * tone[..., None]
        gum = np.clip((depth - 0.78 + 0.10 * inside**2) * 6, 0, 1)[..., None]
        colour = colour + (np.float32([168, 98, 96]) - colour) * gum
        return np.dstack([colour * cover[..., None], cover]).astype(np.float32)


def _edge(distance: np.ndarray) -> np.ndarray:
    """Cover of a soft edge at signed ``distance`` (frame pixels, positive inside)."""
    return np.clip(distance * np.float32(1.1) + np.float32(0.5), 0, 1)
