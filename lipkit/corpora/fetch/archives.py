"""Unpacking archives that others packed, without trusting them.

A member that would land outside the target folder refuses the archive: a zip before anything
is written, a tar, which is read once from front to back, when the member comes. Every file is
written under a temporary name and renamed, so an interrupted unpacking goes on where it stopped.
"""

import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from lipkit.errors import LipkitError
from lipkit.files import replacing


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
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir()]
            targets = {m.filename: safe_target(archive, folder, m.filename) for m in members}
            members = [m for m in members if not _is_clutter(m.filename)]
            need = sum(m.file_size for m in members)
            require_space(folder, need - sum(_present(targets[m.filename], m) for m in members))
            for member in tqdm(members, desc=archive.name, unit="file", disable=not progress):
                target = targets[member.filename]
                if _present(target, member):
                    continue
                with (
                    opened.open(member) as source,
                    replacing(target) as temporary,
                    open(temporary, "wb") as file,
                ):
                    shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise LipkitError(f"{archive}: is a damaged zip ({error}); get it again") from error
    except FileNotFoundError as error:
        raise LipkitError(f"{archive}: there is no such file") from error
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
    name, count = parts[0], 0
    total = sum(part.stat().st_size for part in parts)
    bar = tqdm(desc=name.name, total=total, unit="B", unit_scale=True, disable=not progress)
    try:
        with (
            bar,
            tarfile.open(fileobj=_Joined(parts, bar), mode="r|*") as opened,
        ):
            for member in opened:
                if member.isdir():
                    continue
                target = safe_target(name, folder, member.name)
                if _is_clutter(member.name):
                    continue
                if not member.isfile():
                    raise LipkitError(f"{name}: {member.name!r} is a link or device; not unpacked")
                count += 1
                if target.is_file() and target.stat().st_size == member.size:
                    continue
                with replacing(target) as temporary, open(temporary, "wb") as file:
                    shutil.copyfileobj(opened.extractfile(member), file)
    except (tarfile.TarError, EOFError) as error:
        raise LipkitError(
            f"{name}: is a damaged or incomplete tar ({error}); check that all parts are there"
        ) from error
    return count


def safe_target(archive: Path, folder: Path, member: str) -> Path:
    """Where a member goes below ``folder``.

    Raises
    ------
    LipkitError
        When its name leads out of there (``..``, an absolute path, a drive).
    """
    parts = PurePosixPath(member.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or re.match(r"[A-Za-z]:", parts[0]):
        raise LipkitError(
            f"{archive}: the member {member!r} would land outside {folder}; do not trust this file"
        )
    return folder.joinpath(*parts)


def require_space(folder: Path, need: int) -> None:
    """Assure that the disk of ``folder`` has ``need`` bytes left.

    Raises
    ------
    LipkitError
        With both numbers.
    """
    existing = next(p for p in [folder, *folder.absolute().parents] if p.exists())
    free = shutil.disk_usage(existing).free
    if need > free:
        raise LipkitError(
            f"{folder}: needs {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; "
            "free some space or choose another folder"
        )


def _present(target: Path, member: zipfile.ZipInfo) -> int:
    """Bytes of a member that are there already: all of them or none."""
    whole = target.is_file() and target.stat().st_size == member.file_size
    return member.file_size if whole else 0


def _is_clutter(member: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(member).parts)


class _Joined:
    """Several files read as one."""

    def __init__(self, parts: Sequence[Path], bar: tqdm) -> None:
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
