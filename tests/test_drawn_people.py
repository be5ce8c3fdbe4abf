"""The tables of ``data_scripts/measure_drawn_people.py``, each from a few people and sentences."""

import csv
from pathlib import Path

import pytest

from lipkit.analysis.drawn_people import (
    measure_mouths,
    measure_people,
    measure_sounds,
    measure_speed,
    measure_times,
)

pytestmark = pytest.mark.slow


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_everyday_english_has_more_sounds_than_grid(tmp_path):
    measure_sounds(tmp_path, count=40)
    english, grid = read(tmp_path / "diphones.csv")
    assert (english["source"], grid["source"]) == ("english", "grid")
    assert english["sentences"] == grid["sentences"] == "40"
    for much in ("words", "phonemes", "diphones"):
        assert int(english[much]) > int(grid[much]) > 0
    for row in (english, grid):
        assert int(row["diphones"]) > int(row["diphones_5_times"]) > int(row["diphones_20_times"])
    phonemes = read(tmp_path / "phonemes.csv")
    for row in (english, grid):
        said = sum(int(phoneme[row["source"]]) > 0 for phoneme in phonemes)
        assert said == int(row["phonemes"])


def test_dlib_finds_drawn_people_and_their_mouths(tmp_path):
    pytest.importorskip("dlib")
    measure_people(tmp_path, count=2)
    (row,) = read(tmp_path / "people.csv")
    assert (row["people"], row["chance"]) == ("2", "0.5")
    assert int(row["frames"]) > 20
    assert float(row["found_once"]) > 0.9
    assert float(row["opening_r_median"]) > 0.7


def test_speed_is_told_with_its_units(tmp_path):
    measure_speed(tmp_path, people=1)
    rows = read(tmp_path / "speed.csv")
    assert [row["unit"] for row in rows] == ["s", "frames/s", "frames/s"]
    assert all(float(row["value"]) > 0 for row in rows)


@pytest.fixture
def with_split(grid_root) -> Path:
    """GRID with its list of training clips."""
    pytest.importorskip("pocketsphinx")
    if not (grid_root / "splits" / "s1_train.txt").is_file():
        pytest.skip(f"{grid_root}: has no splits/s1_train.txt")
    return grid_root


def test_real_and_drawn_mouths_stand_in_one_table(with_split, tmp_path):
    pytest.importorskip("dlib")
    measure_mouths(tmp_path, with_split, clips=1, count=1)
    views = {"real", "drawn", "truth"}
    assert {row["view"] for row in read(tmp_path / "mouths.csv")} == views
    motion = read(tmp_path / "motion.csv")
    assert {row["view"]: row["clips"] for row in motion} == dict.fromkeys(views, "1")
    for row in motion:
        assert float(row["opening_p5"]) < float(row["opening_p95"])
        assert float(row["width_p50"]) == pytest.approx(1, abs=0.01)


def test_heard_phonemes_come_near_their_times(with_split, tmp_path):
    measure_times(tmp_path, with_split, clips=1, count=2)
    rows = read(tmp_path / "times.csv")
    assert {row["how"] for row in rows if row["against"] == "espeak"} == {
        "aligned",
        "recognised",
        "loop",
    }
    (edges,) = (row for row in rows if row["class"] == "word edges")
    assert edges["against"] == "GRID s1"
    assert int(float(edges["count"])) > 4
    assert float(edges["median_s"]) < 0.1
    (whole,) = (r for r in rows if (r["how"], r["class"]) == ("aligned", "all"))
    assert float(whole["median_s"]) < 0.05
