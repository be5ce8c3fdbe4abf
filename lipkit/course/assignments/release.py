"""The student version of an assignment, made from its source.

The source is nbgrader's own form: cells whose metadata say under ``nbgrader`` what they are,
solutions between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, hidden tests between
``### BEGIN HIDDEN TESTS`` and ``### END HIDDEN TESTS``. nbgrader is not needed: the cells
made here are the same as its own, which have no outputs.
"""

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lipkit.config.places import NOTEBOOKS
from lipkit.course.notebooks import read_notebook
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.settings import did_you_mean

SOURCES = NOTEBOOKS / "teachers"
RELEASED = NOTEBOOKS / "assignments"
"""The student versions that the lessons link to; made of the sources, never kept by hand."""
STUB = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
SOLUTION, HIDDEN_TESTS = "SOLUTION", "HIDDEN TESTS"


def find_assignments(names: Sequence[str] = (), folder: Path = SOURCES) -> list[Path]:
    """The sources called ``names`` (stems), or all of them, in the order of their stems.

    Raises
    ------
    UsageError
        For a name that no assignment has.
    """
    # A name that begins with a dot is what a writer that was killed has left.
    known = {path.stem: path for path in sorted(folder.glob("[!.]*.ipynb"))}
    if not known:
        raise UsageError(f"{folder}: holds no assignments; restore it")
    stems = [Path(name).stem for name in names]
    for name, stem in zip(names, stems, strict=True):
        if stem not in known:
            raise UsageError(f"assignment {name!r} is unknown; {did_you_mean(stem, known)}")
    return [path for stem, path in known.items() if not stems or stem in stems]


def release(
    out: Path, names: Sequence[str] = (), force: bool = False, folder: Path = SOURCES
) -> list[Path]:
    """Write the student version of each assignment to ``out``; return the files.

    Raises
    ------
    UsageError
        For an unknown name, or where another file is in the way and ``force`` is not given:
        it may be somebody's work.
    LipkitError
        When a source is broken: see :func:`student_version`.
    """
    texts = {}
    for source in find_assignments(names, folder):
        path = out / source.name
        text = nbformat.writes(student_version(read_notebook(source), str(source))) + "\n"
        if path.resolve() == source.resolve():
            raise UsageError(f"{out}: holds the sources; choose another folder")
        if path.exists() and path.read_text(encoding="utf-8") != text and not force:
            raise UsageError(f"{path}: is there already; choose another folder or give --force")
        texts[path] = text
    for path, text in texts.items():
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def student_version(source: NotebookNode, name: str = "notebook") -> NotebookNode:
    """A copy without solutions and hidden tests, its graded cells locked.

    Outputs stay where no answer is in them: those of what is given before the first solution.

    Raises
    ------
    LipkitError
        When a region is not closed, or stands in a cell that is not marked for it, or a cell
        uses what is not supported here (nbgrader's tasks and AUTOTEST).
    """
    student = copy.deepcopy(source)
    all_given = True
    for number, cell in enumerate(student.cells):
        where = f"{name}: cell {number}"
        marks = cell.metadata.get("nbgrader", {})
        solution, graded = marks.get("solution", False), marks.get("grade", False)
        all_given &= not (solution or graded)
        if marks.get("task") or "AUTOTEST" in cell.source:
            raise LipkitError(f"{where}: tasks and AUTOTEST are not supported; use solution cells")
        stub = STUB.get(cell.cell_type, "")
        cleared = _without(SOLUTION, cell.source, stub, where)
        if cleared != cell.source and not solution:
            raise LipkitError(
                f"{where}: holds a solution but is not a solution cell; mark it as one"
            )
        # Where no region is marked the whole cell is the solution, as with answers in words.
        cell.source = stub if solution and cleared == cell.source else cleared
        cleared = _without(HIDDEN_TESTS, cell.source, None, where)
        if cleared != cell.source and (solution or not graded):
            raise LipkitError(f"{where}: holds hidden tests but is not a test cell; mark it as one")
        cell.source = cleared
        if cell.cell_type == "code" and not all_given:
            cell.outputs, cell.execution_count = [], None
        if solution or graded or marks.get("locked"):
            cell.metadata["deletable"] = False
            if not solution:
                cell.metadata["editable"] = False
            marks["cell_type"], marks["checksum"] = cell.cell_type, checksum(cell)
    return student


def checksum(cell: NotebookNode) -> str:
    """nbgrader's digest of a marked cell, by which it recognises an answer that was not touched."""
    marks = cell.metadata["nbgrader"]
    graded, solution = bool(marks.get("grade")), bool(marks.get("solution"))
    locked = not solution and (graded or bool(marks.get("locked")))
    parts = [cell.source, cell.cell_type, graded, solution, locked, marks["grade_id"]]
    if graded:
        parts.append(float(marks["points"]))
    # A checksum, not a secret: nbgrader's choice.
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()


def _without(region: str, text: str, stub: str | None, where: str) -> str:
    """``text`` without its regions, each replaced by the stub at the indent of its beginning."""
    kept, inside = [], False
    for line in text.split("\n"):
        begins, ends = f"BEGIN {region}" in line, f"END {region}" in line
        if begins == inside and (begins or ends):
            state = "begins twice" if begins else "ends before it begins"
            raise LipkitError(f"{where}: {region} {state}; mend its two marks")
        if begins and stub is not None:
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + stub_line for stub_line in stub.split("\n")]
        if begins or ends:
            inside = begins
        elif not inside:
            kept.append(line)
    if inside:
        raise LipkitError(f"{where}: {region} does not end; mend its two marks")
    return "\n".join(kept)
