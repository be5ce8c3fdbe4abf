"""The house's rules for files: whole or absent, inside their folder, one command per folder."""

import errno
import glob
import os
import platform
import shutil
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

import psutil
from filelock import FileLock, Timeout

from lipkit.errors import LipkitError

TEMPORARY_MARK = ".part-"
LOCK_NAME = ".lipkit-lock"
"""The file in a folder that is held while a command is at work there."""


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` if the block succeeds.

    The temporary name keeps the suffix, because writers choose a format by it. The
    parent folder is made. On any failure the temporary file or folder is removed and
    whatever was at ``path`` before is untouched.

    Raises
    ------
    LipkitError
        When the file system refuses: full disk, no permission, a file where a folder
        should be.
    """
    path = Path(path)
    temporary = path.with_name(f"{_own_mark()}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        _refuse(path, error)
        raise
    finally:
        # Gone already after a successful rename. Tidying up must not hide the fault itself.
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def appending(path: str | os.PathLike) -> Iterator[None]:
    """For what is written to the end of ``path``, a file that grows.

    Raises
    ------
    LipkitError
        When the file system refuses.
    """
    try:
        yield
    except OSError as error:
        _refuse(path, error)
        raise


@contextmanager
def owning(folder: str | os.PathLike) -> Iterator[None]:
    """Hold ``folder`` for one command; a second command that asks for it is refused at once.

    The folder is made if it is missing, and removed again if nothing was put into it. The
    system lets the lock go when the process ends, however it ends. Do not nest two of the
    same folder.

    Raises
    ------
    LipkitError
        When another process, or another thread of this one, is at work there, or the
        folder cannot be written.
    """
    folder = Path(folder)
    lock_file = folder / LOCK_NAME
    is_new = not folder.exists()
    lock = FileLock(lock_file, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LipkitError(
            f"{folder}: another lipkit command is at work there; wait until it ends or choose "
            "another folder"
        ) from None
    except OSError as error:
        _refuse(folder, error)
        raise
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open.
            lock_file.unlink()
        lock.release()
        if is_new:
            with suppress(OSError):
                folder.rmdir()


def content(folder: str | os.PathLike) -> list[str]:
    """Sorted names of what lies in ``folder``; none when it is missing or is a file.

    What :func:`owning` and killed writers leave does not count.

    Raises
    ------
    LipkitError
        When the folder cannot be listed.
    """
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise LipkitError(
            f"{folder}: cannot be read ({error.strerror}); choose another folder"
        ) from error
    return sorted(n for n in names if n != LOCK_NAME and not n.startswith(TEMPORARY_MARK))


def inside(folder: str | os.PathLike, name: object, source: str | os.PathLike) -> Path:
    """The path below ``folder`` that the text ``name``, found in the file ``source``, means.

    Whoever wrote ``source`` may have meant harm. So every name that a file gives passes
    through here before anything is read, written or removed.

    Parameters
    ----------
    name : a relative path with ``/`` between its parts.
    source : the file that holds the name, for the message.

    Raises
    ------
    LipkitError
        When ``name`` is not such a path or leads out of ``folder``: an absolute path, a
        drive, ``..``, or a link to somewhere else.
    """
    if not is_relative(name):
        raise LipkitError(f"{source}: {name!r} leads out of {folder}; do not trust this file")
    path = Path(folder, name)
    home, real = os.path.realpath(folder), os.path.realpath(path)
    if os.path.commonpath([home, real]) != home or real == home:
        raise LipkitError(
            f"{source}: {name!r} leads out of {folder} by a link; do not trust this file, or "
            "move what the link points to into the folder"
        )
    return path


def is_relative(name: object) -> bool:
    """Whether ``name`` is a path that stays below any folder, links apart.

    >>> is_relative("clips/s1/bbaf2n.safetensors"), is_relative("../victim")
    (True, False)
    """
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    # As either system reads it, so that a file that is safe here is safe everywhere.
    windows, parts = PureWindowsPath(name), PurePosixPath(name).parts
    rooted = name.startswith("/") or windows.drive or windows.root
    return bool(parts) and not rooted and ".." not in windows.parts


def remove_abandoned(path: str | os.PathLike) -> int:
    """Delete what killed writers of the file ``path`` left beside it; return how many.

    Those of processes that are still at work, or of other machines, are kept.
    """
    path = Path(path)
    count = 0
    for other in path.parent.glob(f"{TEMPORARY_MARK}{_host()}-*-{glob.escape(path.name)}"):
        writer = other.name.removeprefix(TEMPORARY_MARK).split("-")[1]
        if writer.isdecimal() and not _is_alive(int(writer)):
            with suppress(OSError):
                other.unlink()
                count += 1
    return count


def _own_mark() -> str:
    """How the temporary names of this process begin: they say who writes."""
    return f"{TEMPORARY_MARK}{_host()}-{os.getpid()}-"


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_alive(process: int) -> bool:
    # Where nobody waits for it, as in a container without an init, one that has ended stays known.
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


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
    errno.EFBIG: "it would be larger than this system allows; choose another folder",
    errno.EACCES: "permission denied; choose a folder you may write to",
    errno.EPERM: "permission denied; choose a folder you may write to",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a file stands where a folder is needed; remove it or choose another folder",
    errno.EEXIST: "a file stands where a folder is needed; remove it or choose another folder",
    errno.EISDIR: "a folder stands where the file is needed; remove it or choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def _refuse(path: str | os.PathLike, error: OSError) -> None:
    """Raise the one line for a fault of writing; leave any other alone."""
    if error.errno in _WRITE_FAULTS:
        reason = _WRITE_FAULTS[error.errno]
        raise LipkitError(f"{path}: cannot be written: {reason}") from error
