"""A prepared set in one small file, to be carried to another machine.

A zip archive of the settings (``settings.json``), a row per clip (``rows.csv``) and, for each
clip, its lips as one JPEG and its other tensors as they are: 2 kB per frame instead of 14.
"""

import csv
import io
import json
import random
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from lipkit.config import LIP_SIZE, PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import PreparedClip, read_clip, write_clip
from lipkit.data.ledger import enter
from lipkit.data.manifest import Outcome, prepared_file
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, inside, replacing
from lipkit.settings import from_dict

ROWS = "rows.csv"
COLUMNS = ("clip_id", "speaker", "corpus", "split", "sentence", "notes", "member")
SETTINGS = "settings.json"
QUALITY = 90
"""Of the JPEG."""
COLUMN = 1000
"""Frames below each other in it; more begin another column, since a JPEG is 65,535 pixels high."""

_NO_PACKED_SET = (
    zipfile.BadZipFile,
    zlib.error,
    UnidentifiedImageError,
    LookupError,
    ValueError,
    TypeError,
    EOFError,
    ArithmeticError,
    # Of zipfile, for encrypted members and for ways of packing that it does not know.
    RuntimeError,
)


class Packed(NamedTuple):
    """What a packed file holds."""

    clips: int
    """Distinct clips; a mixed set may list one several times."""
    frames: int
    megabytes: float


def pack(folder: str | Path, path: str | Path, megabytes: float = 56.0, seed: int = 0) -> Packed:
    """Write as many clips of a prepared set as fit into a file, one of each split at least.

    They are drawn at random, which keeps the shares of splits and speakers. Clips that a mixed set
    lists several times are stored once and listed as often.

    Parameters
    ----------
    folder
        A prepared set.
    path
        The file to write.
    megabytes
        The file's largest size, in millions of bytes.
    seed
        Of the draw.

    Raises
    ------
    LipkitError
        When the set cannot be read.
    UsageError
        When not one clip of each split fits.
    """
    prepared = PreparedSet.open(folder)
    sources: dict[Path, list[dict[str, Any]]] = {}
    for row in prepared.clips().to_dict("records"):
        sources.setdefault((prepared.folder / row["file"]).resolve(), []).append(row)
    order = _first_of_each_split(sources, seed)
    splits = {row["split"] for listed in sources.values() for row in listed}
    rows: list[dict[str, Any]] = []
    frames = stored = 0
    with replacing(path) as temporary:
        with zipfile.ZipFile(temporary, "w") as archive:
            archive.writestr(SETTINGS, json.dumps(prepared.description["settings"]))
            for source in order:
                clip = read_clip(source)
                picture, rest = _jpeg(clip.lips), _others(clip)
                size = archive.start_dir + len(picture) + len(rest) + 400 * (len(rows) + 3)
                if size > megabytes * 1e6:
                    break
                archive.writestr(f"{stored}.jpg", picture)
                archive.writestr(f"{stored}.npz", rest)
                listed = [{**row, "member": stored} for row in sources[source]]
                rows += [{name: row[name] for name in COLUMNS} for row in listed]
                frames, stored = frames + clip.frames, stored + 1
            archive.writestr(ROWS, _csv(rows), zipfile.ZIP_DEFLATED)
        if missing := splits - {row["split"] for row in rows}:
            raise UsageError(
                f"{path}: {megabytes:g} MB hold no clip of {', '.join(sorted(missing))}; "
                "allow more megabytes, or pack a set of fewer splits"
            )
        size = temporary.stat().st_size / 1e6
    return Packed(stored, frames, size)


def unpack(path: str | Path, folder: str | Path) -> PreparedSet:
    """Make the prepared set again in a new or empty folder; its lips went through a JPEG.

    Raises
    ------
    UsageError
        When the folder holds files.
    LipkitError
        When the file is not a packed set.
    """
    path, folder = Path(path), Path(folder)
    if content(folder):
        raise UsageError(f"{folder}: holds files; give a new or empty folder")
    with replacing(folder) as temporary:
        try:
            with zipfile.ZipFile(path) as archive:
                settings = from_dict(PrepareConfig, _object(archive.read(SETTINGS)))
                rows = csv.DictReader(io.StringIO(archive.read(ROWS).decode()))
                clips = [_restore(archive, row, path, temporary) for row in rows]
        except _NO_PACKED_SET as error:
            raise LipkitError(f"{path}: is not a packed set ({error}); pack it again") from None
        except OSError as error:
            raise LipkitError(f"{path}: cannot be read ({error.strerror or error})") from None
        corpora = dict.fromkeys(record.corpus for record, _ in clips)
        enter(temporary, "+".join(corpora), settings, clips)
        if folder.exists():
            folder.rmdir()
    return PreparedSet.open(folder)


def _object(text: bytes) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError(f"{SETTINGS} is not an object")
    return found


def _first_of_each_split(sources: Mapping[Path, Sequence[Mapping[str, Any]]], seed: int) -> list:
    """All sources in a drawn order, one of each split before the rest."""
    order = sorted(sources)
    random.Random(seed).shuffle(order)
    firsts = {sources[source][0]["split"]: source for source in reversed(order)}
    return [*firsts.values(), *(source for source in order if source not in firsts.values())]


def _jpeg(lips: np.ndarray) -> bytes:
    """Lips u8 [T, 64, 64, 3] as one picture, frame below frame, in columns of equal height."""
    columns = -(-len(lips) // COLUMN)
    filled = np.concatenate([lips, lips[-1:].repeat(-len(lips) % columns, 0)])
    stacks = filled.reshape(columns, -1, LIP_SIZE, 3)
    file = io.BytesIO()
    Image.fromarray(np.concatenate(list(stacks), axis=1)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _lips(data: bytes, frames: int) -> np.ndarray:
    """What :func:`_jpeg` was given."""
    with Image.open(io.BytesIO(data)) as picture:
        stacked = np.asarray(picture.convert("RGB"))
    stacks = np.split(stacked, stacked.shape[1] // LIP_SIZE, axis=1)
    return np.concatenate(stacks).reshape(-1, LIP_SIZE, LIP_SIZE, 3)[:frames]


def _others(clip: PreparedClip) -> bytes:
    """All that is not a picture, exactly."""
    file = io.BytesIO()
    meta = np.array(json.dumps(clip.meta))
    np.savez_compressed(file, logmel=clip.logmel, landmarks=clip.landmarks, box=clip.box, meta=meta)
    return file.getvalue()


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _restore(
    archive: zipfile.ZipFile, row: Mapping[str, str], path: Path, folder: Path
) -> tuple[ClipRecord, Outcome]:
    """Write one clip of a packed file; what the manifest says of it."""
    target = inside(folder, prepared_file(row["clip_id"]), path)
    with np.load(io.BytesIO(archive.read(f"{row['member']}.npz"))) as others:
        tensors = {name: others[name] for name in ("logmel", "landmarks", "box")}
        meta = json.loads(str(others["meta"]))
    lips = _lips(archive.read(f"{row['member']}.jpg"), len(tensors["box"]))
    clip = PreparedClip(lips, **tensors, meta=meta)
    write_clip(target, clip)
    levels = clip.logmel.astype(np.float64)
    record = ClipRecord(
        row["clip_id"],
        row["speaker"],
        row["corpus"],
        target,
        sentence=row["sentence"],
        split=row["split"],
        note=row["notes"],
    )
    return record, Outcome(clip.frames, "", "", float(levels.sum()), float((levels**2).sum()))
