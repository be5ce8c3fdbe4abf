"""Figures of experiments: the paper beside ours, differences and verdicts, spread, curves."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lipkit.experiments.columns import PAPER
from lipkit.experiments.stored import FROZEN, TRUTH, Score, Stored
from lipkit.plots.metrics import heading
from lipkit.plots.style import (
    ACCENT,
    AUDIO,
    FUSED,
    HAIRLINE,
    INK,
    LOSS,
    MUTED,
    PAGE,
    VISUAL,
    new_figure,
    styled,
    tint,
)
from lipkit.plots.training import PANELS, running_mean

BESIDE_PAPER = ("lmd", "ssim_paper", "psnr_paper", "cpbd_paper")
LINES = {FROZEN: "--", TRUTH: ":"}
PAPER_MARK = {"marker": "D", "ms": 6.5, "color": ACCENT, "mec": INK, "mew": 0.6, "ls": "none"}
"""How a number of the paper is drawn wherever it stands beside ours."""
_LETTERS = 34
"""Width of a row's name, in letters."""


@styled
def table_figure(
    stored: Stored,
    splits: Sequence[str],
    rows: Sequence[str],
    metrics: Sequence[str] = BESIDE_PAPER,
    lines: Sequence[str] = (FROZEN, TRUTH),
) -> Figure:
    """One panel per metric: each row's mean with interval and seeds, the paper's value beside it.

    Parameters
    ----------
    splits
        One or two; the second is drawn hollow, below the first.
    rows
        Names of cells and reference rows, from top to bottom.
    metrics
        Our names; the paper's diamond is drawn where its number may be compared with ours, on
        a line of its own above our dots, so that neither hides the other.
    lines
        References, drawn as vertical lines with their values on the first split.
    """
    known = {(m, r): stored.paper(r, m) for m in metrics for r in rows}
    papers = any(value is not None for value in known.values())
    lanes = max(len(splits), 1) + papers
    figure = new_figure(1.15 + (0.14 + 0.115 * lanes) * len(rows))
    axes = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    offsets = (np.arange(lanes) - (lanes - 1) / 2) * 0.8 / lanes
    ours = offsets[1:] if papers else offsets
    for ax, metric in zip(axes, metrics, strict=True):
        for name in lines:
            score = stored.score(splits[0], name, metric) if splits else None
            if score is not None:
                ax.axvline(score.value, color=INK, ls=LINES[name], lw=1.1, zorder=1)
        for y, row in enumerate(rows):
            for i, split in enumerate(splits):
                _dot(ax, stored.score(split, row, metric), y + ours[i], hollow=i > 0)
            if known[metric, row] is not None:
                ax.plot(known[metric, row], y + offsets[0], zorder=4, **PAPER_MARK)
        ax.set_title(heading(metric), fontsize=8.5, loc="center", linespacing=1.1)
        _rows_axis(ax, len(rows))
    titles = [_title(stored, row) for row in rows]
    axes[0].set_yticks(range(len(rows)), titles, color=INK, fontsize=7.5)
    entries = [
        Line2D([], [], marker="o", ls="-", color=FUSED, mfc=PAGE if i else FUSED, label=split)
        for i, split in enumerate(splits)
    ]
    entries += [Line2D([], [], label="paper, GRID", **PAPER_MARK)] * papers
    if splits:
        entries += [Line2D([], [], color=INK, ls=LINES[n], lw=1.1, label=n) for n in lines]
    figure.legend(handles=entries, loc="outside lower right", ncols=len(entries))
    return figure


def _dot(ax: Axes, score: Score | None, y: float, hollow: bool = False) -> None:
    if score is None:
        return
    ax.plot([score.low, score.high], [y, y], color=FUSED, lw=1.6, zorder=2.5)
    if len(score.seeds) > 1:
        ax.plot(score.seeds, [y] * len(score.seeds), "|", color=FUSED, ms=9, mew=1.2, zorder=2.6)
    face = PAGE if hollow else FUSED
    ax.plot(score.value, y, "o", ms=5.5, color=FUSED, mfc=face, mew=1.3, zorder=3)


