"""Tell from a file's own structure whether its end is there, without decoding it.

Decoders stop quietly where the data stop, so that half a download can pass as a short
clip. MP4, MOV, MKV, WebM, AVI, WAV and MPEG program streams (``.mpg``) are rows of units
whose headers say how long they are: the last unit reaches beyond the end of a file that
was cut off. MPEG transport streams, MP3 and Ogg have no such lengths, and one that is cut
off between two packets cannot be told from a whole one; nor can every ``.mpg`` that is cut off
exactly between two packets (every 2,048th byte) unless the last picture shows it.

Not every length is to be believed. A program that writes into a pipe does not know it
yet, and phones and archives append bytes of their own to files that are whole.
"""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

_MPEG_PACK, _MPEG_END = 0xBA, 0xB9
_MATROSKA = b"\x1a\x45\xdf\xa3"
_MATROSKA_UNITS = {_MATROSKA, b"\x18\x53\x80\x67", b"\xec", b"\xbf"}
_FILE = b"ftyp moov mdat free skip wide pnot styp meta uuid pdin udta imda"
_STREAM = b"moof mfra sidx ssix emsg prft"
_MP4_BOXES = {*_FILE.split(), *_STREAM.split()}
_FRAGMENT = b"moof"
_MOST_UNITS = 1_000_000
_LENGTH_OF_A_PIPE = 8192
"""Programs that write WAV into a pipe give a length this close below 2 or 4 GiB, or above 2 GiB."""
_FEW_BYTES = 64
"""A WAV whose two lengths disagree may lack this many bytes: one was counted wrongly."""


def missing_bytes(path: Path) -> int:
    """Bytes that the last unit promises beyond the end of the file; 0 for a whole file."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        for end in islice(_ends(file, file.read(12), size), _MOST_UNITS):
            # Nothing beyond the end can be read, and a broken length may be astronomical.
            if end > size:
                return end - size
    return 0


def is_mp4(head: bytes) -> bool:
    """Whether the first eight bytes or more of a file are those of an MP4 or a QuickTime file."""
    # Four letters of a text are, as a length, half a gigabyte or more.
    return head[4:8] in (b"ftyp", b"moov", b"mdat") or (
        head[4:8] in (b"wide", b"free", b"skip", b"pnot") and head[0] == 0
    )


def _ends(file: BinaryIO, head: bytes, size: int) -> Iterator[int]:
    """Where each unit ends; nothing for a format without lengths."""
    if is_mp4(head):
        return _mp4_boxes(file)
    if head[:4] == b"RIFF":
        return _wav_sound(file, size) if head[8:] == b"WAVE" else _riff_chunks(file)
    if head[:4] == _MATROSKA:
        return _matroska_elements(file)
    if head[:4] == bytes((0, 0, 1, _MPEG_PACK)):
        return _mpeg_packets(file)
    return iter(())


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _mp4_boxes(file: BinaryIO) -> Iterator[int]:
    position, kinds = 0, set()
    while header := _read_at(file, position, 16):
        kind, size = header[4:8], int.from_bytes(header[:4])
        if kind not in _MP4_BOXES and {b"moov", b"mdat"} <= kinds:
            # Not of this file, unless it is the beginning of a fragment's header.
            if len(header) < 8 and _FRAGMENT in kinds:
                yield position + 8
            return
        if size == 1:
            size = int.from_bytes(header[8:16])
        if size < 8:  # "Up to the end of the file", or padding.
            return
        kinds.add(kind)
        position += size
        yield position


def _wav_sound(file: BinaryIO, size: int) -> Iterator[int]:
    """The end of the sound: where both lengths of a WAV, RIFF's and the sound's, put it.

    The length of the file is the first that programs get wrong (by a header, or by the pad
    byte that follows an odd number of bytes), so one of the two is enough.
    """
    riff = int.from_bytes(_read_at(file, 4, 4), "little")
    riff_end = None if _is_unknown(riff) else 8 + riff
    position = 12
    while len(header := _read_at(file, position, 8)) == 8:
        length = int.from_bytes(header[4:], "little")
        if header[:4] == b"data":
            if _is_unknown(length):
                return
            end = position + 8 + length
            nearest = end if riff_end is None else min(end, riff_end)
            disagree = riff_end is not None and riff_end < end
            if not (disagree and nearest - size <= _FEW_BYTES):
                yield nearest
            return
        position += 8 + length + length % 2
        yield position
    if riff_end is not None:
        yield riff_end


def _is_unknown(length: int) -> bool:
    """Whether a WAV's length was written before it was known."""
    near_2, near_4 = 2**31 - _LENGTH_OF_A_PIPE, 2**32 - _LENGTH_OF_A_PIPE
    return length == 0 or near_2 <= length <= 2**31 + _LENGTH_OF_A_PIPE or length >= near_4


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
        if header[:identity] not in _MATROSKA_UNITS or width > 8:
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
