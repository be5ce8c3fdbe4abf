"""The cells of an assignment by what they are for."""

import nbformat

from lipkit.course.assignments.release import SOURCES
from lipkit.course.notebooks import read_notebook


def source(name: str) -> nbformat.NotebookNode:
    return read_notebook(SOURCES / f"{name}.ipynb")


def marks(cell: nbformat.NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def gaps(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("solution") and c.cell_type == "code"]


def checks(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("grade") and c.cell_type == "code"]


def answers(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [c for c in notebook.cells if marks(c).get("grade") and c.cell_type == "markdown"]