def _title(stored: Stored, row: str) -> str:
    """Its name; a letter of Tab. 1 is explained."""
    title = stored.title(row)
    name = f"{row}  {title}" if title != row and len(row) <= 2 else row
    return "\n".join(textwrap.wrap(name, _LETTERS)[:2])


def _rows_axis(ax: Axes, count: int) -> None:
    ax.set_ylim(count - 0.5, -0.5)
    ax.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=2))
    ax.tick_params(left=False, labelsize=7.5)
    ax.spines["left"].set_visible(False)
    for y in range(count - 1):
        ax.axhline(y + 0.5, color=HAIRLINE, lw=0.6, zorder=0)
    ax.margins(x=0.1)


@styled
def spread_figure(stored: Stored, split: str, metrics: Mapping[str, str]) -> Figure:
    """The paper's differences above what another seed alone changes, one panel per metric.

    ``metrics`` maps the paper's metric to ours, whose seeds are drawn: a dot per cell, second
    seed minus first and first minus second. The band holds 95 % of the differences between two
    single runs, leaving out the cell whose seeds differ most; where that cell lies outside the
    panel, its name and difference are written there.
    """
    claimed = [c for c in stored.experiment.contrasts if c.block == PAPER]
    contrasts = [c for c in claimed if set(c.metrics) & set(metrics)]
    figure = new_figure(1.15 + 0.3 * len(contrasts))
    axes = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    for ax, (family, metric) in zip(axes, metrics.items(), strict=True):
        papers = [
            (y, value)
            for y, contrast in enumerate(contrasts, start=1)
            if family in contrast.metrics
            and (value := stored.paper_difference(contrast, family)) is not None
        ]
        band = stored.chance(split, metric, stored.widest(split, metric)) or 0.0
        limit = 1.25 * max([band, *(abs(value) for _, value in papers)], default=1.0) or 1.0
        ax.set_xlim(-limit, limit)
        ax.axvspan(-band, band, color=tint(FUSED, 0.15), lw=0, zorder=0)
        for cell, change in stored.seed_differences(split, metric).items():
            if abs(change) > limit:
                words = f"{cell}: ±{abs(change):.2g} →"
                ax.text(limit, -0.02, words, ha="right", va="center", fontsize=7, color=FUSED)
                continue
            ax.plot([change, -change], [0, 0], "o", ms=5, color=FUSED, mfc=PAGE, mew=1.1, zorder=3)
        for y, value in papers:
            ax.plot(value, y, zorder=3, **PAPER_MARK)
        ax.axvline(0, color=INK, lw=1, zorder=1)
        ax.set_title(heading(metric), fontsize=8.5, loc="center", linespacing=1.1)
        _rows_axis(ax, len(contrasts) + 1)
    labels = ["nothing but the seed (ours)"]
    labels += [f"{c.name.replace('_', ' ')} ({c.origin} → {c.target}), paper" for c in contrasts]
    axes[0].set_yticks(range(len(labels)), labels, color=INK, fontsize=8)
    entries = [
        Line2D([], [], marker="o", ls="none", color=FUSED, mfc=PAGE, label="two seeds of a cell"),
        Line2D([], [], color=tint(FUSED, 0.15), lw=8, label="95 % of pairs, widest left out"),
        Line2D([], [], label="paper's difference of single runs", **PAPER_MARK),
    ]
    figure.legend(handles=entries, loc="outside lower right", ncols=3)
    return figure


