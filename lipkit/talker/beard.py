"""Brows and beards, painted once per person as layers of the head."""

import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator

from lipkit.talker.head import Anatomy
from lipkit.talker.strokes import draw, empty, flow_paths


def brows(anatomy: Anatomy, rng: np.random.Generator) -> np.ndarray:
    """Both brows as a layer."""
    who, layer = anatomy.who, empty()
    px, py = _brow_path(anatomy)
    n = int(300 * who.brow_weight)
    colour = np.array(who.hair, float)
    if colour.max() > 120 and who.age < 55:
        colour = colour * 0.62
    for side in (1, -1):
        t = rng.uniform(0, 1, n) ** 0.9
        thick = np.interp(t, [0, 0.15, 0.5, 1.0], [1.3, 1.7, 1.4, 0.45])
        across = rng.uniform(-1, 1, n) * thick * (0.55 + 0.5 * who.brow_weight)
        roots = np.c_[px(t), py(t) + across]
        slope = np.c_[0.45 + t, 0.75 * (t - 0.55) - 0.75 * np.clip(0.35 - t, 0, 1) - 0.12 * across]
        lengths = rng.uniform(1.8, 3.8, n) * (1.1 - 0.3 * t)
        paths = flow_paths(roots, lambda p, i, s=slope: s, lengths, 3)
        paths[..., 0] *= side
        tones = colour * rng.uniform(0.75, 1.2, (n, 1))
        draw(layer, paths, np.clip(tones, 0, 255))
    layer = cv2.GaussianBlur(layer, (0, 0), 0.9)
    return (layer * (0.66 if who.woman else 0.76)).astype(np.uint8)


def _brow_path(anatomy: Anatomy) -> tuple[PchipInterpolator, PchipInterpolator]:
    """x and y of the brow's middle line over t = 0 (inner end) .. 1, right side."""
    ex, ey = anatomy.eye
    knots = [0, 0.35, 0.68, 1]
    x = [ex - 13.0, ex - 4, ex + 5, ex + 14.5]
    y = np.array([ey - 12.2, ey - 14.0, ey - 15.4, ey - 11.6]) - anatomy.who.brow_lift
    return PchipInterpolator(knots, x), PchipInterpolator(knots, y)


def brow_landmarks(anatomy: Anatomy) -> np.ndarray:
    """The ten brow points of iBUG's order (17-26), f64 [10, 2]."""
    px, py = _brow_path(anatomy)
    t = np.array([1.0, 0.77, 0.5, 0.26, 0.03])
    # Where dlib's predictor puts them: the upper edge, drawn out sideways.
    outward, up = np.array([2.0, 0.5, -1.0, -2.0, -2.5]), np.array([-2.0, 0.2, 1.6, 1.4, -0.2])
    left = np.c_[-px(t) - outward, py(t) - up]
    return np.concatenate([left, left[::-1] * [-1, 1]])


def growth(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, kind: str) -> np.ndarray:
    """Where a beard of that kind grows, f32 0-1."""
    who, m, w = anatomy.who, anatomy.mouth, anatomy.who.mouth_width / 2
    ax = np.abs(x)
    u = np.minimum(ax / w, 1)
    lip_top = m - who.upper_lip * (1 - u**1.9)
    lip_bottom = m + who.lower_lip * (1 - u**2.3)
    edge = anatomy.half_width(np.clip(y, -20, anatomy.chin)) - ax
    jaw = _rise(y - (m + 26 - 0.95 * ax + 0.012 * (ax - 30) ** 2), 2.2) * _rise(y - 12, 5)
    upper = _rise(lip_top - 0.8 - y, 0.7) * _rise(y - anatomy.nose_base - 4.5 - 0.12 * ax, 1.4)
    upper *= _rise(w + 4.0 - ax, 1.3)
    if kind != "moustache":
        upper = 0.55 * upper
    chin = _rise(w * 0.95 - ax, 2.0) * _rise(y - lip_bottom - 1.2, 0.6)
    side = _rise(w + 7.0 - ax, 1.4) * _rise(ax - w - 0.8, 0.8) * _rise(y - m + 5, 2.0)
    ring = np.maximum(np.maximum(upper, chin), side * _rise(m + 26 - y, 3))
    whole = np.maximum(jaw, ring)
    density = {"none": 0 * x, "moustache": upper, "goatee": ring}.get(kind, whole)
    density = density * _rise(edge + 0.5, 0.7) * _rise(anatomy.chin + 1 - y, 0.7)
    hollow = 0.45 * _rise(2.4 - np.hypot(ax - w * 0.45, y - lip_bottom - 3.5), 1.0)
    return np.clip(density * (1 - hollow * (kind != "moustache")), 0, 1).astype(np.float32)


def _rise(value: np.ndarray, softness: float) -> np.ndarray:
    """Logistic step at 0."""
    return 1 / (1 + np.exp(-np.clip(value / softness, -30, 30)))


def beard(anatomy: Anatomy, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The beard of this person as a layer."""
    who, layer = anatomy.who, empty()
    if who.beard == "none":
        return layer
    density = growth(anatomy, x, y, who.beard)
    count = {"stubble": 4200, "moustache": 1000, "goatee": 1900, "full": 6000}[who.beard]
    flat = density.ravel() / density.sum()
    places = rng.choice(flat.size, count, p=flat)
    roots = np.c_[x.ravel()[places], y.ravel()[places]] + rng.uniform(-0.3, 0.3, (count, 2))
    roots[:, 1] -= np.where(roots[:, 1] > anatomy.mouth, 1.2, 0.6)
    lean = rng.normal(0, 0.35, count)

    def direction(p: np.ndarray, step: int) -> np.ndarray:
        return np.c_[0.30 * np.sign(p[:, 0]) + p[:, 0] / 90 + lean, np.ones(len(p))]

    length = {"stubble": (0.5, 1.1), "full": (1.8, 3.6)}.get(who.beard, (1.6, 3.2))
    paths = flow_paths(roots, direction, rng.uniform(*length, count), 3)
    base = np.array(who.hair, float)
    if base.max() > 120 and who.age < 55:
        base = base * 0.72
    tones = base * rng.uniform(0.6, 1.45, (count, 1))
    draw(layer, paths, np.clip(tones, 0, 255))
    cover = {"stubble": 0.30, "full": 0.74, "moustache": 0.70, "goatee": 0.70}[who.beard]
    layer = cv2.GaussianBlur(layer, (0, 0), 0.8)
    return (layer * cover).astype(np.uint8)


def shaven(anatomy: Anatomy, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What hair within the skin leaves of its light, f32 [H, W, 3] or [1, 1, 3]."""
    who = anatomy.who
    if who.woman:
        return np.ones((1, 1, 3), np.float32)
    shadow = 0.13 * growth(anatomy, x, y, "full")
    if who.beard != "none":
        strength = {"stubble": 0.36, "full": 0.62}.get(who.beard, 0.5)
        shadow = np.maximum(shadow, strength * growth(anatomy, x, y, who.beard))
    dark = np.clip(1.3 - max(who.hair) / 255, 0.3, 1)
    return np.float32([0.40, 0.44, 0.48]) ** (shadow * dark)[..., None]
