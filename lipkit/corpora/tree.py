"""Finding a corpus's files on disk, however deep people have put them."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from lipkit.errors import LipkitError

VIDEO_SUFFIXES = (".mpg", ".mpeg", ".mov", ".avi", ".mp4", ".mkv", ".flv")
"""What counts as a video; of two copies of one clip the suffix further left is taken."""

MAX_DEPTH = 6
"""Folders below the root that are searched; a corpus lies at most four deep."""


def require_folder(root: str | os.PathLike, looked_for: str) -> Path:
    """``root`` as an absolute path, if it is a folder.

    Raises
    ------
    LipkitError
        When it is missing or a file, saying what was looked for there.
    """
    path = Path(root).expanduser().absolute()
    if path.is_dir():
        return path
    fault = "is a file, not a folder" if path.exists() else "there is no such folder"
    raise LipkitError(f"{path}: {fault}; looked there for {looked_for}")


def walk_files(root: Path) -> Iterator[Path]:
    """Every file below ``root`` in a fixed order.

    Hidden files are left out, so are the ``__MACOSX`` folders that some archives carry, and
    whatever is not a file to read: pipes, devices, sockets. Links to folders are followed,
    after everything else, and each folder is visited once.

    Raises
    ------
    LipkitError
        When a folder cannot be listed.
    """
    seen, waiting = set(), [Path(root)]
    while waiting:
        for folder, folders, files in os.walk(waiting.pop(0), onerror=_refuse):
            real = os.path.realpath(folder)
            depth = len(Path(folder).relative_to(root).parts)
            if real in seen or depth > MAX_DEPTH:
                folders.clear()
                continue
            seen.add(real)
            shown = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
            # Links wait, so that a folder is visited under its own name where it has one here.
            waiting += [path for f in shown if (path := Path(folder, f)).is_symlink()]
            folders[:] = [f for f in shown if not Path(folder, f).is_symlink()]
            paths = (Path(folder, f) for f in sorted(files) if not f.startswith("."))
            yield from (path for path in paths if not _is_special(path))


def _is_special(path: Path) -> bool:
    """Whether reading ``path`` could wait for ever. A broken link is not: it is a fault to tell."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def named_folder(path: Path, root: Path, pattern: re.Pattern) -> tuple[str, Path] | None:
    """The folder nearest above the file ``path`` whose whole name fits ``pattern``.

    The root itself counts last, so that ``GRID/s1`` can be a root too.

    Returns
    -------
    The folder's name and the folder, or None when no folder fits.
    """
    for folder in path.parents:
        if pattern.fullmatch(folder.name):
            return folder.name, folder
        if folder == root:
            return None
    return None


def preferred(first: Path, second: Path) -> Path:
    """Which of two copies of one clip to read: see :data:`VIDEO_SUFFIXES`; then the shallower."""
    return min(
        first, second, key=lambda p: (VIDEO_SUFFIXES.index(p.suffix.lower()), len(p.parts), p)
    )


def natural(name: str) -> list:
    """A sort key that puts ``s9`` before ``s10``."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(_RUNS, name)]


def _refuse(error: OSError) -> None:
    raise LipkitError(
        f"{error.filename}: cannot be listed: {error.strerror}; mend its permissions"
    ) from error


_RUNS = re.compile(r"\d+|\D+")
