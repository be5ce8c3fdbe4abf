"""Figures of metrics: spoilt lips beside what each metric says of them, wrapped PSNR, sync, LMD."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lipkit.metrics import METRICS
from lipkit.plots.strips import strip
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
    shades,
    styled,
    tint,
)

WORST = 2.0
"""Damage at which a cell has its full colour: twice that of frozen lips."""
COLOURS = (AUDIO, VISUAL, LOSS, FUSED, ACCENT)
DASHES = ("-", "--", "-.", ":", (0, (4, 1, 1, 1, 1, 1)))


def written(name: str, value: float) -> str:
    """A metric's value for a table cell: two decimals if it has a unit, three if not."""
    if np.isnan(value):
        return "–"
    if np.isinf(value):
        return "∞"
    unit = METRICS[name].unit
    digits = {"dB": 1, "px": 2, "frames": 0}.get(unit, 2 if name in ("motion", "opening") else 3)
    return f"{value:.{digits}f}"


def heading(name: str) -> str:
    """A metric's label above its unit and arrow, for a narrow column."""
    metric = METRICS[name]
    arrow = {"higher": "↑", "lower": "↓", "truth": "≈"}[metric.better]
    label = metric.label.replace(", ", ",\n")
    return f"{label}\n{metric.unit} {arrow}".replace("\n ", "\n")


@styled
def gallery_figure(
    pictures: Mapping[str, np.ndarray],
    scores: Mapping[str, Mapping[str, float]],
    damages: Mapping[str, Mapping[str, float]],
) -> Figure:
    """Rows of lips beside a table of their scores, coloured by damage.

    Parameters
    ----------
    pictures
        Label -> a few frames u8 [n, 64, 64, 3].
    scores
        Label -> metric -> value.
    damages
        Label -> metric -> 0 (as the truth) to 1 (as frozen lips) and above; NaN stays white.
    """
    names = list(next(iter(scores.values())))
    n = len(next(iter(pictures.values())))
    figure = new_figure(0.62 + 0.5 * len(pictures))
    left, right = figure.subplots(1, 2, width_ratios=[0.62 * n, 0.62 * len(names)])
    sheets = [strip(images) for images in pictures.values()]
    gap = np.full((3, *sheets[0].shape[1:]), 252, np.uint8)
    sheet = np.concatenate([part for s in sheets for part in (s, gap)][:-1])
    left.imshow(sheet, interpolation="lanczos", aspect="auto")
    height = sheets[0].shape[0] + 3
    left.set_yticks([height * (i + 0.47) for i in range(len(sheets))], list(pictures), color=INK)
    left.set(xticks=[])
    left.tick_params(left=False)
    left.spines[:].set_visible(False)

    table = np.array([[damages[row][name] for name in names] for row in scores])
    right.imshow(
        np.clip(table, 0, WORST), vmin=0, vmax=2 * WORST, cmap=shades(VISUAL, 16), aspect="auto"
    )
    for i, row in enumerate(scores):
        for k, name in enumerate(names):
            text = written(name, scores[row][name])
            dark = table[i, k] > 0.75 * WORST
            colour = "white" if dark else INK
            right.text(k, i, text, ha="center", va="center", fontsize=8.5, color=colour)
    right.set_xticks(range(len(names)), [heading(name) for name in names], color=INK, fontsize=7.5)
    right.xaxis.tick_top()
    right.set(yticks=[])
    right.tick_params(top=False)
    right.spines[:].set_visible(False)
    for edge in range(1, len(scores)):
        right.axhline(edge - 0.5, color="white", lw=1.5)
    return figure


