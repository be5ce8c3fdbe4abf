"""Kills and rivals: a short run of ``make torture``."""

import subprocess
import sys
from pathlib import Path

import pytest
from torture import trials
from torture.commands import COMMANDS, leftovers

from lipkit.files import TEMPORARY_MARK

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent


def test_synth_survives_a_kill_and_a_rival():
    words = ["--only", "synth", "--kills", "1", "--seed", "0", "--trials", "kills", "twice"]
    done = subprocess.run(
        [sys.executable, "-m", "torture", *words],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 trials failed"
    assert "synth, killed 1 times: equal" in done.stdout


def test_a_difference_and_a_leftover_are_seen(tmp_path):
    (tmp_path / "a").write_text("1")
    command = COMMANDS["synth"]
    expected = command.essence(tmp_path)
    trials.compare(command, tmp_path, expected)
    (tmp_path / "a").write_text("2")
    with pytest.raises(trials.Failed, match=r"differs in \['a'\]"):
        trials.compare(command, tmp_path, expected)
    (tmp_path / f"{TEMPORARY_MARK}x").write_text("")
    assert leftovers(tmp_path) == [f"{TEMPORARY_MARK}x"]
    with pytest.raises(trials.Failed, match="left behind"):
        trials.compare(command, tmp_path, command.essence(tmp_path))


def test_an_orphan_is_seen():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with pytest.raises(trials.Failed, match="orphans"):
            trials.require_gone(trials.family(process), seconds=0.2)
    finally:
        process.kill()
        process.wait()


def test_kills_come_at_seeded_moments_over_the_whole_run():
    drawn = trials.moments(0, "train", 50)
    assert drawn == trials.moments(0, "train", 50) != trials.moments(1, "train", 50)
    assert min(drawn) < 0.2
    assert max(drawn) > 0.8
