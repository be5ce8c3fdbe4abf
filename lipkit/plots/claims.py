"""Figures of claims: every effect beside the paper's, with its numbers and its verdict."""

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lipkit.experiments.claims import HELD, NOT_HELD, TOO_SMALL, UNDECIDED
from lipkit.experiments.stored import Stored, families
from lipkit.plots.ablation import PAPER_MARK
from lipkit.plots.metrics import heading
from lipkit.plots.style import AUDIO, INK, LOSS, MUTED, VISUAL, new_figure, styled, tint

VERDICTS = {HELD: LOSS, NOT_HELD: VISUAL, TOO_SMALL: AUDIO, UNDECIDED: MUTED}
_CENTRED = {"ha": "center", "va": "center"}
_OURS, _PAPERS, _TOP = 0.2, -0.55, 2.0
"""Heights in a panel, which runs from -1 up: our effect, the paper's difference, the words."""


@styled
def claims_figure(
    stored: Stored, split: str, convention: str = "standard", block: str = ""
) -> Figure:
    """Every contrast as a row, every metric as a column: our difference, the paper's, the verdict.

    Each panel has a scale of its own, so that one large effect does not flatten the others; its
    numbers are written in it. The claim's side of 0 is tinted. Where nothing was measured, only
    the paper's diamond is drawn, and a metric of which the claim says nothing has an empty panel.
    ``block`` is one of :data:`lipkit.experiments.columns.BLOCKS`; empty: all claims.

    >>> from lipkit.experiments.stored import read_results
    >>> figure = claims_figure(read_results("ablation"), "s1_test", block="paper")
    >>> type(figure).__name__
    'Figure'
    """
    contrasts = [c for c in stored.experiment.contrasts if block in ("", c.block)]
    family_of = families()
    names = list(dict.fromkeys(m for contrast in contrasts for m in contrast.metrics))
    figure = new_figure(0.7 + 0.98 * len(contrasts))
    axes = figure.subplots(len(contrasts), len(names), squeeze=False)
    judged = {
        (row["contrast"], family_of[row["metric"]]): row
        for row in stored.judged(split, convention=convention)
    }
    for panels, contrast in zip(axes, contrasts, strict=True):
        for ax, family in zip(panels, names, strict=True):
            ax.set(ylim=(-1, _TOP), yticks=[])
            ax.spines["left"].set_visible(False)
            if family not in contrast.metrics:
                ax.text(0.5, 0.5, "not claimed", transform=ax.transAxes, **_CENTRED, **_FAINT)
                ax.set_axis_off()
                continue
            row = judged.get((contrast.name, family))
            _difference(ax, row, stored.paper_difference(contrast, family))
        label = "\n".join(
            [*textwrap.wrap(contrast.claim, 30), f"({contrast.origin} → {contrast.target})"]
        )
        box = {"transform": panels[0].transAxes, "ha": "right", "va": "center", "fontsize": 8.5}
        panels[0].text(-0.06, 0.5, label, **box)
    for ax, family in zip(axes[0], names, strict=True):
        found = [row["metric"] for (_, of), row in judged.items() if of == family]
        # Of a family that was not measured there is a name only.
        title = heading(found[0]) if found else family
        ax.set_title(title, fontsize=9, loc="center")
    entries = [Line2D([], [], label="paper's difference", **PAPER_MARK)]
    entries += [
        Line2D([], [], marker="o", color=colour, label=f"ours: {verdict}")
        for verdict, colour in VERDICTS.items()
    ]
    figure.legend(handles=entries, loc="outside lower right", ncols=len(entries))
    return figure


_FAINT = {"color": MUTED, "fontsize": 8}


def _difference(ax: Axes, row: Mapping[str, Any] | None, paper: float | None) -> None:
    measured = row is not None and row["difference"] is not None
    seeds = [seed for seed in row["seeds"] if seed is not None] if measured else []
    ends = [row["low"], row["high"], *seeds] if measured else []
    limit = 1.35 * max([abs(end) for end in (*ends, paper or 0)], default=0) or 1.0
    ax.set_xlim(-limit, limit)
    ax.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3, symmetric=True))
    ax.tick_params(labelsize=7.5, pad=1)
    ax.plot([0, 0], [-1, 0.7], color=INK, lw=1, zorder=1)
    side = row["side"] if row else int(np.sign(paper or 0))
    ax.axvspan(0, side * limit, color=tint(LOSS, 0.1), lw=0, zorder=0)
    if paper is not None:
        ax.plot(paper, _PAPERS, zorder=4, **PAPER_MARK)
        # Beside the diamond, towards the middle, where there is room.
        away = {"ha": "left" if paper < 0 else "right", "va": "center"}
        ax.text(paper - 0.09 * limit * np.sign(paper), _PAPERS, f"{paper:+.2g}", fontsize=8, **away)
    if row is None:
        return
    colour = VERDICTS[row["verdict"]]
    words = row["verdict"]
    if measured:
        words += "\n{difference:+.2g} [{low:+.2g}, {high:+.2g}]".format(**row)
        ax.plot([row["low"], row["high"]], [_OURS] * 2, color=colour, lw=2, zorder=2)
        ax.plot(seeds, [_OURS] * len(seeds), "|", color=colour, ms=9, mew=1.2, zorder=3)
        ax.plot(row["difference"], _OURS, "o", color=colour, ms=5.5, zorder=3)
    place = {"transform": ax.transAxes, "ha": "center", "va": "top", "linespacing": 1.2}
    ax.text(0.5, 0.99, words, color=colour, fontsize=8, fontweight="bold", **place)
