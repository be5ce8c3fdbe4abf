"""The look of every figure: colours that survive colour blindness, one page, one way to show.

A figure carries its own near-white page, so that it reads the same on Jupyter's light and
dark themes. Each colour has one meaning in the whole course. They follow the palette of
Okabe and Ito (2008), a little darker so that white letters are legible on them, and remain
distinct with any common form of colour blindness; lines differ in their markers as well.
"""

import functools
import io
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import cKDTree

P = ParamSpec("P")
R = TypeVar("R")

PAGE = "#fcfcfc"
"""Without any tint, because JPEG would not keep it."""
INK = "#22262b"
MUTED = "#6a7078"
HAIRLINE = "#d6d6d6"
AUDIO = "#0072b2"
"""Everything that is sound, or comes from sound alone."""
VISUAL = "#c44e00"
"""Everything that is picture, or comes from the picture alone."""
FUSED = "#6a2c70"
"""What is made of both."""
LOSS = "#347a3a"
"""What training compares; also: right, agreed."""
ACCENT = "#e69f00"
"""A mark that must be seen."""

WIDTH = 9.0
"""Inches; at 100 dots per inch this fills a notebook's column of about 900 pixels."""
DPI = 100
RC = {
    "figure.facecolor": PAGE,
    "savefig.facecolor": PAGE,
    "axes.facecolor": PAGE,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": mpl.cycler(color=[AUDIO, VISUAL, LOSS, FUSED, ACCENT, "#56b4e9"]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlecolor": INK,
    "figure.dpi": DPI,
    # DejaVu comes with matplotlib: the same letters on every machine.
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": HAIRLINE,
    "grid.linewidth": 0.6,
    "image.cmap": "cividis",
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "mathtext.fontset": "dejavusans",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.color": MUTED,
    "ytick.labelsize": 8,
}


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a drawing function with the course's style, leaving global settings alone."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return function(*args, **kwargs)

    return wrapper


@styled
def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure (inches) that belongs to no global state and needs no closing."""
    return Figure(figsize=(width, height), layout="constrained")


@styled
def _rendered(figure: Figure, scale: float) -> Image.Image:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI * scale)
    return Image.open(buffer).convert("RGB")


def to_png(figure: Figure, scale: float = 1.0, colours: int = 48) -> bytes:
    """The figure as PNG with a palette of ``colours``: a third of the usual size.

    ``scale`` is dots per notebook pixel.
    """
    pixels = np.asarray(_rendered(figure, scale))
    shades, where, counts = _shades(pixels)
    # The colours that carry meaning keep their exact shade; the rest is adapted.
    named = [mpl.colors.to_rgb(c) for c in (AUDIO, VISUAL, FUSED, LOSS, ACCENT, PAGE, INK, MUTED)]
    named = np.round(255 * np.array(named)).astype(np.uint8)
    palette = np.concatenate([named, _adapted(shades, counts, colours - len(named))])
    # Pillow's own search for the nearest colour of a palette is coarse.
    nearest = cKDTree(palette.astype(float)).query(shades.astype(float))[1].astype(np.uint8)
    picture = Image.fromarray(nearest[where].reshape(pixels.shape[:2]))
    picture.putpalette(palette.ravel().tolist())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _shades(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shades of a picture, u8 [n, 3] in order; each pixel's number among them; their counts.

    As ``np.unique`` by rows, which takes ten times as long: it compares byte by byte.
    """
    red, green, blue = (pixels[..., i].ravel().astype(np.uint32) for i in range(3))
    codes, where, counts = np.unique(
        red << 16 | green << 8 | blue, return_inverse=True, return_counts=True
    )
    shades = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
    return shades, where, counts


def _adapted(shades: np.ndarray, counts: np.ndarray, colours: int) -> np.ndarray:
    """The ``colours`` that serve a picture best, u8 [colours, 3] (or fewer).

    Half of them are its most frequent ``shades`` [n, 3], unchanged: the flat fills of a
    drawing. The others are shared among the remaining shades, each weighted by the square root of
    its number of pixels, so that the many shades at the edges of letters do not take them all.
    """
    order = np.argsort(-counts, kind="stable")
    flat, rest = order[: colours // 2], order[colours // 2 :]
    if not len(rest):
        return shades[flat]
    sample = np.repeat(shades[rest], np.ceil(np.sqrt(counts[rest])).astype(int), axis=0)
    shared = Image.fromarray(sample[None]).quantize(
        colours - len(flat), method=Image.Quantize.MEDIANCUT
    )
    return np.concatenate([shades[flat], np.uint8(shared.getpalette()).reshape(-1, 3)])


def to_jpeg(figure: Figure, scale: float = 1.0, quality: int = 58) -> bytes:
    """The figure as JPEG, for figures that are mostly photographs."""
    buffer = io.BytesIO()
    picture = _rendered(figure, scale)
    picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()


def show(figure: Figure, alt: str, photo: bool = False, scale: float = 1.0) -> None:
    """Show the figure in a notebook, small in the file.

    ``alt`` says in words what there is to see, for readers who cannot see it; ``photo``
    stores a JPEG, which suits pictures of faces, in place of a PNG, which suits drawings.
    ``scale`` is dots per notebook pixel: above 1 for fine drawings, as far as the notebook's
    300 KB allow.
    """
    from IPython.display import Image as NotebookImage
    from IPython.display import display

    data = to_jpeg(figure, scale) if photo else to_png(figure, scale)
    width = round(figure.get_figwidth() * DPI)
    display(NotebookImage(data, width=width, alt=alt))


def tint(colour: str, strength: float) -> tuple[float, float, float]:
    """``colour`` mixed into the page: 0 is the page, 1 the colour."""
    base, over = (np.array(mpl.colors.to_rgb(c)) for c in (PAGE, colour))
    return tuple(base + strength * (over - base))


def shades(colour: str, steps: int = 12) -> mpl.colors.ListedColormap:
    """A colour map from the page to ``colour`` and on towards ink, in few steps, so that files stay
    small."""
    half = steps // 2
    light = [tint(colour, i / half) for i in range(half)]
    base, over = (np.array(mpl.colors.to_rgb(c)) for c in (colour, INK))
    dark = [tuple(base + 0.8 * i / half * (over - base)) for i in range(steps - half)]
    return mpl.colors.ListedColormap(light + dark)