@styled
def strength_figure(
    strengths: Mapping[str, Sequence[float]],
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    truth: Mapping[str, float],
    frozen: Mapping[str, float],
    units: Mapping[str, str],
) -> Figure:
    """One panel per metric: its value as a corruption grows, one line per corruption.

    ``strengths`` and ``scores`` map a corruption to one value per strength; the horizontal
    axis is the share of the largest strength. Dotted: the truth; dashed: ``frozen``.
    """
    names = list(truth)
    columns = 3
    rows = -(-len(names) // columns)
    figure = new_figure(0.35 + 2.1 * rows)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        ax.axhline(frozen[name], color=MUTED, ls="--", lw=1, label="frozen lips")
        if np.isfinite(truth[name]):
            ax.axhline(truth[name], color=MUTED, ls=":", lw=1.2, label="truth")
        for (corruption, steps), colour, dash in zip(
            strengths.items(), COLOURS, DASHES, strict=False
        ):
            values = np.array([row[name] for row in scores[corruption]])
            values[~np.isfinite(values)] = np.nan
            label = f"{corruption}, to {steps[-1]:g} {units[corruption]}"
            x = np.asarray(steps) / steps[-1]
            ax.plot(x, values, color=colour, ls=dash, marker="o", ms=3, label=label)
        unit = METRICS[name].unit
        ax.set_title(METRICS[name].label + (f", {unit}" if unit else ""))
        ax.grid(axis="y")
    for ax in axes.flat[len(names) :]:
        ax.remove()
    for ax in axes[-1]:
        ax.set_xlabel("strength, share of the most")
    lines, labels = next(
        ax for ax, n in zip(axes.flat, names, strict=False) if np.isfinite(truth[n])
    ).get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=4)
    return figure


@styled
def wrapping_figure(
    levels: np.ndarray, true: np.ndarray, wrapped: np.ndarray, published: Sequence[float]
) -> Figure:
    """What 8 bits do to a square, and so to PSNR.

    ``levels`` [N]: noise in grey levels; ``true`` and ``wrapped`` [N]: PSNR, dB;
    ``published``: the paper's values.
    """
    figure = new_figure(2.7)
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1])
    d = np.arange(0, 65)
    left.plot(d, np.minimum(d.astype(float) ** 2, 1200), color=AUDIO, label="the square")
    left.plot(d, d**2 % 256, color=VISUAL, marker="o", ms=2.5, lw=0.8, label="in 8 bits")
    left.set(xlabel="difference of two pixels, grey levels", ylim=(0, 900), xlim=(0, 64))
    left.set_title("the square of a difference")
    left.set_xticks(range(0, 65, 16))
    left.grid(axis="y")
    left.legend(loc="upper right")
    low, high = min(published), max(published)
    right.axhspan(low, high, color=tint(ACCENT, 0.35), lw=0)
    right.text(levels[-1], low - 0.4, "published", ha="right", va="top", fontsize=8, color=MUTED)
    right.plot(levels, true, color=AUDIO, label="true")
    right.plot(levels, wrapped, color=VISUAL, ls="--", label="wrapped")
    right.set(xlabel="noise, grey levels", ylabel="dB", xlim=(levels[0], levels[-1]))
    right.set_title("PSNR")
    right.grid(axis="y")
    right.legend(loc="upper right")
    return figure


@styled
def edges_figure(
    ramps: np.ndarray, widths: Sequence[int], probabilities: Mapping[str, np.ndarray], limit: float
) -> Figure:
    """Edges of growing width, u8 [n, 64, 64], and the probability that their blur is seen.

    ``probabilities`` label -> [n]; below ``limit`` an edge counts as sharp.
    """
    figure = new_figure(2.4)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.3])
    n = len(ramps)
    sheet = np.concatenate([ramp[:10] for ramp in ramps])
    left.imshow(sheet[:, 16:48], cmap="gray", aspect="auto", interpolation="none", vmin=0, vmax=255)
    left.set_yticks([10 * i + 4.5 for i in range(n)], [f"{w}" for w in widths])
    left.set(xticks=[], ylabel="width, pixels")
    left.set_title("edges")
    for (label, values), colour, dash in zip(probabilities.items(), COLOURS, DASHES, strict=False):
        right.plot(widths, values, color=colour, ls=dash, marker="o", ms=4, label=label)
    right.axhline(limit, color=MUTED, lw=1)
    right.text(widths[-1], limit - 0.03, "sharp below", ha="right", va="top", color=MUTED)
    right.set(xlabel="width, pixels", ylabel="blur is seen, probability", ylim=(0, 1.05))
    right.legend(loc="lower right", bbox_to_anchor=(1, 0.08))
    right.grid(axis="y")
    return figure


