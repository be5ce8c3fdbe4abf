"""The working copy of the course: laid whole, and never at the cost of a reader's changes."""

import json
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from lipkit.cli import run_command
from lipkit.config.places import MARK, NOTEBOOKS, working_copy
from lipkit.course.assignments.release import student_version
from lipkit.course.notebooks import find_notebook
from lipkit.course.working_copy import lay_course
from lipkit.errors import LipkitError, UsageError


@pytest.fixture(autouse=True)
def jupyter(tmp_path, monkeypatch) -> Path:
    """Where Jupyter keeps its secret and its signatures: here, not in the tester's home."""
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    return tmp_path / "jupyter"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A small course: one notebook, one assignment with a solution, one result."""
    source = tmp_path / "source"
    (source / "assignments").mkdir(parents=True)
    (source / "teachers").mkdir()
    (source / "results").mkdir()
    new = nbformat.v4
    lesson = new.new_notebook(cells=[new.new_code_cell("x = 1")])
    nbformat.write(lesson, source / "01_lesson.ipynb")
    cell = new.new_code_cell("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION")
    cell.metadata["nbgrader"] = {
        "grade": False,
        "solution": True,
        "locked": False,
        "grade_id": "a",
        "schema_version": 3,
    }
    solved = new.new_notebook(cells=[cell])
    nbformat.write(solved, source / "teachers" / "task.ipynb")
    nbformat.write(student_version(solved), source / "assignments" / "task.ipynb")
    (source / "page.py").write_text("x = 1\n")
    (source / "results" / "table.md").write_text("| LMD |\n")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "01_lesson-checkpoint.ipynb").write_text("old")
    return source


def states(laid) -> dict[str, str]:
    return {file.path.name: file.state for file in laid}


def test_everything_is_laid_and_assignments_without_solutions(course, tmp_path):
    copy = tmp_path / "mine"
    assert set(states(lay_course(copy, source=course)).values()) == {"new"}
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert files == {
        "01_lesson.ipynb", "assignments/task.ipynb", "page.py", "results/table.md", MARK,
    }  # fmt: skip
    # The number alone may stand in a cell's random name.
    assert "answer = 42" in (course / "teachers" / "task.ipynb").read_text()
    assert "answer = 42" not in (copy / "assignments" / "task.ipynb").read_text()
    assert (copy / "01_lesson.ipynb").read_bytes() == (course / "01_lesson.ipynb").read_bytes()
    assert set(states(lay_course(copy, source=course)).values()) == {"same"}


def test_a_changed_file_is_never_overwritten(course, tmp_path):
    copy = tmp_path / "mine"
    lay_course(copy, source=course)
    mine, table = copy / "01_lesson.ipynb", copy / "results" / "table.md"
    mine.write_text(mine.read_text().replace("x = 1", "x = 2"))
    assert states(lay_course(copy, update=True, source=course))["01_lesson.ipynb"] == "yours"

    (course / "01_lesson.ipynb").write_text(
        (course / "01_lesson.ipynb").read_text().replace("x = 1", "x = 3")
    )
    (course / "results" / "table.md").write_text("| LMD | SSIM |\n")
    without = states(lay_course(copy, source=course))
    assert (without["01_lesson.ipynb"], without["table.md"]) == ("newer", "newer")
    assert table.read_text() == "| LMD |\n"

    laid = {file.path.name: file for file in lay_course(copy, update=True, source=course)}
    assert "x = 2" in mine.read_text()
    assert laid["01_lesson.ipynb"].beside == copy / "01_lesson.new.ipynb"
    assert "x = 3" in laid["01_lesson.ipynb"].beside.read_text()
    assert (laid["table.md"].state, table.read_text()) == ("updated", "| LMD | SSIM |\n")

    new = copy / "01_lesson.new.ipynb"
    lay_course(copy, update=True, source=course)
    assert not (copy / "01_lesson.new2.ipynb").exists()  # the same once more
    new.write_text(new.read_text().replace("x = 3", "x = 30"))  # the reader works in it
    laid = {file.path.name: file for file in lay_course(copy, update=True, source=course)}
    assert "x = 30" in new.read_text()
    assert laid["01_lesson.ipynb"].beside == copy / "01_lesson.new2.ipynb"
    assert "x = 3" in laid["01_lesson.ipynb"].beside.read_text()


def test_a_missing_file_comes_back(course, tmp_path):
    lay_course(tmp_path / "mine", source=course)
    (tmp_path / "mine" / "01_lesson.ipynb").unlink()
    assert states(lay_course(tmp_path / "mine", source=course))["01_lesson.ipynb"] == "new"


def test_solutions_are_laid_and_linked_or_neither(course, tmp_path):
    new = nbformat.v4
    (course / "solutions").mkdir()
    nbformat.write(new.new_notebook(), course / "solutions" / "01_lesson.ipynb")
    link = "When you have tried: [the solutions, worked out](solutions/01_lesson.ipynb)."
    text = f"## Exercises\n\n1. **One.** Try.\n\n{link}\n\n## References"
    lesson = new.new_notebook(cells=[new.new_markdown_cell(text)])
    nbformat.write(lesson, course / "01_lesson.ipynb")

    lay_course(tmp_path / "whole", source=course)
    assert (tmp_path / "whole" / "solutions" / "01_lesson.ipynb").is_file()
    assert link in (tmp_path / "whole" / "01_lesson.ipynb").read_text()

    copy = tmp_path / "handed out"
    lay_course(copy, source=course, solutions=False)
    for _ in range(2):  # the copy remembers
        assert not (copy / "solutions").exists()
        told = nbformat.read(copy / "01_lesson.ipynb", as_version=4).cells[0].source
        assert told == text.replace(f"{link}\n\n", "\n")
        assert states(lay_course(copy, update=True, source=course))["01_lesson.ipynb"] == "same"
    laid = lay_course(copy, update=True, source=course, solutions=True)
    assert sorted(file.state for file in laid if file.path.name == "01_lesson.ipynb") == [
        "new",
        "updated",
    ]


def test_the_real_lessons_lose_their_link_with_the_solutions(tmp_path):
    lay_course(tmp_path / "mine", solutions=False)
    for path in (tmp_path / "mine").glob("[0-9]*.ipynb"):
        assert "](solutions/" not in path.read_text(encoding="utf-8"), path.name
        nbformat.validate(nbformat.read(path, as_version=4))


def test_another_folder_is_left_alone(course, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("!")
    with pytest.raises(UsageError, match="holds other files"):
        lay_course(tmp_path / "other", source=course)
    with pytest.raises(UsageError, match="is the course itself"):
        lay_course(course, source=course)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', "{"])
def test_a_broken_mark_is_one_line(course, tmp_path, text):
    lay_course(tmp_path / "mine", source=course)
    (tmp_path / "mine" / MARK).write_text(text)
    with pytest.raises(LipkitError, match="cannot be read as the list of what was laid"):
        lay_course(tmp_path / "mine", source=course)


def test_the_command_lays_the_real_course_and_run_finds_it(tmp_path, monkeypatch, capsys):
    copy = tmp_path / "mine"
    assert run_command(["course", str(copy)]) == 0
    assert "jupyter lab" in capsys.readouterr().out
    assert working_copy(copy / "assignments") == copy.resolve()
    monkeypatch.chdir(copy / "results")
    assert find_notebook("01") == copy.resolve() / "01_data_preparation.ipynb"
    monkeypatch.chdir(tmp_path)
    assert find_notebook("01") == NOTEBOOKS / "01_data_preparation.ipynb"
    assert not (copy / "teachers").exists()
    for path in sorted((copy / "assignments").glob("*.ipynb")):
        assert "BEGIN SOLUTION" not in path.read_text(), path
        assert "BEGIN HIDDEN" not in path.read_text(), path
    assert json.loads((copy / MARK).read_text())["files"]


def is_trusted(path: Path) -> bool:
    """As JupyterLab's server asks when it opens a notebook."""
    with closing(NotebookNotary()) as notary:
        return notary.check_signature(nbformat.read(path, as_version=4))


