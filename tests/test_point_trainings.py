"""``data_scripts/compare_point_trainings.py``: what helps with speakers who were left out."""

import csv

import numpy as np
import pytest
from training_sets import make_set

from lipkit.course.assignments.data import prepared_set


@pytest.fixture
def script(load_script):
    return load_script("compare_point_trainings")


@pytest.mark.slow
def test_the_first_way_is_what_the_others_are_told_apart_from(run_script, tmp_path):
    prepared = prepared_set(clips=4, held_out=1)
    given = ["--train", f"{prepared.folder}:train", "--test", f"left={prepared.folder}:train"]
    small = ["--steps", "20", "--seeds", "1", "--width", "0.05", "--out", tmp_path]
    ways = ["--ways", "set", "voices_mean", "adversary"]
    assert run_script("compare_point_trainings", *given, *small, *ways)[0] == 0
    with (tmp_path / "trainings.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["way"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["set", "voices_mean", "adversary"]
    assert float(rows["set"]["change"]) == float(rows["set"]["low"]) == 0
    for row in rows.values():
        gained = float(row["opening_gain"]) - float(rows["set"]["opening_gain"])
        assert float(row["change"]) == pytest.approx(gained, abs=2e-4)
        assert float(row["low"]) <= float(row["change"]) <= float(row["high"])
        assert float(row["lmd"]) > 0


def test_a_test_of_one_person_is_refused_before_training(run_script, tmp_path):
    folder = make_set(tmp_path / "set", {"train": 2}, frames=20)
    given = ["--train", f"{folder}:train", "--test", f"one={folder}:train"]
    code, _, error = run_script("compare_point_trainings", *given, "--out", tmp_path / "out")
    assert code == 2, error
    assert "--test one: has one person" in error
    assert not (tmp_path / "out").exists()


def test_a_microphone_is_heard_relative_to_the_set_and_not_to_its_own_recording(script):
    prepared = prepared_set(clips=4, held_out=1)
    microphone = np.linspace(-20, 10, 128, dtype=np.float32)  # dB in each band
    logmel = script.Heard(f"{prepared.folder}:train").whole(0)
    for level, differs in (("set", 20), ("mean", 0), ("standard", 0), ("speech", 0)):
        change = script.relative(logmel + microphone, level) - script.relative(logmel, level)
        # A column at the border between speech and pause may fall on its other side.
        close = 0.5 if level == "speech" else 0.01
        assert np.abs(change).max() == pytest.approx(differs, abs=close)


def test_a_window_hears_what_its_frames_say(script):
    prepared = prepared_set(clips=4, held_out=1)
    heard, way = script.Heard(f"{prepared.folder}:train"), script.WAYS["set"]
    ours = heard.draw(3, seed=0, step=5, way=way)
    theirs = heard.clips.draw(3, seed=0, step=5)
    shape = (3, 1, 4 * heard.clips.window, 128)
    assert ours["logmel"].shape == theirs["logmel"].shape == shape
    again = heard.draw(3, seed=0, step=5, way=way)
    for name, values in ours.items():
        assert (values == again[name]).all()
    sound, points = heard.clips.sound.float(), heard.clips.points
    for i in range(3):
        dB = ours["logmel"][i, 0].reshape(heard.clips.window, -1) * script.WIDE - script.MIDDLE
        at = [t for t in range(len(points)) if np.allclose(points[t], ours["points"][i, 0])]
        assert any(np.allclose(sound[t : t + heard.clips.window], dB, atol=0.05) for t in at)


def test_the_best_lag_is_found_and_stillness_follows_nothing(script):
    curve = np.random.default_rng(0).normal(size=60).cumsum()
    late = np.r_[np.zeros(3), curve[:-3]]
    assert script._best_r(late, curve) == pytest.approx(1)
    assert script._best_r(np.r_[np.zeros(9), curve[:-9]], curve) < 0.98  # beyond the lags
    assert script._best_r(np.zeros(60), curve) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--train", "nowhere", "--test", "a=b:c"], "expected FOLDER:SPLIT"),
        (["--train", "a:b", "--test", "b"], "NAME=FOLDER:SPLIT"),
        (["--train", "a:b", "--test", "a=b:c", "--steps", "5"], "at least 20"),
        (["--train", "a:b", "--test", "a=b:c", "--seeds", "0"], "at least 1"),
    ],
)
def test_what_is_wrong_is_one_line(run_script, tmp_path, given, said):
    code, _, err = run_script("compare_point_trainings", *given, "--out", tmp_path)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
