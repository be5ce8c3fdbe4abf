"""Hair of the head in ten styles, painted once per person.

Every style lays thousands of hairs in locks: hairs of a lock share their way and their tone.
The whole is then lit as the surface of a full head of hair.
"""

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from lipkit.talker.head import Anatomy, grid
from lipkit.talker.skin import Light, blob
from lipkit.talker.strokes import draw, empty, fill, flow_paths


class Hair:
    """The hair of one person's head: a layer behind the face and one before it."""

    def __init__(self, anatomy: Anatomy, light: Light, rng: np.random.Generator) -> None:
        self.anatomy, self.who, self.light, self.rng = anatomy, anatomy.who, light, rng
        self.recede = 0.0 if self.who.woman else float(np.clip((self.who.age - 28) / 40, 0, 1)) * 9
        self.hairline = -50 - 0.6 * self.recede
        self.side = float(anatomy.half_width(np.array(-10.0)))
        self.top = float(anatomy.crown)
        self.base = np.array(self.who.hair, float)

    def paint(self) -> tuple[np.ndarray, np.ndarray]:
        """(back, front) layers."""
        back, front = empty(), empty()
        getattr(self, f"_{self.who.hair_style}")(back, front)
        return self._lit(back, behind=True), self._lit(front)

    # Light and colour.

    def _lit(self, layer: np.ndarray, behind: bool = False) -> np.ndarray:
        """Light on a rounded head of hair, darker low at the sides, with a band of sheen."""
        x, y = grid()
        nx = np.clip(x / 72, -0.95, 0.95)
        ny = np.clip((y + 30) / 72, -0.95, 0.6)
        n = np.dstack([nx, ny, np.sqrt(np.clip(1.0 - 0.75 * (nx**2 + ny**2), 0.05, 1))])
        n = (n / np.linalg.norm(n, axis=2, keepdims=True)).astype(np.float32)
        light = self.light.shade(n).mean(axis=2) ** 0.45
        towards = self.light.direction[0]
        sheen = blob(x - 34 * towards, y, 0, -71 - 6 * abs(towards), 30, 9)
        light = light * (1.0 + 0.38 * sheen) * (0.72 if behind else 1.0)
        light = light * (1 - 0.30 * np.clip((y - 20) / 90, 0, 1))
        grey = np.float32([1.0, 1.0, 1.0, 0]) * (9 * sheen)[..., None] * (layer[..., 3:] / 255.0)
        colour = layer * np.dstack([light, light, light, np.ones_like(light)]) + grey
        return np.clip(colour, 0, 255).astype(np.uint8)

    def _tones(self, locks: np.ndarray, count: int, contrast: float = 0.2) -> np.ndarray:
        """Colours [N, 3] of N hairs; ``locks`` [N] says to which lock each belongs."""
        rng = self.rng
        contrast *= 0.55 if self.base.max() > 130 else 1.0
        lock_tone = np.exp(contrast * rng.standard_normal(count))[locks]
        tone = lock_tone * np.exp(0.12 * rng.standard_normal(len(locks)))
        # Early hairs lie below: darker.
        dark = 0.62 + 0.18 * (self.base.max() > 130)
        tone *= np.linspace(dark, 1.08, len(locks))
        colour = self.base * tone[:, None]
        if self.who.age > 42 and self.base.max() < 110:
            grey = rng.random(len(locks)) < 0.55 * np.clip((self.who.age - 42) / 30, 0, 1)
            colour[grey] = 0.6 * colour[grey] + 62
        return np.clip(colour, 0, 255)

    def _nap(self, points: np.ndarray, size: float) -> np.ndarray:
        """Smooth random field at points, unit variance: what makes neighbours lean alike."""
        k = self.rng.normal(0, 1 / size, (10, 2))
        phase = self.rng.uniform(0, 2 * np.pi, 10)
        return np.cos(points @ k.T + phase).sum(axis=1) / 5**0.5

    # Regions.

    def _hairline(self, angle: np.ndarray, low: float) -> np.ndarray:
        """Edge of the hair towards the face at -1 (left side) .. 1 (right side)."""
        s = self.side
        knots = np.array([0, 0.28, 0.5, 0.64, 0.78, 1.0])
        xs = PchipInterpolator(knots, [0, 0.40 * s, 0.72 * s, 0.84 * s, 0.90 * s, 0.97 * s])
        peak, corner = self.hairline, self.hairline - self.recede
        ys = PchipInterpolator(knots, [peak, corner + 1.5, corner + 13, -24, -8, low])
        return np.c_[np.sign(angle) * xs(np.abs(angle)), ys(np.abs(angle))]

    def _cap(
        self, layer: np.ndarray, thickness: float, low: float, soft: float = 1.6
    ) -> np.ndarray:
        """Fill the scalp from the hairline out; return its polygon (outer, then inner edge)."""
        angle = np.linspace(-1, 1, 61)
        y = low - (low - self.top) * np.cos(angle * np.pi / 2) ** 0.8
        x = np.sign(angle) * (self.anatomy.half_width(y) + thickness * (0.3 + 0.1 * np.abs(angle)))
        outer = np.c_[x, y - thickness * np.cos(angle * np.pi / 2)]
        polygon = np.concatenate([outer, self._hairline(angle, low)[::-1]])
        fill(layer, polygon, self.base * 0.6)
        layer[:] = cv2.GaussianBlur(layer, (0, 0), soft)
        return polygon

    def _inside(self, polygon: np.ndarray, count: int) -> np.ndarray:
        """Random points in a polygon, from the outside in."""
        points = self.rng.uniform(polygon.min(0), polygon.max(0), (count * 5, 2))
        contour = polygon.astype(np.float32)[:, None]
        keep = [cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0 for x, y in points]
        chosen = points[np.array(keep)][:count]
        return chosen[np.argsort(chosen[:, 1] + self.rng.normal(0, 12, len(chosen)))]

    # Short styles: hairs that follow a field of directions.

    def _comb(self, layer, roots, direction, lengths, steps=6, contrast=0.2) -> None:
        """Draw hairs along ``direction``; hairs within a few pixels make a lock."""
        cell = np.floor(roots / 4.0).astype(int)
        _, locks = np.unique(cell, axis=0, return_inverse=True)
        locks = locks.ravel()
        paths = flow_paths(roots, direction, lengths, steps)
        draw(layer, paths, self._tones(locks, locks.max() + 1, contrast))

    def _tips(self, layer: np.ndarray, count: int, length: float, side: float = 0.0) -> None:
        """Short hairs over the forehead soften the hairline."""
        angle = self.rng.uniform(-0.98, 0.98, count)
        roots = self._hairline(angle, 4) + self.rng.normal(0, 1.3, (count, 2))
        roots[:, 1] -= 2.0 * (1 - np.abs(angle))
        lean = side + 0.9 * self._nap(roots, 7)
        down = 0.9 * np.clip(np.abs(angle) * 2 - 0.7, 0, 1)

        def direction(p: np.ndarray, step: int) -> np.ndarray:
            return np.c_[lean, -0.35 + 0.28 * step + down]

        lengths = self.rng.uniform(0.5, 1.2, count) * length
        self._comb(layer, roots, direction, lengths, 5)

    def _crop(self, back: np.ndarray, front: np.ndarray) -> None:
        cap = self._cap(front, 8, 5)
        roots = self._inside(cap, 3600)
        lean = 1.1 * self._nap(roots, 9)
        curl = 0.25 * self._nap(roots, 6)
        side = np.clip((np.abs(roots[:, 0]) - 30) / 20, 0, 1)

        def direction(p: np.ndarray, step: int) -> np.ndarray:
            dx = p[:, 0] / 55 * (1 - 0.75 * side) + lean * (1 - 0.6 * side) + curl * step
            return np.c_[dx, -0.75 * (1 - side) + 1.15 * side + 0.12 * step]

        self._comb(front, roots, direction, self.rng.uniform(5, 10, len(roots)))
        self._tips(front, 500, 6)

    def _buzz(self, back: np.ndarray, front: np.ndarray) -> None:
        cap = self._cap(front, 2.0, 2, soft=3.0)
        front[:] = (front * 0.80).astype(np.uint8)
        roots = self._inside(cap, 5200)
        self._comb(
            front,
            roots,
            lambda p, step: np.c_[p[:, 0] / 50, (p[:, 1] + 10) / 50],
            self.rng.uniform(0.8, 1.8, len(roots)),
            2,
            contrast=0.12,
        )
        front[:] = cv2.GaussianBlur(front, (0, 0), 0.8)

    def _bald(self, back: np.ndarray, front: np.ndarray) -> None:
        """Nothing: shaven all over."""

    def _side(self, back: np.ndarray, front: np.ndarray) -> None:
        cap = self._cap(front, 10, 6)
        part = -19.0 if self.who.seed % 2 else 19.0
        roots = self._inside(cap, 3800)
        sign = -np.sign(part)
        nap = 0.25 * self._nap(roots, 8)

        def direction(p: np.ndarray, step: int) -> np.ndarray:
            away = np.sign(p[:, 0] - part)
            over_top = away == sign
            beyond = np.abs(p[:, 0] - part)
            dx = np.where(over_top, sign, 0.8 * away)
            dy = np.where(over_top, -0.5 + 0.016 * beyond, 0.9) + nap
            return np.c_[dx, dy + 1.3 * np.clip((np.abs(p[:, 0]) - 38) / 14, 0, 1)]

        self._comb(front, roots, direction, self.rng.uniform(8, 17, len(roots)), 7)
        self._tips(front, 260, 6, 0.8 * sign)

    def _curly(self, back: np.ndarray, front: np.ndarray) -> None:
        cap = self._cap(front, 15, 10, soft=4.0)
        cores = self._inside(cap, 900)
        cores = cores + self.rng.normal(0, 2.0, cores.shape)
        per = 6
        locks = np.repeat(np.arange(len(cores)), per)
        roots = cores[locks] + self.rng.normal(0, 0.8, (len(locks), 2))
        n = len(cores)
        turn = (self.rng.uniform(0.55, 0.95, n) * self.rng.choice([-1, 1], n))[locks]
        start = self.rng.uniform(0, 2 * np.pi, n)[locks]
        length = self.rng.uniform(9, 15, n)[locks] * self.rng.uniform(0.8, 1.1, len(locks))

        def direction(p: np.ndarray, step: int) -> np.ndarray:
            return np.c_[np.cos(start + turn * step), np.sin(start + turn * step)]

        paths = flow_paths(roots, direction, length, 9)
        draw(front, paths, self._tones(locks, len(cores), 0.24))
        front[:] = cv2.GaussianBlur(front, (0, 0), 0.6)

    def _bun(self, back: np.ndarray, front: np.ndarray) -> None:
        cap = self._cap(front, 4, 3)
        roots = self._inside(cap, 3400)
        nap = 4 * self._nap(roots, 7)

        def direction(p: np.ndarray, step: int) -> np.ndarray:
            return np.c_[-p[:, 0] + nap, -112 - p[:, 1]]

        self._comb(front, roots, direction, self.rng.uniform(8, 18, len(roots)), 5)
        n, centre = 1200, np.array([0.0, self.top - 10])
        around, out = self.rng.uniform(0, 2 * np.pi, n), np.sqrt(self.rng.random(n))
        knot = centre + np.c_[np.cos(around) * out * 19, np.sin(around) * out * 12]
        fill(
            back,
            centre + np.c_[np.cos(t := np.linspace(0, 6.3, 40)) * 19, np.sin(t) * 12],
            self.base * 0.5,
        )
        self._comb(
            back, knot, lambda p, i: np.c_[-(p[:, 1] - centre[1]), p[:, 0]], np.full(n, 12.0)
        )

    # Long styles: locks that fall from a parting.

    def _fall(self, back, front, until: float, wave: float, spread: float, part: float) -> None:
        """Long hair from a parting down both sides, behind and before the face's edge."""
        w = self.side
        half = np.array([(0, self.top - 7), (w * 0.75, self.top + 10), (w + 5, -45)])
        low = np.array([(w + spread * 0.8, 15), (w + spread, until - 14), (w * 0.6, until - 4)])
        right = np.concatenate([half, low])
        fill(back, np.concatenate([right, right[::-1] * [-1, 1]]), self.base * 0.45)
        back[:] = cv2.GaussianBlur(back, (0, 0), 4)
        for layer, inner, locks in ((back, 0.70, 70), (front, 0.90, 85)):
            for side in (-1, 1):
                self._locks(layer, side, part, inner, locks, until, wave, spread)

    def _locks(self, layer, side, part, inner, count, until, wave, spread) -> None:
        rng, w, per = self.rng, self.side, 22
        # Locks from the outer silhouette in, so that those framing the face lie on top.
        reach = np.sort(rng.uniform(0, 1, count))[::-1]
        start_y = self.top - 7 + (self.hairline - self.top + 3) * (1 - reach) ** 1.2
        start_x = part * np.ones(count) + side * rng.uniform(0, 3, count)
        edge = w * inner + (w * (1 - inner) + spread * 0.9) * reach + rng.normal(0, 1.2, count)
        end_y = until * rng.uniform(0.80, 1.0, count)
        phase, bend = rng.uniform(-0.7, 0.7, count), rng.normal(0, 1, count)
        of = np.repeat(np.arange(count), per)
        t = np.linspace(0, 1, 18)[None]
        y = start_y[of, None] + (end_y - start_y)[of, None] * t ** (1.3 - 0.1 * bend[of, None])
        out = np.sin(np.clip(t * 2.5, 0, 1) * np.pi / 2) ** 0.9
        x = start_x[of, None] + (side * edge - start_x)[of, None] * out
        ripple = np.sin(t * (9 + wave * 2.5) + phase[of, None] * 2)
        x = x + (wave + 0.5) * ripple * np.clip(t * 2.2 - 0.5, 0, 1)
        x = x + side * (0.25 * spread + 1.5 * bend[of, None]) * np.clip(t - 0.4, 0, 1)
        paths = np.dstack([x, y])
        loose = rng.normal(0, 1.0, (len(of), 1, 2)) * (0.6 + 1.6 * t[..., None])
        draw(layer, paths + loose * [1.0, 0.5], self._tones(of, count, 0.16))

    def _long(self, back: np.ndarray, front: np.ndarray) -> None:
        self._cap(front, 7, -12)
        self._fall(back, front, 128, 1.0, 8, self.rng.normal(0, 4))

    def _wavy(self, back: np.ndarray, front: np.ndarray) -> None:
        self._cap(front, 8, -12)
        self._fall(back, front, 112, 2.8, 14, self.rng.normal(0, 8))

    def _bob(self, back: np.ndarray, front: np.ndarray) -> None:
        self._cap(front, 8, -8)
        self._fall(back, front, 70, 0.9, 9, self.rng.normal(0, 9))

    def _fringe(self, back: np.ndarray, front: np.ndarray) -> None:
        self._fall(back, front, 88, 0.7, 8, 0.0)
        rng, count, per = self.rng, 80, 20
        start = np.c_[rng.uniform(-34, 34, count), self.top - 2 + rng.uniform(0, 16, count)]
        start = start[np.argsort(start[:, 1])]
        of = np.repeat(np.arange(count), per)
        t = np.linspace(0, 1, 12)[None]
        end = -17 + rng.normal(0, 1.6, count) - 0.002 * start[:, 0] ** 2
        y = start[of, 1:] + (end[of, None] - start[of, 1:]) * t
        x = start[of, :1] * (1 + 0.42 * t**0.7) + rng.normal(0, 1.5, count)[of, None] * t
        loose = rng.normal(0, 0.9, (len(of), 1, 2)) * (0.7 + t[..., None])
        draw(front, np.dstack([x, y]) + loose, self._tones(of, count, 0.16))
