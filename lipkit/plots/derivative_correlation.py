"""Figures of the derivative correlation: series over lips, curves and histograms with their null.

Sound is blue and lips are orange, as everywhere; what is computed from both is purple. A grey
band is always what chance gives. Offsets are frames, positive where the lips come later.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lipkit.analysis.offsets import OFFSETS, PIECE, correlate
from lipkit.plots.style import (
    ACCENT,
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

if TYPE_CHECKING:
    from lipkit.analysis.statistics import Band
    from lipkit.analysis.study import FormulaResult

OFFSET_LABEL = "offset $d$, frames"
DIRECTION = "← lips earlier     lips later →"
NULL = tint(MUTED, 0.25)
"""What chance gives."""
_EVERY = 5
"""One picture of the strip stands for this many frames."""


@styled
def series_figure(
    lips: np.ndarray,
    sound: Mapping[str, np.ndarray],
    motion: Mapping[str, np.ndarray],
    words: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """The series of one clip under its film strip, on a common axis of frames.

    Parameters
    ----------
    lips
        u8 ``[T, 64, 64, 3]``.
    sound, motion
        Label -> ``[T]``, one value per frame, or ``[T-1]``, one value per change of frame, drawn
        at the edge between its two frames.
    words
        Label, start and end in frames; written over the strip.
    """
    T = len(lips)
    rows = len(sound) + len(motion)
    figure = new_figure(1.0 + 0.8 * rows)
    axes = figure.subplots(rows + 1, 1, sharex=True, height_ratios=[0.66, *[0.8] * rows])
    for first in range(0, T - _EVERY + 1, _EVERY):
        extent = (first + 0.1, first + _EVERY - 0.1, 0, 1)
        middle = lips[first + _EVERY // 2]
        axes[0].imshow(middle, extent=extent, aspect="auto", interpolation="lanczos")
    axes[0].set(ylim=(0, 1), yticks=[])
    axes[0].spines[:].set_visible(False)
    axes[0].tick_params(bottom=False)
    for text, start, end in words:
        at = axes[0].get_xaxis_transform()
        axes[0].text((start + end) / 2, 1.08, text, transform=at, ha="center", fontsize=8.5)
    coloured = [(AUDIO, *item) for item in sound.items()]
    coloured += [(VISUAL, *item) for item in motion.items()]
    for ax, (colour, label, values) in zip(axes[1:], coloured, strict=True):
        for i, (_, start, end) in enumerate(words):
            ax.axvspan(start, end, color=tint(MUTED, (0.06, 0.13)[i % 2]), lw=0)
        if values.min() < 0:
            ax.axhline(0, color=HAIRLINE, lw=1)
        ax.plot(_times(values, T), values, color=colour)
        ax.set_title(label, color=colour, fontweight="normal", fontsize=9, pad=2)
        ax.yaxis.set_major_locator(MaxNLocator(3))
    axes[-1].set(xlim=(0, T), xlabel="frame (1/25 s)")
    return figure


def _times(values: np.ndarray, frames: int) -> np.ndarray:
    """Where values are drawn on an axis on which frame t covers [t, t+1)."""
    return np.arange(len(values)) + 0.5 + (frames - len(values)) / 2


@styled
def explorer_figure(
    sound: np.ndarray, lips: np.ndarray, offset: int, title: str, offsets: np.ndarray = OFFSETS
) -> Figure:
    """Two series ``[n]`` laid over each other at one offset, and r at all ``offsets``.

    The lips of step t + d are drawn at t. Each shaded piece of 16 steps carries its own r.
    """
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2, width_ratios=(2.5, 1))
    r = correlate(sound, lips, offsets)
    start, stop = max(0, -offset), min(len(sound), len(lips) - offset)
    left.axhline(0, color=HAIRLINE, lw=1)
    for i, first in enumerate(range(start, stop - PIECE + 1, PIECE)):
        piece = slice(first, first + PIECE)
        moved = slice(first + offset, first + offset + PIECE)
        own = correlate(sound[piece], lips[moved], np.array([0]))[0]
        left.axvspan(first - 0.5, first + PIECE - 0.5, color=tint(FUSED, (0.05, 0.11)[i % 2]), lw=0)
        text = f"r = {own:+.2f}".replace("-", "−") if np.isfinite(own) else "constant"
        at = left.get_xaxis_transform()
        left.text(
            first + PIECE / 2 - 0.5, 0.965, text, transform=at, ha="center", va="top", color=FUSED
        )
    left.plot(np.arange(len(sound)), _standard(sound), color=AUDIO, label="sound")
    steps = np.arange(len(lips)) - offset
    left.plot(
        steps,
        _standard(lips),
        color=VISUAL,
        ls=(0, (4, 1.2)),
        label=f"lips, moved by {_signed(-offset)}",
    )
    low, high = left.get_ylim()
    left.set(xlim=(-1, len(sound)), ylim=(low, high + 0.24 * (high - low)))
    left.set(xlabel="step of the sound", ylabel="standardised", title=title)
    left.legend(loc="upper right", bbox_to_anchor=(1.0, 1.13), ncols=2, borderpad=0)
    here = float(r[list(offsets).index(offset)])
    right.axvline(0, color=HAIRLINE, lw=1)
    right.axhline(0, color=HAIRLINE, lw=1)
    right.plot(offsets, r, color=FUSED)
    right.plot(offset, here, "o", ms=8, color=ACCENT, mec=INK, mew=0.8)
    right.set(xlabel=OFFSET_LABEL, ylabel="mean $r$ of the pieces", ylim=(-0.75, 0.95))
    right.set_title(f"at {_signed(offset)}: {here:.2f}".replace("-", "−"))
    return figure


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(float(values.std()), 1e-12)


@styled
def clip_curves_figure(
    offsets: np.ndarray, curves: np.ndarray, null: np.ndarray, names: Sequence[str]
) -> Figure:
    """Fig. 3(a): r against the offset for some clips, each with what other lips give.

    ``curves`` ``[n, offsets]``; ``null`` ``[n, 2, offsets]``, the lower and upper edge of a
    band of the same sound with other clips' lips.
    """
    figure = new_figure(2.5)
    axes = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for ax, curve, (low, high), name in zip(axes, curves, null, names, strict=True):
        ax.fill_between(offsets, low, high, color=NULL, lw=0)
        _zero_lines(ax)
        ax.plot(offsets, curve, color=FUSED, marker="o", ms=2.5)
        _ring(ax, offsets, curve)
        best = offsets[int(np.nanargmax(curve))]
        ax.set_title(f"{name}: best {_signed(best)}", fontweight="normal")
        ax.set_xticks(offsets[::5])
    axes[0].set_ylabel("correlation $r$")
    figure.supxlabel(f"{OFFSET_LABEL}   ({DIRECTION})", fontsize=9)
    return figure


@styled
def fig3_figure(results: Mapping[str, "FormulaResult"]) -> Figure:
    """Mean curve and histogram of best offsets with their null bands, by one or more formulas.

    One formula: the two side by side, as in Fig. 3. Several: one column each, curves above
    histograms. The fainter purple is the 95 % bootstrap interval of the mean curve.
    """
    n = len(results)
    if n == 1:
        figure = new_figure(3.0)
        pairs = [figure.subplots(1, 2)]
    else:
        figure = new_figure(4.4)
        grid = figure.subplots(2, n, sharex="col", sharey="row", height_ratios=(1.3, 1))
        pairs = list(grid.T)
    for (name, result), (top, bottom) in zip(results.items(), pairs, strict=True):
        _draw_curve(top, result)
        _draw_counts(bottom, result)
        top.set_title(name if n > 1 else "mean over the clips")
    first, below = pairs[0]
    first.set_ylabel("correlation $r$")
    below.set_ylabel("clips")
    low, high = first.get_ylim()
    first.set_ylim(low, high + 0.2 * (high - low))
    first.legend(loc="upper left", fontsize=8.5 if n == 1 else 7.5, borderpad=0.1)
    if n == 1:
        below.set_title("best offset of each clip")
        first.set_xlabel(f"{OFFSET_LABEL}   ({DIRECTION})")
        below.set_xlabel(OFFSET_LABEL)
    else:
        figure.supxlabel(f"{OFFSET_LABEL}   ({DIRECTION})", fontsize=9)
    return figure


def _draw_curve(ax: Axes, result: "FormulaResult") -> None:
    offsets, null, interval = result.offsets, result.null, result.interval
    ax.fill_between(offsets, null.low, null.high, color=NULL, lw=0, label="95 % of re-pairings")
    _zero_lines(ax)
    ax.fill_between(offsets, interval.low, interval.high, color=FUSED, alpha=0.16, lw=0)
    ax.plot(offsets, result.mean, color=FUSED, label="sound with its own lips")
    _ring(ax, offsets, result.mean)


def _draw_counts(ax: Axes, result: "FormulaResult") -> None:
    offsets, null = result.offsets, result.null_counts
    ax.fill_between(offsets, null.low, null.high, step="mid", color=NULL, lw=0)
    ax.bar(offsets, result.counts, width=0.62, color=FUSED)
    ax.axvline(0, color=HAIRLINE, lw=1, zorder=0)
    ax.set_xticks([d for d in offsets if d % 5 == 0])
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _ring(ax: Axes, offsets: np.ndarray, curve: np.ndarray) -> None:
    best = int(np.nanargmax(curve))
    ax.plot(offsets[best], curve[best], "o", ms=9, mfc="none", mec=ACCENT, mew=2)


def _zero_lines(ax: Axes) -> None:
    ax.axvline(0, color=HAIRLINE, lw=1)
    ax.axhline(0, color=HAIRLINE, lw=1)


@styled
def counts_figure(offsets: np.ndarray, counts: np.ndarray, null: "Band") -> Figure:
    """The authors' stored histogram against equal chances for every offset."""
    figure = new_figure(2.5)
    ax = figure.subplots()
    ax.bar(offsets, counts, width=0.72, color=FUSED)
    edges = (offsets[0] - 0.6, offsets[-1] + 0.6)
    low, middle, high = (float(np.mean(x)) for x in (null.low, null.mean, null.high))
    ax.fill_between(edges, low, high, color=NULL, alpha=0.55, lw=0, zorder=3)
    ax.axhline(middle, color="white", lw=1.2, ls=":", zorder=4)
    for d, count in zip(offsets, counts, strict=True):
        ax.text(d, 12, str(count), ha="center", va="bottom", color="white", fontsize=8)
    ax.text(edges[1] + 0.15, middle, "equal shares,\n95 % of draws", va="center", fontsize=8.5)
    ax.set(xticks=offsets, xlim=edges, ylabel="clips", xlabel=f"{OFFSET_LABEL}   ({DIRECTION})")
    return figure


