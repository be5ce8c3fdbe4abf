"""Checksums such as ``md5:…`` and ``sha256:…``: read strictly, compared with a file."""

import hashlib
import re
from pathlib import Path

from lipkit.errors import UsageError

KINDS = ("md5", "sha1", "sha256", "sha512")


def parse_checksum(text: object) -> tuple[str, str]:
    """Kind and hexadecimal digits, in lower case, of a checksum such as ``md5:d41d…427e``.

    Raises
    ------
    UsageError
        For anything that is not one of :data:`KINDS`, a colon, and digits of its length.
    """
    kind, _, digits = text.lower().partition(":") if isinstance(text, str) else ("", "", "")
    if kind in KINDS:
        length = 2 * hashlib.new(kind, usedforsecurity=False).digest_size
        if re.fullmatch(f"[0-9a-f]{{{length}}}", digits):
            return kind, digits
    raise UsageError(
        f"checksum {text!r}: is not understood; give {', '.join(KINDS[:-1])} or {KINDS[-1]}, "
        "a colon and the hexadecimal digits"
    )


def wrong_with(path: Path, size: int | None, checksum: str | None) -> str:
    """What is wrong with a file, or nothing.

    Raises
    ------
    UsageError
        When ``checksum`` is not one (:func:`parse_checksum`).
    """
    if size is not None and path.stat().st_size != size:
        return f"has {path.stat().st_size:,} bytes instead of {size:,}"
    if checksum is not None:
        kind, expected = parse_checksum(checksum)
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, kind).hexdigest()
        if found != expected:
            return f"has the {kind} checksum {found} instead of {expected}"
    return ""
