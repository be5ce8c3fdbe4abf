"""Points of submissions, without nbgrader.

A submission's tests are put back as the source has them, hidden ones included, and the
notebook is run in a process of its own, under limits (:mod:`.execution`). A test cell that
reports to have run to its end earns its points, unless the answer calls lipkit's own
(:mod:`.own_answers`): then a note names what it calls, and a person decides. What is answered in
words is left for a person, unless nothing was written.

The limits keep accidents in: endless loops, full memory, floods of output. They are no prison:
grade strangers' work in an account or a container where it can do no harm.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lipkit.course.assignments.execution import Limits, execute, secrets_for, take_report
from lipkit.course.assignments.own_answers import own_answers
from lipkit.course.assignments.release import SOURCES, find_assignments, student_version
from lipkit.course.notebooks import read_notebook
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.report.tables import write_csv

LARGEST_SUBMISSION = 32 << 20
"""Bytes; a larger notebook is not read."""
TABLE = "points.csv"
COLUMNS = ("student", "assignment", "part", "points", "most", "note")


@dataclass(frozen=True)
class Mark:
    """What one graded cell of a submission earned."""

    part: str
    """The cell's ``grade_id``."""
    points: float | None
    """None where a person has to read the answer."""
    most: float
    note: str = ""


def grade_folder(
    submissions: Path,
    out: Path,
    names: Sequence[str] = (),
    progress: bool = True,
    folder: Path = SOURCES,
) -> dict[tuple[str, str], list[Mark]]:
    """Grade ``submissions/STUDENT/**/NAME.ipynb``; return the marks by (student, name).

    ``out`` gets the executed notebooks, ``STUDENT/NAME.ipynb``, and ``points.csv``, a row for
    each graded cell, written anew after each submission. A file that is not a notebook earns
    nothing, nor do two files of one name, and their rows say so. What an earlier grading wrote
    among the submissions is not graded.

    Raises
    ------
    UsageError
        For an unknown name, and where ``out`` is the folder of the submissions, or a student's
        in it, so that their work would be overwritten.
    LipkitError
        When the folder holds no submission.
    """
    sources = {path.name: path for path in find_assignments(names, folder)}
    found = _submissions(submissions, out, set(sources))
    if not found:
        raise LipkitError(
            f"{submissions}: holds no submission; lay them out as STUDENT/{next(iter(sources))}"
        )
    marks = {}
    for (student, file), paths in found.items():
        name, source = Path(file).stem, read_notebook(sources[file])
        try:
            if len(paths) > 1:
                raise LipkitError(f"{len(paths)} files {file}; hand in one")
            executed, marks[student, name] = grade(_read(paths[0]), source)
        except LipkitError as fault:
            marks[student, name] = [
                Mark(part, 0.0, most, str(fault)) for part, most in _parts(source)
            ]
        else:
            with replacing(out / student / file) as temporary:
                temporary.write_text(nbformat.writes(executed) + "\n", encoding="utf-8")
        _write_table(out / TABLE, marks)  # each time: a class may take hours
        if progress:
            print(f"{student}, {name}: {summary(marks[student, name])}", flush=True)
    return marks


def _write_table(path: Path, marks: Mapping[tuple[str, str], Sequence[Mark]]) -> None:
    rows = [
        dict(zip(COLUMNS, (student, name, m.part, m.points, m.most, m.note), strict=True))
        for (student, name), parts in marks.items()
        for m in parts
    ]
    write_csv(path, rows)


def _read(path: Path) -> NotebookNode:
    """A submission's notebook; only a plain file of a sensible size is opened at all."""
    if path.is_symlink() or not path.is_file():
        raise LipkitError(f"{path}: is not a plain file; ask for the notebook itself")
    if path.stat().st_size > LARGEST_SUBMISSION:
        raise LipkitError(
            f"{path}: has {path.stat().st_size >> 20} MB; at most {LARGEST_SUBMISSION >> 20} are "
            "read; ask for the notebook without its outputs"
        )
    return read_notebook(path)


