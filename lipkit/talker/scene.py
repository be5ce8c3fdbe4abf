"""What stays still behind the head: backdrop, neck, shoulders, clothes."""

import cv2
import numpy as np

from lipkit.talker.head import Anatomy
from lipkit.talker.skin import Light, linear, mottle

HEIGHT, WIDTH = 288, 360
"""Size of a frame, as in GRID."""
CENTRE = (180.0, 146.0)
"""Where the point between the eyes lies in a frame."""
_FINE = 2


def paint_scene(
    anatomy: Anatomy, light: Light, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Backdrop, and the body over it: linear f32 [HEIGHT * 2, WIDTH * 2, 3], [..., 4]."""
    who = anatomy.who
    shape = (HEIGHT * _FINE, WIDTH * _FINE)
    yy, xx = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    fx, fy = (xx + 0.5) / _FINE, (yy + 0.5) / _FINE
    x = (fx - CENTRE[0] - who.shift[0]) / who.scale
    y = (fy - CENTRE[1] - who.shift[1]) / who.scale
    return _backdrop(who, light, rng, fx, fy), _body(anatomy, light, rng, x, y)


def _backdrop(who, light: Light, rng: np.random.Generator, fx, fy) -> np.ndarray:
    side = np.sign(light.direction[0] + 1e-6)
    fall = 1.02 + 0.14 * side * (fx / WIDTH - 0.5) * 2 - 0.22 * (fy / HEIGHT - 0.35)
    corner = ((fx - WIDTH / 2) ** 2 + (fy - HEIGHT / 2) ** 2) / (WIDTH / 2) ** 2
    fall = fall - 0.12 * corner + 0.012 * mottle(rng, fx.shape, 120, 300)
    return (linear(who.backdrop) * fall[..., None]).astype(np.float32)


def _body(anatomy: Anatomy, light: Light, rng: np.random.Generator, x, y) -> np.ndarray:
    """Neck and clothes, premultiplied linear f32 [H, W, 4]."""
    who = anatomy.who
    neck = (31.0 if who.woman else 38.0) * who.face_width
    chin = anatomy.chin
    slope = np.clip((y - chin + 2) / 38, 0, 1.6)
    half = neck + np.minimum(34 * slope**2.6, 40)
    skin = _neck(anatomy, light, rng, x, y, half)
    cover = _soft(half - np.abs(x)) * _soft(y - 30)
    body = np.dstack([skin * cover[..., None], cover])
    base = chin + (4 if who.woman else -1)
    out = np.clip((np.abs(x) - neck + 4) / 100, 0, 3)
    top = base + (30 if who.woman else 26) * out**1.05
    wide = 128 if who.woman else 142
    top = top + 40 * np.clip((np.abs(x) - wide + 34) / 40, 0, 3) ** 2.5
    cloth_cover = _soft(y - top)
    opening = {
        "crew": 22 - 0.013 * x**2,
        "vee": 40 - 1.0 * np.abs(x),
        "shirt": 30 - 0.8 * np.abs(x),
    }
    front = base + opening[who.collar]
    inside = np.abs(x) < neck + 3
    cloth_cover = np.where(inside, np.minimum(_soft(y - front), 1), cloth_cover)
    cloth_cover = cv2.GaussianBlur(cloth_cover.astype(np.float32), (0, 0), 1.0)
    cloth = _cloth(who, light, rng, x, y, front, inside, top)
    return (
        body * (1 - cloth_cover[..., None])
        + np.dstack([cloth * cloth_cover[..., None], cloth_cover])
    ).astype(np.float32)


def _neck(anatomy: Anatomy, light: Light, rng, x, y, half) -> np.ndarray:
    who = anatomy.who
    side = np.clip(x / half, -0.98, 0.98)
    n = np.dstack([side, 0.30 + 0 * x, np.sqrt(1 - side**2) * 0.9])
    n = (n / np.linalg.norm(n, axis=2, keepdims=True)).astype(np.float32)
    colour = linear(who.skin) * np.float32([0.90, 0.78, 0.72]) * light.shade(n)
    colour *= (1 + 0.03 * mottle(rng, x.shape, 6, 24))[..., None]
    for cord in (-1, 1):
        line = cord * (15 - 0.10 * (y - anatomy.chin))
        colour *= (1 + 0.05 * np.exp(-(((x - line) / 5) ** 2)))[..., None]
    # The jaw's shadow, longest in the middle and away from the light.
    jaw = anatomy.chin - 0.009 * (x + 14 * light.direction[0]) ** 2 + 5
    shade = 1 / (1 + np.exp(-np.clip((y - jaw - 9) / 5.0, -30, 30)))
    return colour * (0.42 + 0.58 * shade)[..., None] ** np.float32([0.85, 1, 1.05])


def _cloth(who, light: Light, rng, x, y, front, inside, top) -> np.ndarray:
    tilt = np.clip(x / 130, -0.9, 0.9)
    n = np.dstack([tilt, -0.25 + 0 * x, np.sqrt(1 - tilt**2)])
    n = (n / np.linalg.norm(n, axis=2, keepdims=True)).astype(np.float32)
    colour = linear(who.clothes) * light.shade(n) * 0.9
    weave = 1 + 0.05 * mottle(rng, x.shape, 2) + 0.08 * mottle(rng, x.shape, 30, 70)
    colour = colour * weave[..., None]
    edge = np.where(inside, y - front, y - top)
    if who.collar == "crew":
        colour = colour * (1 - 0.22 * np.exp(-(((edge - 5) / 0.9) ** 2)))[..., None]
    if who.collar == "shirt":
        flap = np.exp(-(((edge - 13 - 0.12 * np.abs(x)) / 1.2) ** 2))
        colour = colour * (1 - 0.35 * flap)[..., None]
        colour = colour * (1 - 0.3 * np.exp(-((x / 1.0) ** 2)) * (edge > 4))[..., None]
    return colour * (0.80 + 0.20 * np.clip(edge / 3, 0, 1))[..., None]


def _soft(distance: np.ndarray) -> np.ndarray:
    return np.clip(distance * 1.2 + 0.5, 0, 1)
