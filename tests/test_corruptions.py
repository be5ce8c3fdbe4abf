"""Corruptions spoil what they say and nothing else; the judge and the damage are right."""

import math
import re

import matplotlib as mpl
import numpy as np
import pytest

from lipkit.course.held_out import held_out_clips
from lipkit.errors import UsageError
from lipkit.metrics.corruptions import CORRUPTIONS, Judge, corrupt, damage, delay, shift
from lipkit.metrics.cpbd import edge_widths
from lipkit.plots import metrics as figures
from lipkit.plots import to_png
from lipkit.widgets import CorruptionExplorer, draw_corruption
from lipkit.widgets.corruption import describe_corruption

FAST = ("ssim", "psnr", "psnr_paper", "cpbd", "motion")


def moving(frames: int = 20, seed: int = 0) -> np.ndarray:
    """A smooth picture that drifts to the right by a pixel per frame."""
    from scipy import ndimage

    rough = np.random.default_rng(seed).uniform(0, 255, (64, 64 + frames, 3))
    smooth = ndimage.gaussian_filter(rough, (2, 2, 0))
    smooth = 60 + 120 * (smooth - smooth.min()) / np.ptp(smooth)
    return np.stack([smooth[:, frames - t : frames - t + 64] for t in range(frames)]).astype("u1")


@pytest.fixture(scope="module")
def lips() -> np.ndarray:
    return moving()


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    return moving(seed=1)


@pytest.fixture(scope="module")
def judge(lips) -> Judge:
    return Judge(lips, np.zeros((80, 128), np.float16), FAST)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strength_0_changes_nothing_and_more_spoils_more(lips, other, name):
    assert np.array_equal(corrupt(name, lips, other, 0), lips)
    most = CORRUPTIONS[name].most
    half, whole = (corrupt(name, lips, other, s) for s in (most / 2, most))
    assert half.shape == whole.shape == lips.shape
    assert half.dtype == whole.dtype == np.uint8
    errors = [np.abs(video.astype(float) - lips).mean() for video in (half, whole)]
    assert 0 < errors[0] < errors[1]
    assert 0 < CORRUPTIONS[name].usual <= most


def test_shift_and_delay_move_by_what_they_are_told(lips):
    # The picture drifts by a pixel per frame: 2 frames later is 2 pixels to the left.
    assert np.array_equal(delay(lips, 2)[2:, :, :-2], shift(lips, -2)[2:, :, :-2])
    assert np.array_equal(delay(lips, 2)[2:], lips[:-2])
    assert np.array_equal(shift(lips, 3)[:, :, 3:], lips[:, :, :-3])


def test_noise_brightness_frozen_and_other_are_what_they_say(lips, other):
    grain = corrupt("noise", lips, other, 10).astype(float) - lips
    assert grain.std() == pytest.approx(10, rel=0.02)
    assert (corrupt("brightness", lips, other, 25).astype(int) - lips == 25).all()
    assert (corrupt("frozen", lips, other, 1) == lips[0]).all()
    assert np.array_equal(corrupt("other speaker", lips, other, 1), other)
    late = corrupt("other speaker", lips, other[:5], 1)
    assert (late[5:] == other[4]).all()


def test_what_is_not_there_is_refused(lips, other):
    with pytest.raises(UsageError, match="did you mean"):
        corrupt("blurr", lips, other, 1)
    with pytest.raises(UsageError, match="from 0 to 4"):
        corrupt("blur", lips, other, 5)
    with pytest.raises(UsageError, match="did you mean"):
        Judge(lips, lips, ["ssimm"])


def test_the_judge_never_averages_infinities(judge, lips):
    assert judge.truth["psnr"] == math.inf
    assert judge.truth["ssim"] == pytest.approx(1)
    assert judge.frozen["motion"] == 0
    # Only the frames that differ count.
    spoilt = lips.copy()
    spoilt[3] += 10
    assert judge.scores(spoilt)["psnr"] == pytest.approx(20 * math.log10(255 / 10))


def test_points_are_asked_for_only_where_a_metric_needs_them(lips):
    sound, points = np.zeros((80, 128), np.float16), np.zeros((20, 20, 2))
    assert [m.name for m in Judge(lips, sound, ["lmd", "ssim"]).metrics] == ["ssim"]
    asked = Judge(lips, sound, ["lmd"], lambda video, where: points + video.mean())
    assert asked.scores(lips + 1) == {"lmd": 0}


