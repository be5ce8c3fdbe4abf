"""What a submission may not do to its grading: hide errors, take the machine, leave things."""

import os
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import v4

from lipkit.course.assignments.execution import KEPT_VARIABLES, Limits
from lipkit.course.assignments.grade import grade, grade_folder
from lipkit.course.assignments.release import student_version

pytestmark = pytest.mark.slow

LINUX = sys.platform.startswith("linux")


def cell(source: str, **marks):
    kept = {"grade": False, "solution": False, "locked": False, "schema_version": 3} | marks
    return v4.new_code_cell(source, metadata={"nbgrader": kept})


@pytest.fixture(scope="module")
def source() -> nbformat.NotebookNode:
    """An assignment of one gap and one test."""
    solved = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    return v4.new_notebook(
        cells=[
            cell(solved, solution=True, grade_id="f"),
            cell("print('testing')\nassert f() == 1", grade=True, locked=True, points=2,
                 grade_id="test-f"),
        ]
    )  # fmt: skip


def handed_in(source, answer: str):
    notebook = student_version(source)
    notebook.cells[0].source = answer
    return notebook


def earned(source, answer: str, **limits):
    executed, (mark,) = grade(handed_in(source, answer), source, Limits(**limits))
    return executed, mark


def test_the_right_answer_earns_its_points_and_shows_no_secret(source):
    executed, mark = earned(source, "def f():\n    return 1")
    assert (mark.points, mark.note) == (2, "")
    assert executed.cells[1].outputs[0].text == "testing\n"
    assert "stdout.write" not in executed.cells[1].source


@pytest.mark.parametrize(
    "line",
    [
        "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)",
        "get_ipython().showtraceback = lambda *a, **k: None",
    ],
)
def test_hiding_errors_earns_nothing(source, line):
    _, mark = earned(source, line)
    assert mark.points == 0
    assert mark.note


def test_a_submission_that_takes_all_memory_ends_alone(source):
    answer = "hoard = []\nwhile True:\n    hoard.append(bytearray(50_000_000))\n"
    _, mark = earned(source, answer + "def f():\n    return 1", memory=1 << 30)
    assert mark.points == 0


def test_a_submission_that_never_ends_is_stopped(source):
    began = time.monotonic()
    answer = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    _, mark = earned(source, answer + "while True:\n    time.sleep(1)", seconds=2)
    assert mark.points == 0
    assert "took longer than 2 s" in mark.note
    assert time.monotonic() - began < 120


def test_a_flood_of_output_is_cut(source):
    answer = "for _ in range(300):\n    print('x' * 10_000)\ndef f():\n    return 1"
    executed, _ = earned(source, answer, output_bytes=100_000)
    assert len(nbformat.writes(executed)) < 300_000


@pytest.mark.skipif(not LINUX, reason="orphans are adopted on Linux only")
def test_what_a_submission_starts_does_not_outlive_it(source, tmp_path):
    note = tmp_path / "pid"
    answer = (
        "import subprocess\n"
        f"p = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"open({str(note)!r}, 'w').write(str(p.pid))\n"
        "def f():\n    return 1"
    )
    _, mark = earned(source, answer)
    assert mark.points == 2
    pid = int(note.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(not LINUX, reason="only Linux takes the network away")
def test_a_submission_has_no_network_and_no_secrets_of_ours(source, monkeypatch):
    monkeypatch.setenv("CLOUD_TOKEN", "secret")
    answer = (
        "import os, socket\n"
        "names = [name for _, name in socket.if_nameindex()]\n"
        "print(names, 'CLOUD_TOKEN' in os.environ, os.getcwd() == os.environ['HOME'])\n"
        "def f():\n    return 1"
    )
    executed, mark = earned(source, answer)
    assert mark.points == 2
    interfaces, told, _ = executed.cells[0].outputs[0].text.rsplit(" ", 2)
    assert told == "False"
    assert "eth" not in interfaces
    assert interfaces in ("['lo']", "[]")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_plain_file_is_not_opened(source, tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    nbformat.write(source, sources / "one.ipynb")
    for student in ("pipe", "link", "large"):
        (tmp_path / "in" / student).mkdir(parents=True)
    os.mkfifo(tmp_path / "in" / "pipe" / "one.ipynb")
    (tmp_path / "in" / "link" / "one.ipynb").symlink_to(sources / "one.ipynb")
    with open(tmp_path / "in" / "large" / "one.ipynb", "wb") as file:
        file.truncate(40 << 20)
    found = grade_folder(tmp_path / "in", tmp_path / "out", progress=False, folder=sources)
    notes = {student: marks[0].note for (student, _), marks in found.items()}
    assert "is not a plain file" in notes["pipe"]
    assert "is not a plain file" in notes["link"]
    assert "has 40 MB" in notes["large"]
    assert {mark.points for marks in found.values() for mark in marks} == {0.0}
    assert not list(Path(tmp_path / "out").glob("*/one.ipynb"))


def test_the_page_states_the_limits_as_they_are(repository):
    page = (repository / "notebooks/teachers/README.md").read_text(encoding="utf-8")
    limits = Limits()
    assert f"its kernel may hold {limits.memory / 2**30:g} GiB" in page
    assert f"after {limits.cell_seconds / 60:g} minutes, the whole submission after " in page
    assert f"the whole submission after {limits.seconds / 60:g}" in page
    assert f"{limits.output_bytes / 2**20:g} MiB of output" in page
    assert f"a file may have {limits.file_bytes / 2**20:g} MiB" in page
    assert len(KEPT_VARIABLES) == 6
    assert "only six harmless variables" in page
