"""The books of a prepared set: its manifest is of the folder, and every call adds to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import ClipFile
from lipkit.data.description import write_description
from lipkit.data.manifest import (
    MANIFEST,
    Outcome,
    clip_file,
    counts,
    prepared_file,
    statistics,
    write_manifest,
)
from lipkit.data.table import read_table
from lipkit.errors import LipkitError


@dataclass(frozen=True)
class Entered:
    """What became of the books."""

    clips: int
    """Rows of the manifest, those of earlier calls included."""
    remarks: tuple[str, ...]
    """What the caller should be told, a line each: clips that vanished, a lost manifest."""


def enter(
    folder: Path,
    corpus: str,
    settings: PrepareConfig,
    clips: Sequence[tuple[ClipRecord, Outcome]],
) -> Entered:
    """Write the manifest and prepare.json of a finished preparation of ``clips``.

    Clips that earlier calls prepared into the folder stay listed as long as their files are
    there; the statistics are over all. The same clips in as many calls as you like, in any
    order, end in the same bytes.

    Raises
    ------
    LipkitError
        When nothing can be written.
    """
    earlier, remarks = _earlier(folder, {record.clip_id for record, _ in clips})
    together = sorted((*earlier, *clips), key=lambda pair: pair[0].clip_id)
    write_manifest(folder / MANIFEST, together)
    results = {"statistics": statistics(together), "counts": counts(together)}
    write_description(folder, corpus, settings, results)
    return Entered(len(together), tuple(remarks))


def header_outcome(file: ClipFile) -> Outcome:
    """The outcome of a clip as its file tells it.

    Raises
    ------
    ValueError, KeyError
        When the file does not tell it, or tells numbers that cannot be.
    """
    meta = file.meta
    sums = float(meta["logmel_sum"]), float(meta["logmel_squares"])
    if not all(map(math.isfinite, sums)):
        raise ValueError("its sums are not finite")
    return Outcome(file.frames, "", meta.get("notes", ""), *sums)


def _earlier(folder: Path, anew: set[str]) -> tuple[list[tuple[ClipRecord, Outcome]], list[str]]:
    """Rows of earlier calls that this one has not made anew, and remarks."""
    if not (folder / MANIFEST).is_file():
        return [], []
    try:
        table = read_table(folder / MANIFEST)
    except LipkitError as fault:
        return [], [f"{fault}: it was made anew, so clips of earlier calls are not listed in it"]
    kept, vanished = [], []
    columns = [table.texts[name].objects() for name in ("speaker", "corpus", "split", "sentence")]
    reasons, notes = (table.texts[name].objects() for name in ("reason", "notes"))
    for row, clip_id in enumerate(table.ids):
        if clip_id in anew:
            continue
        speaker, corpus, split, sentence = (column[row] for column in columns)
        record = ClipRecord(
            clip_id, speaker, corpus, Path(), sentence=sentence or None, split=split or None
        )
        if reasons[row]:
            kept.append((record, Outcome(reason=reasons[row], notes=notes[row])))
            continue
        try:
            told = header_outcome(ClipFile(folder / clip_file(record)))
        except (LipkitError, ValueError, KeyError):
            vanished.append(clip_id)
            continue
        sums = told.logmel_sum, told.logmel_squares
        kept.append((record, Outcome(told.frames, "", notes[row], *sums)))
    return kept, _said(folder, vanished)


def _said(folder: Path, vanished: list[str]) -> list[str]:
    if not vanished:
        return []
    count = f"{len(vanished)} clip" + "s" * (len(vanished) > 1)
    return [
        f"{folder}: {count} of earlier calls vanished, or cannot be read any more, and left "
        f"{MANIFEST} (first: {prepared_file(vanished[0])}); prepare them again if you need them"
    ]
