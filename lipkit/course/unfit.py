"""Values of a notebook's parameters that its own cells would refuse, refused before it runs.

A notebook hands its parameters to :class:`~lipkit.course.lesson.LessonConfig`, which knows
ranges, corpora and presets. That call is read here, not run, and made with the given values,
so that a wrong one costs no kernel. A parameter whose help says "at least N" takes no less.
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipkit.course.notebooks import read_notebook, read_parameters
from lipkit.errors import LipkitError, UsageError
from lipkit.provenance import parsed

if TYPE_CHECKING:
    from lipkit.course.lesson import LessonConfig

CALL = "LessonConfig"
COUNTS = {"steps", "people"}
"""Parameters of the course that count something: one at least."""
FILES = {"portrait", "recording"}
FOLDERS = {"results"}
"""Parameters that name what must be there, where they are not empty."""


def check_values(source: Path, cells: Iterable[Mapping[str, Any]]) -> None:
    """Refuse values that cannot work in a notebook of the course.

    Parameters
    ----------
    source
        The notebook; in one that makes no ``LessonConfig`` nothing is known, or checked.
    cells
        For each run, parameter -> converted value, for those that are not at their default.

    Raises
    ------
    UsageError
        Naming the parameter, its value and what it may be.
    LipkitError
        When a folder that is named holds no clip of its corpus, no prepared set, or fewer clips
        than the lesson says it needs.
    """
    calls = _lesson_calls(source)
    if not calls:
        return
    from lipkit.course.lesson import LessonConfig

    known = read_parameters(source)
    defaults = {name: parameter.default for name, parameter in known.items()}
    leasts = {name: parameter.least for name, parameter in known.items()}
    checked: set[LessonConfig] = set()
    for given in cells:
        _check_alone(given, leasts)
        for call in calls:
            options = LessonConfig(**_arguments(call, defaults | dict(given)))
            if options not in checked:
                _check_data(options, leasts.get("clips"))
                checked.add(options)


def _lesson_calls(source: Path) -> list[ast.Call]:
    calls = []
    for cell in read_notebook(source).cells:
        if cell.cell_type != "code":
            continue
        try:
            tree = parsed(cell.source)
        except SyntaxError:  # A cell with magic of IPython.
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == CALL:
                calls.append(node)
    return calls


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _arguments(call: ast.Call, values: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a call whose values are known: parameters and literals."""
    known = {}
    for keyword in call.keywords:
        if isinstance(keyword.value, ast.Constant):
            known[keyword.arg] = keyword.value.value
        elif isinstance(keyword.value, ast.Name) and keyword.value.id in values:
            known[keyword.arg] = values[keyword.value.id]
    return known


def _check_alone(given: Mapping[str, Any], leasts: Mapping[str, int | None]) -> None:
    for name, value in given.items():
        least = leasts.get(name) or (1 if name in COUNTS else None)
        if least is not None and value < least:
            raise UsageError(f"{name}={value}: must be at least {least}")
        if name in FILES and value and not Path(value).is_file():
            raise UsageError(f"{name}={value!r}: no such file; check the path")
        if name in FOLDERS and value and not Path(value).is_dir():
            raise UsageError(f"{name}={value!r}: no such folder; check the path")


def _check_data(options: "LessonConfig", least: int | None) -> None:
    """What lies where the options point; a corpus that would be made is not made here."""
    from lipkit.course.lesson import choose, open_corpus

    if options.prepared:
        from lipkit.data.prepared import PreparedSet

        _check_number(options.prepared, len(PreparedSet.open(options.prepared).clips()), least)
    if options.data_root:
        records = open_corpus(options)
        if not options.prepared:
            _check_number(options.data_root, len(records), least)
        if options.clip:
            choose(records, options.clip)


def _check_number(folder: str, clips: int, least: int | None) -> None:
    if clips < (least or 1):
        raise LipkitError(f"{folder}: holds {clips} clips; this lesson needs at least {least}")
