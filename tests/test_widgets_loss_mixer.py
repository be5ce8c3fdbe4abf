"""The loss mixer without a browser: which run a mix finds, and what is drawn of it."""

import json
import math

import numpy as np
import pytest
from mixed_results import CELLS, HALF, REFERENCES, write_results

from lipkit.errors import LipkitError, UsageError
from lipkit.presets import preset
from lipkit.settings import to_dict
from lipkit.widgets import LossMixer, draw_mix, read_mixes
from lipkit.widgets.loss_mixer import describe_mix, found_mix, winners
from lipkit.widgets.mixes import Interval, Level, Mixes

pytestmark = pytest.mark.slow

OFF = Level(0.0)


@pytest.fixture(scope="module")
def mixes(tmp_path_factory) -> Mixes:
    return read_mixes(write_results(tmp_path_factory.mktemp("results") / "results.csv"))


def _run(mixes: Mixes, name: str):
    return next(run for run in mixes.runs if run.name == name)


def test_a_table_is_read_as_mixes_with_means_over_seeds(mixes) -> None:
    assert [run.name for run in mixes.runs] == list(CELLS)
    score = _run(mixes, "b").scores["lmd"]
    assert score == pytest.approx((1.28, 1.28 - 0.01 - HALF, 1.28 + 0.01 + HALF))
    assert mixes.references["frozen lips"]["lmd"].value == REFERENCES["frozen lips"]["lmd"]
    assert math.isnan(mixes.references["ground truth"]["psnr"].value)
    assert _run(mixes, "b").mix == {
        "pixel": Level(0.5),
        "perceptual": OFF,
        "correlation": OFF,
        "GAN": OFF,
    }
    assert _run(mixes, "h").mix["correlation"] == Level(1.0, "features")
    assert _run(mixes, "h").mix["GAN"] == Level(1.0, "2 streams")


def test_levels_are_those_that_were_trained_and_off_comes_first(mixes) -> None:
    labels = {loss: [level.label for level in mixes.levels(loss)] for loss in ("pixel", "GAN")}
    assert labels == {"pixel": ["off", "0.5"], "GAN": ["off", "1 · 2 streams", "1 · 3 streams"]}
    assert mixes.levels("correlation")[0] == OFF


def test_weights_are_those_of_the_experiment_where_it_says_them(tmp_path) -> None:
    path = write_results(tmp_path / "results.csv")
    about = {"experiment": "ablation", "settings": to_dict(preset("tiny"))}
    (tmp_path / "results.json").write_text(json.dumps(about))
    assert _run(read_mixes(path), "e").mix["correlation"].weight == preset("tiny").loss.corr.weight
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(LipkitError, match=r"results\.json: does not say what was run"):
        read_mixes(path)


def test_a_mix_that_was_not_trained_gets_the_nearest(mixes) -> None:
    full = _run(mixes, "e").mix
    assert mixes.nearest(full) == (_run(mixes, "e"), [])
    run, different = mixes.nearest(full | {"perceptual": OFF, "correlation": OFF})
    assert run.name == "d"
    assert different == ["perceptual at 1 instead of off"]
    # Another form is nearer than another loss.
    run, different = mixes.nearest(full | {"correlation": Level(1.0, "features")})
    assert run.name in ("e", "h")
    assert len(different) == 1
    with pytest.raises(UsageError, match=r"pixel: no run has this level; give off or 0\.5"):
        mixes.nearest(full | {"pixel": Level(0.2)})


def test_best_follows_each_metric_s_direction(mixes) -> None:
    assert mixes.best("lmd")[0].name == "e"
    assert mixes.best("ssim")[0].name == "b"
    # Sharper than the truth is no better than softer by as much.
    assert mixes.best("cpbd")[0].name == "e"
    assert mixes.best("cpbd")[1] == []
    assert [run.name for run in mixes.best("ssim")[1]] == ["e"]
    assert Interval(1, 0.9, 1.1).overlaps(Interval(1.2, 1.1, 1.3))
    assert not Interval(1, 0.9, 1.0).overlaps(Interval(1.2, 1.1, 1.3))
    assert winners(mixes).startswith("Best by LMD e; SSIM b (within its interval: e); PSNR ")


def test_the_callback_lights_the_run_and_draws_all(mixes) -> None:
    mix = _run(mixes, "d").mix
    matrix, lmd, *_ = draw_mix(mixes, mix).axes
    assert [label.get_text() for label in matrix.get_yticklabels()] == list(CELLS)
    assert [text.get_text() for text in matrix.texts if text.get_position()[1] == 5] == [
        "0.5",
        "1",
        "features",
        "2 streams",
    ]
    row = list(CELLS).index("d")
    for ax in (matrix, lmd):
        (band,) = ax.patches
        assert band.get_y() + band.get_height() / 2 == pytest.approx(row)
    dots = [line for line in lmd.lines if len(line.get_xdata()) == 1]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx(
        [values["lmd"] for values in CELLS.values()]
    )
    stars = [dot.get_ydata()[0] for dot in dots if dot.get_marker() == "*"]
    assert stars == [list(CELLS).index("e")]
    assert lmd.get_xlabel() == "1.31"
    assert describe_mix(mixes, mix).startswith("This mix was trained: (d)")
    assert "LMD 1.31 (frozen lips 1.60, best 1.18 by e)" in describe_mix(mixes, mix)


def test_each_slider_changes_what_is_shown(mixes) -> None:
    mixer = LossMixer(mixes, "e")
    assert mixer.message.value.startswith("This mix was trained: (e)")
    assert mixer.readouts["GAN"].value == "1 · 3 streams"
    seen = [mixer.picture.value]
    for loss in ("correlation", "GAN", "pixel", "perceptual"):
        mixer.sliders[loss].value = OFF
        mix = {name: slider.value for name, slider in mixer.sliders.items()}
        assert found_mix(mixes, mix) in mixer.message.value.replace("&#x27;", "'")
        assert mixer.readouts[loss].value == "off"
        assert mixer.picture.value not in seen
        seen.append(mixer.picture.value)
    assert mixer.message.value.startswith("This mix was not trained. Nearest: (")
    assert all(slider.continuous_update is False for slider in mixer.sliders.values())
    with pytest.raises(UsageError, match="run 'z' is unknown"):
        LossMixer(mixes, "z")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file; run lipkit experiment first"),
        ("a,b\n1,2\n", "is not a table of results"),
        (
            "split,cell,metric,better,value,low,high\nt,ground truth,lmd,lower,0,0,0\n",
            "has no row for frozen lips",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, message) -> None:
    path = tmp_path / "results.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(LipkitError, match=message):
        read_mixes(path)


def test_a_split_that_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="no split 'val'; its splits: test"):
        read_mixes(write_results(tmp_path / "results.csv"), "val")


def test_a_distance_between_levels() -> None:
    assert OFF.distance(OFF) == 0
    assert OFF.distance(Level(0.5)) == 1
    assert Level(1.0, "features").distance(Level(1.0, "derivatives")) == 0.5
    assert np.isfinite(Level(0.2).distance(Level(0.5)))
