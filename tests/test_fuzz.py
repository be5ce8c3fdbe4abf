"""Broken inputs for every reader: a short run of ``make fuzz``, and what failed once."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.attempt import READ, REFUSED, Bench
from fuzz.readers import READERS

from lipkit.errors import LipkitError

TESTS = Path(__file__).parent
PAST = sorted(path for path in (TESTS / "fuzz" / "past").glob("*/*") if path.is_file())
HEAVY = {name for name in READERS if name.startswith(("a.", "still.")) and "align" not in name}
"""Readers whose whole files take long to make."""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("name", [n if n not in HEAVY else pytest.param(n, marks=pytest.mark.slow)
                                  for n in sorted(READERS)])  # fmt: skip
def test_broken_inputs_are_read_or_one_line(bench, name):
    whole = bench.whole(name)[1].read_bytes()
    assert bench.attempt(name, whole) == READ, "what is whole is read"
    inputs = [bench.broken(name, number, seed=1) for number in range(4 if name in HEAVY else 12)]
    assert len(set(inputs)) > len(inputs) / 2, "these are different"
    assert {bench.attempt(name, content) for content in inputs} <= {READ, REFUSED}


@pytest.mark.parametrize("path", PAST, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_failed_once_is_read_or_one_line(bench, path):
    assert bench.attempt(path.parent.name, path.read_bytes()) in (READ, REFUSED)


def test_the_same_number_gives_the_same_input(bench):
    assert bench.broken("log.jsonl", 3, 0) == bench.broken("log.jsonl", 3, 0)
    assert bench.broken("log.jsonl", 3, 0) != bench.broken("log.jsonl", 4, 0)


def test_a_reader_that_fails_is_told_from_one_that_refuses(bench, monkeypatch):
    def raising(error: Exception):
        def read(path: Path) -> None:
            raise error

        return READERS["log.jsonl"]._replace(read=read)

    for error, end in (
        (LipkitError("one"), REFUSED),
        (LipkitError("one\ntwo"), "a refusal of several lines"),
        (KeyError("x"), "KeyError: 'x' "),
    ):
        monkeypatch.setitem(READERS, "log.jsonl", raising(error))
        assert bench.attempt("log.jsonl", b"{}") == end


@pytest.mark.slow
def test_the_program_keeps_its_time_and_counts(tmp_path):
    words = ["--inputs", "40", "--workers", "2", "--only", "log.jsonl", "record.json"]
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", *words, "--keep", str(tmp_path / "kept")],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("40 inputs for 2 readers in ")
    assert " 0 failures" in done.stdout
    assert not (tmp_path / "kept").exists()
