"""Figures of baselines: they show what they were given."""

import matplotlib as mpl
import numpy as np
import pytest

from lipkit.plots import baselines, to_png
from lipkit.plots.style import AUDIO


def _drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    to_png(figure, scale=0.5)
    return figure


def test_every_way_stands_on_its_line_with_what_it_sees():
    (ax,) = _drawn(baselines.ways_figure()).axes
    height = {t.get_text(): t.get_position()[1] for t in ax.texts}
    order = [height[way.name] for way in baselines.WAYS]
    assert order == sorted(order)
    # A way's inputs are on its own line: noise belongs to Vondrick, the clips to retrieval.
    assert height["noise"] == height["Vondrick et al."]
    assert height["training clips"] == height["retrieval"]
    assert sum(t.get_text() == "sound" for t in ax.texts) == 5


def test_a_way_of_an_unknown_input_is_refused():
    with pytest.raises(KeyError, match="taste"):
        baselines.ways_figure([baselines.Way("a", "taste", "b", "c", "d")])


def test_mouths_are_drawn_over_the_truth_without_their_place():
    truth = np.random.default_rng(0).normal(0, 5, (3, 20, 2))
    figure = _drawn(baselines.mouths_figure(truth, {"moved": truth + 7, "half": truth / 2}, "abc"))
    assert len(figure.axes) == 6
    moved, half = figure.axes[1], figure.axes[4]
    centred = truth[1] - truth[1].mean(0)
    outer, inner = (line.get_xydata() for line in moved.lines)
    assert np.allclose(outer, centred[[*range(12), 0]])
    assert np.allclose(inner, centred[[*range(12, 20), 12]])
    assert np.allclose(half.lines[0].get_xydata(), outer / 2)
    assert np.allclose(half.patches[0].get_xy()[:12], centred[:12])
    assert [ax.get_title("center") for ax in figure.axes[:3]] == ["a", "b", "c"]
    # y grows downward, as in pictures.
    assert moved.get_ylim()[0] > moved.get_ylim()[1]


def test_scores_stand_on_their_intervals_beside_the_line():
    rows = {"still": (1.0, 0.9, 1.1), "net": (0.6, 0.5, 0.8), "none": (None, None, None)}
    alone = {name: (score[0], None, None) for name, score in rows.items()}
    panels = {"LMD": rows, "r": alone}
    figure = _drawn(baselines.scores_figure(panels, "still", {"LMD": 0.0}, ["net"]))
    first, second, blank = figure.axes if len(figure.axes) == 3 else (*figure.axes, None)
    assert blank is None
    dashed, aim, *others = first.lines
    assert dashed.get_xdata()[0] == 1.0
    assert dashed.get_linestyle() == "--"
    assert aim.get_xdata()[0] == 0.0
    assert list(others[2].get_xdata()) == [0.5, 0.8]
    assert [m.get_markerfacecolor() for m in others[1::2]] == ["white", AUDIO]
    # Without an interval or an aim: the dashed line and two markers, a dash for the empty row.
    assert [line.get_xdata()[0] for line in second.lines] == [1.0, 1.0, 0.6]
    assert [t.get_text() for t in second.texts] == ["–"]
    assert [t.get_text() for t in first.get_yticklabels()] == ["still", "net", "none"]
