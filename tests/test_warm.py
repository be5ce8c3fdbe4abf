"""The warm Python behaves as the real one, and the longest files begin first."""

import inspect
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
import numpy as np
import painted
import pytest
import warm
from conftest import LONGEST, REPOSITORY

from lipkit.face.landmarks import FaceLandmarks
from lipkit.talker import person, still
from lipkit.talker.face import Face


@pytest.fixture(params=["real", "warm"])
def python(request) -> str:
    return sys.executable if request.param == "real" else request.getfixturevalue("warm_python")


def run(python, *words, **options) -> subprocess.CompletedProcess:
    options = {"capture_output": True, "text": True, "timeout": 300} | options
    return subprocess.run([python, *words], **options)


@pytest.mark.slow
def test_folder_environment_words_and_streams_are_those_of_the_caller(python, tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['ONE'], sys.argv, sys.stdin.read())"
    done = run(python, "-c", code, "a b", cwd=tmp_path, env=os.environ | {"ONE": "1"}, input="x\ny")
    assert done.stdout == f"{tmp_path} 1 ['-c', 'a b'] x\ny\n"
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.slow
def test_files_and_modules_are_run_with_their_folder_first(python, tmp_path):
    (tmp_path / "beside.py").write_text("said = 'beside'\n")
    (tmp_path / "it.py").write_text("import sys, beside; print(beside.said, sys.argv, __name__)\n")
    assert run(python, str(tmp_path / "it.py"), "1").stdout == (
        f"beside ['{tmp_path / 'it.py'}', '1'] __main__\n"
    )
    assert run(python, "-m", "it", "1", cwd=tmp_path).stdout == (
        f"beside ['{tmp_path / 'it.py'}', '1'] __main__\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit('no')", 1, "no\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("import atexit; atexit.register(print, 'end', file=__import__('sys').stderr)", 0, "end\n"),
    ],
)
def test_its_end_is_the_programs(python, code, status, said):
    done = run(python, "-c", code)
    assert (done.returncode, done.stderr) == (status, said)


@pytest.mark.slow
def test_an_exception_is_told_and_is_1(python):
    done = run(python, "-c", "1 / 0")
    assert done.returncode == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


def require_warm(python: str) -> None:
    if python == sys.executable:
        pytest.skip("no warm Python here: coverage is measured, or the system cannot fork so")


@pytest.mark.slow
def test_signals_arrive_and_a_killed_one_is_gone(python, tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(300)"
    for number in (signal.SIGTERM, signal.SIGKILL):
        with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE, text=True) as process:
            child = int(process.stdout.readline())
            process.send_signal(number)
            assert process.wait(60) == -number
        until = time.monotonic() + 30
        while os.path.exists(f"/proc/{child}") and time.monotonic() < until:
            time.sleep(0.02)
        assert not os.path.exists(f"/proc/{child}")


@pytest.mark.slow
def test_signals_that_the_first_caller_blocks_reach_the_others(tmp_path):
    """Python's resource tracker begins with Ctrl-C and SIGTERM blocked, and may be the first."""
    program = warm.python(tmp_path)
    require_warm(program)
    code = "import signal; print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        assert run(program, "-c", code).stdout == "True\n"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert run(program, "-c", code).stdout == "False\n"
    code = "import time; print(1, flush=True); time.sleep(20)"
    with subprocess.Popen([program, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM


@pytest.mark.slow
def test_who_is_gone_before_he_is_told_leaves_nothing(warm_python, tmp_path):
    """A killed program may have said its number to others before it heard of its process."""
    require_warm(warm_python)
    assert run(warm_python, "-c", "").returncode == 0  # the server is there
    said = tmp_path / "number"
    code = f"import os, pathlib, time; pathlib.Path({str(said)!r}).write_text(str(os.getpid()))"
    order = {"words": ["-c", f"{code}; time.sleep(300)"], "cwd": "/", "env": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as line, open(os.devnull, "r+") as null:
        line.connect(str(Path(warm_python).with_name("socket")))
        order = json.dumps(order | {"files": [0, 1, 2]}).encode()
        socket.send_fds(line, [len(order).to_bytes(8, "big")], 3 * [null.fileno()])
        line.sendall(order)
    until = time.monotonic() + 1
    while not (said.exists() and said.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    if said.exists():
        until = time.monotonic() + 30
        while os.path.exists(f"/proc/{said.read_text()}") and time.monotonic() < until:
            time.sleep(0.02)
        assert not os.path.exists(f"/proc/{said.read_text()}")


@pytest.mark.slow
def test_a_pools_processes_work(warm_python):
    assert os.fsdecode(multiprocessing.spawn.get_executable()) == warm_python
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as pool:
        assert list(pool.map(abs, [-1, 2])) == [1, 2]


@pytest.mark.slow
def test_notebooks_run_while_coverage_is_measured(tmp_path):
    """By ``--cov`` without a name, nbval's kernels die at their first cell."""
    (option,) = re.findall(r"--cov(?:=\S*)?(?=\s)", (REPOSITORY / "Makefile").read_text())
    cell = nbformat.v4.new_code_cell("import lipkit.errors")
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "notebooks" / "one.ipynb")
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    words = ["-q", option, "--cov-report=", "--nbval-lax", "--nbval-current-env"]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "notebooks"],
        cwd=tmp_path,
        env=env | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_longest_files_exist():
    assert [name for name in LONGEST if not (REPOSITORY / name).is_file()] == []


def test_notebooks_are_read_without_the_grammar_of_addresses(pytestconfig):
    assert "-p tests.unchecked" in (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    first = pytestconfig.pluginmanager.hasplugin("tests.unchecked")
    if first or not pytestconfig.pluginmanager.hasplugin("nbval"):
        assert "nbformat" in sys.modules
        assert sys.modules["rfc3987_syntax"] is None


@pytest.mark.slow
def test_faces_are_painted_once_for_all_and_anew_where_asked(warm_python, tmp_path, monkeypatch):
    require_warm(warm_python)

    def scene() -> np.ndarray:
        return Face(person(1)).layers.scene

    monkeypatch.setenv(painted.VARIABLE, "")
    first = scene()
    monkeypatch.setenv(painted.VARIABLE, str(tmp_path))
    assert np.array_equal(scene(), first)
    (kept,) = tmp_path.iterdir()
    pictures = dict(np.load(kept))
    np.savez(kept, **pictures | {"scene": 255 - pictures["scene"]})
    assert np.array_equal(scene(), 255 - first)
    code = "from lipkit.talker.face import *; from lipkit.talker import person;"
    code += "print(Face(person(1)).layers.scene.sum())"
    assert int(run(warm_python, "-c", code).stdout) == (255 - first).sum()
    monkeypatch.delenv(painted.VARIABLE)
    assert np.array_equal(scene(), first)


def found(number: int) -> list[list[float]]:
    """The 68 points of a drawn person's face."""
    picture = still(person(number))
    (face,) = FaceLandmarks().detect(picture)
    return FaceLandmarks().points(picture, face.box).tolist()


@pytest.mark.slow
def test_faces_are_found_where_the_real_one_finds_them(warm_python):
    """By the detector and the model that the server has read, and by another thread's."""
    code = f"""
from concurrent.futures import ThreadPoolExecutor
from lipkit.face.landmarks import FaceLandmarks
from lipkit.talker import person, still
{inspect.getsource(found)}
with ThreadPoolExecutor(1) as thread:
    print([found(1), thread.submit(found, 2).result()])
"""
    done = run(warm_python, "-c", code)
    assert json.loads(done.stdout or "[]") == [found(1), found(2)], done.stderr