def test_jupyter_trusts_what_the_kit_laid_and_nothing_else(course, tmp_path):
    copy = tmp_path / "mine"
    lay_course(copy, source=course)
    mine, task = copy / "01_lesson.ipynb", copy / "assignments" / "task.ipynb"
    assert is_trusted(mine)
    assert is_trusted(task)
    mine.write_text(mine.read_text().replace("x = 1", "x = 2"))
    theirs = course / "01_lesson.ipynb"
    theirs.write_text(theirs.read_text().replace("x = 1", "x = 3"))
    lay_course(copy, update=True, source=course)
    assert not is_trusted(mine), "what somebody has changed is theirs to trust"
    assert is_trusted(copy / "01_lesson.new.ipynb")


def test_a_copy_laid_before_becomes_trusted(course, tmp_path, jupyter):
    lay_course(tmp_path / "mine", source=course)
    (jupyter / "nbsignatures.db").unlink()
    assert not is_trusted(tmp_path / "mine" / "01_lesson.ipynb")
    lay_course(tmp_path / "mine", source=course)
    assert is_trusted(tmp_path / "mine" / "01_lesson.ipynb")


@pytest.mark.parametrize("fault", ["a file", "a broken database", "no right to write"])
def test_where_nothing_can_be_signed_the_course_is_laid_in_silence(
    course, tmp_path, jupyter, monkeypatch, capfd, fault
):
    if fault == "a file":
        jupyter.write_text("not a folder")
    elif fault == "a broken database":
        (jupyter / "nbsignatures.db").mkdir(parents=True)
    else:

        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(NotebookNotary, "_write_secret_file", refuse)
    assert set(states(lay_course(tmp_path / "mine", source=course)).values()) == {"new"}
    assert capfd.readouterr() == ("", "")
