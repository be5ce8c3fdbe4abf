"""What a notebook of the course is: where it lies, its parameters, the rules it follows.

A notebook has one code cell tagged ``parameters`` whose lines read
``name: type = literal  # help``. That cell is parsed here and never run, so that a misspelt
name or an unsuitable value is refused before a kernel starts.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

from lipkit.config.places import NOTEBOOKS, working_copy
from lipkit.errors import LipkitError, UsageError
from lipkit.provenance import parsed
from lipkit.settings import convert, did_you_mean

PARAMETERS_TAG = "parameters"
SKIP_TAG = "skip-execution"
"""Of cells that no run executes, such as the one that installs the kit elsewhere."""
MAX_BYTES = 300_000
MAX_LINES = 55
"""The most lines that a code cell may have."""

_LEAST = re.compile(r"\bat least (\d+)\b")
_TYPES = {"int": int, "float": float, "bool": bool, "str": str, "list": list, "tuple": tuple}
_ABSOLUTE_PATH = re.compile(
    r"""(?<![\w.:/<~-])(?:
        (?:/home|/root|/Users|/tmp|/private|/var|/usr|/opt|/mnt|/work|/content|/workspace)/[\w.-]+
        | [A-Za-z]:\\+(?:Users|Windows|Temp)\b)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Parameter:
    """One line of a parameters cell."""

    name: str
    type: Any
    default: Any
    help: str = ""

    @property
    def least(self) -> int | None:
        """The smallest value, where the help says "at least N"; None where it does not."""
        said = _LEAST.search(self.help)
        return int(said[1]) if said else None

    def __str__(self) -> str:
        kind = self.type.__name__ if isinstance(self.type, type) else str(self.type)
        line = f"{self.name}: {kind.removeprefix('typing.')} = {self.default!r}"
        return f"{line}  # {self.help}" if self.help else line


def find_notebook(name: str | Path, folder: Path | None = None) -> Path:
    """The notebook called ``name``: a path, a stem, or the unique beginning of a stem.

    ``"01"``, ``"01_data_preparation"`` and ``"01_data_preparation.ipynb"`` are the same
    notebook of ``folder``; by default that is the working copy in which you are
    (``lipkit course``), else the course itself.

    Raises
    ------
    UsageError
        When the name fits no notebook, or more than one.
    """
    path, folder = Path(name), folder or working_copy() or NOTEBOOKS
    if path.suffix == ".ipynb" and path.is_file():
        return path
    if path.parent != Path():
        raise UsageError(f"{path}: no such notebook")
    known = {p.stem: p for p in sorted(folder.glob("*.ipynb"))}
    if not known:
        raise UsageError(f"{folder}: has no notebooks; give the path of one")
    wanted = str(name).removesuffix(".ipynb")
    if wanted in known:
        return known[wanted]
    matches = [stem for stem in known if stem.startswith(wanted)]
    if len(matches) == 1:
        return known[matches[0]]
    if matches:
        raise UsageError(f"notebook {wanted!r} is ambiguous: {', '.join(matches)}")
    raise UsageError(f"notebook {wanted!r} is unknown; {did_you_mean(wanted, known)}")


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read and validate a notebook; a broken file is a LipkitError."""
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise LipkitError(f"{path}: not a readable notebook ({reason}); restore the file") from None
    return notebook


def parameters_cell(notebook: nbformat.NotebookNode) -> str:
    """Source of the cell tagged ``parameters``; empty where there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and PARAMETERS_TAG in cell.metadata.get("tags", []):
            return cell.source
    return ""