@styled
def curves_figure(
    curves: Sequence[Mapping[str, Any]], names: Sequence[str], lit: Sequence[str] = ()
) -> Figure:
    """One panel per loss, one line per cell, its seeds' running mean; ``lit`` cells in colour.

    Parameters
    ----------
    curves
        Rows with cell, seed, step and losses; None for a loss that was off.
    names
        From :data:`lipkit.plots.training.PANELS`; a loss that no cell has leaves its panel empty.

    Raises
    ------
    ValueError
        Without a row.
    """
    if not curves:
        raise ValueError("there is no step to draw")
    colours = dict(zip(lit, (AUDIO, VISUAL, LOSS, FUSED), strict=False))
    figure = new_figure(2.7)
    axes = np.atleast_1d(figure.subplots(1, len(names)))
    cells = list(dict.fromkeys(row["cell"] for row in curves))
    for ax, name in zip(axes, names, strict=True):
        shown = []
        for cell in sorted(cells, key=lambda cell: cell in colours):
            lines = _by_seed([row for row in curves if row["cell"] == cell], name)
            for step, values in lines:
                smooth = running_mean(values)
                shown.append(smooth[len(smooth) // 10 :])
                style = (
                    {"color": colours[cell], "lw": 1.6, "zorder": 3}
                    if cell in colours
                    else {"color": HAIRLINE, "lw": 1.1, "zorder": 2}
                )
                ax.plot(step, smooth, **style)
        if shown:
            low, high = min(s.min() for s in shown), max(s.max() for s in shown)
            room = 0.08 * max(high - low, 1e-6)
            ax.set_ylim(low - room, high + room)
        ax.set_title(PANELS[name][0], fontweight="normal")
        ax.set_xlabel("step")
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.grid(axis="y")
    entries = [Line2D([], [], color=colour, label=cell) for cell, colour in colours.items()]
    entries.append(Line2D([], [], color=HAIRLINE, label="the other cells"))
    figure.legend(handles=entries, loc="outside lower right", ncols=len(entries))
    return figure


def _by_seed(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[list, np.ndarray]]:
    lines = []
    for seed in dict.fromkeys(row["seed"] for row in rows):
        points = [
            (r["step"], r[name]) for r in rows if r["seed"] == seed and r.get(name) is not None
        ]
        if points:
            steps, values = zip(*points, strict=True)
            lines.append((list(steps), np.array(values, float)))
    return lines


@styled
def wrapping_rows_figure(
    stored: Stored, split: str, rows: Sequence[str], unrelated: float
) -> Figure:
    """Every row's true PSNR and its wrapped one, joined, beside the paper's values.

    Rows that draw nothing are left out.

    ``unrelated`` is the wrapped PSNR that unrelated pictures typically have, in dB. It is no
    bound: the largest square modulo 256 is 249, which is 24.2 dB.
    """
    rows = [row for row in rows if stored.score(split, row, "psnr") is not None]
    figure = new_figure(1.0 + 0.32 * len(rows), 6.6)
    ax = figure.subplots()
    for y, row in enumerate(rows):
        true, wrapped = (stored.score(split, row, metric) for metric in ("psnr", "psnr_paper"))
        if true is not None and wrapped is not None:
            ax.plot([true.value, wrapped.value], [y, y], color=MUTED, lw=1.4, zorder=1)
        if true is not None:
            ax.plot(true.value, y, "o", color=FUSED, ms=6, zorder=3)
        if wrapped is not None:
            ax.plot(wrapped.value, y, "s", color=FUSED, mfc=PAGE, ms=6, mew=1.3, zorder=3)
        paper = stored.paper(row, "psnr_paper")
        if paper is not None:
            ax.plot(paper, y, zorder=4, **PAPER_MARK)
    ax.axvline(unrelated, color=INK, ls=":", lw=1.1, zorder=0)
    _rows_axis(ax, len(rows))
    ax.set_yticks(range(len(rows)), [_title(stored, row) for row in rows], color=INK, fontsize=8)
    ax.set_xlabel("PSNR, dB")
    entries = [
        Line2D([], [], marker="o", ls="none", color=FUSED, label="true"),
        Line2D([], [], marker="s", ls="none", color=FUSED, mfc=PAGE, label="wrapped"),
        Line2D([], [], label="paper (wrapped)", **PAPER_MARK),
        Line2D([], [], color=INK, ls=":", lw=1.1, label="wrapped, of unrelated pictures"),
    ]
    figure.legend(handles=entries, loc="outside lower right", ncols=4)
    return figure
