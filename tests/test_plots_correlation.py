"""Figures of the derivative correlation: they draw what they are given, and say which way."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from lipkit.analysis.offsets import OFFSETS, PIECE, correlate
from lipkit.analysis.statistics import Band
from lipkit.plots import derivative_correlation as figures
from lipkit.plots import to_png

RNG = np.random.default_rng(0)


def drawn(figure: Figure) -> Figure:
    assert len(to_png(figure, scale=0.5)) > 1000
    return figure


def line(ax, index: int = 0) -> np.ndarray:
    """The data of the axes' curves, without its zero lines and rings."""
    curves = [item for item in ax.lines if len(item.get_xdata()) > 4]
    return np.asarray(curves[index].get_xydata(), float)


def a_band(low: float, high: float) -> Band:
    n = len(OFFSETS)
    return Band(np.full(n, low), np.full(n, (low + high) / 2), np.full(n, high))


def a_result(peak: int) -> SimpleNamespace:
    mean = np.exp(-((OFFSETS - peak) ** 2) / 8.0)
    return SimpleNamespace(
        offsets=OFFSETS,
        mean=mean,
        interval=Band(mean - 0.1, mean, mean + 0.1),
        null=a_band(-0.2, 0.2),
        counts=1 + 8 * (peak == OFFSETS),
        null_counts=a_band(0, 3),
    )


def test_series_stand_where_their_frames_are() -> None:
    lips = RNG.integers(0, 255, (40, 64, 64, 3), np.uint8)
    a_frame, a_change = RNG.normal(size=40), RNG.normal(size=39)
    figure = drawn(
        figures.series_figure(lips, {"level": a_frame}, {"flow": a_change}, [("bin", 5.0, 9.0)])
    )
    strip, sound, motion = figure.axes
    assert len(strip.images) == 8
    assert np.array_equal(strip.images[1].get_array(), lips[7])
    assert strip.images[1].get_extent()[:2] == pytest.approx([5.1, 9.9])
    assert [t.get_text() for t in strip.texts] == ["bin"]
    assert strip.texts[0].get_position()[0] == 7.0
    # Frame 0 covers [0, 1); the change between frames 0 and 1 belongs to the edge at 1.
    assert line(sound)[0] == pytest.approx([0.5, a_frame[0]])
    assert line(motion)[0] == pytest.approx([1.0, a_change[0]])
    assert line(motion)[-1, 0] == 39.0


@pytest.mark.parametrize("offset", [-4, 0, 3])
def test_explorer_moves_the_lips_and_tells_r_of_each_piece(offset: int) -> None:
    sound, lips = RNG.normal(size=74), RNG.normal(size=74)
    left, right = drawn(figures.explorer_figure(sound, lips, offset, "s1/a")).axes
    standard = (lips - lips.mean()) / lips.std()
    moved = line(left, 1)
    assert np.allclose(moved, np.stack([np.arange(74) - offset, standard], axis=1))
    at = dict(moved)
    assert at[20.0] == pytest.approx(standard[20 + offset])
    r = correlate(sound, lips)
    assert np.allclose(line(right)[:, 1], r)
    assert f"{r[list(OFFSETS).index(offset)]:.2f}".replace("-", "−") in right.get_title(loc="left")
    pieces = [float(t.get_text().removeprefix("r = ").replace("−", "-")) for t in left.texts]
    assert len(pieces) == (74 - abs(offset)) // PIECE
    assert np.mean(pieces) == pytest.approx(r[list(OFFSETS).index(offset)], abs=0.006)


def test_explorer_names_a_piece_that_never_changes() -> None:
    sound = RNG.normal(size=74)
    sound[:16] = 1.0
    left, _ = drawn(figures.explorer_figure(sound, RNG.normal(size=74), 0, "s1/a")).axes
    assert left.texts[0].get_text() == "constant"


def test_clip_curves_ring_the_best_offset_over_the_clips_own_null() -> None:
    curves = RNG.uniform(-0.2, 0.2, (4, len(OFFSETS)))
    curves[2, 12] = 0.9
    null = np.stack([np.stack([np.full(31, -0.1 * k), np.full(31, 0.1 * k)]) for k in range(1, 5)])
    figure = drawn(figures.clip_curves_figure(OFFSETS, curves, null, ["a", "b", "c", "d"]))
    assert figure.axes[2].get_title(loc="left") == "c: best −3"
    assert np.allclose(line(figure.axes[2])[:, 1], curves[2])
    edges = figure.axes[2].collections[0].get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == pytest.approx((-0.3, 0.3))


@pytest.mark.parametrize("names", [["authors"], ["authors", "magnitude", "level_opening"]])
def test_fig3_has_curve_counts_and_both_nulls_of_every_formula(names: list[str]) -> None:
    results = {name: a_result(peak) for peak, name in enumerate(names)}
    figure = drawn(figures.fig3_figure(results))
    assert len(figure.axes) == 2 * len(names)
    curves = [ax for ax in figure.axes if not ax.patches]
    counts = [ax for ax in figure.axes if ax.patches]
    for ax, result in zip(curves, results.values(), strict=True):
        assert np.allclose(line(ax)[:, 1], result.mean)
        low, high = ax.get_ylim()
        assert low < -0.2
        assert high > 1.1
        bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
        assert len(bands) == 2
    for ax, result in zip(counts, results.values(), strict=True):
        assert [bar.get_height() for bar in ax.patches] == list(result.counts)
        assert len(ax.collections) == 1
    if len(names) > 1:
        assert [ax.get_title(loc="left") for ax in curves] == names


def test_counts_figure_writes_every_count() -> None:
    offsets, counts = np.arange(-2, 3), np.array([40, 50, 60, 50, 40])
    null = Band(np.full(5, 35.0), np.full(5, 48.0), np.full(5, 61.0))
    (ax,) = drawn(figures.counts_figure(offsets, counts, null)).axes
    assert [t.get_text() for t in ax.texts[:5]] == ["40", "50", "60", "50", "40"]


def test_hidden_peak_figure_says_which_way_the_sound_went() -> None:
    curves = {k: a_result(-k).mean for k in (0, 6, -4)}
    (ax,) = drawn(figures.hidden_peak_figure(OFFSETS, curves, a_band(-0.1, 0.1))).axes
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["sound as recorded", "sound 6 frames later", "sound 4 frames earlier"]
    assert [t.get_text() for t in ax.texts] == ["0", "−6", "+4"]


def test_lead_figure_draws_measured_beside_documented() -> None:
    names = ["bilabial", "open"]
    figure = figures.lead_figure(
        names,
        np.array([80.0, 40.0]),
        np.array([70.0, 55.0]),
        np.array([60.0, 40.0]),
        np.array([85.0, 70.0]),
        [30, 20],
    )
    (ax,) = drawn(figure).axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["bilabial  (30)", "open  (20)"]
    points = next(item for item in ax.lines if item.get_marker() == "o")
    assert list(points.get_xdata()) == [70.0, 55.0]
    assert list(points.get_ydata()) == [1, 0]
