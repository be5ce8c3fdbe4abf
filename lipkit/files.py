"""Whole files only: everything is written under a temporary name and then renamed."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lipkit.errors import LipkitError

TEMPORARY_MARK = ".part-"


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    The temporary name keeps the suffix, because writers choose a format by it. The
    parent folder is made. On any failure the temporary file or folder is removed and
    what stood at ``path`` before is untouched.

    Raises
    ------
    LipkitError
        When the file system refuses: full disk, no permission, a file where a folder
        should be.
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY_MARK}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in _WRITE_FAULTS:
            raise LipkitError(f"{path}: cannot be written: {_explain(error)}") from error
        raise
    finally:
        # Gone already after a successful rename. Tidying up must not hide the fault itself.
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_leftovers(folder: str | os.PathLike) -> int:
    """Delete temporary files that killed writers left below ``folder``; return how many."""
    count = 0
    for path in Path(folder).rglob(f"{TEMPORARY_MARK}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        count += 1
    return count


_WRITE_FAULTS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
    errno.EACCES: "permission denied; choose a folder you may write to",
    errno.EPERM: "permission denied; choose a folder you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a file stands where a folder is needed; remove it or choose another folder",
    errno.EEXIST: "a file stands where a folder is needed; remove it or choose another folder",
    errno.EISDIR: "a folder stands where the file is needed; remove it or choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def _explain(error: OSError) -> str:
    return _WRITE_FAULTS[error.errno]
