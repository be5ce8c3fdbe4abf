"""The cells of an assignment by what they are for."""

import re

import nbformat

from lipkit.course.assignments.release import SOURCES
from lipkit.course.notebooks import read_notebook


def source(name: str) -> nbformat.NotebookNode:
    return read_notebook(SOURCES / f"{name}.ipynb")


def minutes(name: str) -> int:
    """How long an assignment takes, by its title."""
    return int(re.search(r"About (\d+) minutes", source(name).cells[0].source)[1])


ALL = sorted(path.stem for path in SOURCES.glob("*.ipynb"))
SHORT = [name for name in ALL if minutes(name) <= 60]
"""The long ones ask for whole networks and measurements, which take too long to be tried with
every function of a lesson."""


def marks(cell: nbformat.NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def gaps(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("solution") and c.cell_type == "code"]


def checks(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("grade") and c.cell_type == "code"]


def answers(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("grade") and c.cell_type == "markdown"]
