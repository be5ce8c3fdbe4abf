"""Figures of the discriminators: their parameters, their training, and what they notice."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lipkit.plots.losses import BLIND
from lipkit.plots.style import (
    ACCENT,
    AUDIO,
    FUSED,
    HAIRLINE,
    INK,
    MUTED,
    PAGE,
    VISUAL,
    new_figure,
    shades,
    styled,
    tint,
)

PARTS = {"audio": AUDIO, "video": VISUAL, "motion": ACCENT, "joint": FUSED}
"""Colour of each stream of a discriminator."""


@styled
def shares_figure(parameters: Mapping[str, Mapping[str, float]], marked: str) -> Figure:
    """The parameters of each network as one bar, cut into its parts.

    ``parameters`` maps a network to {part: millions}; a part has the colour of the stream that
    its name begins with (:data:`PARTS`), and the part ``marked`` is hatched.
    """
    figure = new_figure(0.55 + 0.62 * len(parameters))
    ax = figure.subplots()
    for y, parts in enumerate(parameters.values()):
        left, total = 0.0, sum(parts.values())
        for part, millions in parts.items():
            colour = PARTS[part.split(",")[0]]
            fill = tint(colour, 0.7 if part != marked else 0.3)
            hatch = "////" if part == marked else ""
            ax.barh(y, millions, 0.56, left, color=fill, hatch=hatch, edgecolor=PAGE, lw=1)
            if millions > 0.03 * total:
                label = f"{part}\n{millions:.2f}"
                size = 8 if millions > 0.06 * total else 7
                ax.text(left + millions / 2, y, label, ha="center", va="center", fontsize=size)
            left += millions
        ax.text(left, y, f"  {total:.2f}", va="center", weight="bold")
    ax.set_yticks(range(len(parameters)), list(parameters), color=INK, fontsize=9)
    ax.set(ylim=(len(parameters) - 0.5, -0.5), xlabel="parameters, millions")
    ax.set_xlim(0, 1.1 * max(sum(parts.values()) for parts in parameters.values()))
    ax.tick_params(left=False)
    ax.spines["left"].set_visible(False)
    return figure


@styled
def notice_figure(auc: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Who notices what: areas under the curve as a map, 1/2 pale and 1 dark.

    ``auc`` is [seeds, rows, columns]; a cell has the shade of the mean and shows every seed's
    value: so few of them have no spread worth a "±".
    """
    figure = new_figure(0.5 + 0.46 * len(rows))
    ax = figure.subplots()
    ax.imshow(auc.mean(0), cmap=shades(FUSED, 16), vmin=BLIND, vmax=1.15, aspect="auto")
    for (r, c), value in np.ndenumerate(auc.mean(0)):
        text = ", ".join(f"{seed:.2f}" for seed in auc[:, r, c])
        ax.text(c, r, text, ha="center", va="center", color=PAGE if value > 0.75 else INK)
    ax.set_xticks(range(len(columns)), columns, color=INK, fontsize=9)
    ax.set_yticks(range(len(rows)), rows, color=INK, fontsize=9)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


@styled
def saturation_figure(
    logits: np.ndarray, losses: Mapping[str, np.ndarray], slopes: Mapping[str, np.ndarray]
) -> Figure:
    """Generator losses [n] against logits [n], and the sizes of their slopes [n] beside them."""
    figure = new_figure(2.5)
    axes = figure.subplots(1, 2)
    titles = "what the generator pays", "how hard it is pulled"
    for ax, curves, title in zip(axes, (losses, slopes), titles, strict=True):
        styles = ((VISUAL, "-"), (MUTED, "--"))
        for (label, values), (colour, line) in zip(curves.items(), styles, strict=False):
            ax.plot(logits, values, line, color=colour, lw=2, label=label)
        ax.axvline(0, color=HAIRLINE, lw=1, zorder=0)
        ax.set_title(title, fontweight="normal")
        ax.set(xlabel="logit of the generated pair", xlim=(logits[0], logits[-1]))
        ax.grid(axis="y")
    axes[0].legend()
    return figure


_ABOVE = {"ha": "right", "va": "bottom", "fontsize": 8, "color": MUTED}


@styled
def judges_figure(losses: Mapping[str, Sequence[Sequence[float]]], shrug: float) -> Figure:
    """Losses of discriminators in training, smoothed over ten steps: name -> one curve per seed.

    ``shrug`` is the loss of a discriminator that always says 1/2. The axis spans what is drawn.
    """
    figure = new_figure(2.3)
    ax = figure.subplots()
    ax.axhline(shrug, color=MUTED, ls="--", lw=1.2)
    styles = ((VISUAL, "-"), (MUTED, "-."), (FUSED, ":"))
    for (name, curves), (colour, line) in zip(losses.items(), styles, strict=False):
        for i, curve in enumerate(curves):
            smooth = np.convolve(curve, np.full(10, 0.1), mode="valid")
            steps = np.arange(len(smooth)) + 10
            ax.plot(steps, smooth, line, color=colour, lw=1.8, label=name if i == 0 else None)
    ax.text(1, shrug, "always ½ ", transform=ax.get_yaxis_transform(), **_ABOVE)
    ax.set(xlabel="step", ylabel=r"$\ell_{dis}$")
    ax.margins(x=0.01, y=0.12)
    ax.grid(axis="y")
    ax.legend(loc="lower left", ncols=3)
    return figure
