"""Small drawings for the diagrams: a mouth, a stretch of speech, a log-mel picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from lipkit.plots.canvas import Canvas
from lipkit.plots.style import PAGE

SKIN, LIP, MOUTH, TEETH = "#e3b493", "#b8525a", "#3a1518", "#f7f3ea"


def draw_lips(canvas: Canvas, box: Sequence[float], opening: float, width: float = 1.0) -> None:
    """A mouth on skin in ``box``; ``opening`` and ``width`` lie between 0 and 1."""
    left, top, right, bottom = box
    size = right - left
    canvas.panel(box, SKIN, PAGE, radius=size / 9, linewidth=0.8, zorder=3)
    centre = np.array([(left + right) / 2, (top + bottom) / 2])
    scale = size * np.array([0.62 + 0.38 * width, 1.0])
    gape = 0.26 * opening
    lip_top, lip_bottom = -0.13 - 0.25 * gape, 0.18 + 0.95 * gape
    inner_top, inner_bottom = -0.02 - 0.45 * gape, 0.02 + 1.1 * gape
    teeth = inner_top + 0.35 * gape
    bow = ((-0.25, lip_top), (-0.12, lip_top - 0.06), (0, lip_top + 0.03))
    bow += ((0.12, lip_top - 0.06), (0.25, lip_top), (0.4, 0))
    shapes = [
        (LIP, ((-0.4, 0), *bow, (0.25, lip_bottom), (-0.25, lip_bottom), (-0.4, 0))),
        (MOUTH, _lens(0.32, 0.0, 0.15, inner_top, inner_bottom)),
    ]
    if opening > 0.35:
        shapes.append((TEETH, _lens(0.22, -0.012, 0.1, inner_top, teeth)))
    for order, (colour, points) in enumerate(shapes):
        # Every shape is a closed chain of cubic curves.
        codes = [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)]
        path = Path(centre + scale * np.array(points), codes)
        canvas.ax.add_patch(PathPatch(path, facecolor=colour, lw=0, zorder=3.2 + order / 10))


def _lens(corner: float, middle: float, shoulder: float, top: float, bottom: float) -> tuple:
    upper = ((-corner, middle), (-shoulder, top), (shoulder, top), (corner, middle))
    return (*upper, (shoulder, bottom), (-shoulder, bottom), (-corner, middle))


def toy_speech() -> np.ndarray:
    """Something that looks like three words, f64 [4000], the same on every run."""
    t = np.linspace(0, 1, 4000)
    words = sum(np.exp(-(((t - c) / w) ** 2)) for c, w in ((0.2, 0.1), (0.5, 0.07), (0.8, 0.12)))
    return (0.04 + words) * np.random.default_rng(3).normal(size=t.size).clip(-1.6, 1.6)


def toy_spectrogram() -> np.ndarray:
    """Something that looks like a log-mel picture, f64 [32, 32], low bands at the bottom."""
    rng = np.random.default_rng(5)
    time, band = np.linspace(0, 1, 32), np.linspace(0, 1, 32)[:, None]
    picture = sum(
        np.exp(-(((band - b - 0.08 * np.sin(9 * time + p)) / 0.09) ** 2)) * g
        for b, g, p in ((0.1, 1.0, 0.0), (0.34, 0.8, 1.0), (0.62, 0.5, 2.2))
    )
    voiced = 0.35 + 0.65 * np.abs(np.sin(7 * time + 0.4))
    picture = (picture * voiced + 0.12 * rng.random(picture.shape))[::-1]
    # A few steps only: a diagram is stored with a small palette.
    return np.round(7 * picture / picture.max()) / 7
