"""Figures of what a network's numbers see: fields on a log-mel, influence, what hears what."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE
from lipkit.plots.signals import contrast, posterised, show_logmel
from lipkit.plots.style import ACCENT, AUDIO, FUSED, INK, PAGE, new_figure, shades, styled, tint

Field = tuple[tuple[int, int], tuple[int, int]]
"""First and last column, first and last band; beyond the log-mel lies padding."""


@styled
def fields_figure(logmel: np.ndarray, fields: Mapping[str, Field]) -> Figure:
    """One log-mel [n, 128] with the fields of several layers inside one another, and enlarged.

    ``fields`` label -> :data:`Field`, smallest first.
    """
    figure = new_figure(3.4)
    whole, near = figure.subplots(1, 2, width_ratios=(1.35, 1))
    columns = len(logmel)
    for ax in (whole, near):
        show_logmel(ax, logmel, columns)
        ax.set_xlabel("log-mel column (four per frame)")
    for i, (label, field) in enumerate(fields.items()):
        (left, right), (low, high) = field
        size = (right - left + 1, high - low + 1)
        for ax in (whole, near)[i < len(fields) - 1 :]:
            ax.add_patch(Rectangle((left, low), *size, fill=False, edgecolor=ACCENT, lw=2))
        near.text(left + 0.15, high + 0.85, label, va="top", fontsize=8, color="white")
    (left, right), (low, high) = list(fields.values())[-1]
    near.set(xlim=(left - 1, right + 2), ylim=(low - 1, high + 2), ylabel="", yticks=[])
    whole.set_title("the window")
    near.set_title("enlarged: what one number of a layer sees")
    return figure


@styled
def explorer_figure(
    logmel: np.ndarray,
    field: Field,
    grid: tuple[int, int],
    place: tuple[int, int],
    title: str,
    rows: str,
    downward: bool = False,
) -> Figure:
    """A cell of a layer's output and what it sees of the log-mel [n, 128].

    ``grid`` is the size of that output, (steps, rows), and ``place`` the cell in it; ``rows``
    says what its rows are; ``downward`` draws row 0 at the top, as in a picture.
    """
    figure = new_figure(3.2)
    left, right = figure.subplots(1, 2, width_ratios=(2.0, 1))
    low, high = contrast(logmel)
    columns, bands = logmel.shape
    show_logmel(left, logmel, columns, low=low, high=high)
    (first, last), (bottom, top) = field
    box = Rectangle(
        (first, bottom), last - first + 1, top - bottom + 1, fill=False, edgecolor=ACCENT, lw=2.2
    )
    left.add_patch(box)
    spare = 0.04
    left.set(
        xlim=(min(-spare * columns, first - 2), max((1 + spare) * columns, last + 3)),
        ylim=(min(-spare * bands, bottom - 2), max((1 + spare) * bands, top + 3)),
        xlabel="log-mel column (four per frame)",
    )
    left.set_title(f"sees {last - first + 1} columns × {top - bottom + 1} bands", fontweight="bold")
    steps, height = grid
    right.add_patch(Rectangle((0, 0), steps, height, facecolor=tint(AUDIO, 0.12), edgecolor=AUDIO))
    for edges, size, draw in ((steps, height, right.vlines), (height, steps, right.hlines)):
        if edges <= 64:
            draw(np.arange(1, edges), 0, size, color=PAGE, lw=0.5)
    step, row = place
    # Never so small that it could be overlooked.
    wide, tall = max(1.0, steps / 60), max(1.0, height / 60)
    right.add_patch(
        Rectangle(
            (step + 0.5 - wide / 2, row + 0.5 - tall / 2),
            wide,
            tall,
            facecolor=ACCENT,
            edgecolor=INK,
        )
    )
    right.set(xlim=(-0.5, steps + 0.5), ylim=(-0.5, height + 0.5), xlabel="step", ylabel=rows)
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_locator(MaxNLocator(6, integer=True))
    if downward:
        right.invert_yaxis()
    right.set_title(title)
    return figure


@styled
def influence_figure(influence: np.ndarray, field: Field, row: str) -> Figure:
    """How much each place of a log-mel matters to one feature, and its profile along both axes.

    ``influence`` [n, 128] is never negative; ``field`` is what arithmetic says; ``row`` names
    the feature.
    """
    figure = new_figure(2.9)
    axes = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    (left, right), (low, high) = field
    pad = 6
    share = influence / influence.max()
    axes[0].imshow(
        share.T, origin="lower", aspect="auto", interpolation="none", vmin=0, cmap=shades(AUDIO)
    )
    axes[0].add_patch(
        Rectangle(
            (left - 0.5, low - 0.5),
            right - left + 1,
            high - low + 1,
            fill=False,
            edgecolor=ACCENT,
            lw=1.8,
        )
    )
    axes[0].set(
        xlim=(left - pad, right + pad),
        ylim=(low - pad, high + pad),
        xlabel="log-mel column",
        ylabel="mel band",
        title=row,
    )
    for ax, axis, (first, last), name in (
        (axes[1], 1, (left, right), "log-mel column"),
        (axes[2], 0, (low, high), "mel band"),
    ):
        profile = share.sum(axis)
        places = np.arange(len(profile))
        ax.bar(places, profile / profile.max(), 0.86, color=AUDIO)
        for edge in (first - 0.5, last + 0.5):
            ax.axvline(edge, color=ACCENT, lw=1.8)
        near = np.cumsum(profile) / profile.sum()
        core = places[(near > 0.05) & (near < 0.95)]
        ax.set_title(f"90 % from {len(core)} of {last - first + 1}", fontweight="normal")
        ax.set(xlim=(first - pad, last + pad), yticks=[], xlabel=name, ylim=(0, 1.08))
    axes[1].set_ylabel("influence")
    return figure


@styled
def reach_figure(changes: Mapping[str, np.ndarray]) -> Figure:
    """Which frames change when one frame's sound does: label -> [T heard, T shown].

    White is exactly 0. The scale is logarithmic over the decades in which changes lie, three
    at most: frames near its upper end would all look black on a longer one.
    """
    figure = new_figure(3.7)
    axes = np.atleast_1d(figure.subplots(1, len(changes), sharey=True))
    top = max(float(c.max()) for c in changes.values())
    least = min(float(c[c > 0].min()) for c in changes.values())
    low = max(min(least, top / 10), top * 1e-3)
    tinted = ListedColormap(shades(FUSED, 16).colors[2:12])
    for ax, (label, change) in zip(axes, changes.items(), strict=True):
        seen = np.ma.masked_equal(change, 0)
        image = ax.imshow(
            seen.T,
            origin="lower",
            norm=LogNorm(low, top),
            interpolation="none",
            cmap=tinted,
        )
        ax.plot([-0.5, len(change) - 0.5], [-0.5, len(change) - 0.5], color=ACCENT, lw=0.9)
        ax.set(xlabel="frame whose sound is changed", title=label)
    axes[0].set_ylabel("frame of the video")
    figure.colorbar(image, ax=axes, label="mean change of its pixels", fraction=0.03, pad=0.02)
    return figure


@styled
def bands_figure(influence: Mapping[str, np.ndarray], field: np.ndarray | None = None) -> Figure:
    """Which mel bands each row of the picture hears: label -> [n, 128], n rows evenly spread.

    Every row is shown relative to its own largest value. ``field`` [n, 2] draws the first
    and last band that arithmetic allows in the first panel.
    """
    figure = new_figure(3.4)
    axes = np.atleast_1d(figure.subplots(1, len(influence), sharey=True))
    for i, (ax, (label, table)) in enumerate(zip(axes, influence.items(), strict=True)):
        n, bands = table.shape
        ax.imshow(
            table / table.max(1, keepdims=True),
            aspect="auto",
            interpolation="none",
            vmin=0,
            vmax=1,
            cmap=shades(AUDIO),
            extent=(-0.5, bands - 0.5, LIP_SIZE, 0),
        )
        if i == 0 and field is not None:
            y = (np.arange(n) + 0.5) * LIP_SIZE / n
            for edge in np.clip(field, -0.5, bands - 0.5).T:
                ax.plot(edge, y, color=ACCENT, lw=1.8)
        ax.set(xlabel="mel band, low to high", title=label, xlim=(-0.5, bands - 0.5))
        ax.set_yticks(range(0, LIP_SIZE + 1, 16))
    axes[0].set_ylabel("row of the picture, top to bottom")
    return figure


@styled
def taps_figure(taps: Mapping[str, Sequence[tuple[int, int]]], logmel: np.ndarray) -> Figure:
    """Where on the log-mel the taps of one kernel come from: label -> (column, band) pairs.

    ``logmel`` [n, 128] has every column that the taps name. Taps that lie close
    together are shown enlarged.
    """
    figure = new_figure(3.0)
    axes = np.atleast_1d(figure.subplots(1, len(taps)))
    low, high = contrast(logmel)
    for ax, (label, places) in zip(axes, taps.items(), strict=True):
        picture = posterised(logmel, low, high).T
        ax.imshow(picture, origin="lower", aspect="auto", interpolation="none", alpha=0.55)
        for edge in range(COLUMNS_PER_FRAME, len(logmel), COLUMNS_PER_FRAME):
            ax.axvline(edge - 0.5, color=PAGE, lw=1.2)
        column, band = np.array(places).T
        ax.plot(column, band, "s", ms=6, color=ACCENT, mec=INK, mew=0.7)
        ax.set(xlabel="log-mel column", title=label, xticks=range(0, len(logmel), 2))
        if np.ptp(band) < 10:
            ax.set_ylim(band.mean() - 6, band.mean() + 6)
    axes[0].set_ylabel("mel band")
    return figure
