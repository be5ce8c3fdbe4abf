"""GRID as published: Zenodo record 3625687, one zip per speaker and one with all alignments."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lipkit.corpora.fetch.checksums import parse_checksum
from lipkit.corpora.fetch.download import fetch_json
from lipkit.corpora.fetch.server import Patience
from lipkit.errors import LipkitError, UsageError
from lipkit.files import is_relative

RECORD = 3625687
BASE_URL = "https://zenodo.org"
SPEAKERS = tuple(number for number in range(1, 35) if number != 21)
"""Speaker 21 was recorded without video."""
ALIGNMENTS = "alignments.zip"


@dataclass(frozen=True)
class RemoteFile:
    """A file of the record."""

    name: str
    size: int
    """Bytes."""
    checksum: str
    """``md5:`` and 32 hexadecimal digits."""
    url: str


def parse_speakers(text: str) -> list[int]:
    """Speaker numbers from text such as ``1-3,7`` or ``all``.

    A range passes over speaker 21, who has no video; naming 21 itself is refused.

    Raises
    ------
    UsageError
        For anything else.
    """
    if text.strip().lower() == "all":
        return list(SPEAKERS)
    numbers: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*s?(\d+)\s*(?:-\s*s?(\d+)\s*)?", part)
        if not found:
            raise UsageError(f"--speakers {text!r}: write it like 1-3,7 or all")
        first, last = int(found[1]), int(found[2] or found[1])
        if first == last == 21:
            raise UsageError(f"--speakers {text!r}: speaker 21 has no video")
        if not 1 <= first <= last <= 34:
            raise UsageError(f"--speakers {text!r}: speakers are 1 to 34")
        numbers.update(range(first, last + 1))
    return sorted(numbers.intersection(SPEAKERS))


def record_files(base_url: str = BASE_URL, patience: Patience | None = None) -> list[RemoteFile]:
    """The files of the record with sizes and checksums, as its API lists them.

    Raises
    ------
    LipkitError
        When the record cannot be had or is not understood.
    """
    url = f"{base_url}/api/records/{RECORD}"
    listing = fetch_json(url, patience)
    try:
        return [_entry(entry, base_url) for entry in listing["files"]]
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise LipkitError(
            f"{url}: its list of files is not understood ({type(error).__name__}: {error}); "
            "check --base-url"
        ) from error


def _entry(entry: dict[str, Any], base_url: str) -> RemoteFile:
    name, size, checksum = entry["key"], entry["size"], entry["checksum"]
    if not is_relative(name) or "/" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    if type(size) is not int or size < 0:
        raise ValueError(f"{name} has the size {size!r}")
    kind, digits = parse_checksum(checksum)
    url = f"{base_url}/records/{RECORD}/files/{name}?download=1"
    return RemoteFile(name, size, f"{kind}:{digits}", url)


def choose(files: Iterable[RemoteFile], names: Iterable[str]) -> list[RemoteFile]:
    """The files of those names, in that order.

    Raises
    ------
    LipkitError
        When the record lacks one.
    """
    by_name = {file.name: file for file in files}
    names = list(names)
    missing = [name for name in names if name not in by_name]
    if missing:
        raise LipkitError(f"Zenodo record {RECORD} lists no {', '.join(missing)}; check --base-url")
    return [by_name[name] for name in names]
