"""Tables as files, written whole or not at all: CSV and JSON, Markdown and LaTeX."""

import csv
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lipkit.errors import LipkitError
from lipkit.files import replacing

ARROWS = {"higher": "↑", "lower": "↓", "truth": "≈"}
"""Which way is better; ``truth``: nearer to the ground truth's is better."""
DIRECTIONS = "↑ higher, ↓ lower, ≈ nearer to the ground truth's value is better"
NOTHING = "–"
"""Stands where there is no value."""


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows with the first row's keys as columns; without a row the file is empty."""
    rows = list(rows)
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        if rows:
            writer.writeheader()
        writer.writerows(rows)


def read_csv(
    path: Path,
    columns: Collection[str],
    whole: Collection[str] = (),
    numbers: Collection[str] | None = (),
    filled: Collection[str] = (),
) -> list[dict[str, str]]:
    """Rows of a table that :func:`write_csv` wrote, as texts.

    Parameters
    ----------
    columns
        That it must have; it may have more.
    whole, numbers
        Columns of whole numbers, and of any numbers; a field may be empty. None for ``numbers``
        means all other columns.
    filled
        Columns in which no field may be empty.

    Raises
    ------
    LipkitError
        When the file is missing, is not such a table, or has something else where a number belongs.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise LipkitError(f"{path}: no such file; run lipkit experiment first") from None
    except (OSError, ValueError, csv.Error) as fault:
        reason = getattr(fault, "strerror", None) or type(fault).__name__
        raise LipkitError(
            f"{path}: cannot be read ({reason}); run lipkit experiment again"
        ) from None
    if not rows or not set(columns) <= rows[0].keys():
        raise LipkitError(f"{path}: is not a table of results; run lipkit experiment again")
    for place, row in enumerate(rows, 1):
        for name, text in row.items():
            number = name in numbers if numbers is not None else name not in columns
            if fault := _fault_of(name, text, name in whole, number, name in filled):
                raise LipkitError(f"{path}: row {place}: {fault}; run lipkit experiment again")
    return rows


def _fault_of(name: str | None, text: Any, whole: bool, number: bool, filled: bool) -> str:
    if not isinstance(name, str) or not isinstance(text, str):
        return "it has more or fewer fields than there are columns"
    if filled and not text:
        return f"its {name} is empty"
    try:
        if text and whole:
            int(text)
        elif text and number:
            float(text)
    except ValueError:
        return f"its {name} is {text[:40]!r}, no {'whole ' if whole else ''}number"
    return ""


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON; a number that is not finite is refused."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def markdown_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1
) -> list[str]:
    """The lines of a table; columns after the first ``texts`` hold numbers, set to the right."""
    marks = [":--" if i < texts else "--:" for i in range(len(heads))]
    lines = [heads, marks, *rows]
    cells = [[_in_a_cell(cell) for cell in line] for line in lines]
    return ["| " + " | ".join(line) + " |" for line in cells]


def _in_a_cell(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").split())


def latex_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str, texts: int = 1
) -> list[str]:
    """The same as a floating booktabs table, all text escaped; needs ``\\usepackage{booktabs}``."""
    kinds = "l" * texts + "r" * (len(heads) - texts)
    lines = ["\\begin{table}", "\\centering", "\\small", f"\\begin{{tabular}}{{{kinds}}}"]
    lines += ["\\toprule", _latex_line(heads), "\\midrule", *map(_latex_line, rows)]
    lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{escape_tex(caption)}}}"]
    return [*lines, "\\end{table}", ""]


def _latex_line(cells: Sequence[str]) -> str:
    return " & ".join(map(escape_tex, cells)) + " \\\\"


def head_of(label: str, unit: str, better: str) -> str:
    """The head of a metric's column: its name, its unit and which way is better."""
    return f"{label}{f', {unit}' if unit else ''} {ARROWS[better]}"


def digits_of(unit: str) -> int:
    """How many decimals the values of a unit are given."""
    return 2 if unit in ("dB", "px") else 3


def with_ends(
    mean: float | None, low: float | None, high: float | None, digits: int, sign: str = ""
) -> str:
    """A value with its interval, ``1.19 [1.14, 1.26]``; ``sign`` ``+`` writes it always."""
    if mean is None:
        return NOTHING
    form = f"{sign}.{digits}f"
    return f"{mean:{form}}" + ("" if low is None else f" [{low:{form}}, {high:{form}}]")


def number(value: float | None, digits: int, sign: str = "") -> str:
    """A value alone, or a dash."""
    return NOTHING if value is None else f"{value:{sign}.{digits}f}"


_TEX = {
    "\\": "\\textbackslash{}",
    "&": "\\&",
    "%": "\\%",
    "_": "\\_",
    "#": "\\#",
    "$": "\\$",
    "{": "\\{",
    "}": "\\}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "↑": "$\\uparrow$",
    "↓": "$\\downarrow$",
    "≈": "$\\approx$",
    "∞": "$\\infty$",
    "–": "--",
    "±": "$\\pm$",
    "→": "$\\rightarrow$",
    "≥": "$\\geq$",
    "≤": "$\\leq$",
    "−": "$-$",
}


def escape_tex(text: str) -> str:
    """Text as LaTeX prints it, our arrows and signs included."""
    return "".join(_TEX.get(letter, letter) for letter in text)
