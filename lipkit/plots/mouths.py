"""What mouths do per class of phonemes: real beside drawn."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lipkit.plots.style import AUDIO, INK, VISUAL, new_figure, styled

ROWS = (("real", INK, "real, as dlib sees it"), ("drawn", VISUAL, "drawn, as dlib sees it"))


@styled
def mouths_figure(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Opening and width of each class: median and the middle 80 %, mouth widths.

    ``rows`` are those of ``mouths.csv`` (:mod:`lipkit.analysis.drawn_people`): ``view``
    (``real``, ``drawn`` or ``truth``), ``class``, ``opening``, ``opening_p10`` and so on.
    """
    found = {(row["view"], row["class"]): row for row in rows}
    order = sorted(
        {name for _, name in found}, key=lambda name: float(found["real", name]["opening"])
    )
    figure = new_figure(3.6)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, measure in zip(axes, ("opening", "width"), strict=True):
        for shift, (view, colour, label) in zip((0.16, -0.16), ROWS, strict=True):
            here = [(y, found[view, name]) for y, name in enumerate(order) if (view, name) in found]
            middle = [float(row[measure]) for _, row in here]
            low = [float(row[f"{measure}_p10"]) for _, row in here]
            high = [float(row[f"{measure}_p90"]) for _, row in here]
            at = [y + shift for y, _ in here]
            axis.hlines(at, low, high, color=colour, lw=1.6)
            axis.plot(middle, at, "o", color=colour, ms=4.5, label=label)
        axis.set_xlabel(f"{measure}, mouth widths")
    truth = [(y, float(found["truth", n]["opening"])) for y, n in enumerate(order)]
    axes[0].plot(
        [x for _, x in truth], [y for y, _ in truth], "|", color=AUDIO, ms=9, label="drawn, exact"
    )
    axes[0].set_yticks(range(len(order)), [name.replace("_", " ") for name in order])
    axes[0].legend(loc="lower right")
    return figure
