"""Stages: done once, done again when and only when something they depend on changed."""

import json
from pathlib import Path

import pytest

from lipkit.errors import LipkitError, UsageError
from lipkit.stages import STATE, Stage, run_stages


class Work:
    """Two dependent stages and an independent one; counts what is run."""

    def __init__(self, out: Path) -> None:
        self.out, self.ran, self.settings, self.fails = out, [], "1", False

    def make(self, name: str) -> dict:
        self.ran.append(name)
        (self.out / name).mkdir(exist_ok=True)
        with (self.out / name / "log").open("a") as log:
            log.write("x")
        if self.fails:
            raise LipkitError(f"{name}: failed")
        return {"name": name}

    def __call__(self) -> list[str]:
        stages = [
            Stage("a", "first", ("a",), lambda: self.make("a"), inputs=(self.settings,)),
            Stage("b", "second", ("b",), lambda: self.make("b"), needs=("a",)),
            Stage("c", "third", ("c",), lambda: self.make("c")),
        ]
        self.ran = []
        results = run_stages(self.out, stages)
        assert results == {name: {"name": name} for name in "abc"}
        return self.ran


@pytest.fixture
def work(tmp_path) -> Work:
    return Work(tmp_path / "out")


def test_a_second_run_does_nothing(work, capsys):
    assert work() == ["a", "b", "c"]
    assert work() == []
    assert capsys.readouterr().out.count("kept") == 3


def test_changed_settings_repeat_the_stage_and_what_builds_on_it(work):
    work()
    work.settings = "2"
    assert work() == ["a", "b"]
    assert (work.out / "a" / "log").read_text() == "x", "the stale folder was not removed"
    assert work() == []


def test_a_removed_result_is_made_again(work):
    work()
    (work.out / "b" / "log").unlink()
    (work.out / "b").rmdir()
    assert work() == ["b"]


def test_a_failed_stage_goes_on_where_it_stopped(work):
    work.fails = True
    with pytest.raises(LipkitError, match="a: failed"):
        work()
    work.fails = False
    assert work() == ["a", "b", "c"]
    assert (work.out / "a" / "log").read_text() == "xx", "it began anew"


def test_a_failed_stage_with_other_settings_begins_anew(work):
    work.fails = True
    with pytest.raises(LipkitError):
        work()
    work.fails, work.settings = False, "2"
    work()
    assert (work.out / "a" / "log").read_text() == "x"


def test_what_belongs_to_others_is_not_touched(work):
    work()
    (work.out / "mine.txt").write_text("mine")
    work.settings = "2"
    work()
    assert (work.out / "mine.txt").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(work):
    work.out.mkdir()
    (work.out / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="holds something else"):
        work()
    assert [p.name for p in work.out.iterdir()] == ["thesis.tex"]


def test_a_broken_state_is_one_line(work):
    work.out.mkdir()
    (work.out / STATE).write_text("{")
    with pytest.raises(UsageError, match="is broken"):
        work()


def test_the_state_is_json(work):
    work()
    state = json.loads((work.out / STATE).read_text())
    assert {name: entry["whole"] for name, entry in state.items()} == dict.fromkeys("abc", True)
