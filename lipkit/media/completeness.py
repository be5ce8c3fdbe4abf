"""Tell from a file's own structure whether its end is there, without decoding it.

Decoders stop quietly where the data stop, so that half a download can pass as a short
clip. MP4, MOV, MKV, WebM, AVI, WAV and MPEG program streams (``.mpg``) are rows of units
whose headers say how long they are: the last unit reaches beyond the end of a file that
was cut off. MPEG transport streams, MP3 and Ogg have no such lengths, and one that is cut
off between two packets cannot be told from a whole one; nor can every ``.mpg`` that is cut off
exactly between two packets (every 2,048th byte) unless the last picture shows it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MPEG_PACK, _MPEG_END = 0xBA, 0xB9
_MATROSKA = b"\x1a\x45\xdf\xa3"


def missing_bytes(path: Path) -> int:
    """Bytes that the last unit promises beyond the end of the file; 0 for a whole file."""
    size = os.path.getsize(path)
    end = 0
    with open(path, "rb") as file:
        for end in _ends(file, file.read(12)):  # noqa: B007 - the last one is wanted
            pass
    return max(0, end - size)


def _ends(file: BinaryIO, head: bytes) -> Iterator[int]:
    """Where each unit ends; nothing for a format without lengths."""
    if head[4:8] == b"ftyp":
        return _mp4_boxes(file)
    if head[:4] == b"RIFF":
        return _riff_chunks(file)
    if head[:4] == _MATROSKA:
        return _matroska_elements(file)
    if head[:4] == bytes((0, 0, 1, _MPEG_PACK)):
        return _mpeg_packets(file)
    return iter(())


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _mp4_boxes(file: BinaryIO) -> Iterator[int]:
    position = 0
    while header := _read_at(file, position, 16):
        size = int.from_bytes(header[:4])
        if size == 1:
            size = int.from_bytes(header[8:16])
        if size < 8:  # "Up to the end of the file", or padding.
            return
        position += size
        yield position


def _riff_chunks(file: BinaryIO) -> Iterator[int]:
    position = 0
    while (header := _read_at(file, position, 8))[:4] == b"RIFF":
        size = int.from_bytes(header[4:], "little")
        if size in (0, 0xFFFFFFFF):  # Written to a pipe: the length was not known.
            return
        position += 8 + size
        yield position


def _matroska_elements(file: BinaryIO) -> Iterator[int]:
    position = 0
    while header := _read_at(file, position, 12):
        identity = _ebml_length(header[0])
        width = _ebml_length(header[identity]) if len(header) > identity else 9
        if identity > 4 or width > 8:
            return
        field = int.from_bytes(header[identity : identity + width])
        size = field & ((1 << 7 * width) - 1)
        if size == (1 << 7 * width) - 1:  # Written to a pipe: the length was not known.
            return
        position += identity + width + size
        yield position


def _ebml_length(first: int) -> int:
    """Bytes of an EBML number, told by the leading zero bits of its first byte."""
    return 9 - first.bit_length()


def _mpeg_packets(file: BinaryIO) -> Iterator[int]:
    position = 0
    while (header := _read_at(file, position, 14))[:3] == b"\0\0\1" and len(header) > 5:
        if header[3] == _MPEG_END:
            position += 4
        elif header[3] == _MPEG_PACK:
            mpeg2 = header[4] >> 6 == 1
            position += 14 + (header[-1] & 7) if mpeg2 else 12
        else:
            position += 6 + int.from_bytes(header[4:6])
        yield position
