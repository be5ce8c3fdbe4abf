"""A working copy of the course: the reader's own notebooks, which an update never overwrites.

A wheel holds the notebooks among the package's files, where nobody should work. Here they
are laid into a folder of the reader's. What was laid is noted there by digest
(:data:`lipkit.config.places.MARK`), so that a file that the reader has changed is known as
theirs.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lipkit
from lipkit.config.places import MARK, NOTEBOOKS
from lipkit.course.trust import trust_notebooks
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing

TEACHERS = "teachers"
"""The folder whose notebooks hold the assignments' solutions; it is not laid."""
SOLUTIONS = "solutions"
"""The folder with the solutions of the lessons' exercises; teachers may leave it out."""
_LINK = re.compile(rb'^ *"When you have tried: \[[^\n]*\]\(solutions/[^\n]*\n', re.MULTILINE)
"""The line of a stored lesson that leads there (:attr:`syllabus.Lesson.solutions_link`)."""

State = Literal["new", "same", "updated", "yours", "newer"]
_OURS = ("new", "same", "updated")
"""Of files that now are exactly as the kit has them."""


@dataclass(frozen=True)
class Laid:
    """One file of the working copy, and what became of it.

    ``new``: laid now. ``same``: as the kit has it. ``updated``: it was as laid before, and is
    now as the kit has it. ``yours``: you have changed it; the kit has nothing newer. ``newer``:
    the kit has another version, and yours stays; with an update, the kit's is laid beside it.
    """

    path: Path
    state: State
    beside: Path | None = None
    """Where the kit's newer version was laid."""


def lay_course(
    folder: str | Path,
    update: bool = False,
    source: Path | None = None,
    solutions: bool | None = None,
) -> list[Laid]:
    """Lay the course into ``folder``; return every file with what became of it.

    The teachers' sources of the assignments, which hold the solutions, are not laid. Notebooks
    that are as the kit has them become trusted, so that JupyterLab shows their stored videos.

    Parameters
    ----------
    folder
        A new or empty folder, or an earlier working copy.
    update
        Bring files that were not changed up to date, and lay newer versions of changed ones
        beside them, as ``NAME.new.SUFFIX`` (``.new2`` where the reader has changed that one, and so
        on). Without it, only missing files are laid.
    solutions
        Whether the solutions of the lessons' exercises are laid, and linked by the lessons. By
        default as the copy was laid before; a new one has them. Those laid before stay.

    Raises
    ------
    UsageError
        When the folder holds something else, or is the course itself.
    LipkitError
        When a file cannot be read or written.
    """
    source, folder = source or NOTEBOOKS, Path(folder).expanduser()
    if folder.resolve() == source.resolve():
        raise UsageError(f"{folder}: is the course itself; choose another folder for your copy")
    if not (folder / MARK).is_file() and folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: holds other files; choose a new folder for your copy")
    noted, had_solutions = _read_mark(folder)
    solutions = had_solutions if solutions is None else solutions
    laid, digests = [], dict(noted)
    for relative in _files(source, solutions):
        content = (source / relative).read_bytes()
        if not solutions and relative.endswith(".ipynb"):
            content = _LINK.sub(b"", content)
        one = _lay(folder, relative, content, noted, update)
        laid.append(one)
        if one.state in _OURS:
            digests[relative] = _digest(content)
        if one.beside is not None:
            digests[one.beside.relative_to(folder).as_posix()] = _digest(content)
    with replacing(folder / MARK) as temporary:
        mark = {"lipkit": lipkit.__version__, "solutions": solutions, "files": digests}
        temporary.write_text(json.dumps(mark, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    ours = [file.path for file in laid if file.state in _OURS]
    ours += [file.beside for file in laid if file.beside is not None]
    trust_notebooks(path for path in ours if path.suffix == ".ipynb")
    return laid


def _lay(
    folder: Path, relative: str, content: bytes, noted: Mapping[str, str], update: bool
) -> Laid:
    path = folder / relative
    if not path.exists():
        _write(path, content)
        return Laid(path, "new")
    here = _digest(path.read_bytes())
    if here == _digest(content):
        return Laid(path, "same")
    if noted.get(relative) == _digest(content):
        return Laid(path, "yours")
    if not update:
        return Laid(path, "newer")
    if here == noted.get(relative):
        _write(path, content)
        return Laid(path, "updated")
    for number in itertools.count(1):
        beside = path.with_name(f"{path.stem}.new{number if number > 1 else ''}{path.suffix}")
        known = {_digest(content), noted.get(beside.relative_to(folder).as_posix())}
        if not beside.exists() or _digest(beside.read_bytes()) in known:
            break  # else it is the reader's by now
    _write(beside, content)
    return Laid(path, "newer", beside)


def _files(source: Path, solutions: bool) -> list[str]:
    """What belongs to the course, in a fixed order: no dot-files, no checkpoints of Jupyter."""
    left_out = {TEACHERS} if solutions else {TEACHERS, SOLUTIONS}
    found = [path.relative_to(source) for path in source.rglob("*") if path.is_file()]
    kept = [
        path
        for path in found
        if not any(part.startswith((".", "__")) for part in path.parts)
        and path.parts[0] not in left_out
    ]
    if not any(path.suffix == ".ipynb" for path in kept):
        raise LipkitError(f"{source}: holds no notebooks; install lipkit again")
    return sorted(path.as_posix() for path in kept)


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_mark(folder: Path) -> tuple[dict[str, str], bool]:
    """The digests of what was laid, and whether solutions were."""
    path = folder / MARK
    if not path.is_file():
        return {}, True
    try:
        mark = json.loads(path.read_text(encoding="utf-8"))
        noted = {str(name): str(digest) for name, digest in mark["files"].items()}
        return noted, bool(mark.get("solutions", True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise LipkitError(
            f"{path}: cannot be read as the list of what was laid; move your notebooks elsewhere "
            "and lay the course anew"
        ) from None
