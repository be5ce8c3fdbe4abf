"""Figures of networks, receptive fields and features: they show what they were given."""

import matplotlib as mpl
import numpy as np
import pytest

from lipkit.plots import features, networks, receptive, to_png
from lipkit.plots.style import AUDIO, PAGE, VISUAL, shades


def _drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    to_png(figure, scale=0.5)
    return figure


def _texts(ax: mpl.axes.Axes) -> list[str]:
    return [t.get_text() for t in ax.texts]


@pytest.fixture(scope="module")
def logmel() -> np.ndarray:
    return np.random.default_rng(0).normal(-40, 10, (64, 128))


def test_shapes_figure_names_every_shape_and_counts_its_numbers():
    rows = {"one": (AUDIO, [(1, 64, 128), (32, 16, 16)], ["3 × 3"])}
    (ax,) = _drawn(networks.shapes_figure(rows)).axes
    assert {"one", "1 × 64 × 128", "8,192", "32 × 16 × 16", "3 × 3"} <= set(_texts(ax))
    front, other = ax.patches[0].get_xy(), ax.patches[3].get_xy()
    assert np.ptp(front[:, 0]) / np.ptp(other[:, 0]) == pytest.approx(4)
    assert np.ptp(front[:, 1]) / np.ptp(other[:, 1]) == pytest.approx(8)


def test_shapes_figure_wants_a_note_for_each_arrow():
    with pytest.raises(ValueError, match=r"shorter|longer"):
        networks.shapes_figure({"one": (AUDIO, [(1, 8, 8), (2, 8, 8)], [])})


def test_fusion_figure_writes_the_volume():
    audio, identity = np.array([[1, 2], [3, 4]]), np.array([[5, 6], [7, 8]])
    (ax,) = _drawn(networks.fusion_figure(audio, identity)).axes
    numbers = [t.get_text() for t in ax.texts if t.get_text().isdigit()]
    volume = ["5", "6", "7", "8", "1", "1", "2", "2", "5", "6", "7", "8", "3", "3", "4", "4"]
    assert numbers == ["5", "6", "7", "8", "1", "3", "2", "4", *volume]
    # In frame 1, the number 3 fills the upper row.
    places = [t.get_position() for t in ax.texts if t.get_text() == "3"]
    assert places[1][1] == places[2][1] < [t.get_position() for t in ax.texts][-1][1] + 200


def test_weight_figure_draws_both_variants_of_each_block():
    table = {"audio encoder": {"a": 1.0, "b": 1.0}, "residual": {"a": 10.0, "b": 30.0}}
    left, right = _drawn(networks.weight_figure(table, table)).axes
    assert [bar.get_width() for bar in left.patches] == [1, 10, 1, 30]
    assert [t.get_text() for t in left.get_yticklabels()] == list(table)
    assert len(right.patches) == 4


def test_overlap_and_learning_figures_hold_their_numbers():
    counts = {"three": np.array([1, 2, 1, 2]), "four": np.array([2, 2, 2, 2])}
    pictures = {name: np.outer(c, c).astype(float) for name, c in counts.items()}
    figure = _drawn(networks.overlap_figure(counts, pictures))
    assert [bar.get_height() for bar in figure.axes[0].patches] == [1, 2, 1, 2]
    assert np.array_equal(figure.axes[2].images[0].get_array(), pictures["three"])
    (ax,) = _drawn(networks.learning_figure([0.5, 0.3, 0.2], {"frozen": 0.25})).axes
    assert list(ax.lines[0].get_ydata()) == [0.5, 0.3, 0.2]
    assert ax.lines[1].get_ydata()[0] == 0.25


def test_fields_are_drawn_where_they_are(logmel):
    fields = {"1": ((30, 32), (50, 52)), "2": ((25, 37), (45, 57))}
    whole, near = _drawn(receptive.fields_figure(logmel, fields)).axes
    assert [(b.get_x(), b.get_y(), b.get_width()) for b in whole.patches] == [(25, 45, 13)]
    assert [b.get_width() for b in near.patches] == [3, 13]
    assert near.get_xlim() == (24, 39)


