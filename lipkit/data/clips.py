"""The file of one prepared clip: safetensors, read by memory map, a window's bytes at a time.

The layout is the published one of safetensors: eight bytes that hold the header's length,
a JSON header with the name, type, shape and offsets of each tensor, then the tensors.
It is written and read here in a few lines of numpy rather than by the library because the
same clip must always give the same bytes (the library keeps the header's texts in no
fixed order), and because a window is then one slice of a memory map.
Any safetensors reader opens these files.
"""

import json
import math
import mmap
import os
import stat
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lipkit.config import COLUMNS_PER_FRAME, FPS, LIP_SIZE, MEL_BANDS, SAMPLE_RATE
from lipkit.errors import LipkitError
from lipkit.files import replacing

FORMAT = 1
"""Version of the prepared set's layout; a reader refuses any other."""


@dataclass(frozen=True)
class Layout:
    """How one tensor of a clip of T frames is stored: ``[T * per_frame, *shape]``."""

    dtype: str
    per_frame: int
    shape: tuple[int, ...]
    code: str
    """The name safetensors has for the type."""

    def whole(self, frames: int) -> tuple[int, ...]:
        """The tensor's shape in a clip of so many frames."""
        return (frames * self.per_frame, *self.shape)


# Widest numbers first, so that every tensor starts at a multiple of its item's size.
LAYOUT = {
    "landmarks": Layout("<f4", 1, (68, 2), "F32"),
    "box": Layout("<f4", 1, (3,), "F32"),
    "logmel": Layout("<f2", COLUMNS_PER_FRAME, (MEL_BANDS,), "F16"),
    "lips": Layout("|u1", 1, (LIP_SIZE, LIP_SIZE, 3), "U8"),
}


