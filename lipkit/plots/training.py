"""Figures of training: losses as they fall, what each term pulls, lips from step to step."""

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lipkit.losses import LOSSES
from lipkit.plots.style import (
    ACCENT,
    AUDIO,
    DPI,
    FUSED,
    INK,
    LOSS,
    MUTED,
    VISUAL,
    new_figure,
    styled,
    tint,
    to_png,
)

PANELS = {
    "loss": (r"$\mathcal{L}$, the objective", FUSED),
    "pix": (r"$\ell_{pix}$", LOSS),
    "corr": (r"$\ell_{corr}$", AUDIO),
    "perc": (r"$\ell_{perc}$", LOSS),
    "gen": (r"$\ell_{gen}$", VISUAL),
    "dis": (r"$\ell_{dis}$, the discriminator's own", VISUAL),
}
"""Columns of a run's log, in the order in which they are drawn; other losses follow."""
CLOCKS = ("step", "seconds", "windows_per_second")
"""Columns that are not losses."""
SMOOTH = 0.1
"""Weight of the newest step in the thick line."""


def _title(name: str) -> str:
    """What a loss without a symbol of its own is called."""
    for loss in LOSSES.values():
        if name == loss.name:
            return loss.label
        if name == f"{loss.name}_dis" and loss.learner:
            return loss.learner
    return name.replace("_", " ")


