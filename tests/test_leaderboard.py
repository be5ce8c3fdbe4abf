"""The leaderboard: everybody is measured alone, on people whom nobody has seen."""

import csv

import pytest
from test_weights import make_card
from trained_generators import trained
from training_sets import make_set

from lipkit.cli import run_command
from lipkit.course.assignments import leaderboard as board
from lipkit.course.held_out import HELD_OUT_PEOPLE
from lipkit.errors import LipkitError, UsageError
from lipkit.presets import Preset
from lipkit.weights import WEIGHTS_NAME, save_weights


def hand_in(folder, generator):
    """A student's weights, whatever folder they lie in."""
    folder.mkdir(parents=True)
    card = make_card(preset=Preset(name="mine", generator=generator.config))
    save_weights(folder / WEIGHTS_NAME, generator, card)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Three people's clips, in the place of drawn ones."""
    return make_set(tmp_path_factory.mktemp("set"), {"test": 3}, frames=24, speakers=3)


@pytest.fixture
def submitted(tmp_path, people, monkeypatch):
    """Two that are equal, one that is worse, and four that are broken."""
    monkeypatch.setattr(board, "held_out_set", lambda people_, seed: people)
    folder = tmp_path / "submitted"
    generator = trained()
    for name in ("ada", "bo/runs/best"):
        hand_in(folder / name, generator)
    generator.decoder.layers[-2].weight.data.mul_(-5)
    for name in ("cy", "two/one", "two/other"):
        hand_in(folder / name, generator)
    (folder / "none").mkdir()
    (folder / "torn").mkdir()
    (folder / "torn" / WEIGHTS_NAME).write_bytes(b"no weights")
    (folder / "link").mkdir()
    (folder / "link" / WEIGHTS_NAME).symlink_to(folder / "ada" / WEIGHTS_NAME)
    return folder


def test_one_command_ranks_and_says_what_is_tied_or_broken(submitted, tmp_path, capsys):
    out = tmp_path / "board"
    words = ["assignments", "leaderboard", str(submitted), "--out", str(out), "--metric", "ssim"]
    assert run_command(words) == 0
    with (out / "leaderboard.csv").open(newline="") as file:
        rows = {row["who"]: row for row in csv.DictReader(file)}
    assert list(rows)[3:] == ["link", "none", "torn", "two"], "what has no value comes last"
    values = [float(rows[name]["value"]) for name in ("ada", "bo", "cy")]
    assert values[0] == values[1] != values[2]
    best_first = values[0] > values[2]
    assert list(rows)[:3] == (["ada", "bo", "cy"] if best_first else ["cy", "ada", "bo"])
    assert rows["ada"]["place"] == rows["bo"]["place"] == ("1" if best_first else "2")
    assert float(rows["ada"]["low"]) <= values[0] <= float(rows["ada"]["high"])
    page = (out / "leaderboard.md").read_text()
    assert "* ada, bo share place" in page
    for told in ("none: not measured; 0 files", "two: not measured; 2 files", "not a plain file"):
        assert told in page
    assert page.count("\n* torn: not measured; ") == 1
    assert "ada: " in capsys.readouterr().out


@pytest.mark.parametrize("metric", ["cpbd", "beauty"])
def test_a_metric_that_cannot_rank_is_refused(submitted, tmp_path, metric):
    with pytest.raises(UsageError, match=r"cannot rank; take one of lmd, "):
        board.leaderboard(submitted, tmp_path / "board", metric)
    assert not (tmp_path / "board").exists()


def test_who_ranks_nobody_or_asks_one_person_is_told(tmp_path):
    with pytest.raises(LipkitError, match="has no students; lay it out as STUDENT/weights"):
        board.leaderboard(tmp_path, tmp_path / "board")
    (tmp_path / "ada").mkdir()
    with pytest.raises(UsageError, match="interval is over people"):
        board.leaderboard(tmp_path, tmp_path / "board", people=1)


def test_places_are_shared_by_what_is_shown():
    places = [board.Place("a", 0.5001), board.Place("b", 0.5002), board.Place("c", 0.6)]
    assert board.ranks([*places, board.Place("d", None)]) == [1, 1, 3, None]


def test_the_people_are_in_the_training_of_no_shipped_network():
    assert min(HELD_OUT_PEOPLE) == board.FIRST_PERSON


@pytest.mark.slow
def test_held_out_people_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setenv("LIPKIT_CACHE", str(tmp_path))
    prepared = board.held_out_set(2, seed=5)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert len(before) == 2
    assert {path.parent.name for path in before} == {"s25", "s26"}
    assert board.held_out_set(2, seed=5) == prepared
    assert {path: path.stat().st_mtime_ns for path in before} == before
    hand_in(tmp_path / "in" / "ada", trained())
    (place,) = board.leaderboard(tmp_path / "in", tmp_path / "out", people=2, seed=5)
    assert place.value is not None, place.note
    assert place.people == 1  # of the two; the other fails the rule of trust
    assert place.low is None
    assert "no interval" in (tmp_path / "out" / "leaderboard.md").read_text()
