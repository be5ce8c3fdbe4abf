"""The strict runner: refuses before it runs, never writes to the source, fails in one screen."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from lipkit.course import runner
from lipkit.course.notebooks import read_notebook, read_parameters
from lipkit.course.runner import NotebookFailed, clean, run_notebook, store
from lipkit.errors import LipkitError, UsageError

pytestmark = pytest.mark.slow

PARAMETERS = """\
from typing import Literal

preset: str = "tiny"  # sizes of this run
rate: float = 0.1  # step size (the paper's: 2e-4)
steps: int | None = None  # none: until done
flag: bool = False  # a switch
names: list[str] = ["a"]  # several
mode: Literal["x", "y"] = "x"  # one of two
"""
SHOW = "print(repr((preset, rate, steps, flag, names, mode)))"


def write(path: Path, *sources: str, parameters: str = PARAMETERS) -> Path:
    tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    cells = [v4.new_markdown_cell("# One, $x^2$"), tagged, *map(v4.new_code_cell, sources)]
    metadata = {"kernelspec": {"name": "no-such-kernel", "display_name": "x"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


@pytest.fixture
def course(tmp_path) -> Path:
    """A folder with one notebook."""
    write(tmp_path / "course" / "01_one.ipynb", SHOW, "import sys; print(sys.executable)")
    return tmp_path / "course"


def printed(path: Path) -> list[str]:
    cells = [c for c in read_notebook(path).cells if c.cell_type == "code"]
    return [output.text.strip() for c in cells for output in c.outputs if "text" in output]


def test_parameters_are_parsed_with_type_default_and_help(course):
    parameters = read_parameters(course / "01_one.ipynb")
    assert list(parameters) == ["preset", "rate", "steps", "flag", "names", "mode"]
    rate = parameters["rate"]
    assert (rate.type, rate.default, rate.help) == (float, 0.1, "step size (the paper's: 2e-4)")
    assert parameters["names"].default == ["a"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> tuple[Path, Path]:
    """A notebook and its copy, executed with text for every kind of parameter."""
    folder = tmp_path_factory.mktemp("strict")
    source = write(folder / "course" / "01_one.ipynb", SHOW, "import sys; print(sys.executable)")
    before = source.read_bytes()
    given = {
        "rate": "1e-4",
        "steps": "30",
        "flag": "true",
        "names": "b,c",
        "mode": "y",
        "preset": "it's 1",
    }
    out = folder / "new" / "folder" / "copy.ipynb"
    run_notebook("01", given, out, progress=False, html=True, folder=source.parent)
    assert source.read_bytes() == before, "the source was written to"
    return source, out


def test_values_arrive_with_their_declared_types(executed):
    values, _ = printed(executed[1])
    assert values == repr(("it's 1", 1e-4, 30, True, ["b", "c"], "y"))


def test_the_kernel_is_this_interpreter(executed):
    _, python = printed(executed[1])
    assert python == sys.executable


def test_only_whole_outputs_are_left(executed):
    assert sorted(p.name for p in executed[1].parent.iterdir()) == ["copy.html", "copy.ipynb"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prset": "tiny"}, "did you mean 'preset'"),
        ({"rate": "fast"}, "rate='fast': must be a number"),
        ({"steps": "1.5"}, "steps='1.5'"),
        ({"flag": "maybe"}, "must be true or false"),
        ({"mode": "z"}, "must be one of x, y"),
        ({"rate": None}, "must be a number"),
    ],
)
def test_unfit_parameters_are_refused_before_anything_runs(course, tmp_path, given, message):
    with pytest.raises(UsageError, match=message):
        run_notebook("01", given, tmp_path / "out.ipynb", progress=False, folder=course)
    assert not (tmp_path / "out.ipynb").exists()


def test_the_source_is_never_overwritten(course, tmp_path, monkeypatch):
    source = course / "01_one.ipynb"
    (tmp_path / "link").symlink_to(course)
    monkeypatch.chdir(course)
    for out in (source, tmp_path / "link" / "01_one.ipynb", "01_one.ipynb", course):
        with pytest.raises(UsageError, match="is the notebook itself"):
            run_notebook(source, {}, out, progress=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("01_oen", "did you mean '01_one'"),
        ("nowhere/99.ipynb", "no such notebook"),
        ("0", "is ambiguous: 01_one, 02_two"),
    ],
)
def test_an_unknown_notebook_is_refused(course, name, message):
    write(course / "02_two.ipynb", SHOW)
    with pytest.raises(UsageError, match=message):
        run_notebook(name, {}, progress=False, folder=course)


def test_a_broken_notebook_is_one_line(tmp_path):
    (tmp_path / "01.ipynb").write_text("{ not json")
    with pytest.raises(LipkitError, match="not a readable notebook") as caught:
        run_notebook(tmp_path / "01.ipynb", {}, progress=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["x: int = 1 + 1", "x: int", "x = y = 1", "x: dict[str, int] = {}", "f()", "a, b = 1, 2"],
)
def test_a_parameters_cell_that_is_no_list_of_literals_is_refused(tmp_path, line):
    path = write(tmp_path / "01.ipynb", parameters=f'preset: str = "tiny"\n{line}  # help')
    with pytest.raises(LipkitError, match="must read 'name: type = literal  # help'"):
        read_parameters(path)


@pytest.fixture(scope="module")
def failure(tmp_path_factory) -> tuple[NotebookFailed, Path]:
    """What is raised by a cell that raises, and the folder of the output."""
    folder = tmp_path_factory.mktemp("failing")
    body = "\n".join(f"line_{n} = {n}" for n in range(40))
    raising = f"{body}\nraise ValueError('first\\nsecond')\nafter = 1\nmore = 2\nlast = 3"
    source = write(folder / "01_bad.ipynb", "print('reached')", raising, "print('never')")
    with pytest.raises(NotebookFailed) as caught:
        run_notebook(source, {}, folder / "out" / "01_bad.ipynb", progress=False)
    return caught.value, folder / "out"


def test_a_failing_cell_is_one_line_and_one_screen(failure):
    error, _ = failure
    assert "\n" not in str(error)
    assert "ValueError: first second" in str(error)
    lines = error.screen.splitlines()
    assert len(lines) <= 24, "more than one screen"
    (marked,) = (line for line in lines if line.startswith("->"))
    assert "raise ValueError" in marked
    assert any("line_39 = 39" in line for line in lines)
    assert lines[-2] == "ValueError: first second"
    assert "\x1b" not in error.screen


def test_a_failing_run_keeps_what_it_reached_beside(failure):
    _, out = failure
    assert [p.name for p in out.iterdir()] == ["01_bad.failed.ipynb"]
    assert printed(out / "01_bad.failed.ipynb") == ["reached"]


def test_a_whole_run_removes_the_failed_one(failure, tmp_path):
    good = write(tmp_path / "01_bad.ipynb", "print('whole')")
    _, out = failure
    assert run_notebook(good, {}, out / "01_bad.ipynb", progress=False).is_file()
    assert [p.name for p in out.iterdir()] == ["01_bad.ipynb"]


def test_a_dead_kernel_is_one_line(tmp_path):
    path = write(tmp_path / "01.ipynb", "import os; os._exit(1)")
    with pytest.raises(NotebookFailed, match="the kernel died") as caught:
        run_notebook(path, {}, tmp_path / "out.ipynb", progress=False)
    assert "\n" not in str(caught.value)


def test_a_cell_that_never_ends_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "CELL_SECONDS", 1)
    path = write(tmp_path / "01.ipynb", "import time; time.sleep(60)")
    with pytest.raises(NotebookFailed, match="was stopped"):
        run_notebook(path, {}, tmp_path / "out.ipynb", progress=False)


def test_storing_keeps_lesson_and_drops_the_rest(tmp_path):
    bar = "import sys; print('\\r 50%', file=sys.stderr); print('kept')"
    busy = "import time; end = time.process_time() + 1.2\nwhile time.process_time() < end: pass"
    path = write(tmp_path / "00_one.ipynb", bar, "import ipywidgets; ipywidgets.IntSlider()", busy)
    ids = [cell.id for cell in read_notebook(path).cells]
    store(path, progress=False)
    notebook = read_notebook(path)
    assert [cell.id for cell in notebook.cells] == ids
    assert printed(path) == ["kept"], "a progress bar was stored"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "lipkit"}
    assert list(notebook.metadata.lipkit) == ["core_seconds"]
    assert 1 <= notebook.metadata.lipkit.core_seconds < 30, "of the kernel, not of this process"
    assert notebook.metadata.kernelspec == runner.KERNELSPEC
    assert [cell.metadata for cell in notebook.cells if cell.metadata] == [{"tags": ["parameters"]}]
    stored, seconds = path.read_bytes(), notebook.metadata.lipkit
    clean(notebook)
    notebook.metadata.lipkit = seconds
    assert nbformat.writes(notebook).encode() + b"\n" == stored


@pytest.mark.parametrize("source", ["print('/home/ada/x')", "1 / 0"])
def test_nothing_is_stored_when_a_rule_breaks(tmp_path, source):
    path = write(tmp_path / "00_one.ipynb", source)
    before = path.read_bytes()
    with pytest.raises(LipkitError, match=r"absolute path|ZeroDivisionError"):
        store(path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["00_one.ipynb"]
    assert path.read_bytes() == before
