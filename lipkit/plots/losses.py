"""Figures of the correlation loss: what it compares, and whether it can tell pairs apart.

Sound is blue and lips are orange, as everywhere. Matching pairs are green and others
grey. The figures of the adversarial loss are in :mod:`lipkit.plots.discriminators`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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

MATCHED, MISMATCHED = LOSS, MUTED
BLIND = 0.5
"""Area under the curve for a judge who cannot tell pairs apart."""


@styled
def flow_figure(rows: Mapping[str, tuple[np.ndarray, np.ndarray]], enlarge: float = 2.0) -> Figure:
    """Optical flow as arrows, drawn over the frames from which it starts.

    Parameters
    ----------
    rows
        Label -> (frames u8 [n, 64, 64, 3], flow [2, n, 16, 16] in pixels, x then y).
    enlarge
        How many times as long as the motion an arrow is drawn.

    >>> import numpy as np
    >>> frames, flow = np.zeros((3, 64, 64, 3), np.uint8), np.ones((2, 3, 16, 16))
    >>> figure = flow_figure({"to the right, and down": (frames, flow)})
    >>> len(figure.axes), figure.axes[0].get_ylabel()
    (3, 'to the right, and down')
    """
    n = len(next(iter(rows.values()))[0])
    figure = new_figure(0.1 + len(rows) * 8.3 / n)
    axes = figure.subplots(len(rows), n, squeeze=False)
    for line, (label, (frames, flow)) in zip(axes, rows.items(), strict=True):
        cell = frames.shape[1] / flow.shape[-1]
        at = (np.arange(flow.shape[-1]) + 0.5) * cell - 0.5
        for i, (ax, frame) in enumerate(zip(line, frames, strict=True)):
            # Paled, so that the arrows stand out on dark and light lips alike.
            ax.imshow(0.5 * frame / 255 + 0.5, interpolation="lanczos")
            ax.quiver(
                at,
                at,
                enlarge * flow[0, i],
                enlarge * flow[1, i],
                color=INK,
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.012,
                headwidth=4,
                minlength=0,
            )
            ax.set(xticks=[], yticks=[], xlim=(-0.5, 63.5), ylim=(63.5, -0.5))
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(label, color=INK)
    return figure


@styled
def alignment_figure(steps: Mapping[str, np.ndarray], expected: Mapping[str, float]) -> Figure:
    """Histograms of similarities [n], one below the other: a recipe, step by step.

    ``expected`` maps a label to the mean that arithmetic predicts, drawn as a mark.
    """
    figure = new_figure(0.55 + 0.72 * len(steps))
    axes = np.atleast_1d(figure.subplots(len(steps), 1, sharex=True))
    bins = np.linspace(-1, 1, 101)
    for ax, (label, values) in zip(axes, steps.items(), strict=True):
        ax.hist(values, bins, color=tint(FUSED, 0.55), label=label)
        ax.axvline(values.mean(), color=FUSED, lw=1.6)
        if label in expected:
            ax.plot(expected[label], 0, "^", color=ACCENT, ms=9, clip_on=False, zorder=5)
        ax.set(yticks=[], xlim=(-1, 1))
        ax.spines["left"].set_visible(False)
        ax.text(-0.99, 0.55 * ax.get_ylim()[1], label, fontsize=9, va="center")
        side = -1 if values.mean() > 0.7 else 1
        ax.text(
            values.mean() + 0.03 * side,
            0.8 * ax.get_ylim()[1],
            f"{round(values.mean(), 2) + 0.0:.2f}",  # never "-0.00"
            color=FUSED,
            ha="right" if side < 0 else "left",
            va="center",
            weight="bold",
            bbox={"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1},
        )
    axes[-1].set_xlabel("cosine of unrelated pairs")
    return figure


@styled
def directions_figure(sound: np.ndarray, lips: np.ndarray) -> Figure:
    """Where vectors of one number per step point, before and after centring.

    ``sound`` and ``lips`` are [n, T'] and are drawn as unit vectors. In the left panel, right
    is the mean, (1, ..., 1), and up is the direction in which the centred vectors differ most;
    the right panel shows the two directions in which they differ most.
    """
    everything = np.concatenate([sound, lips])
    centred = everything - everything.mean(1, keepdims=True)
    first, second = np.linalg.svd(centred, full_matrices=False)[2][:2]
    level = np.full(len(first), len(first) ** -0.5)
    figure = new_figure(3.7)
    axes = figure.subplots(1, 2)
    views = (
        (axes[0], everything, level, first, "as they are", "the mean, $(1, \\dots, 1)$"),
        (axes[1], centred, first, second, "each without its mean", "one pattern over time"),
    )
    for ax, vectors, across, upward, title, label in views:
        _unit_circle(ax)
        unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        x, y = unit @ across, unit @ upward
        for part, colour in ((slice(len(sound)), AUDIO), (slice(len(sound), None), VISUAL)):
            for a, b in zip(x[part], y[part], strict=True):
                ax.plot([0, a], [0, b], color=tint(colour, 0.6), lw=0.8)
            ax.plot(x[part], y[part], "o", color=colour, ms=3.5)
        ax.set_title(title, fontweight="normal")
        ax.set(xlabel=label, ylabel="a pattern over time")
    axes[1].set_ylabel("another")
    axes[0].text(-1.3, 1.12, "sound", color=AUDIO, weight="bold")
    axes[0].text(-1.3, 0.95, "lips", color=VISUAL, weight="bold")
    return figure


def _unit_circle(ax: Axes) -> None:
    angle = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(angle), np.sin(angle), color=HAIRLINE, lw=1)
    ax.axhline(0, color=HAIRLINE, lw=0.8, zorder=0)
    ax.axvline(0, color=HAIRLINE, lw=0.8, zorder=0)
    ax.set(xlim=(-1.35, 1.35), ylim=(-1.25, 1.25), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    ax.set_aspect("equal")


@styled
def forms_figure(histories: Mapping[str, Sequence[tuple[int, float, float, float]]]) -> Figure:
    """Training with each form of the loss: the loss itself, and below it the similarity of
    held-out pairs.

    ``histories`` maps a form to rows of (step, loss, mean similarity of matched pairs, of
    mismatched ones).
    """
    figure = new_figure(3.5)
    axes = figure.subplots(2, len(histories), sharex=True, sharey="row", squeeze=False)
    for (form, history), top, below in zip(histories.items(), axes[0], axes[1], strict=True):
        step, loss, matched, mismatched = np.transpose(history)
        top.plot(step, loss, "o-", color=FUSED, ms=3)
        top.set_title(form)
        below.plot(step, matched, "o-", color=MATCHED, ms=3)
        below.plot(step, mismatched, "s--", color=MISMATCHED, ms=3)
        below.set(ylim=(-0.08, 1.08), xlabel="step")
        below.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
        for ax in (top, below):
            ax.grid(axis="y")
    axes[0, 0].set(ylabel=r"$\ell_{corr}$, learned clips", ylim=(0, None))
    axes[1, 0].set_ylabel("similarity, held-out")
    place = axes[1, -1].transAxes
    words = ((0.9, "own lips", MATCHED), (0.76, "others' lips", MISMATCHED))
    for y, text, colour in words:
        axes[1, -1].text(0.97, y, text, transform=place, ha="right", color=colour, weight="bold")
    return figure


@styled
def verdicts_figure(
    verdicts: Mapping[str, tuple[np.ndarray, np.ndarray]], auc: Mapping[str, float]
) -> Figure:
    """Similarities of matched and of mismatched pairs, one panel per form.

    ``verdicts`` maps a form to (matched [n], mismatched [m]); each histogram has area 1.
    """
    figure = new_figure(2.5)
    axes = np.atleast_1d(figure.subplots(1, len(verdicts)))
    for ax, (form, (matched, mismatched)) in zip(axes, verdicts.items(), strict=True):
        both = np.concatenate([matched, mismatched])
        bins = np.linspace(both.min(), both.max(), 16)
        ax.hist(mismatched, bins, density=True, color=tint(MISMATCHED, 0.45), label="others' lips")
        ax.hist(matched, bins, density=True, histtype="step", color=MATCHED, lw=2, label="own lips")
        ax.set_title(f"{form}: AUC {auc[form]:.2f}", fontweight="normal")
        ax.set(yticks=[], xlabel="similarity")
        ax.spines["left"].set_visible(False)
        ax.xaxis.set_major_locator(MaxNLocator(4))
    axes[-1].legend(loc="upper right")
    return figure


@styled
def auc_figure(rows: Mapping[str, Sequence[float]], faint: Sequence[str] = ()) -> Figure:
    """Areas under the curve: a point for each seed, a bar at their mean.

    ``faint`` names the rows that are drawn in grey.
    """
    figure = new_figure(0.75 + 0.34 * len(rows))
    ax = figure.subplots()
    ax.axvline(BLIND, color=MUTED, ls="--", lw=1.2)
    for y, (label, values) in enumerate(rows.items()):
        colour = MUTED if label in faint else FUSED
        ax.plot(values, [y] * len(values), "o", color=tint(colour, 0.55), ms=7)
        ax.plot([np.mean(values)] * 2, [y - 0.3, y + 0.3], color=colour, lw=2.6)
        text = f"{np.mean(values):.2f}"
        ax.text(1.012, y, text, color=colour, va="center", weight="bold")
    ax.set_yticks(range(len(rows)), list(rows), color=INK, fontsize=9)
    lowest = min(0.42, *(min(values) for values in rows.values()))
    ax.set(xlim=(lowest - 0.02, 1.0), ylim=(len(rows) - 0.4, -0.6))
    ax.set_xlabel("area under the curve, held-out pairs (dashed: blind)")
    ax.grid(axis="x")
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    return figure


@styled
def offsets_figure(offsets: Sequence[int], similarity: Mapping[str, np.ndarray]) -> Figure:
    """Mean similarity [n] against the number of frames by which lips come late, form by form."""
    figure = new_figure(2.3)
    ax = figure.subplots()
    ends = ((FUSED, "o-"), (MUTED, "s--"), (LOSS, "^:"))
    # The best form is drawn in colour.
    ranked = sorted(similarity, key=lambda form: -np.ptp(similarity[form]))
    for form, (colour, line) in zip(ranked, ends, strict=False):
        ax.plot(offsets, similarity[form], line, color=colour, ms=4.5, label=form)
        at = (offsets[-1], similarity[form][-1])
        ax.annotate(form, at, (6, 0), textcoords="offset points", color=colour, va="center")
    ax.axvline(0, color=HAIRLINE, lw=1, zorder=0)
    ax.set(xlabel="offset $d$, frames   (← lips earlier     lips later →)", ylabel="similarity")
    ax.set_ylim(min(0.0, *(c.min() - 0.02 for c in similarity.values())), 1.05)
    ax.set_xlim(min(offsets) - 0.3, max(offsets) + 2.2)
    ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    ax.grid(axis="y")
    return figure