def read_parameters(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook, by name, in the notebook's order.

    Raises
    ------
    LipkitError
        When a line is not ``name: type = literal  # help``.
    """
    source = parameters_cell(read_notebook(path))
    try:
        statements, comments = parsed(source).body, _comments(source)
    except SyntaxError as error:
        raise LipkitError(f"{path}: parameters cell, line {error.lineno}: {error.msg}") from None
    parameters = {}
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or _is_docstring(statement):
            continue
        try:
            name, annotation, value = _assignment(statement)
            default = ast.literal_eval(value)
            wanted = _type_of(annotation) if annotation is not None else type(default)
        except ValueError:
            line = source.splitlines()[statement.lineno - 1].strip()
            raise LipkitError(
                f"{path}: parameters cell: {line!r} must read 'name: type = literal  # help'"
            ) from None
        parameters[name] = Parameter(name, wanted, default, comments.get(statement.end_lineno, ""))
    return parameters


def convert_parameters(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """``given`` with every value converted to its declared type.

    Raises
    ------
    UsageError
        For a name that the notebook does not declare (the nearest one is suggested), or a
        value that does not fit its type.
    """
    known = read_parameters(path)
    converted = {}
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) if known else "it takes none"
            raise UsageError(f"{path.stem} has no parameter {name!r}; {hint}")
        converted[name] = convert(value, known[name].type, name=name)
    return converted


def problems(path: Path) -> list[str]:
    """Every way in which a stored notebook breaks the course's rules, one line each.

    The rules: outputs stored by one run from top to bottom, less than 300 KB, one parameters
    cell, no widget state, no absolute path, no error output, kernelspec ``python3``, cells
    of at most 55 lines.
    """
    notebook = read_notebook(path)
    text = path.read_text(encoding="utf-8")
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    code = [c for c in code if SKIP_TAG not in c.metadata.get("tags", [])]
    found = []
    if len(text.encode()) >= MAX_BYTES:
        found.append(f"{len(text.encode()) // 1000} KB; must stay under {MAX_BYTES // 1000} KB")
    tagged = sum(PARAMETERS_TAG in c.metadata.get("tags", []) for c in code)
    if tagged != 1:
        found.append(f"{tagged} cells are tagged 'parameters'; must be one")
    if "widgets" in notebook.metadata:
        found.append("holds widget state (metadata.widgets)")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("its kernelspec is not 'python3'")
    if not any(c.outputs for c in code):
        found.append("is stored without outputs")
    if [c.execution_count for c in code] != list(range(1, len(code) + 1)):
        found.append("its cells were not run once each from top to bottom")
    try:
        for parameter in read_parameters(path).values():
            convert(parameter.default, parameter.type, parameter.name)
    except LipkitError as error:
        found.append(f"its parameters cell is wrong: {error}")
    for number, cell in enumerate(notebook.cells):
        found += [f"cell {number}: {problem}" for problem in _cell_problems(cell)]
    return found


def _cell_problems(cell: nbformat.NotebookNode) -> list[str]:
    found = []
    lines = cell.source.count("\n") + 1
    if cell.cell_type == "code" and lines > MAX_LINES:
        found.append(f"{lines} lines; must be at most {MAX_LINES}")
    texts = [cell.source]
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            found.append(f"stores an error: {output.ename}")
        data = output.get("data", {})
        texts.append(output.get("text", ""))
        texts += [v for k, v in data.items() if isinstance(v, str) and k.startswith("text/")]
    # Embedded images and videos are base64, in which any short path may occur by chance.
    plain = re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", "\n".join(texts))
    if match := _ABSOLUTE_PATH.search(plain):
        found.append(f"holds an absolute path: {match.group()}")
    return found


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None, ast.expr]:
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, annotation = statement.target, statement.annotation
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, annotation = statement.targets[0], None
    else:
        raise ValueError
    if not isinstance(target, ast.Name):
        raise ValueError
    return target.id, annotation, statement.value


def _type_of(node: ast.expr) -> Any:
    """A type from its annotation, built from names in a fixed list; nothing is evaluated."""
    if isinstance(node, ast.Name) and node.id in _TYPES:
        return _TYPES[node.id]
    if isinstance(node, ast.Constant) and node.value is None:
        return type(None)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _type_of(node.left) | _type_of(node.right)
    if isinstance(node, ast.Subscript):
        base = getattr(node.value, "attr", getattr(node.value, "id", None))
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if base == "Literal":
            return Literal[tuple(ast.literal_eval(item) for item in items)]
        if base in ("list", "tuple"):
            item = _type_of(items[0])
            return list[item] if base == "list" else tuple[item, ...]
    raise ValueError


def main(paths: Sequence[str]) -> int:
    """Print what breaks the course's rules in stored notebooks, a line each; 1 if anything does."""
    found = 0
    for path in paths:
        try:
            faults = problems(Path(path))
        except LipkitError as error:
            print(error, file=sys.stderr)
            found += 1
            continue
        for fault in faults:
            print(f"{path}: {fault}", file=sys.stderr)
        found += len(faults)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