@styled
def hidden_peak_figure(
    offsets: np.ndarray, curves: Mapping[int, np.ndarray], null: "Band"
) -> Figure:
    """Mean curves ``[offsets]``, keyed by the number of frames k by which the sound was delayed."""
    figure = new_figure(2.8)
    ax = figure.subplots()
    ax.fill_between(offsets, null.low, null.high, color=NULL, lw=0)
    _zero_lines(ax)
    looks = zip((MUTED, FUSED, LOSS, AUDIO), ("o", "s", "^", "D"), strict=True)
    for (k, curve), (colour, marker) in zip(curves.items(), looks, strict=False):
        ax.plot(offsets, curve, color=colour, marker=marker, ms=3.5, label=_moved(k))
        best = int(np.argmax(curve))
        ax.plot(offsets[best], curve[best], marker, ms=9, mfc="none", mec=colour, mew=1.6)
        ax.annotate(
            _signed(offsets[best]),
            (offsets[best], curve[best]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            color=colour,
        )
    ax.margins(y=0.12)
    ax.set(ylabel="correlation $r$", xlabel=f"{OFFSET_LABEL}   ({DIRECTION})")
    ax.set_xticks([d for d in offsets if d % 5 == 0])
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _signed(d: int) -> str:
    """With a true minus, as on the axes."""
    return f"{d:+d}".replace("-", "−") if d else "0"


def _moved(k: int) -> str:
    if k == 0:
        return "sound as recorded"
    return f"sound {abs(k)} frames {'later' if k > 0 else 'earlier'}"


@styled
def lead_figure(
    names: Sequence[str],
    documented: np.ndarray,
    measured: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    counts: Sequence[int],
) -> Figure:
    """Lead of the lips over the sound for each viseme class: measured beside documented.

    Times are in milliseconds, positive where the lips come first; ``low`` and ``high`` are the
    95 % interval of ``measured``; ``counts`` how often each class was heard.
    """
    figure = new_figure(0.9 + 0.27 * len(names))
    ax = figure.subplots()
    rows = np.arange(len(names))[::-1]
    for row, truth in zip(rows, documented, strict=True):
        ax.fill_between(
            [truth - 40, truth + 40], row - 0.36, row + 0.36, color=tint(ACCENT, 0.28), lw=0
        )
        (drawn,) = ax.plot([truth, truth], [row - 0.36, row + 0.36], color=ACCENT, lw=2.4)
    ax.hlines(rows, low, high, color=FUSED, lw=1.4)
    (found,) = ax.plot(measured, rows, "o", ms=6, color=FUSED)
    ax.axvline(0, color=INK, lw=0.8)
    ax.legend(
        [drawn, found],
        ["as drawn, one frame to either side", "measured, 95 % interval"],
        loc="lower right",
    )
    ax.set_yticks(rows, [f"{name}  ({count})" for name, count in zip(names, counts, strict=True)])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("lead of the lips, ms (one frame is 40 ms)")
    return figure
