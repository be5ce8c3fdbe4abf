"""Progress bars: drawn where somebody watches, silent in a log file, made in one place."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lipkit.jobs import progress
from lipkit.jobs.progress import is_watched, progress_bar

COUNT = "from lipkit.jobs.progress import progress_bar\nfor _ in progress_bar(range(3), 'count'): 0"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stderr", "shown", "drawn"),
    [(Terminal(), True, True), (Terminal(), False, False), (io.StringIO(), True, False)],
)
def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch, stderr, shown, drawn):
    monkeypatch.delitem(sys.modules, "ipykernel.iostream", raising=False)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert list(progress_bar(range(3), "count", shown=shown, file=stderr)) == [0, 1, 2]
    assert ("count" in stderr.getvalue()) is drawn


def test_a_notebook_s_kernel_draws_bars(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delitem(sys.modules, "ipykernel.iostream", raising=False)
    assert not is_watched()
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", progress)
    assert is_watched()


def test_a_closed_stderr_is_nobody(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel.iostream", raising=False)
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_watched()


def test_a_log_file_gets_no_bar(tmp_path):
    log = tmp_path / "log"
    with open(log, "w") as file:
        subprocess.run([sys.executable, "-c", COUNT], stderr=file, check=True)
    assert log.read_text() == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_a_terminal_gets_a_bar():
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    done = subprocess.Popen([sys.executable, "-c", COUNT], stderr=theirs)
    os.close(theirs)
    assert done.wait() == 0
    assert b"count" in os.read(ours, 4096)
    os.close(ours)


def test_bars_are_made_in_one_place(repository: Path):
    importing = [
        path.relative_to(repository).as_posix()
        for path in sorted((repository / "lipkit").rglob("*.py"))
        if re.search(r"^\s*(?:from|import) tqdm", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert importing == ["lipkit/jobs/progress.py"]
