"""Figures of the correlation loss and of the discriminators show what they were given."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lipkit.plots import discriminators, losses, to_png
from lipkit.plots.style import AUDIO, FUSED, MUTED, PAGE


def _drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    to_png(figure, scale=0.5)
    return figure


def _texts(ax: mpl.axes.Axes) -> list[str]:
    return [t.get_text() for t in ax.texts]


def test_flow_figure_puts_an_arrow_into_every_cell():
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    flow = np.zeros((2, 2, 16, 16))
    flow[0, 0], flow[1, 1] = 1.5, -1
    first, second = _drawn(losses.flow_figure({"real": (frames, flow)}, enlarge=2)).axes
    (arrows,) = first.collections
    assert arrows.N == 256
    assert (arrows.X[0], arrows.X[1] - arrows.X[0]) == (1.5, 4)
    assert np.all(arrows.U == 3)
    assert np.all(arrows.V == 0)
    assert np.all(second.collections[0].V == -2)
    assert first.get_ylabel() == "real"
    # Frames have their row 0 on top, and so must the arrows.
    assert first.get_ylim() == (63.5, -0.5)


def test_alignment_figure_writes_each_mean_and_marks_the_prediction():
    steps = {"signed": np.array([-0.5, 0.5]), "after ReLU": np.array([0.8, 0.9])}
    first, second = _drawn(losses.alignment_figure(steps, {"after ReLU": 0.882})).axes
    assert _texts(first) == ["signed", "0.00"]
    assert _texts(second) == ["after ReLU", "0.85"]
    mean, mark = second.lines
    assert list(mean.get_xdata()) == pytest.approx([0.85, 0.85])
    assert list(mark.get_xdata()) == [0.882]
    assert len(first.lines) == 1


def test_directions_of_positive_vectors_are_one_and_centred_ones_many():
    rng = np.random.default_rng(0)
    sound, lips = 1 + 0.1 * rng.normal(size=(2, 12, 15))
    left, right = _drawn(losses.directions_figure(sound, lips)).axes

    def ends(ax):
        return np.concatenate([line.get_xydata() for line in ax.lines if line.get_marker() == "o"])

    assert ends(left).shape == ends(right).shape == (24, 2)
    assert ends(left)[:, 0].min() > 0.9
    assert ends(right)[:, 0].min() < -0.2 < 0.2 < ends(right)[:, 0].max()
    assert np.linalg.norm(ends(right), axis=1).max() <= 1 + 1e-6


def test_forms_figure_draws_loss_over_similarity():
    histories = {"cosine": [(20, 0.5, 0.9, 0.8), (40, 0.25, 0.95, 0.9)], "pearson": [(20, 1, 0, 0)]}
    axes = _drawn(losses.forms_figure(histories)).axes
    assert [list(ax.lines[0].get_ydata()) for ax in axes] == [[0.5, 0.25], [1], [0.9, 0.95], [0]]
    assert list(axes[2].lines[1].get_ydata()) == [0.8, 0.9]
    assert [ax.get_title(loc="left") for ax in axes[:2]] == ["cosine", "pearson"]


def test_verdicts_figure_counts_both_kinds_on_one_scale():
    verdicts = {"cosine": (np.array([0.9, 1.0]), np.array([0.0, 0.5, 0.9]))}
    (ax,) = _drawn(losses.verdicts_figure(verdicts, {"cosine": 0.92})).axes
    assert ax.get_title(loc="left") == "cosine: AUC 0.92"
    areas = [bar.get_height() * bar.get_width() for bar in ax.patches if hasattr(bar, "get_height")]
    assert sum(areas) == pytest.approx(1)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["others' lips", "own lips"]


def test_auc_figure_has_a_point_a_seed():
    rows = {"cosine": [0.5, 0.6], "contrastive": [0.9]}
    (ax,) = _drawn(losses.auc_figure(rows, faint=["cosine"])).axes
    points = [line for line in ax.lines if line.get_marker() == "o"]
    assert [list(p.get_xdata()) for p in points] == [[0.5, 0.6], [0.9]]
    assert _texts(ax) == ["0.55", "0.90"]
    assert [t.get_color() for t in ax.texts] == [MUTED, FUSED]


def test_auc_below_a_half_is_not_cut_off():
    (ax,) = _drawn(losses.auc_figure({"cosine": [0.31]})).axes
    assert ax.get_xlim()[0] < 0.31


def test_offsets_figure_draws_the_form_that_sees_time_in_colour():
    offsets = range(-2, 3)
    curves = {"cosine": np.full(5, 0.98), "contrastive": np.array([0, 0.1, 0.3, 0.1, 0])}
    (ax,) = _drawn(losses.offsets_figure(offsets, curves)).axes
    first = ax.lines[0]
    assert first.get_color() == FUSED
    assert list(first.get_ydata()) == list(curves["contrastive"])
    assert _texts(ax) == ["contrastive", "cosine"]


def test_shares_figure_lays_the_parts_end_to_end():
    shares = {"three": {"audio, one layer": 3.0, "audio": 1.0, "joint": 2.0}, "two": {"audio": 4.0}}
    (ax,) = _drawn(discriminators.shares_figure(shares, marked="audio, one layer")).axes
    spans = [(b.get_x(), b.get_width()) for b in ax.patches]
    assert spans == [(0, 3), (3, 1), (4, 2), (0, 4)]
    assert [bool(b.get_hatch()) for b in ax.patches] == [True, False, False, False]
    assert {"  6.00", "  4.00"} <= set(_texts(ax))


def test_notice_figure_writes_dark_on_pale_and_pale_on_dark():
    auc = np.array([[[0.48, 0.93]], [[0.52, 0.97]]])
    figure = discriminators.notice_figure(auc, ["two"], ["reversed", "frozen"])
    (ax,) = _drawn(figure).axes
    assert _texts(ax) == ["0.48, 0.52", "0.93, 0.97"]
    assert ax.images[0].get_array().tolist() == [[0.5, 0.95]]
    assert ax.texts[1].get_color() == PAGE != ax.texts[0].get_color()
    image = ax.images[0]
    pale, dark = image.cmap(image.norm(np.array([0.5, 1.0])))[:, :3]
    assert pale == pytest.approx(to_rgb(PAGE))
    assert dark.mean() < 0.6


def test_saturation_and_judges_figures_hold_their_curves():
    logits = np.linspace(-2, 2, 5)
    curves = {"a": logits**2, "b": logits}
    left, right = _drawn(discriminators.saturation_figure(logits, curves, curves)).axes
    assert list(left.lines[0].get_ydata()) == [4, 1, 0, 1, 4]
    assert list(right.lines[1].get_ydata()) == list(logits)
    falling = {"two": [np.full(30, 2.0), np.full(30, 1.0)]}
    (ax,) = _drawn(discriminators.judges_figure(falling, shrug=1.39)).axes
    assert ax.lines[0].get_ydata()[0] == 1.39
    assert [line.get_ydata()[0] for line in ax.lines[1:]] == pytest.approx([2.0, 1.0])
    low, high = ax.get_ylim()
    assert 0.7 < low < 1.0
    assert 2.0 < high < 2.3
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["two"]
    assert AUDIO not in [line.get_color() for line in ax.lines]
