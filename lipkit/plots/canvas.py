"""A sheet of paper in pixels for block diagrams: boxes, cones, arrows, words, small icons."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from matplotlib.path import Path

from lipkit.plots.style import DPI, HAIRLINE, INK, MUTED, PAGE, tint

Point = tuple[float, float]


class Canvas:
    """A figure with one pair of axes, which counts pixels from the top left corner."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width / DPI, height / DPI))
        self.ax: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, width), ylim=(height, 0))
        self.ax.axis("off")

    def words(self, x: float, y: float, text: str, size: float = 9, **kwargs) -> None:
        """Text centred on (x, y) unless ``ha``/``va`` say otherwise."""
        kwargs = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.25} | kwargs
        self.ax.text(x, y, text, fontsize=size, **kwargs)

    def panel(
        self, box: Sequence[float], fill: object = PAGE, edge: object = HAIRLINE, **kwargs
    ) -> None:
        """A rounded rectangle; ``box`` is left, top, right, bottom."""
        left, top, right, bottom = box
        radius = kwargs.pop("radius", 7)
        style = f"round,pad=0,rounding_size={radius}"
        options = {"linewidth": 1.0, "zorder": 1} | kwargs
        self.ax.add_patch(
            FancyBboxPatch(
                (left, top),
                right - left,
                bottom - top,
                boxstyle=style,
                facecolor=fill,
                edgecolor=edge,
                **options,
            )
        )

    def block(
        self,
        box: Sequence[float],
        title: str,
        note: str = "",
        colour: str = INK,
        lit: bool | None = None,
        cone: float = 0.0,
    ) -> None:
        """A box of the network. ``lit`` True fills it, False fades it, None is neutral.

        ``cone`` makes it a trapezoid: positive narrows to the right (an encoder),
        negative widens (a decoder), as a share of its height.
        """
        left, top, right, bottom = box
        fill = colour if lit else tint(colour, 0.07 if lit is False else 0.14)
        edge = colour if lit is not False else tint(colour, 0.45)
        if cone:
            slope = abs(cone) * (bottom - top) / 2
            a, b = (0, slope) if cone > 0 else (slope, 0)
            corners = [(left, top + a), (right, top + b), (right, bottom - b), (left, bottom - a)]
            self.ax.add_patch(
                Polygon(
                    corners,
                    facecolor=fill,
                    edgecolor=edge,
                    linewidth=1.3,
                    joinstyle="round",
                    zorder=2,
                )
            )
        else:
            self.panel(box, fill, edge, linewidth=1.3, zorder=2)
        middle = ((left + right) / 2, (top + bottom) / 2)
        ink = "white" if lit else INK if lit is None else "#4c525a"
        line, gap = 15.6, 16.5
        height = line * (title.count("\n") + 1)
        top = middle[1] - (height + (gap if note else 0)) / 2
        self.words(middle[0], top + height / 2, title, 9, color=ink, weight="bold", zorder=4)
        self.words(middle[0], top + height + gap / 2, note, 8.2, color=ink, zorder=4)

    def arrow(self, *points: Point, colour: str = MUTED, dashed: bool = False) -> None:
        """An arrow along straight segments with softly rounded corners."""
        vertices, codes = [points[0]], [Path.MOVETO]
        for before, corner, after in zip(points, points[1:], points[2:], strict=False):
            for point, code in (
                (_toward(corner, before), Path.LINETO),
                (corner, Path.CURVE3),
                (_toward(corner, after), Path.CURVE3),
            ):
                vertices.append(point)
                codes.append(code)
        vertices.append(points[-1])
        codes.append(Path.LINETO)
        self.ax.add_patch(
            FancyArrowPatch(
                path=Path(vertices, codes),
                arrowstyle="-|>,head_length=3.4,head_width=2",
                mutation_scale=1.5,
                color=colour,
                linewidth=1.2,
                linestyle=(0, (3, 2)) if dashed else "-",
                zorder=1.5,
            )
        )

    def waveform(self, box: Sequence[float], samples: np.ndarray, colour: str) -> None:
        """The envelope of ``samples`` [N] as a filled shape."""
        left, top, right, bottom = box
        parts = np.array_split(np.asarray(samples), int(right - left))
        high = np.array([p.max() for p in parts])
        low = np.array([p.min() for p in parts])
        middle, half = (top + bottom) / 2, (bottom - top) / 2
        gain = half / max(np.abs(high).max(), np.abs(low).max(), 1e-6)
        x = np.linspace(left, right, len(parts))
        self.ax.fill_between(
            x, middle - gain * high - 0.5, middle - gain * low + 0.5, color=colour, lw=0, zorder=3
        )

    def picture(self, box: Sequence[float], image: np.ndarray, **kwargs) -> None:
        """An image stretched over ``box``."""
        left, top, right, bottom = box
        options = {"interpolation": "antialiased", "zorder": 3} | kwargs
        limits = self.ax.get_xlim(), self.ax.get_ylim()
        self.ax.imshow(image, extent=(left, right, bottom, top), aspect="auto", **options)
        self.ax.set(xlim=limits[0], ylim=limits[1])


def _toward(corner: Point, other: Point, radius: float = 6.0) -> Point:
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx), abs(dy))
    share = min(radius, length / 2) / length if length else 0.0
    return corner[0] + share * dx, corner[1] + share * dy