@styled
def losses_figure(
    rows: Sequence[Mapping[str, float]],
    references: Mapping[str, Sequence[tuple[str, float]]] | None = None,
    steps: int | None = None,
) -> Figure:
    """The losses of a run against its steps: thin as logged, thick as a running mean.

    Parameters
    ----------
    rows
        From :func:`lipkit.training.run_folder.read_log`.
    references
        Column -> (label, level) of each dashed line to compare it with, such as frozen lips or
        the loss of a judge that cannot tell. Lines are always inside the panel.
    steps
        Where the axis ends; by default, at the last step.

    Raises
    ------
    ValueError
        Without a row.
    """
    if not rows:
        raise ValueError("there is no step to draw")
    names = [name for name in PANELS if name in rows[0]]
    names += [name for name in rows[0] if name not in PANELS and name not in CLOCKS]
    columns = min(3, len(names))
    figure = new_figure(0.25 + 1.65 * -(-len(names) // columns))
    axes = figure.subplots(-(-len(names) // columns), columns, squeeze=False, sharex=True)
    step = np.array([row["step"] for row in rows])
    for ax, name in zip(axes.flat, names, strict=False):
        title, colour = PANELS.get(name, (_title(name), MUTED))
        values = np.array([row[name] for row in rows], float)
        ax.plot(step, values, color=tint(colour, 0.4), lw=0.8)
        ax.plot(step, running_mean(values), color=colour)
        ax.set_title(title, fontweight="normal")
        lines = (references or {}).get(name, ())
        for label, level in lines:
            ax.axhline(level, color=INK, ls="--", lw=1.1)
            ax.text(1, level, f"{label} ", transform=ax.get_yaxis_transform(), **_ABOVE)
        # The first steps can be ten times the rest, which would be a flat line below them.
        shown = np.append(values[len(values) // 20 :], [level for _, level in lines])
        room = 0.06 * max(np.ptp(shown), 1e-9)
        ax.set(ylim=(min(shown) - room, max(shown) + 2 * room), xlim=(0, steps or step[-1]))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(axis="y")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax in axes[-1]:
        ax.set_xlabel("step")
    return figure


_ABOVE = {"ha": "right", "va": "bottom", "fontsize": 8, "color": INK}


def running_mean(values: np.ndarray) -> np.ndarray:
    """Exponential mean [n] of values [n], without the pull of a start at zero."""
    mean = np.empty(len(values))
    total = weight = 0.0
    for i, value in enumerate(values):
        total = (1 - SMOOTH) * total + SMOOTH * value
        weight = (1 - SMOOTH) * weight + SMOOTH
        mean[i] = total / weight
    return mean


@styled
def pull_figure(pulls: Mapping[str, Mapping[str, float]]) -> Figure:
    """How strongly each term pulls on the generator, side by side for several sets of weights.

    ``pulls`` maps a title to {term: size of its weighted gradient}; all share one logarithmic
    axis.
    """
    figure = new_figure(0.9 + 0.3 * max(len(terms) for terms in pulls.values()))
    axes = np.atleast_1d(figure.subplots(1, len(pulls), sharex=True, sharey=True))
    every = [value for terms in pulls.values() for value in terms.values()]
    low, high = min(every), max(every)
    for ax, (title, terms) in zip(axes, pulls.items(), strict=True):
        names, values = list(terms), list(terms.values())
        colours = [PANELS[name][1] if name in PANELS else MUTED for name in names]
        # Dots, not bars: a logarithmic axis has no zero from which to read a length.
        ax.scatter(values, names, s=70, color=colours, zorder=3)
        for name, value in zip(names, values, strict=True):
            ax.text(value * 1.45, name, f"{value:.2g}", va="center", fontsize=8.5)
        ax.set(title=title, xscale="log", xlim=(low / 2, high * 6))
        ax.grid()
        ax.set_axisbelow(True)
        ax.margins(y=0.15)
        ax.spines["left"].set_visible(False)
        ax.tick_params(left=False)
        ax.set_xlabel("size of the weighted gradient")
    labels = [rf"$\ell_{{{name}}}$" for name in names]
    axes[0].set_yticks(range(len(names)), labels, fontsize=10, color=INK)
    axes[0].invert_yaxis()
    return figure


@styled
def windows_figure(model: np.ndarray, frozen: np.ndarray, unit: str) -> Figure:
    """Window by window: the model's error against that of frozen lips.

    ``model`` and ``frozen`` are [n]; below the diagonal the model is the better of the two.
    """
    figure = new_figure(3.1, 4.6)
    ax = figure.subplots()
    top = 1.2 * float(max(model.max(), frozen.max()))
    ax.fill_between([0, top], 0, [0, top], color=tint(LOSS, 0.12), lw=0)
    ax.plot([0, top], [0, top], color=MUTED, lw=1)
    ax.scatter(frozen, model, s=22, color=FUSED, edgecolor="white", linewidth=0.6, zorder=3)
    ax.scatter(
        [frozen.mean()], [model.mean()], s=90, marker="D", color=ACCENT, edgecolor=INK, zorder=4
    )
    ax.text(0.97 * top, 0.05 * top, "the model is better", ha="right", color=LOSS)
    ax.text(0.03 * top, 0.93 * top, "frozen lips are better", color=MUTED)
    ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    ax.set(xlabel=f"frozen lips, {unit}", ylabel=f"model, {unit}")
    return figure


def _log(folder: Path) -> list[dict[str, float]]:
    # A figure of stored numbers need not wait for all that training imports.
    from lipkit.training.run_folder import read_log

    return read_log(folder)


class LivePlot:
    """Draws the losses in a run folder again and again while its block runs.

    ::

        with LivePlot(out, steps):
            train(prepared, preset, out)

    It reads ``log.jsonl``, so that it can also watch a run in another terminal. Training stays
    in the main thread: interrupting the cell stops it at once. At the end one line takes the
    plot's place, since the figure that stays is drawn from the log (:func:`losses_figure`).

    Parameters
    ----------
    folder
        The run's folder; it need not exist yet.
    steps
        Where the plot's axis ends.
    every
        The least number of seconds between drawings; drawing never takes more than a tenth of the
        time.
    """

    def __init__(self, folder: str | Path, steps: int, every: float = 2.0) -> None:
        from IPython.display import DisplayHandle

        self.folder, self.steps, self.every = Path(folder), steps, every
        self._handle, self._done = DisplayHandle(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        from IPython.display import Markdown

        self._handle.display(Markdown("*waiting for the first steps …*"))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        from IPython.display import Markdown

        self._done.set()
        self._thread.join()
        reached = max((row["step"] for row in _log(self.folder)), default=0)
        self._handle.update(Markdown(f"*{reached:,} of {self.steps:,} steps are in the log.*"))

    def _watch(self) -> None:
        drawn, pause = 0, self.every
        while not self._done.wait(pause):
            rows, began = _log(self.folder), time.monotonic()
            if len(rows) > drawn:
                drawn = len(rows)
                self._handle.update(_image(losses_figure(rows, steps=self.steps)))
                pause = max(self.every, 9 * (time.monotonic() - began))


def _image(figure: Figure) -> object:
    from IPython.display import Image

    alt = "The losses so far, one panel each."
    return Image(to_png(figure), width=round(figure.get_figwidth() * DPI), alt=alt)