@dataclass
class PreparedClip:
    """All that later stages need of one clip of T frames.

    lips : u8 ``[T, 64, 64, 3]``, RGB.
    logmel : f16 ``[4T, 128]``, dB; column 4t+j is centred at (t + (j+0.5)/4)/25 s.
    landmarks : f32 ``[T, 68, 2]``, (x, y) in pixels of the source picture.
    box : f32 ``[T, 3]``, centre x, centre y and side of the crop, same pixels.
    meta : texts: ``fps``, ``rate`` (samples per second), ``source`` (file) and others.
    """

    lips: np.ndarray
    logmel: np.ndarray
    landmarks: np.ndarray
    box: np.ndarray
    meta: dict[str, str] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of video frames, T."""
        return len(self.lips)


def write_clip(path: str | os.PathLike, clip: PreparedClip) -> None:
    """Write ``clip`` to ``path``, whole or not at all; equal clips give equal bytes.

    Raises
    ------
    LipkitError
        When a tensor has not the shape its frames ask for or numbers that no clip has (see
        :func:`fault_of`), or the file cannot be written.
    """
    meta = {"format": str(FORMAT), "fps": str(FPS), "rate": str(SAMPLE_RATE), **clip.meta}
    header: dict[str, Any] = {"__metadata__": {key: meta[key] for key in sorted(meta)}}
    tensors, offset = [], 0
    for name, layout in LAYOUT.items():
        tensor = np.asarray(getattr(clip, name)).astype(layout.dtype, order="C", copy=False)
        wanted = layout.whole(clip.frames)
        if tensor.shape != wanted or clip.frames == 0:
            raise LipkitError(
                f"{path}: {name} has shape {list(tensor.shape)} where {clip.frames} frames "
                f"need {list(wanted)}; mend what made the clip"
            )
        if fault := fault_of(name, tensor):
            raise LipkitError(f"{path}: {fault}; mend what made the clip")
        header[name] = {
            "dtype": layout.code,
            "shape": list(wanted),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        tensors.append(tensor)
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors:
            file.write(tensor.data)


def fault_of(name: str, rows: np.ndarray) -> str:
    """What is wrong with the numbers of a tensor, or nothing.

    Sound, points and boxes must be finite, and every box must have a side. One such number
    would otherwise spread through a whole training.
    """
    if name == "logmel":
        # Four times as fast as numpy's isfinite on half floats: all exponent bits are set.
        finite = not ((rows.view("<u2") & 0x7C00) == 0x7C00).any()
    else:
        finite = name == "lips" or bool(np.isfinite(rows).all())
    if not finite:
        return f"its {name} holds numbers that are not finite"
    if name == "box" and not (rows[:, 2] > 0).all():
        return "its box has a side that is not positive"
    return ""


def read_clip(path: str | os.PathLike, start: int = 0, frames: int | None = None) -> PreparedClip:
    """Read ``frames`` frames (default: all) of a prepared clip from frame ``start`` on.

    Only the bytes of these frames are read.

    Raises
    ------
    LipkitError
        When the file is missing, is not a whole prepared clip, has not so many frames, or
        holds numbers that no clip has.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> prepared = prepared_set(clips=2)
    >>> clip = read_clip(prepared.folder / prepared.clips().file.iloc[0], frames=16)
    >>> clip.lips.shape, clip.logmel.shape
    ((16, 64, 64, 3), (64, 128))
    """
    file = ClipFile(path)
    stop = file.frames if frames is None else start + frames
    if not 0 <= start < stop <= file.frames:
        raise LipkitError(
            f"{path}: frames {start} to {stop - 1} asked for, the clip has frames 0 to "
            f"{file.frames - 1}; ask for frames it has"
        )
    tensors = {name: file.rows(name, start, stop).copy() for name in LAYOUT}
    return PreparedClip(**tensors, meta=file.meta)


class ClipFile:
    """A prepared clip that is mapped into memory; nothing is read until it is sliced.

    ``frames`` is the number of frames, ``meta`` the header's texts (format, fps, rate,
    source and others). The map is let go with the last view of it.

    Raises
    ------
    LipkitError
        When the file is missing, or is not a whole prepared clip of this format.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = path
        try:
            with open(path, "rb", opener=_open_at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ValueError("it is not a file")
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.meta, self.frames, offsets = _read_header(content)
        except FileNotFoundError:
            raise LipkitError(f"{path}: no such clip; run lipkit prepare again") from None
        except OSError as error:
            raise LipkitError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as fault:
            raise LipkitError(
                f"{path}: not a whole prepared clip ({fault}); "
                "delete it and run lipkit prepare again"
            ) from None
        self._tensors = {
            name: np.ndarray(layout.whole(self.frames), layout.dtype, content, offsets[name])
            for name, layout in LAYOUT.items()
        }

    def rows(self, name: str, start: int, stop: int) -> np.ndarray:
        """The tensor ``name`` of the frames ``start`` to ``stop - 1``, a read-only view.

        Raises
        ------
        LipkitError
            When it holds numbers that no clip has (:func:`fault_of`).
        """
        per_frame = LAYOUT[name].per_frame
        rows = self._tensors[name][start * per_frame : stop * per_frame]
        if fault := fault_of(name, rows):
            raise LipkitError(f"{self.path}: {fault}; delete it and run lipkit prepare again")
        return rows


def _open_at_once(path: str, flags: int) -> int:
    # A pipe would otherwise wait for a writer for ever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_header(content: mmap.mmap) -> tuple[dict[str, str], int, dict[str, int]]:
    """Texts, number of frames and each tensor's offset; ValueError says what is wrong."""
    start = 8 + int.from_bytes(content[:8], "little")
    if len(content) < start:
        raise ValueError("its header is cut off")
    try:
        header = json.loads(content[8:start])
        meta = header["__metadata__"]
        version = meta["format"]
        entries = {name: header[name] for name in LAYOUT}
        frames = entries["lips"]["shape"][0]
        spans = {name: entries[name]["data_offsets"] for name in LAYOUT}
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise ValueError("its header is not that of a clip") from None
    texts = isinstance(meta, dict) and all(isinstance(text, str) for text in meta.values())
    pairs = all(isinstance(s, list) and list(map(type, s)) == [int, int] for s in spans.values())
    if not texts or not pairs or type(frames) is not int:
        raise ValueError("its header is not that of a clip")
    if version != str(FORMAT):
        raise ValueError(f"format {version}, this version of lipkit reads format {FORMAT}")
    for name, layout in LAYOUT.items():
        entry, shape = entries[name], list(layout.whole(frames))
        size = math.prod(shape) * np.dtype(layout.dtype).itemsize
        if entry.get("dtype") != layout.code or entry.get("shape") != shape or frames < 1:
            raise ValueError(f"its {name} is not {layout.code} {shape}")
        if spans[name][0] < 0 or spans[name][1] - spans[name][0] != size:
            raise ValueError(f"the offsets of its {name} do not fit its shape")
        if start + spans[name][1] > len(content):
            raise ValueError(f"its {name} is cut off")
    return meta, frames, {name: start + span[0] for name, span in spans.items()}
