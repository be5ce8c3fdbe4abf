"""Unpacking archives that others packed, without trusting them.

A member that would land outside the target folder refuses the archive, and so does one that
would make more of it than :data:`EXPANSION` times its size or than the disk has room for: a zip
before anything is written, a tar, which is read once from front to back, when the member comes.
Every file is written under a temporary name and renamed, so an interrupted unpacking goes on
where it stopped.
"""

import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from lipkit.errors import LipkitError
from lipkit.files import inside, replacing
from lipkit.jobs.progress import Bar, progress_bar

EXPANSION = 20
"""How many times its own size an archive may come to. Video hardly shrinks in one; GRID's
alignments, which are text, do so by about ten."""

SMALL = 1 << 26
"""Bytes that any archive may come to, whatever its size."""


def unzip(archive: str | os.PathLike, folder: str | os.PathLike, progress: bool = True) -> int:
    """Unpack a zip below ``folder``; files that are there already at full size are kept.

    Hidden files and the ``__MACOSX`` tree that some archives carry are left out.

    Returns
    -------
    The number of files of the archive.

    Raises
    ------
    LipkitError
        For a damaged archive, a member outside ``folder``, a full disk.
    """
    archive, folder = Path(archive), Path(folder)
    with _faults(archive, "a damaged zip", "get it again"), zipfile.ZipFile(archive) as opened:
        members = [m for m in opened.infolist() if not m.is_dir()]
        targets = {m.filename: safe_target(archive, folder, m.filename) for m in members}
        members = [m for m in members if not _is_clutter(m.filename)]
        need = sum(m.file_size for m in members)
        _require_plausible(archive, need, archive.stat().st_size)
        require_space(folder, need - sum(_present(targets[m.filename], m) for m in members))
        for member in progress_bar(members, archive.name, unit="file", shown=progress):
            target = targets[member.filename]
            if _present(target, member):
                continue
            with (
                opened.open(member) as source,
                replacing(target) as temporary,
                open(temporary, "wb") as file,
            ):
                shutil.copyfileobj(source, file)
    return len(members)


def untar(
    parts: Sequence[str | os.PathLike], folder: str | os.PathLike, progress: bool = True
) -> int:
    """Unpack a tar that may be cut into ``parts``, without joining them on disk first.

    Only plain files are unpacked; links and devices are refused.

    Returns
    -------
    The number of files written or already there at full size.

    Raises
    ------
    LipkitError
        For a damaged or incomplete archive, a member outside ``folder``, a full disk.
    """
    parts, folder = [Path(part) for part in parts], Path(folder)
    name, count, written = parts[0], 0, 0
    with _faults(name, "a damaged or incomplete tar", "check that all parts are there"):
        total = sum(part.stat().st_size for part in parts)
        bar = progress_bar(desc=name.name, total=total, unit="B", unit_scale=True, shown=progress)
        with bar, tarfile.open(fileobj=_Joined(parts, bar), mode="r|*") as opened:
            for member in opened:
                if member.isdir():
                    continue
                target = safe_target(name, folder, member.name)
                if _is_clutter(member.name):
                    continue
                if not member.isfile() or member.issparse():
                    raise LipkitError(
                        f"{name}: {member.name!r} is a link, a device or has holes; not unpacked"
                    )
                count, written = count + 1, written + member.size
                _require_plausible(name, written, total)
                if target.is_file() and target.stat().st_size == member.size:
                    continue
                require_space(folder, member.size)
                with replacing(target) as temporary, open(temporary, "wb") as file:
                    shutil.copyfileobj(opened.extractfile(member), file)
    return count


def safe_target(archive: Path, folder: Path, member: str) -> Path:
    """Where a member goes below ``folder``.

    Raises
    ------
    LipkitError
        When its name leads out of there; see :func:`lipkit.files.inside`.
    """
    return inside(folder, member.replace("\\", "/"), archive)


def require_space(folder: Path, need: int) -> None:
    """Make sure that the disk of ``folder`` has ``need`` bytes left.

    Raises
    ------
    LipkitError
        With both numbers when it has not.
    """
    existing = next(p for p in [folder, *folder.absolute().parents] if os.path.exists(p))
    free = shutil.disk_usage(existing).free
    if need > free:
        raise LipkitError(
            f"{folder}: needs {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            "free some space or choose another folder"
        )


@contextmanager
def _faults(archive: Path, what: str, remedy: str) -> Iterator[None]:
    """Whatever goes wrong while ``archive`` is read is one line.

    Readers of archives raise very many things when bytes are wrong: their own errors, those
    of the decompressor, and those of a number, name or place in the file that cannot be.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise LipkitError(f"{error.filename or archive}: there is no such file") from error
    except (IsADirectoryError, PermissionError) as error:
        raise LipkitError(f"{error.filename or archive}: {error.strerror}; {remedy}") from error
    except _DAMAGE as error:
        fault = " ".join(str(error).split()) or type(error).__name__
        raise LipkitError(f"{archive}: is {what} ({fault}); {remedy}") from error


_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    AssertionError,
    MemoryError,
    # Of zipfile, for encrypted members and for ways of packing that it does not know.
    RuntimeError,
    # Of tarfile in Python 3.11.2, for a broken gzip header: it has not named its faults by then.
    AttributeError,
)


def _require_plausible(archive: Path, unpacked: int, packed: int) -> None:
    if unpacked > max(EXPANSION * packed, SMALL):
        raise LipkitError(
            f"{archive}: would unpack to {unpacked / 1e9:.1f} GB, more than {EXPANSION} times its "
            "size; do not trust this file"
        )


def _present(target: Path, member: zipfile.ZipInfo) -> int:
    """Bytes of a member that are there already: all of them or none."""
    whole = target.is_file() and target.stat().st_size == member.file_size
    return member.file_size if whole else 0


def _is_clutter(member: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(member).parts)


class _Joined:
    """Several files read as one."""

    def __init__(self, parts: Sequence[Path], bar: Bar) -> None:
        self._waiting = list(parts)
        self._file = None
        self._bar = bar

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (self._file or self._waiting):
            self._file = self._file or open(self._waiting.pop(0), "rb")  # noqa: SIM115
            more = self._file.read(size - len(data))
            if not more:
                self._file.close()
                self._file = None
            data += more
        self._bar.update(len(data))
        return data
