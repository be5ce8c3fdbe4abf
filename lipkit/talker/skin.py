"""Skin: its colour at every place, and how light falls on it.

Colours are linear light, f32 [H, W, 3] red-green-blue in 0-1 and a little above.
"""

import cv2
import numpy as np

from lipkit.talker.head import SCALE, Anatomy, normals
from lipkit.talker.people import Colour, Person


def linear(colour: Colour | np.ndarray) -> np.ndarray:
    """sRGB 0-255 -> linear light 0-1."""
    return (np.asarray(colour, np.float32) / 255) ** 2.2


def display(light: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB u8, highlights rolled off softly as a camera does."""
    light = np.maximum(light, 0)
    shoulder = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3 * 0.8) / 0.95, light)
    return (np.clip(shoulder, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def mottle(rng: np.random.Generator, shape: tuple[int, int], *sizes: float) -> np.ndarray:
    """Smooth random field of unit variance with features of the given sizes (pixels), f32."""
    total = np.zeros(shape, np.float32)
    for size in sizes:
        shrink = max(size / 2, 1.0)
        small = tuple(int(np.ceil(s / shrink)) + 4 for s in shape)
        noise = cv2.GaussianBlur(rng.standard_normal(small, dtype=np.float32), (0, 0), 1.0)
        field = cv2.resize(noise, shape[::-1], interpolation=cv2.INTER_CUBIC)
        total += field / field.std()
    return total / max(len(sizes), 1) ** 0.5


def blob(x: np.ndarray, y: np.ndarray, cx: float, cy: float, sx: float, sy: float) -> np.ndarray:
    """A Gaussian spot of height 1 on both sides of the face (one if ``cx`` is 0)."""
    yy = ((y - cy) / sy) ** 2
    spot = np.exp(-0.5 * (((x - cx) / sx) ** 2 + yy))
    return spot if cx == 0 else spot + np.exp(-0.5 * (((x + cx) / sx) ** 2 + yy))


def albedo(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The skin's own colour, linear f32 [H, W, 3], without hair and lips."""
    who = anatomy.who
    base = linear(who.skin)
    red = np.array([1.0, 0.78, 0.76], np.float32)
    brown = np.array([0.74, 0.63, 0.55], np.float32)
    m, (ex, ey) = anatomy.mouth, anatomy.eye
    tip, root, half = anatomy.nose_tip, anatomy.nose_base, anatomy.nose_half
    dark = who.skin[0] < 160
    blood = 0.50 * blob(x, y, 31, 32, 14, 12) + 0.60 * blob(x, y, 0, tip + 3, 9, 7)
    blood += 0.20 * blob(x, y, 0, anatomy.chin - 9, 14, 8) + 0.20 * blob(x, y, 0, m, 30, 14)
    blood += 0.35 * blob(x, y, half - 1, root - 4, 4, 5)
    blood += 0.14 * mottle(rng, x.shape, 10 * SCALE, 4 * SCALE)
    blood = np.clip(blood, -0.4, 1.0) * (0.25 if dark else 0.55)
    pigment = 0.34 * blob(x, y, ex, ey + 7.5, 11, 4.0) + 0.24 * blob(x, y, ex - 8, ey - 1, 5, 6)
    pigment += 0.22 * blob(x, y, ex, ey - 5.5, 11, 3.5)
    pigment += 0.2 * blob(x, y, 0, m - 10, 22, 5) + 0.10 * mottle(
        rng, x.shape, 26 * SCALE, 9 * SCALE
    )
    pigment += 0.14 * np.clip((y - 70) / 30, 0, 1) * np.ones_like(x)
    pigment = np.clip(pigment, -0.3, 1.0)
    colour = base * red ** blood[..., None] * brown ** pigment[..., None]
    fine = 1 + 0.035 * mottle(rng, x.shape, 1.6 * SCALE) + 0.025 * mottle(rng, x.shape, 4 * SCALE)
    colour *= fine[..., None]
    # Nostrils, and the crease around the wings of the nose.
    ax = np.abs(x)
    tilt = 0.16 * (ax - 0.46 * half)
    hole = np.exp(
        -(((ax - 0.47 * half) / (0.24 * half)) ** 2 + ((y - root + 0.9 + tilt) / 1.3) ** 2)
    )
    crease = np.exp(-(((ax - half - 0.3) / 1.0) ** 2 + ((y - root + 3.6) / 3.4) ** 2))
    under = np.exp(-((ax / (half * 0.85)) ** 4 + ((y - root - 0.4) / 1.5) ** 2))
    colour *= np.array([0.26, 0.17, 0.15], np.float32) ** hole[..., None]
    colour *= np.array([0.70, 0.58, 0.54], np.float32) ** (crease + 0.15 * under)[..., None]
    _spots(colour, x, y, who, rng)
    if who.make_up:
        _make_up(colour, x, y, anatomy)
    return colour.astype(np.float32)


def _spots(
    colour: np.ndarray, x: np.ndarray, y: np.ndarray, who: Person, rng: np.random.Generator
) -> None:
    """Freckles over nose and cheeks, a few moles."""
    if who.freckles:
        veil = np.zeros(x.shape, np.float32)
        for _ in range(int(360 * who.freckles)):
            cx, cy = rng.normal(0, 27), rng.normal(28, 13)
            _dot(veil, cx, cy, rng.uniform(0.45, 1.0), rng.uniform(0.25, 0.7), x, y)
        colour *= np.array([0.74, 0.58, 0.46], np.float32) ** np.minimum(veil, 1)[..., None]
    moles = np.zeros(x.shape, np.float32)
    for _ in range(who.moles):
        _dot(moles, rng.normal(0, 30), rng.uniform(15, 85), rng.uniform(0.7, 1.1), 1.0, x, y)
    colour *= np.array([0.42, 0.30, 0.26], np.float32) ** np.minimum(moles, 1)[..., None]


def _make_up(colour: np.ndarray, x: np.ndarray, y: np.ndarray, anatomy: Anatomy) -> None:
    """Rouge on the cheeks, shadow on the lids."""
    who, (ex, ey) = anatomy.who, anatomy.eye
    rouge = who.make_up * blob(x, y, 34, 30, 11, 9)
    colour *= np.array([1.0, 0.66, 0.72], np.float32) ** np.clip(rouge, 0, 1)[..., None]
    tint = [(0.50, 0.42, 0.60), (0.62, 0.48, 0.40), (0.40, 0.50, 0.62)][who.seed % 3]
    shadow = who.make_up * blob(x, y, ex + 1, ey - 6.5, 10, 3.6)
    colour *= np.array(tint, np.float32) ** np.clip(shadow, 0, 1)[..., None]


def _dot(
    veil: np.ndarray, cx: float, cy: float, r: float, strength: float, x: np.ndarray, y: np.ndarray
) -> None:
    col, row = int((cx - x[0, 0]) * SCALE), int((cy - y[0, 0]) * SCALE)
    reach = int(3 * r * SCALE) + 1
    rows = slice(max(row - reach, 0), row + reach + 1)
    cols = slice(max(col - reach, 0), col + reach + 1)
    d = ((x[rows, cols] - cx) ** 2 + (y[rows, cols] - cy) ** 2) / r**2
    veil[rows, cols] += strength * np.exp(-0.5 * d * d)


class Light:
    """One main light, a soft surrounding, and shadows."""

    def __init__(self, who: Person) -> None:
        a, e = np.radians(who.light), np.radians(who.light_height)
        self.direction = np.array([np.sin(a) * np.cos(e), -np.sin(e), np.cos(a) * np.cos(e)])
        warm = np.array([1 + 0.06 * who.warmth, 1.0, 1 - 0.09 * who.warmth])
        self.key = (0.78 + 0.34 * who.hardness) * warm
        self.fill = (0.44 - 0.20 * who.hardness) * (2 - warm)
        self.hardness = who.hardness

    def shade(
        self, n: np.ndarray, z: np.ndarray | None = None, shadow: np.ndarray | None = None
    ) -> np.ndarray:
        """Light that skin of normals ``n`` and height ``z`` sends back, f32 [H, W, 3].

        Red light travels in the skin, so it wraps further into the shade. Without ``z`` nothing
        hides the sky.
        """
        cosine = (n @ self.direction.astype(np.float32))[..., None]
        wrap = np.array([0.34, 0.25, 0.21], np.float32)
        diffuse = np.clip((cosine + wrap) / (1 + wrap), 0, 1) ** 1.15
        lit = 1.0 if shadow is None else shadow[..., None]
        around = 0.80 - 0.14 * n[..., 1:2] + 0.10 * n[..., 2:3]
        key = self.key.astype(np.float32) * diffuse * lit
        fill = self.fill.astype(np.float32) * around
        if z is not None:
            open_sky = occlusion(z)[..., None]
            key *= open_sky**0.5
            fill *= open_sky ** np.array([1.0, 1.1, 1.14], np.float32)
        return (key + fill).astype(np.float32)

    def gloss(self, n: np.ndarray, power: float) -> np.ndarray:
        """Blinn-Phong highlight of the main light, f32 [H, W]."""
        half = self.direction + np.array([0, 0, 1])
        half = (half / np.linalg.norm(half)).astype(np.float32)
        return np.clip(n @ half, 0, 1) ** power

    def cast(self, z: np.ndarray) -> np.ndarray:
        """Soft cast shadow of a height map on itself, 0 dark .. 1 lit, f32 like ``z``."""
        dx, dy, dz = self.direction
        flat = max(float(np.hypot(dx, dy)), 1e-3)
        lit = np.ones_like(z)
        for step in np.linspace(1.5, 26, 14):
            rise = step * dz / flat
            move = np.float32(
                [[1, 0, -dx / flat * step * SCALE], [0, 1, -dy / flat * step * SCALE]]
            )
            higher = cv2.warpAffine(z, move, z.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
            lit = np.minimum(lit, np.clip(1 - (higher - z - rise) / (1.0 + 0.12 * step), 0, 1))
        return cv2.GaussianBlur(1 - (0.14 + 0.28 * self.hardness) * (1 - lit), (0, 0), 1.3 * SCALE)


def occlusion(z: np.ndarray) -> np.ndarray:
    """How much of the sky a place sees, about 0.5 in hollows .. 1.1 on ridges, f32 like ``z``."""
    result = np.ones_like(z)
    for sigma, strength in ((2.0, 0.08), (5.0, 0.038), (11.0, 0.016)):
        result -= strength * (cv2.GaussianBlur(z, (0, 0), sigma * SCALE) - z)
    return np.clip(result, 0.35, 1.12)


def paint_skin(
    anatomy: Anatomy, x: np.ndarray, y: np.ndarray, light: Light, rng: np.random.Generator
) -> np.ndarray:
    """Lit skin of the face, linear f32 [H, W, 3], at all places x, y of the head layer."""
    who, z = anatomy.who, anatomy.heights
    n = normals(z, 1.2)
    pores = 0.10 * mottle(rng, x.shape, 1.3 * SCALE) + 0.05 * mottle(rng, x.shape, 3 * SCALE)
    rough = normals(z + pores.astype(np.float32) * (0.7 + who.age / 80), 0.7)
    lit = light.shade(0.6 * n + 0.4 * rough, z, light.cast(z))
    colour = albedo(anatomy, x, y, rng) * lit
    oil = 0.35 + 0.8 * blob(x, y, 0, 8, 9, 30) + 0.45 * blob(x, y, 0, -34, 26, 14)
    oil += 0.35 * blob(x, y, 32, 24, 10, 8) + 0.25 * blob(x, y, 0, anatomy.chin - 9, 9, 6)
    shine = 0.055 * light.gloss(n, 14) + 0.06 * light.gloss(rough, 45)
    colour += (shine * oil * (0.5 + 0.7 * who.hardness))[..., None]
    return colour
