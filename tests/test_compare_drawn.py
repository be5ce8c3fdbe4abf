"""``data_scripts/compare_on_drawn_people.py``: what models owe to hearing, on people drawn anew."""

import csv

import numpy as np
import pytest
import torch
from prepared_sets import STATISTICS
from training_sets import make_set

from lipkit.config import DataConfig
from lipkit.course.assignments.data import prepared_set
from lipkit.models.generator import Generator, GeneratorConfig
from lipkit.models.landmark_regression import LandmarkConfig, LandmarkRegression
from lipkit.presets import Preset
from lipkit.weights import WEIGHTS_NAME, Card, save_weights

SMALL = GeneratorConfig(width=1 / 32, residual_blocks=0)


@pytest.fixture
def runs(tmp_path):
    """Two runs of other seeds, untrained."""
    card = Card(Preset(name="mine", generator=SMALL), dict(STATISTICS), "", "", 3, 7, "2024-05-01")
    folders = [tmp_path / "run0", tmp_path / "run1"]
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        generator = Generator(SMALL)
        with torch.no_grad():
            list(generator.parameters())[-2].mul_(100)  # so that its pictures move
        save_weights(folder / WEIGHTS_NAME, generator, card)
    return folders


@pytest.fixture
def points(tmp_path):
    """A run that draws nothing, untrained."""
    preset = Preset(name="mine", generator=LandmarkConfig(width=1 / 32))
    card = Card(preset, dict(STATISTICS), "", "", 3, 7, "2024-05-01")
    torch.manual_seed(0)
    network = LandmarkRegression(preset.generator)
    save_weights(tmp_path / "points" / WEIGHTS_NAME, network, card)
    return tmp_path / "points"


@pytest.mark.slow
def test_seeds_of_one_name_are_one_row_beside_true_lips(run_script, tmp_path, runs, points):
    folder = prepared_set(clips=6, held_out=1).folder
    named = [("one", runs[0]), ("again", runs[0]), ("both", runs[0]), ("both", runs[1])]
    named += [("points", points)]
    given = [word for name, run in named for word in ("--run", f"{name}={run}")]
    options = ["--split", "train", "--readout", folder, "--out", tmp_path]
    code, _, error = run_script("compare_on_drawn_people", folder, *options, *given)
    assert code == 0, error
    with (tmp_path / "training.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["trained_on"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["true lips", "loudness", "one", "again", "both", "points"]
    assert float(rows["true lips"]["r"]) > 0.8
    assert 0.1 < float(rows["loudness"]["r"]) < 0.8
    assert [row["seeds"] for row in rows.values()] == ["1", "1", "1", "1", "2", "1"]
    assert float(rows["again"]["change"]) == 0
    assert float(rows["again"]["change_low"]) == float(rows["again"]["change_high"]) == 0
    seeds = [float(value) for value in rows["both"]["by_seed"].split()]
    assert seeds[0] == pytest.approx(float(rows["one"]["r_less_repaired"]), abs=1e-3)
    assert np.mean(seeds) == pytest.approx(float(rows["both"]["r_less_repaired"]), abs=1e-3)
    assert seeds[0] != seeds[1]
    for row in rows.values():
        gained = float(row["r"]) - float(row["r_repaired"])
        assert float(row["r_less_repaired"]) == pytest.approx(gained, abs=1e-4)
        assert float(row["low"]) <= gained <= float(row["high"])


def test_what_is_wrong_is_one_line(run_script, tmp_path, runs):
    folder = make_set(tmp_path / "set", {"train": 2}, frames=DataConfig().window)
    options = [folder, "--readout", folder, "--out", tmp_path / "out"]
    for more, said in (
        (["--run", "nameless"], "--run must read NAME=RUN"),
        (["--run", f"one={runs[0]}", "--split", "train"], "has one person"),
    ):
        code, _, error = run_script("compare_on_drawn_people", *options, *more)
        assert code == 2
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
