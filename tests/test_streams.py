"""Streams that are closed, full or cut: one line at most, and the work is done as ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="streams are closed by a POSIX shell here"),
]


def shell(words: str, **environment: str) -> subprocess.CompletedProcess:
    """Run ``lipkit WORDS`` by a shell, redirections and all."""
    line = f"{sys.executable} -m lipkit {words}"
    environment = os.environ | environment
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=environment, timeout=300
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_standard_output_is_one_line():
    done = shell("prepare --corpora >/dev/full")
    assert done.returncode == 1
    assert done.stderr == ("lipkit: standard output cannot be written: No space left on device\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_remarks_that_cannot_be_written_stop_nothing(tmp_path):
    done = shell(f"assignments release {tmp_path}/h fusion_by_hand 2>/dev/full")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/h/fusion_by_hand.ipynb\n")
    assert shell(f"prepare grid {tmp_path}/absent {tmp_path}/out 2>/dev/full").returncode == 1


def test_a_reader_that_has_read_enough_is_no_fault():
    done = shell("train --losses | true; exit ${PIPESTATUS[0]}")
    assert done.returncode in (0, 141), "all was written before the reader ended, or not"
    assert done.stderr == ""


OPENED = """
import os, sys
from lipkit.cli import streams
streams.open_closed()
with open(sys.argv[1], "wb") as file:
    os.write(2, b"a library complains")
    print("a remark", file=sys.stderr)
    print("a result")
    file.write(b"content")
"""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_stops_nothing_and_no_file_takes_its_place(tmp_path, closed):
    """Whoever opens a file when 2 is free gets 2, and libraries complain into it."""
    (tmp_path / "a.py").write_text(OPENED)
    line = f"{sys.executable} {tmp_path}/a.py {tmp_path}/file {closed}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (tmp_path / "file").read_bytes() == b"content"


def test_commands_do_their_work_without_any_stream(tmp_path):
    words = f"assignments release {tmp_path}/OUT fusion_by_hand"
    for place, closed in (("whole", ""), ("other", "<&- >&- 2>&-")):
        assert shell(f"{words.replace('OUT', place)} {closed}").returncode == 0
    name = "fusion_by_hand.ipynb"
    assert (tmp_path / "other" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_a_refusal_without_a_stream_for_it_has_its_code(tmp_path, closed):
    assert shell(f"prepare gird {tmp_path} {tmp_path}/out {closed}").returncode == 2
