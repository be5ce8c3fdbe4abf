"""A recorded number over the axes of a sweep's grid."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lipkit.plots.style import HAIRLINE, MUTED, WIDTH, new_figure, styled

SEED = "seed"
"""The axis over which means are taken."""
Point = tuple[dict[str, Any], float]
_MARKERS = "osD^vP"
_LOG_FROM = 30
"""Positive numbers that reach this many times their smallest are drawn on a log axis."""


@styled
def sweep_figure(points: Sequence[Point], name: str) -> Figure:
    """All values as dots, their mean over seeds as a line, lowest to highest as a bar.

    The first axis that varies runs along x, the second makes the lines, the others the
    panels; with no axis but the seed there is one column of dots.

    Parameters
    ----------
    points
        ``(axis -> value, result)`` of every cell that has the result; a result that is not
        finite is counted in the title and not drawn.
    name
        The result's name.
    """
    axes = [axis for axis in points[0][0] if axis != SEED and len(_levels(points, axis)) > 1]
    along, lines, panels = axes[:1], axes[1:2], axes[2:]
    shown = list(dict.fromkeys(_key(point, panels) for point, _ in points))
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(2.9 * rows, WIDTH * (0.6 if columns == 1 else 1))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in grid.flat[len(shown) :]:
        ax.remove()
    for ax, panel in zip(grid.flat, shown, strict=False):
        inside = [point for point in points if _key(point[0], panels) == panel]
        _panel(ax, inside, along, lines, _levels(points, along[0]) if along else [])
        ax.set(xlabel=along[0] if along else "", ylabel=name)
        ax.label_outer()
        if panels:
            ax.set_title(_words(panels, panel), fontweight="normal")
    if lines:
        grid[0, 0].legend(title=lines[0])
    figure.suptitle(_title(points, name), x=0.01, ha="left", fontsize=9, color=MUTED)
    return figure


def _panel(
    ax: Axes, points: Sequence[Point], along: list[str], lines: list[str], levels: list[Any]
) -> None:
    numeric = bool(levels) and all(_is_number(level) for level in levels)
    ax.grid(axis="y", color=HAIRLINE)
    for i, key in enumerate(dict.fromkeys(_key(point, lines) for point, _ in points)):
        # After six lines the colours repeat, with another marker.
        colour, marker = f"C{i % 6}", _MARKERS[(i + i // 6) % 6]
        own: dict[float, list[float]] = {}
        for point, value in points:
            if _key(point, lines) == key and np.isfinite(value):
                level = point[along[0]] if along else ""
                x = float(level) if numeric else float(levels.index(level) if levels else 0)
                own.setdefault(x, []).append(value)
        xs = sorted(own)
        means = [np.mean(own[x]) for x in xs]
        for x in xs:
            ax.plot([x] * len(own[x]), own[x], ".", color=colour, alpha=0.5, ms=5)
            ax.plot([x, x], [min(own[x]), max(own[x])], color=colour, alpha=0.5, lw=1)
        style = "-" if numeric else ":"
        ax.plot(xs, means, style, marker=marker, color=colour, ms=6, label=_words([], key))
    if numeric and min(levels) > 0 and max(levels) / min(levels) >= _LOG_FROM:
        ax.set_xscale("log")
    elif not numeric:
        labels = [_short(level) for level in levels] or [""]
        ax.set_xticks(range(len(labels)), labels)
        ax.set_xlim(-0.5, len(labels) - 0.5)


def _levels(points: Sequence[Point], axis: str) -> list[Any]:
    levels: list[Any] = []
    for point, _ in points:
        if point[axis] not in levels:
            levels.append(point[axis])
    return levels


def _key(point: dict[str, Any], axes: Sequence[str]) -> tuple[str, ...]:
    return tuple(_short(point[axis]) for axis in axes)


def _words(axes: Sequence[str], key: tuple[str, ...]) -> str:
    return (
        ", ".join(f"{a} = {k}" for a, k in zip(axes, key, strict=True)) if axes else " ".join(key)
    )


def _short(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 24 else f"{text[:23]}…"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _title(points: Sequence[Point], name: str) -> str:
    seeds = len(_levels(points, SEED)) if SEED in points[0][0] else 1
    missing = sum(not np.isfinite(value) for _, value in points)
    text = f"{name}: mean of {seeds} seeds, bar from lowest to highest" if seeds > 1 else name
    return f"{text}; {missing} not finite, left out" if missing else text
