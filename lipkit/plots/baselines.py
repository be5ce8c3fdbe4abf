"""Figures of baselines: what each method sees and makes, mouths as outlines, scores."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lipkit.face.mouth import INNER
from lipkit.plots.canvas import Canvas
from lipkit.plots.style import (
    AUDIO,
    FUSED,
    HAIRLINE,
    INK,
    LOSS,
    MUTED,
    VISUAL,
    new_figure,
    styled,
    tint,
)


class Way(NamedTuple):
    """One method in one line."""

    name: str
    sees: str
    """Any of ``picture``, ``points``, ``sound``, ``noise``, ``clips``, ``clip``."""
    does: str
    how: str
    gives: str


WAYS = (
    Way("frozen lips", "picture", "copy", "the identity image, 16 times", "sharp, still"),
    Way("mean lips", "clip", "average", "of all true frames of the clip", "blurred, still"),
    Way("retrieval", "sound clips", "search", "nearest sound, its film", "real, anybody's"),
    Way("landmarks", "points sound", "regress", "a 1-D network in time", "points, no picture"),
    Way("Vondrick et al.", "sound noise", "mix", "foreground, mask, background", "nobody's mouth"),
    Way("Chung et al.", "picture sound", "draw", "one code and two skips", "48 channels"),
    Way("the paper", "picture sound", "fuse", "a volume in space and time", "any length"),
)
"""The methods of notebook 10, in its order."""
_INPUTS = {
    "picture": ("identity", VISUAL, 0),
    "points": ("its points", VISUAL, 0),
    "clip": ("the answer", MUTED, 0),
    "sound": ("sound", AUDIO, 1),
    "noise": ("noise", MUTED, 2),
    "clips": ("training clips", MUTED, 2),
}
"""What may go in: its words, colour and column."""
_COLUMNS = ((140, 238), (246, 316), (324, 432))


@styled
def ways_figure(ways: Sequence[Way] = WAYS) -> Figure:
    """Every method on a line of its own: what goes in, what is done with it, what comes out."""
    step, top = 54, 30
    canvas = Canvas(900, top + step * len(ways) + 4)
    for x, text in ((291, "sees"), (590, "does"), (808, "gives")):
        canvas.words(x, 14, text, 9, color=MUTED)
    for i, way in enumerate(ways):
        y = top + step * (i + 0.5)
        canvas.words(14, y, way.name, 9.5, ha="left", weight="bold")
        for word in way.sees.split():
            title, colour, column = _INPUTS[word]
            left, right = _COLUMNS[column]
            canvas.block((left, y - 17, right, y + 17), title, colour=colour)
        canvas.arrow((438, y), (462, y))
        canvas.block((466, y - 21, 716, y + 21), way.does, way.how, colour=FUSED)
        canvas.arrow((720, y), (744, y))
        canvas.words(752, y, way.gives, 9, ha="left")
    return canvas.figure


OUTER = slice(0, INNER.start)
"""Indices into the 20 mouth points: the two closed outlines."""


@styled
def mouths_figure(
    truth: np.ndarray, rows: Mapping[str, np.ndarray], names: Sequence[str] = ()
) -> Figure:
    """Mouths as outlines: each row over the truth, which is filled.

    ``truth`` and the rows' values are mouth points [n, 20, 2] in lip pixels, y downward;
    their centroids are laid over each other, as LMD does. ``names`` stand above the columns.
    """
    figure = new_figure(0.3 + 0.72 * len(rows))
    axes = figure.subplots(len(rows), len(truth), sharex=True, sharey=True, squeeze=False)
    truth = _centred(truth)
    reach = 1.12 * np.abs(truth).max((0, 1))
    for line, (label, points) in zip(axes, rows.items(), strict=True):
        for ax, true, found in zip(line, truth, _centred(points), strict=True):
            _outline(ax, true, HAIRLINE, filled=True)
            _outline(ax, found, AUDIO)
            ax.set(xlim=(-reach[0], reach[0]), ylim=(reach[1], -reach[1]), aspect="equal")
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(label, rotation=0, ha="right", va="center", color=INK)
    for ax, name in zip(axes[0], names, strict=False):
        ax.set_title(name, loc="center", fontweight="normal", fontsize=8, color=MUTED)
    return figure


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(1, keepdims=True)


def _outline(ax: Axes, points: np.ndarray, colour: str, filled: bool = False) -> None:
    if filled:
        ax.fill(*points[OUTER].T, color=colour, lw=0)
        ax.fill(*points[INNER].T, color=tint(INK, 0.5), lw=0)
        return
    for part in (OUTER, INNER):
        line = points[part]
        ax.plot(*np.concatenate([line, line[:1]]).T, color=colour, lw=1.3)


@styled
def scores_figure(
    panels: Mapping[str, Mapping[str, Sequence[float | None]]],
    line: str,
    aims: Mapping[str, float],
    trained: Sequence[str] = (),
) -> Figure:
    """Scores with intervals beside a line that should be beaten.

    Parameters
    ----------
    panels
        Metric with unit -> row -> (mean, low, high); a mean of None leaves the row empty.
        All panels have the same rows.
    line
        The row whose mean is drawn as a dashed line through every panel.
    aims
        Metric -> the truth's own value, drawn as a green line; metrics without one have no line.
    trained
        Rows that were trained: filled circles, the others hollow diamonds.
    """
    rows = list(next(iter(panels.values())))
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = new_figure(lines * (0.75 + 0.24 * len(rows)))
    axes = figure.subplots(lines, columns, sharey=True, squeeze=False)
    for ax in axes.ravel()[len(panels) :]:
        ax.axis("off")
    for ax, (metric, scores) in zip(axes.ravel(), panels.items(), strict=False):
        if scores[line][0] is not None:
            ax.axvline(scores[line][0], color=MUTED, ls="--", lw=1.1)
        if metric in aims:
            ax.axvline(aims[metric], color=LOSS, lw=1.4)
        for y, row in enumerate(rows):
            mean, low, high = scores[row]
            if mean is None:
                ax.text(0.5, y, "–", transform=ax.get_yaxis_transform(), color=MUTED, va="center")
                continue
            if low is not None and high is not None:
                ax.plot([low, high], [y, y], color=tint(AUDIO, 0.5), lw=3)
            fill, marker = (AUDIO, "o") if row in trained else ("white", "D")
            ax.plot(mean, y, marker, ms=6, mfc=fill, mec=AUDIO, mew=1.3)
        ax.set_title(metric)
        ax.grid(axis="x")
        ax.tick_params(axis="y", left=False, labelsize=8.5, labelcolor=INK)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)
    axes[0, 0].set_yticks(range(len(rows)), rows)
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    return figure
