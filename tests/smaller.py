"""Notebooks with smaller values in their cell of parameters."""

import re

import nbformat


def set_values(
    cell: nbformat.NotebookNode, values: dict[str, int | str], name: object, scratch: str = ""
) -> None:
    """Write values into a cell of parameters, each of which must stand there.

    ``{scratch}`` in a text is a folder for what the notebook leaves.
    """
    for parameter, value in values.items():
        said = re.compile(rf"^({parameter}: {type(value).__name__} = )(\d+|\"[^\"]*\")", re.M)
        text = f'"{value.format(scratch=scratch)}"' if isinstance(value, str) else str(value)
        cell.source, found = said.subn(lambda m, text=text: m[1] + text, cell.source)
        assert found == 1, f"{name}: has no parameter {parameter}"


def is_parameters(cell: nbformat.NotebookNode) -> bool:
    """Whether it is the cell of parameters."""
    return "parameters" in cell.get("metadata", {}).get("tags", ())
