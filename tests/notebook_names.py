"""What the course's notebooks import from the package, and which of it is a function or a class."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from lipkit.course.notebooks import read_notebook


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every ``from lipkit... import name`` in a folder's notebooks."""
    for path in sorted(folder.rglob("*.ipynb")):
        for cell in read_notebook(path).cells:
            if cell.cell_type != "code":
                continue
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lipkit"):
                    yield from ((node.module, name.name) for name in node.names)


def functions_and_classes(folder: Path) -> dict[str, object]:
    """Those that :func:`imports` finds, by the dotted name under which they are defined."""
    found = {}
    for module, name in imports(folder):
        value = getattr(importlib.import_module(module), name, None)
        # A function that keeps its results is one all the same.
        if inspect.isclass(value) or inspect.isfunction(inspect.unwrap(value)):
            found[f"{value.__module__}.{value.__qualname__}"] = value
    return dict(sorted(found.items()))