def test_influence_profiles_say_how_many_places_carry_most():
    influence = np.zeros((64, 128))
    influence[20:30, 40:60] = 1
    _, columns, bands = _drawn(
        receptive.influence_figure(influence, ((18, 31), (38, 61)), "f")
    ).axes
    assert columns.get_title(loc="left") == "90 % from 9 of 14"
    heights = np.array([bar.get_height() for bar in bands.patches])
    assert np.flatnonzero(heights).tolist() == list(range(40, 60))


def test_reach_leaves_what_is_never_heard_white():
    change = np.eye(6) + 0.001 * np.eye(6, k=1)
    ax = _drawn(receptive.reach_figure({"a": change})).axes[0]
    shown = ax.images[0].get_array()
    assert np.array_equal(np.ma.getmaskarray(shown), change.T == 0)
    # Heard to the right, shown upward.
    assert shown[1, 0] == pytest.approx(0.001)


def test_bands_figure_scales_every_row_and_marks_the_bounds():
    table = np.outer([1.0, 4.0], np.linspace(0, 1, 128))
    bounds = np.array([[-20, 60], [40, 150]])
    ax, _ = _drawn(receptive.bands_figure({"a": table, "b": table}, bounds)).axes
    assert np.allclose(ax.images[0].get_array(), np.linspace(0, 1, 128))
    assert [line.get_xdata().tolist() for line in ax.lines] == [[-0.5, 40], [60, 127.5]]


def test_taps_that_lie_together_are_enlarged(logmel):
    together = [(c, b) for c in (5, 6, 7) for b in (41, 42, 43)]
    apart = [(c, b) for c in (5, 6, 7) for b in (42, 74, 106)]
    near, far = _drawn(receptive.taps_figure({"a": together, "b": apart}, logmel[:12])).axes
    assert near.get_ylim() == (36, 48)
    assert far.get_ylim()[1] > 120
    assert far.lines[-1].get_ydata().tolist() == [b for _, b in apart]


def test_probe_figure_puts_scores_on_their_intervals():
    panels = {"r": {"x": (0.5, 0.4, 0.7), "y": (0.2, 0.1, 0.3)}}
    (ax,) = _drawn(features.probe_figure(panels, {"r": 0.3})).axes
    assert _texts(ax) == ["0.50", "0.20"]
    assert ax.lines[0].get_xdata()[0] == 0.3
    assert list(ax.lines[1].get_xdata()) == [0.4, 0.7]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x", "y"]


def test_distance_figure_lays_people_in_rows():
    pictures = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), np.uint8)
    figure = _drawn(features.distance_figure({"a": np.eye(6)}, pictures, 3))
    sheet = np.asarray(figure.axes[0].images[0].get_array())
    assert sheet.shape == (2 * 64, 3 * 64, 3)
    assert np.array_equal(sheet[64:, 64:128], pictures[4])
    assert np.array_equal(figure.axes[1].images[0].get_array(), np.eye(6))


def test_maps_and_borders_are_shown_as_given():
    maps = [np.arange(12.0).reshape(3, 4) + i for i in range(3)]
    figure = _drawn(features.maps_figure({"a": maps, "b": maps[:2]}, upright=True))
    assert sum(len(ax.images) for ax in figure.axes) == 5
    assert figure.axes[0].get_ylim()[0] < figure.axes[0].get_ylim()[1]
    figure = _drawn(
        features.border_figure({"m": maps[0], "z": maps[1]}, {"m": maps[0][1], "z": maps[1][1]})
    )
    assert figure.axes[-1].lines[1].get_ydata().tolist() == maps[1][1].tolist()


def test_shades_run_from_the_page_through_the_colour_into_the_dark():
    colours = np.array([mpl.colors.to_rgb(c) for c in shades(VISUAL).colors])
    assert np.allclose(colours[0], mpl.colors.to_rgb(PAGE))
    assert np.abs(colours - mpl.colors.to_rgb(VISUAL)).sum(1).min() < 1e-6
    light = colours.sum(1)
    assert (np.diff(light) < 0).all()
