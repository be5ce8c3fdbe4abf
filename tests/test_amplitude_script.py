"""``data_scripts/measure_amplitude.py``: where the motion of predicted lips is lost."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lipkit.course.assignments.data import prepared_set
from lipkit.data.clips import read_clip
from lipkit.data.tensors import to_video_tensor
from lipkit.face.lips import lip_points
from lipkit.weights import read_card


def test_people_and_their_mean(run_script, tmp_path):
    prepared = prepared_set(clips=4, held_out=1)
    given = f"drawn={prepared.folder}:train"
    code, _, _ = run_script("measure_amplitude", "plus", "--set", given, "--out", tmp_path)
    assert code == 0
    with (tmp_path / "amplitude.csv").open(newline="", encoding="utf-8") as file:
        *people, mean = csv.DictReader(file)
    assert mean["person"] == "all"
    assert int(mean["clips"]) == sum(int(row["clips"]) for row in people)
    for name in ("r", "amplitude", "slope", "motion", "motion_true_points"):
        values = [float(row[name]) for row in people]
        assert float(mean[name]) == pytest.approx(np.mean(values), abs=2e-4)
        assert all(np.isfinite(values))


def test_lips_that_go_half_as_far_at_the_right_moment(tmp_path, load_script):
    script = load_script("measure_amplitude")
    prepared = prepared_set(clips=4, held_out=1)
    clip = read_clip(prepared.folder / prepared.clips().iloc[0].file)
    true = lip_points(clip.landmarks, clip.box)
    timid = true.mean(0) + (true - true.mean(0)) / 2
    points, film = torch.as_tensor(timid)[None], to_video_tensor(clip.lips)[None]
    made = SimpleNamespace(points=points, video=film)
    generator = SimpleNamespace(generate=lambda *_, **__: made)
    card = replace(read_card("plus"), statistics=prepared.statistics)
    model = SimpleNamespace(generator=generator, card=card)
    found, (opening, said) = script._of_clip(model, clip, true)
    assert found["r"] > 0.98  # the opening of half-sized shapes, not half of the opening
    assert found["amplitude"] == pytest.approx(0.5, abs=0.1)
    assert found["slope"] == pytest.approx(2, abs=0.4)
    assert found["motion"] == pytest.approx(1)
    assert len(opening) == len(said) == clip.frames


@pytest.mark.parametrize(
    ("weights", "given", "said"),
    [
        ("paper_tenth", "a=nowhere:train", "predicts no points"),
        ("plus", "nowhere", "NAME=FOLDER:SPLIT"),
    ],
)
def test_what_is_wrong_is_one_line(run_script, tmp_path, weights, given, said):
    code, _, err = run_script("measure_amplitude", weights, "--set", given, "--out", tmp_path)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_truth_of_other_clips_is_no_truth(run_script, tmp_path):
    prepared = prepared_set(clips=4, held_out=1)
    given = ["plus", "--set", f"drawn={prepared.folder}:train", "--clips", "1"]
    words = [*given, "--truth", tmp_path / "none", "--out", tmp_path / "out"]
    code, _, err = run_script("measure_amplitude", *words)
    assert code == 2
    assert "holds the truth of no clip" in err
    assert not (tmp_path / "out").exists()