def test_damage_is_0_as_truth_and_1_as_frozen():
    truth = {"ssim": 1.0, "psnr": math.inf, "cpbd": 0.5, "sync_offset": 0.0, "opening": 1.0}
    frozen = {"ssim": 0.6, "psnr": 20.0, "cpbd": 0.5, "sync_offset": 7.0, "opening": math.nan}
    half = {"ssim": 0.8, "psnr": 20 + 20 * math.log10(2), "cpbd": 0.75, "opening": 0.25}
    found = damage(half | {"sync_offset": 3.0}, truth, frozen)
    assert found.pop("opening") == pytest.approx(0.75)
    assert math.isnan(found.pop("sync_offset"))
    assert list(found.values()) == pytest.approx([0.5] * 3)
    at_worst = damage(frozen, truth, frozen)
    assert (at_worst["ssim"], at_worst["psnr"], at_worst["opening"]) == (1, 1, 1)
    assert damage(truth, truth, frozen)["psnr"] == 0


def test_held_out_people_say_different_sentences(tmp_path):
    (record,) = held_out_clips(tmp_path, people=(2,))
    assert record.speaker == "s3"
    assert record.video.is_file()
    assert record.truth.is_file()


def _alt(explorer: CorruptionExplorer) -> str:
    return re.search(r'alt="([^"]*)"', explorer.picture.value).group(1)


def test_the_callback_draws_truth_spoilt_and_frozen_lips(judge, other):
    left, right = draw_corruption(judge, other, "blur", 1.5).axes
    assert [t.get_text() for t in left.get_yticklabels()] == [
        "truth",
        "blur, 1.5 px",
        "frozen lips",
    ]
    cells = [t.get_text() for t in right.texts]
    assert len(cells) == 3 * len(FAST)
    assert cells[1] == "∞"
    words = describe_corruption(judge, other, "blur", 1.5)
    assert words.startswith("blur, 1.5 px: SSIM 0.")
    assert f"frozen {cells[2 * len(FAST)]}" in words
    with pytest.raises(UsageError, match="from 0 to 4"):
        draw_corruption(judge, other, "blur", 9)


def test_each_control_changes_the_picture(judge, other):
    explorer = CorruptionExplorer(judge, other)
    assert explorer.strength.continuous_update is False
    seen = [explorer.picture.value]
    for control, value in ((explorer.strength, 3.0), (explorer.corruption, "shift")):
        control.value = value
        assert explorer.picture.value not in seen
        seen.append(explorer.picture.value)
    assert (explorer.strength.value, explorer.strength.max) == (3, 12)
    assert explorer.strength.description == "px"
    assert _alt(explorer) == describe_corruption(judge, other, "shift", 3)
    explorer.corruption.value = "frozen"
    assert (explorer.strength.value, explorer.strength.max) == (1, 1)
    assert explorer._repr_mimebundle_()["text/plain"].startswith("Sliders: run this cell")


def _drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    to_png(figure, scale=0.5)
    return figure


def test_strength_figure_has_a_panel_a_metric_and_a_line_a_corruption(judge, other):
    steps = {"blur": [0, 1, 2], "noise": [0, 10]}
    scores = {
        name: [judge.scores(corrupt(name, judge.lips, other, s)) for s in values]
        for name, values in steps.items()
    }
    units = {"blur": "px", "noise": "levels"}
    figure = _drawn(figures.strength_figure(steps, scores, judge.truth, judge.frozen, units))
    assert [ax.get_title(loc="left") for ax in figure.axes][:2] == ["SSIM", "PSNR, dB"]
    # Frozen, truth, blur, noise; a truth without end has no line.
    assert [len(ax.lines) for ax in figure.axes] == [4, 3, 3, 4, 4]
    assert figure.axes[0].lines[2].get_ydata().tolist() == [row["ssim"] for row in scores["blur"]]


def test_other_figures_hold_their_numbers(lips):
    levels, true = np.array([2.0, 8.0]), np.array([42.0, 30.0])
    left, right = _drawn(figures.wrapping_figure(levels, true, true + 1, [28.0, 30.0])).axes
    assert left.lines[1].get_ydata()[16] == 0
    assert right.lines[1].get_ydata().tolist() == [43, 31]

    ramps = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, None], 64, axis=1)
    figure = _drawn(figures.edges_figure(ramps, [5], {"low": np.array([0.3])}, 0.63))
    assert figure.axes[1].lines[0].get_ydata().tolist() == [0.3]
    assert len(edge_widths(ramps)) == 4

    figure = _drawn(figures.sharpness_figure({"a": lips[0], "b": lips[1]}, {"a": 0.1, "b": 0.2}))
    assert [t.get_text() for ax in figure.axes for t in ax.texts] == ["0.100", "0.200"]

    (ax,) = _drawn(figures.exact_figure({"1 late": 0.5}, {"1 late": 0.7})).axes
    assert ax.lines[1].get_xydata().tolist() == [[0.5, 0.7]]

    curve = np.array([0.9, 0.4, 0.8])
    figure = _drawn(figures.sync_figure(np.arange(-1, 2), {"a": curve}, [-1, 1], np.eye(2)))
    assert figure.axes[0].lines[1].get_xydata().tolist() == [[0, 0.4]]
    assert len(figure.axes[1].lines) == 3