@styled
def sharpness_figure(pictures: Mapping[str, np.ndarray], values: Mapping[str, float]) -> Figure:
    """One frame u8 [64, 64, 3] of each video above a bar of its CPBD; the truth comes first."""
    figure = new_figure(2.3)
    axes = figure.subplots(2, len(pictures), height_ratios=[1.6, 1], sharey="row")
    best = next(iter(values.values()))
    top = max(values.values()) * 1.35
    for (upper, lower), (label, picture) in zip(axes.T, pictures.items(), strict=True):
        upper.imshow(picture, interpolation="lanczos")
        upper.set_title(label, fontweight="normal", loc="center", fontsize=9)
        upper.axis("off")
        lower.barh([0], [values[label]], color=LOSS if label == next(iter(values)) else VISUAL)
        lower.axvline(best, color=INK, lw=1, ls=":")
        lower.text(values[label] + 0.02 * top, 0, f"{values[label]:.3f}", va="center", fontsize=9)
        lower.set(xlim=(0, top), ylim=(-0.7, 0.7), yticks=[], xticks=[])
        lower.spines["bottom"].set_visible(False)
        lower.spines["left"].set_color(HAIRLINE)
    axes[1, 0].set_ylabel("CPBD", rotation=0, ha="right", va="center")
    return figure


@styled
def exact_figure(exact: Mapping[str, float], found: Mapping[str, float]) -> Figure:
    """LMD by exact landmarks against LMD by dlib, in pixels; both map a label to a value."""
    figure = new_figure(2.9, width=5.2)
    ax = figure.subplots()
    top = 1.12 * max(*exact.values(), *found.values())
    ax.plot([0, top], [0, top], color=HAIRLINE, lw=1.2)
    for label in exact:
        x, y = exact[label], found[label]
        late = "late" in label
        ax.plot(x, y, "o" if late else "D", ms=6, color=AUDIO if late else VISUAL)
        ax.annotate(
            label, (x, y), (6, -9 if late else 5), textcoords="offset points", fontsize=8, color=INK
        )
    ax.set(xlabel="exact landmarks, px", ylabel="dlib, lips pasted back, px")
    ax.set(xlim=(0, top * 1.15), ylim=(0, top))
    ax.set_title("LMD of lips that are wrong in time")
    return figure


@styled
def sync_figure(
    offsets: np.ndarray,
    curves: Mapping[str, np.ndarray],
    made: Sequence[int],
    found: np.ndarray,
) -> Figure:
    """Distance between lips and sound by offset, and the offsets found after known delays.

    ``curves`` maps a label to [offsets]; ``found`` is [clips, delays], in frames.
    """
    figure = new_figure(2.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    for (label, curve), colour, dash in zip(curves.items(), COLOURS, DASHES, strict=False):
        left.plot(offsets, curve, color=colour, ls=dash, label=label)
        best = int(np.nanargmin(curve))
        left.plot(offsets[best], curve[best], "o", ms=6, color=colour)
    left.set(xlabel="offset d, frames (positive: lips later)", ylabel="dist(d)", ylim=(0, None))
    left.legend(loc="lower left")
    left.set_title("distance of lips and sound")
    left.grid(axis="y")
    ends = min(made), max(made)
    right.plot(ends, ends, color=HAIRLINE, lw=1.2)
    for clip, (row, marker) in enumerate(zip(found, "os^Dv", strict=False)):
        right.plot(
            made, row, marker, ms=7 - clip, mfc="none", color=COLOURS[clip], label=f"clip {clip}"
        )
    right.set(xlabel="delay made, frames", ylabel="offset found, frames")
    right.set_xticks(list(made))
    right.set_yticks(list(made))
    right.set_title("delays found again")
    right.legend()
    return figure
