"""Figures of generation: whose lips are taken, and how far a mouth opens as it talks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lipkit.config import FPS
from lipkit.plots.style import ACCENT, FUSED, INK, LOSS, MUTED, VISUAL, new_figure, styled, tint

COLOURS = (INK, FUSED, VISUAL, LOSS)
STYLES = ("-", "-", "--", ":")


@styled
def identity_figure(picture: np.ndarray, box: Sequence[float], lips: np.ndarray) -> Figure:
    """A picture u8 [H, W, 3] with the box (x, y, side) of its lips, the face nearer, the lips."""
    figure = new_figure(2.7)
    whole, near, small = figure.subplots(1, 3)
    x, y, side = box
    for ax in (whole, near):
        ax.imshow(picture, interpolation="lanczos")
        corner = (x - side / 2, y - side / 2)
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=ACCENT, lw=1.5))
    near.set(xlim=(x - 1.5 * side, x + 1.5 * side), ylim=(y + 1.1 * side, y - 1.9 * side))
    small.imshow(lips, interpolation="nearest")
    height, width = picture.shape[:2]
    titles = (f"picture, {width} × {height}", f"lips: {side:.0f} pixels", "what the model sees")
    for ax, title in zip((whole, near, small), titles, strict=True):
        ax.set_title(title, fontweight="normal")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


@styled
def openings_figure(
    curves: Mapping[str, np.ndarray],
    phonemes: Sequence[tuple[str, float, float]] = (),
    marked: str = "pbm",
    unit: str = "px",
) -> Figure:
    """Mouth openings [T] over time, the sounds that need closed lips shaded.

    Parameters
    ----------
    curves
        Label -> opening of every frame, at 25 frames per second.
    phonemes
        Symbol, start and end in seconds, written above.
    marked
        Symbols that are shaded.
    """
    figure = new_figure(2.3)
    ax = figure.subplots()
    styles = zip(curves.items(), COLOURS, STYLES, strict=False)
    for (label, opening), colour, style in styles:
        time = (np.arange(len(opening)) + 0.5) / FPS
        ax.plot(time, opening, color=colour, ls=style, label=label)
    longest = max(len(opening) for opening in curves.values()) / FPS
    top = 1.05 * max(1.0, *(float(np.nanmax(opening)) for opening in curves.values()))
    for symbol, start, end in phonemes:
        if symbol in marked:
            ax.axvspan(start, end, color=tint(ACCENT, 0.35), lw=0)
        if symbol != "_":
            ax.text((start + end) / 2, top, symbol, ha="center", fontsize=8, color=MUTED)
    ax.set(xlim=(0, longest), ylim=(0, top), xlabel="time, s", ylabel=f"mouth opening, {unit}")
    if len(curves) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    else:
        ax.set_title(*curves, fontweight="normal", pad=18)
    ax.grid(axis="y")
    return figure
