"""Stages: done once, done again when and only when something they depend on changed."""

import _thread
import json
import random
import threading
from pathlib import Path

import pytest

from lipkit.errors import LipkitError, UsageError
from lipkit.jobs.stages import STATE, Stage, run_stages


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
    with pytest.raises(UsageError, match="is damaged"):
        work()


@pytest.mark.parametrize("form", ["absolute", "../victim", "a/../../victim"])
def test_a_state_that_names_somebody_else_s_folder_deletes_nothing(work, tmp_path, form):
    work()
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.tex").write_text("years of work")
    state = json.loads((work.out / STATE).read_text())
    state["a"]["made"] = [str(victim) if form == "absolute" else form]
    (work.out / STATE).write_text(json.dumps(state))
    work.settings = "2"  # the stage is stale: what it made is removed
    with pytest.raises(LipkitError, match="leads out of"):
        work()
    assert (victim / "thesis.tex").read_text() == "years of work"


def test_what_a_link_leads_to_is_not_removed(work, tmp_path):
    work()
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "thesis.tex").write_text("years of work")
    (work.out / "a" / "log").unlink()
    (work.out / "a").rmdir()
    (work.out / "a").symlink_to(victim)
    work()  # kept: a folder on another disk is its owner's choice
    work.settings = "2"
    with pytest.raises(LipkitError, match="by a link"):
        work()
    assert (victim / "thesis.tex").is_file()


def mutated(value, draw: random.Random):
    """The same JSON with one value in it replaced, removed or doubled."""
    strange = [None, True, -1, 1e400, "", "../x", [], {}, ["../x"], {"a": 1}, "\ud800"]
    if isinstance(value, dict) and value and draw.random() < 0.8:
        key = draw.choice(list(value))
        if draw.random() < 0.3:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: mutated(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.5:
        i = draw.randrange(len(value))
        return [*value[:i], mutated(value[i], draw), *value[i + 1 :]]
    return draw.choice(strange)


def test_a_mutated_state_is_one_line_or_the_work_is_done(work, tmp_path):
    """Whatever stands in the file: no traceback, and nothing outside of the folder changes."""
    work()
    draw, whole = random.Random(0), (work.out / STATE).read_text()
    outside = tmp_path / "x"
    outside.mkdir()
    ends, said = set(), []
    for _ in range(250):
        text = json.dumps(mutated(json.loads(whole), draw))
        if draw.random() < 0.2:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(["\0", "}", "é", '"', ""]) + text[at + 1 :]
        (work.out / STATE).write_text(text)
        work.settings = draw.choice(["1", "2"])
        try:
            work()
            ends.add("done")
        except LipkitError as fault:
            said.append(str(fault))
            ends.add("refused")
        except AssertionError:
            ends.add("kept")  # a result that was changed is handed back as it stands
        assert outside.is_dir()
    assert ends >= {"done", "refused"}
    assert not [line for line in said if "\n" in line]


def test_a_state_that_is_no_text_is_one_line(work):
    work.out.mkdir()
    (work.out / STATE).write_bytes(b"\xff\xfe{}")
    with pytest.raises(UsageError, match="is damaged"):
        work()


def test_the_state_is_json(work):
    work()
    state = json.loads((work.out / STATE).read_text())
    assert {name: entry["whole"] for name, entry in state.items()} == dict.fromkeys("abc", True)


def stage(name: str, run=dict, needs: tuple[str, ...] = ()) -> Stage:
    return Stage(name, name, (), run, needs=needs)


def fail() -> dict:
    raise LipkitError("out of luck")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_does_not_build_on_a_failure_is_done_and_kept(tmp_path, capsys, workers):
    ran = []
    stages = [
        stage("a", fail),
        stage("b", lambda: ran.append("b"), needs=("a",)),
        stage("c", lambda: ran.append("c") or {"c": 1}),
    ]
    with pytest.raises(LipkitError, match=r"2 of 3 stages failed \(a, b\).*: out of luck"):
        run_stages(tmp_path / "out", stages, workers)
    said = capsys.readouterr().out.splitlines()
    assert {"[1/3] failed: out of luck", "[2/3] left out because a failed"} <= set(said)
    stages[0] = stage("a", lambda: ran.append("a") or {"a": 1})
    results = run_stages(tmp_path / "out", stages, workers)
    assert ran == ["c", "a", "b"]
    assert results == {"a": {"a": 1}, "b": None, "c": {"c": 1}}


def test_one_failure_is_raised_as_it_is_and_a_bug_before_all(tmp_path):
    fault = LipkitError("one line")
    fault.screen = "one screen"

    def raise_it():
        raise fault

    with pytest.raises(LipkitError) as caught:
        run_stages(tmp_path / "one", [stage("a", raise_it), stage("b")])
    assert caught.value is fault
    with pytest.raises(ZeroDivisionError):
        run_stages(tmp_path / "two", [stage("a", raise_it), stage("b", lambda: 1 / 0)], 2)


def test_two_stages_run_at_a_time_and_wait_for_what_they_need(tmp_path):
    both, order = threading.Barrier(2, timeout=30), []

    def meet(name: str):
        both.wait()
        order.append(name)

    stages = [
        stage("a", lambda: meet("a")),
        stage("b", lambda: meet("b")),
        stage("c", lambda: order.append("c"), needs=("a", "b")),
        stage("d", lambda: order.append("d"), needs=("c",)),
    ]
    run_stages(tmp_path / "out", stages, workers=2)
    assert sorted(order[:2]) == ["a", "b"]
    assert order[2:] == ["c", "d"]


def test_breaking_off_stops_what_runs_and_keeps_what_is_whole(tmp_path):
    stopped, ran = threading.Event(), []

    def interrupt():
        _thread.interrupt_main()
        assert stopped.wait(30), "was not told to stop"
        raise LipkitError("stopped")

    stages = [stage("a", lambda: ran.append("a")), stage("b", interrupt), stage("c"), stage("d")]
    with pytest.raises(KeyboardInterrupt):
        run_stages(tmp_path / "out", stages, workers=2, stop=stopped.set)
    stages[1] = stage("b", lambda: ran.append("b"))
    run_stages(tmp_path / "out", stages, workers=2)
    assert ran == ["a", "b"]
