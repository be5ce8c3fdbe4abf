"""Mixes of losses and what came of them: a matrix of what was on, one panel per metric."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lipkit.plots.metrics import heading, written
from lipkit.plots.style import (
    ACCENT,
    HAIRLINE,
    INK,
    LOSS,
    MUTED,
    PAGE,
    new_figure,
    styled,
    tint,
)


@styled
def mixes_figure(
    mixes: Mapping[str, Mapping[str, str]],
    scores: Mapping[str, np.ndarray],
    references: Mapping[str, Mapping[str, float]],
    best: Mapping[str, int],
    chosen: int,
) -> Figure:
    """Every mix as a row: its losses as dots on the left, its scores with intervals on the right.

    Parameters
    ----------
    mixes
        Name -> loss -> its form or weight in words; empty for a loss that is off.
    scores
        Metric -> f64 ``[mixes, 3]``: value and interval; NaN is left out.
    references
        ``ground truth`` and ``frozen lips`` -> metric -> value; drawn dotted and dashed.
    best
        Metric -> the row of its star.
    chosen
        The row that is lit.
    """
    names, losses = list(mixes), list(next(iter(mixes.values())))
    figure = new_figure(1.25 + 0.3 * len(names))
    widths = [0.86 * len(losses), *[1.0] * len(scores)]
    matrix, *panels = figure.subplots(1, 1 + len(scores), width_ratios=widths, sharey=True)
    for column in range(len(losses)):
        matrix.axvline(column, color=HAIRLINE, lw=0.8, zorder=0)
    for row, mix in enumerate(mixes.values()):
        for column, words in enumerate(mix.values()):
            if not words:
                matrix.plot(column, row, "o", ms=4, mfc=PAGE, mec=MUTED, mew=0.8)
                continue
            box = {"boxstyle": "round,pad=0.28", "facecolor": LOSS, "edgecolor": "none"}
            matrix.text(
                column, row, words, ha="center", va="center", fontsize=6.5, color="white", bbox=box
            )
    matrix.set(xlim=(-0.5, len(losses) - 0.5), ylim=(len(names) - 0.5, -0.5))
    matrix.set_xticks(range(len(losses)), losses, color=INK, fontsize=7)
    matrix.set_yticks(range(len(names)), names, color=INK)
    matrix.set_xlabel("of the lit run:", loc="right")
    matrix.xaxis.tick_top()
    matrix.xaxis.set_label_position("bottom")
    matrix.tick_params(top=False, left=False)
    matrix.spines[:].set_visible(False)
    for ax, (metric, values) in zip(panels, scores.items(), strict=True):
        _panel(ax, metric, values, references, best[metric], chosen)
    for ax in (matrix, *panels):
        ax.axhspan(chosen - 0.45, chosen + 0.45, color=tint(ACCENT, 0.3), lw=0, zorder=-1)
    lines = [
        line
        for style, label in (("--", "frozen lips"), (":", "ground truth"))
        for line in panels[0].plot([], [], color=INK, ls=style, lw=1.1, label=label)
    ]
    lines += panels[0].plot([], [], "*", color=LOSS, ms=9, ls="none", label="best of these runs")
    figure.legend(handles=lines, loc="outside lower right", ncols=3)
    return figure


def _panel(
    ax: Axes,
    metric: str,
    values: np.ndarray,
    references: Mapping[str, Mapping[str, float]],
    best: int,
    chosen: int,
) -> None:
    for name, style in (("frozen lips", "--"), ("ground truth", ":")):
        if np.isfinite(references[name].get(metric, np.nan)):
            ax.axvline(references[name][metric], color=INK, ls=style, lw=1.1, zorder=1)
    for row, (value, low, high) in enumerate(values):
        lit = row == chosen
        colour = INK if lit else MUTED
        ax.plot([low, high], [row, row], color=colour, lw=2.2 if lit else 1.4, zorder=2)
        marker, size = ("*", 10) if row == best else ("o", 5)
        ax.plot(value, row, marker, ms=size, color=LOSS if row == best else colour, zorder=3)
    ax.set_title(heading(metric), fontsize=8, loc="center", linespacing=1.1)
    ax.set_xlabel(written(metric, values[chosen][0]), color=INK, fontsize=9.5, fontweight="bold")
    ax.xaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    ax.tick_params(left=False, labelsize=7)
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.12)
