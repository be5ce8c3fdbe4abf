"""Figures of networks as such: shapes from layer to layer, fusion in numbers, parameters."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from lipkit.plots.canvas import Canvas
from lipkit.plots.style import (
    AUDIO,
    FUSED,
    INK,
    MUTED,
    PAGE,
    VISUAL,
    new_figure,
    styled,
    tint,
)

Shape = tuple[int, int, int]
"""Channels, width (or time), height (or bands)."""


@styled
def shapes_figure(rows: Mapping[str, tuple[str, Sequence[Shape], Sequence[str]]]) -> Figure:
    """What every layer passes on, as blocks: width and height to scale, depth for channels.

    Parameters
    ----------
    rows
        Title -> (colour, shapes of input and layers, a note for each arrow between them).
        Depth grows with the logarithm of the channels.
    """
    canvas = Canvas(900, 186 * len(rows) + 4)
    for i, (title, (colour, shapes, notes)) in enumerate(rows.items()):
        top = 186 * i
        canvas.words(14, top + 15, title, 10, ha="left", color=colour, weight="bold")
        gap = (880 - 130) / max(1, len(shapes) - 1)
        places = [74 + gap * k for k in range(len(shapes))]
        for x, (channels, width, height) in zip(places, shapes, strict=True):
            half, tall, deep = _half_width(width), 0.86 * height, _depth(channels)
            _cuboid(canvas.ax, x - half, top + 92 + tall / 2, 2 * half, tall, deep, colour)
            size = f"{channels:,} × {width} × {height}"
            canvas.words(x, top + 165, size, 8.4, weight="bold")
            canvas.words(x, top + 179, f"{channels * width * height:,}", 7.8, color=MUTED)
        blocks = pairwise(zip(places, shapes, strict=True))
        for ((a, left), (b, right)), note in zip(blocks, notes, strict=True):
            start = a + _half_width(left[1]) + _depth(left[0]) + 6
            end = b - _half_width(right[1]) - 5
            canvas.arrow((start, top + 92), (end, top + 92), colour=colour)
            canvas.words((start + end) / 2, top + 84, note, 7.8, color=INK, va="bottom")
    return canvas.figure


def _half_width(width: int) -> float:
    return 0.43 * width


def _depth(channels: int) -> float:
    return 2.0 + 2.6 * float(np.log2(channels))


def _cuboid(
    ax: Axes, left: float, bottom: float, width: float, height: float, deep: float, colour: str
) -> None:
    """A block seen from the front, slightly from above and from the right."""
    top, right, up = bottom - height, left + width, 0.55 * deep
    faces = (
        (0.30, [(left, bottom), (right, bottom), (right, top), (left, top)]),
        (0.16, [(left, top), (right, top), (right + deep, top - up), (left + deep, top - up)]),
        (
            0.48,
            [(right, bottom), (right, top), (right + deep, top - up), (right + deep, bottom - up)],
        ),
    )
    for strength, corners in faces:
        ax.add_patch(
            Polygon(
                corners,
                facecolor=tint(colour, strength),
                edgecolor=colour,
                linewidth=0.9,
                joinstyle="round",
                zorder=2,
            )
        )


@styled
def fusion_figure(audio: np.ndarray, identity: np.ndarray) -> Figure:
    """Fusion written out: each frame of the volume with its picture's and its sound's channel.

    ``audio`` [T, F] and ``identity`` [H, W] are one channel each, small enough to be read.
    """
    (frames, bands), (height, width) = audio.shape, identity.shape
    cell, left, first = 42, 74, 430
    between = cell * width + 76
    top, low = 44, 44 + cell * height + 40
    canvas = Canvas(900, low + cell * bands + 14)
    canvas.words(left + cell * width / 2, 12, "the two grids", 9.5, weight="bold")
    _grid(canvas, left, top, cell, identity, VISUAL, [f"w={w}" for w in range(width)])
    canvas.words(left - 12, top + cell * height / 2, "$f_p$", 12, ha="right", color=VISUAL)
    # Time to the right and bands downward, as they will lie on the picture.
    _grid(canvas, left, low, cell, audio.T, AUDIO, [f"t={t}" for t in range(frames)])
    canvas.words(left - 12, low + cell * bands / 2, "$f_s$", 12, ha="right", color=AUDIO)
    for t in range(frames):
        x = first + t * between
        canvas.words(x + width * cell / 2, 12, f"frame {t}", 9.5, weight="bold")
        _grid(canvas, x, top, cell, identity, VISUAL)
        _grid(canvas, x, low, cell, np.repeat(audio[t][:, None], width, 1), AUDIO)
    right, end = left + max(width, frames) * cell + 16, first - 16
    ways = (
        (top + cell * height / 2, "to every frame", VISUAL, "the picture's\nchannels"),
        (
            low + cell * bands / 2,
            "column $t$ to frame $t$,\nover its whole width",
            AUDIO,
            "the sound's\nchannels",
        ),
    )
    for y, text, colour, channels in ways:
        canvas.arrow((right, y), (end, y), colour=colour)
        canvas.words((right + end) / 2, y - 8, text, 8.5, color=colour, va="bottom")
        canvas.words(first + frames * between - 56, y, channels, 9, ha="left", color=colour)
    return canvas.figure


def _grid(
    canvas: Canvas,
    x: float,
    y: float,
    cell: float,
    numbers: np.ndarray,
    colour: str,
    columns: Sequence[str] = (),
) -> None:
    """Numbers in squares, with names above the columns."""
    for (r, c), number in np.ndenumerate(numbers):
        left, top = x + c * cell, y + r * cell
        box = (left, top, left + cell, top + cell)
        canvas.panel(box, tint(colour, 0.2), PAGE, radius=4, linewidth=1.5)
        canvas.words(left + cell / 2, top + cell / 2, f"{number:g}", 12, zorder=4)
    for c, name in enumerate(columns):
        canvas.words(x + (c + 0.5) * cell, y - 9, name, 8.2, color=colour)


@styled
def weight_figure(
    parameters: Mapping[str, Mapping[str, float]], work: Mapping[str, Mapping[str, float]]
) -> Figure:
    """Where a network keeps its parameters and where it spends its time, block by block.

    Both map a block to {variant: number}, with the same blocks and variants: ``parameters`` in
    millions, ``work`` in billions of multiply-adds per frame.
    """
    blocks = list(parameters)
    variants = list(next(iter(parameters.values())))
    figure = new_figure(0.9 + 0.42 * len(blocks))
    axes = figure.subplots(1, 2, sharey=True)
    colours = {"audio encoder": AUDIO, "identity encoder": VISUAL}
    thick = 0.8 / len(variants)
    for ax, table, title in (
        (axes[0], parameters, "parameters, millions"),
        (axes[1], work, "billions of multiply-adds per frame"),
    ):
        for v, variant in enumerate(variants):
            values = [table[block][variant] for block in blocks]
            y = np.arange(len(blocks)) + (v - (len(variants) - 1) / 2) * thick
            strong = 1.0 if v == 0 else 0.45
            shades = [tint(colours.get(block, FUSED), strong) for block in blocks]
            ax.barh(y, values, 0.92 * thick, color=shades, label=variant)
            for place, value in zip(y, values, strict=True):
                text = f" {value:.3g}" + (f"  {variant}" if len(variants) > 1 and value > 5 else "")
                ax.text(value, place, text, va="center", fontsize=8)
        ax.set_title(title, fontweight="normal")
        ax.set_xlim(0, 1.32 * max(max(row.values()) for row in table.values()))
        ax.spines["left"].set_visible(False)
        ax.tick_params(left=False)
        ax.grid(axis="x")
        ax.set_axisbelow(True)
    axes[0].set_yticks(range(len(blocks)), blocks, color=INK, fontsize=9)
    axes[0].invert_yaxis()
    return figure


@styled
def overlap_figure(counts: Mapping[str, np.ndarray], pictures: Mapping[str, np.ndarray]) -> Figure:
    """Checkerboards: how many taps write each pixel of a row, and the picture that results.

    ``counts`` maps a label to [n], ``pictures`` the same labels to [H, W].
    """
    figure = new_figure(2.9)
    axes = figure.subplots(2, len(counts), height_ratios=(1, 2.2))
    low = min(float(p.min()) for p in pictures.values())
    high = max(float(p.max()) for p in pictures.values())
    for (label, count), top, below in zip(counts.items(), axes[0], axes[1], strict=True):
        top.bar(np.arange(len(count)), count, 0.9, color=FUSED)
        top.set(ylim=(0, max(c.max() for c in counts.values()) + 0.4), xticks=[], yticks=(1, 2, 3))
        top.set_title(label, fontweight="normal")
        below.imshow(pictures[label], vmin=low, vmax=high, interpolation="none")
        below.set(xticks=[], yticks=[])
        below.spines[:].set_visible(False)
    axes[0, 0].set_ylabel("taps per pixel")
    return figure


@styled
def learning_figure(losses: Sequence[float], references: Mapping[str, float]) -> Figure:
    """A training loss against its step, with named levels to compare it with."""
    figure = new_figure(2.3)
    ax = figure.subplots()
    ax.plot(np.arange(1, len(losses) + 1), losses, color=FUSED)
    for (label, level), style in zip(references.items(), ("--", ":", "-."), strict=False):
        ax.axhline(level, color=MUTED, ls=style, lw=1.2)
        ax.text(len(losses), level, f"{label} ", ha="right", va="bottom", color=MUTED, fontsize=8.5)
    ax.set(xlabel="step", ylabel=r"$\ell_{pix}$", ylim=(0, None), xlim=(0, len(losses)))
    ax.grid(axis="y")
    return figure
