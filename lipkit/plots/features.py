"""Figures of what encoders make of their input, and of what can be read off it again."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lipkit.plots.signals import posterised
from lipkit.plots.style import AUDIO, INK, LOSS, MUTED, VISUAL, new_figure, shades, styled, tint


@styled
def maps_figure(rows: Mapping[str, Sequence[np.ndarray]], upright: bool = False) -> Figure:
    """Feature maps in rows: label -> pictures u8 [H, W, 3] or maps [H, W], each on its own scale.

    ``upright`` draws row 0 at the bottom and stretches the maps, as with a spectrogram.
    """
    n = max(len(maps) for maps in rows.values())
    figure = new_figure(0.15 + len(rows) * min(1.02, 7.9 / n))
    axes = figure.subplots(len(rows), n, squeeze=False)
    for line, (label, maps) in zip(axes, rows.items(), strict=True):
        for ax in line:
            ax.axis("off")
        for ax, picture in zip(line, maps, strict=False):
            ax.imshow(
                picture if picture.ndim == 3 else posterised(picture, picture.min(), picture.max()),
                origin="lower" if upright else "upper",
                aspect="auto" if upright else "equal",
                interpolation="none",
            )
        line[0].text(
            -0.08, 0.5, label, transform=line[0].transAxes, ha="right", va="center", fontsize=8.5
        )
    return figure


@styled
def probe_figure(
    panels: Mapping[str, Mapping[str, Sequence[float]]], chance: Mapping[str, float]
) -> Figure:
    """Scores of probes with their intervals: panel -> {what was read: (score, low, high)}.

    ``chance`` maps a panel to the score of knowing nothing.
    """
    names = list(next(iter(panels.values())))
    figure = new_figure(0.95 + 0.3 * len(names))
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for ax, (panel, scores) in zip(axes, panels.items(), strict=True):
        ax.axvline(chance[panel], color=MUTED, ls="--", lw=1.2)
        for y, name in enumerate(names):
            score, low, high = scores[name]
            ax.plot([low, high], [y, y], color=tint(AUDIO, 0.5), lw=3.2)
            ax.plot(score, y, "o", ms=6.5, color=AUDIO)
            ax.text(score, y - 0.22, f"{score:.2f}", ha="center", fontsize=8, color=INK)
        ax.set_title(panel, fontweight="normal")
        ax.set_xlim(min(0.0, chance[panel]), 1.02)
        ax.grid(axis="x")
        ax.tick_params(left=False)
        ax.spines["left"].set_visible(False)
    axes[0].set_yticks(range(len(names)), names, color=INK, fontsize=9)
    axes[0].set_ylim(len(names) - 0.5, -0.6)
    return figure


@styled
def distance_figure(
    distances: Mapping[str, np.ndarray], pictures: np.ndarray, group: int
) -> Figure:
    """Distances between pictures u8 [n, 64, 64, 3], which come in groups, one person per group.

    ``distances`` maps a label to [n, n], each on its own scale; ``group`` is the number of
    pictures of one person.
    """
    n = len(pictures)
    figure = new_figure(2.85)
    width = group * group / n
    axes = figure.subplots(1, len(distances) + 1, width_ratios=[width, *[1.0] * len(distances)])
    sheet = pictures.reshape(n // group, group, *pictures.shape[1:])
    sheet = sheet.transpose(0, 2, 1, 3, 4).reshape(n // group * 64, group * 64, 3)
    axes[0].imshow(sheet, interpolation="lanczos")
    axes[0].set_title("a person per row", fontweight="normal", fontsize=8)
    for ax, (label, table) in zip(axes[1:], distances.items(), strict=True):
        ax.imshow(table, interpolation="none")
        for edge in range(group, n, group):
            ax.axhline(edge - 0.5, color="white", lw=0.5)
            ax.axvline(edge - 0.5, color="white", lw=0.5)
        ax.set_title(label, fontweight="normal")
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


@styled
def border_figure(pictures: Mapping[str, np.ndarray], profiles: Mapping[str, np.ndarray]) -> Figure:
    """What a border does to a layer: label -> map [H, W], and its profile [W] along one row."""
    figure = new_figure(2.6)
    axes = figure.subplots(1, len(pictures) + 1, width_ratios=[*[1] * len(pictures), 1.5])
    low = min(float(p.min()) for p in pictures.values())
    high = max(float(p.max()) for p in pictures.values())
    # An even map shows in one light shade, and what is lower in still lighter ones.
    scale = {"vmin": low - 0.2 * (high - low), "vmax": high + 1.5 * (high - low)}
    for ax, (label, picture) in zip(axes, pictures.items(), strict=False):
        ax.imshow(picture, interpolation="none", cmap=shades(VISUAL), **scale)
        ax.set_title(label, fontweight="normal")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    styles = ((VISUAL, "-"), (LOSS, "--"))
    for (label, profile), (colour, dash) in zip(profiles.items(), styles, strict=False):
        axes[-1].plot(profile, color=colour, ls=dash, label=label)
    axes[-1].set(xlabel="column", ylabel="mean activation", ylim=(0, None))
    axes[-1].legend()
    return figure
