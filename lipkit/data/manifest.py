"""What a prepared set says of its clips: a row each, and statistics over those to train on."""

import csv
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS
from lipkit.corpora.record import ClipRecord
from lipkit.files import replacing

MANIFEST = "manifest.csv"
COLUMNS = (
    "clip_id",
    "speaker",
    "corpus",
    "split",
    "sentence",
    "frames",
    "file",
    "status",
    "reason",
    "notes",
)
"""Columns of the manifest. ``status`` is ``ok`` or ``failed``, ``reason`` says why it failed,
``notes`` what is unusual about the clip all the same, ``file`` is relative to the folder."""


@dataclass(frozen=True)
class Outcome:
    """What became of one clip."""

    frames: int = 0
    reason: str = ""
    """Why the clip cannot be used, one line; empty for a usable clip."""
    notes: str = ""
    logmel_sum: float = 0.0
    """Sum of the stored log-mel, dB."""
    logmel_squares: float = 0.0
    """Sum of its squares."""

    @property
    def status(self) -> str:
        """``ok`` or ``failed``."""
        return "failed" if self.reason else "ok"


def clip_file(record: ClipRecord) -> str:
    """Where a clip's file lies below the prepared set."""
    return prepared_file(record.clip_id)


def prepared_file(clip_id: str) -> str:
    """The same for a clip id. No other file is ever a clip's, whatever a manifest says."""
    return f"clips/{clip_id}.safetensors"


def write_manifest(path: str | os.PathLike, clips: Iterable[tuple[ClipRecord, Outcome]]) -> None:
    """Write the rows of ``clips``, which are sorted by clip id."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for record, outcome in clips:
            usable = outcome.status == "ok"
            row = {
                "clip_id": record.clip_id,
                "speaker": record.speaker,
                "corpus": record.corpus,
                "split": record.split or "",
                "sentence": record.sentence or "",
                "frames": outcome.frames,
                "file": clip_file(record) if usable else "",
                "status": outcome.status,
                "reason": outcome.reason,
                "notes": "; ".join(filter(None, (record.note, outcome.notes))),
            }
            writer.writerow({key: one_line(str(value)) for key, value in row.items()})


def one_line(text: str) -> str:
    """``text`` in one line that any UTF-8 file can hold, odd bytes of file names included."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())


def is_training(split: str | None) -> bool:
    """Whether a split is one to train on: ``train``, or named like ``s1_train``."""
    return split == "train" or (split or "").endswith("_train")


def statistics(clips: Iterable[tuple[ClipRecord, Outcome]]) -> dict[str, float]:
    """``logmel_mean`` and ``logmel_std`` (dB) over the usable training clips.

    Over all usable clips where no split is one to train on. The sums are exact, so the
    order of the clips and the number of workers cannot show in the last digit.
    """
    usable = [(record.split, outcome) for record, outcome in clips if outcome.status == "ok"]
    training = [outcome for split, outcome in usable if is_training(split)]
    chosen = training or [outcome for _, outcome in usable]
    if not chosen:
        return {"logmel_mean": 0.0, "logmel_std": 1.0}
    count = sum(outcome.frames for outcome in chosen) * COLUMNS_PER_FRAME * MEL_BANDS
    mean = math.fsum(outcome.logmel_sum for outcome in chosen) / count
    square = math.fsum(outcome.logmel_squares for outcome in chosen) / count
    # Silence throughout has no spread; one decibel keeps its normalised values finite.
    deviation = math.sqrt(max(square - mean**2, 0.0))
    return {"logmel_mean": mean, "logmel_std": deviation if deviation > 1e-3 else 1.0}


def counts(clips: Iterable[tuple[ClipRecord, Outcome]]) -> dict[str, object]:
    """Numbers of clips and frames, and of usable clips by split."""
    clips = list(clips)
    usable = [(record.split or "", outcome) for record, outcome in clips if not outcome.reason]
    splits = sorted({split for split, _ in usable})
    return {
        "clips": len(clips),
        "ok": len(usable),
        "failed": len(clips) - len(usable),
        "frames": sum(outcome.frames for _, outcome in usable),
        "ok_by_split": {name: sum(split == name for split, _ in usable) for name in splits},
    }