def _submissions(folder: Path, out: Path, names: set[str]) -> dict[tuple[str, str], list[Path]]:
    """(student, file name) -> where it lies; results of a grading among them are left out."""
    students: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.ipynb")):
        parts = path.relative_to(folder).parts
        if path.name in names and len(parts) > 1:
            students.setdefault(parts[0], []).append(path)
    for student in [name for name in students if _is_graded(folder / name)]:
        print(f"{folder / student}: holds the points of a grading, so it is not a submission")
        del students[student]
    holders = [folder, *(folder / student for student in students)]
    if out.resolve() in [holder.resolve() for holder in holders]:
        raise UsageError(f"{out}: holds submissions; choose another folder for the points")
    found: dict[tuple[str, str], list[Path]] = {}
    for student, paths in students.items():
        for path in paths:
            found.setdefault((student, path.name), []).append(path)
    return found


def _is_graded(folder: Path) -> bool:
    try:
        return (folder / TABLE).read_text(encoding="utf-8").splitlines()[:1] == [",".join(COLUMNS)]
    except (OSError, UnicodeDecodeError):
        return False


def grade(
    submission: NotebookNode, source: NotebookNode, limits: Limits | None = None
) -> tuple[NotebookNode, list[Mark]]:
    """The submission, executed with the source's tests, and its marks in the source's order."""
    executed = with_tests_of(source, submission)
    tests = secrets_for([m.grade_id for m in _marked(source) if m.grade and not m.solution])
    fault = execute(executed, tests, limits)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in executed.cells}
    stubs = {
        cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source
        for cell in student_version(source).cells
    }
    marks, called = [], own_answers(executed, source)
    for part, most in _parts(source):
        cell = cells.get(part)
        if cell is None:
            marks.append(Mark(part, 0.0, most, "the cell is missing"))
        elif cell.metadata.nbgrader.solution:
            empty = cell.source.strip() in ("", stubs[part].strip())
            marks.append(Mark(part, 0.0 if empty else None, most, "no answer" if empty else "read"))
        else:
            passed = take_report(cell, tests[part])
            wrong = _error(cell) or ("" if passed else fault or "did not run to its end")
            if not wrong and part in called:
                note = f"calls lipkit's own answer, {', '.join(called[part])}; read"
                marks.append(Mark(part, None, most, note))
                continue
            marks.append(Mark(part, 0.0 if wrong else most, most, wrong))
    return executed, marks


def with_tests_of(source: NotebookNode, submission: NotebookNode) -> NotebookNode:
    """A copy of the submission in which everything but the answers is the source's again."""
    ours = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in source.cells
        if "nbgrader" in cell.metadata
    }
    notebook = copy.deepcopy(submission)
    for cell in notebook.cells:
        theirs = cell.metadata.get("nbgrader")
        given = theirs.get("grade_id") if isinstance(theirs, dict) else None
        original = ours.pop(given, None) if isinstance(given, str) else None
        # A copy of a cell, or one that the source does not know, counts for nothing.
        cell.metadata.pop("nbgrader", None)
        if original is not None and cell.cell_type == original.cell_type:
            cell.metadata["nbgrader"] = copy.deepcopy(original.metadata.nbgrader)
            if not original.metadata.nbgrader.solution:
                cell.source = original.source
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def summary(marks: Sequence[Mark]) -> str:
    """One line: the points earned by tests, and how many still wait for a reader."""
    tested = [mark for mark in marks if mark.points is not None]
    line = f"{sum(m.points for m in tested):g} of {sum(m.most for m in tested):g} points"
    waiting = sum(mark.most for mark in marks if mark.points is None)
    return f"{line}, {waiting:g} more to be read" if waiting else line


def _parts(source: NotebookNode) -> list[tuple[str, float]]:
    return [(marks.grade_id, float(marks.points)) for marks in _marked(source) if marks.grade]


def _marked(source: NotebookNode) -> list[NotebookNode]:
    return [c.metadata.nbgrader for c in source.cells if "nbgrader" in c.metadata]


def _error(cell: NotebookNode) -> str:
    """What a cell raised, in one line; empty if nothing."""
    for output in cell.outputs:
        if output.output_type == "error":
            return " ".join(f"{output.ename}: {output.evalue}".split())[:200].rstrip(":")
    return ""
