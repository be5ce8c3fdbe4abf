"""The row of retrieval: the lips of the training window that sounds nearest."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lipkit.data.clips import ClipFile
from lipkit.data.part import part
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalise
from lipkit.errors import UsageError
from lipkit.evaluation.keys import CATALOGUES
from lipkit.evaluation.nearest_windows import NearestWindows
from lipkit.evaluation.split import SplitClip
from lipkit.provenance import code_of

RETRIEVAL = "retrieval"


def place(text: str, measured: PreparedSet) -> tuple[PreparedSet, str]:
    """What is searched: ``FOLDER:SPLIT``, or ``SPLIT`` of the set that is measured.

    Raises
    ------
    LipkitError
        When the other set cannot be read, or the text reads otherwise.
    """
    if ":" not in text:
        return measured, text
    other = part(text)
    return PreparedSet.open(other.folder), other.split


class Retrieval:
    """Searches a split of a prepared set for the sound of windows, and copies the lips.

    Sounds are compared as models hear them: log-mel, normalised by the statistics of the set
    that is searched, frame by frame over the whole window, every start of every clip. The
    identity image is not looked at, so that the lips may be another person's.

    Parameters
    ----------
    prepared
        The set to search; the measured clips may be of another.
    split
        Its split.
    measured
        The clips that are measured.
    window
        Frames.
    same_speaker
        Search the clips of a window's own speaker only.

    Raises
    ------
    UsageError
        When the split holds a measured clip or no window, or, with ``same_speaker``, none of
        a measured speaker.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.data.windows import Windows
    >>> from lipkit.evaluation.split import split_clips
    >>> prepared = prepared_set(clips=4, held_out=1)
    >>> measured = split_clips(prepared, "val", Windows(prepared, "val", mismatched=False))
    >>> retrieval = Retrieval(prepared, "train", measured, window=16)
    >>> retrieval.search(measured)
    >>> retrieval.lips(measured[0].clip_id).shape  # for each of the clip's windows, a copy
    (8, 16, 64, 64, 3)
    """

    label = RETRIEVAL

    def __init__(
        self,
        prepared: PreparedSet,
        split: str,
        measured: Sequence[SplitClip],
        window: int,
        same_speaker: bool = False,
    ) -> None:
        rows = prepared.clips(split)
        rows = rows[rows.frames >= window]
        where = f"{prepared.folder}: split {split!r}, to be searched,"
        if rows.empty:
            raise UsageError(f"{where} has no clip of {window} frames; search another split")
        self._window, self._statistics = window, prepared.statistics
        self._files = [prepared.folder / file for file in rows.file]
        # A mixed set calls a clip by another name; its file is the same, or a link to it.
        searched = {_file_of(file) for file in self._files}
        if both := [clip.clip_id for clip in measured if _file_of(clip.file) in searched]:
            raise UsageError(
                f"{where} holds clips that are measured ({min(both)}), which would find "
                "themselves; search a training split"
            )
        # One group of clips may be searched for one group of windows.
        self._group_of = {clip.clip_id: clip.speaker if same_speaker else "" for clip in measured}
        self._groups = list(rows.speaker) if same_speaker else [""] * len(rows)
        if missing := set(self._group_of.values()) - set(self._groups):
            raise UsageError(
                f"{where} has no clip of speaker {min(missing)}; search without --same-speaker"
            )
        self._settings = {
            "searched_split": split,
            "searched_clips": len(rows),
            "searched_windows": int((rows.frames - window + 1).sum()),
            "same_speaker": same_speaker,
        }
        files = [(str(f), os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in self._files]
        code = code_of(__name__, apart_from=CATALOGUES)
        told = repr((self._settings, sorted(self._statistics.items()), files, code))
        self.digest = hashlib.sha256(told.encode()).hexdigest()[:16]
        self._found: dict[str, list[tuple[int, int]]] = {}

    @property
    def about(self) -> dict[str, Any]:
        """What the table's row says of itself."""
        return {"kind": "retrieval", "digest": self.digest, **self._settings}

    def search(self, clips: Sequence[SplitClip]) -> None:
        """Find the nearest window for every window of some clips, in one pass over the split."""
        self._found = {}
        searches = {}
        for group in sorted({self._group_of[clip.clip_id] for clip in clips}):
            ours = [clip for clip in clips if self._group_of[clip.clip_id] == group]
            queries = torch.cat([self._windows(clip) for clip in ours])
            searches[group] = ours, NearestWindows(queries)
        for number, (file, group) in enumerate(zip(self._files, self._groups, strict=True)):
            if group in searches:
                searches[group][1].search(self._sound(ClipFile(file)), number)
        for ours, search in searches.values():
            found = iter(zip(search.sequence.tolist(), search.start.tolist(), strict=True))
            for clip in ours:
                self._found[clip.clip_id] = [next(found) for _ in clip.starts]

    def lips(self, clip_id: str) -> np.ndarray:
        """u8 ``[windows, window, 64, 64, 3]`` of a clip that was searched for last."""
        return np.stack([self._copy(*place) for place in self._found[clip_id]])

    def _copy(self, number: int, start: int) -> np.ndarray:
        return ClipFile(self._files[number]).rows("lips", start, start + self._window)

    def _windows(self, clip: SplitClip) -> torch.Tensor:
        sound = self._sound(ClipFile(clip.file))
        return torch.stack([sound[start : start + self._window] for start in clip.starts])

    def _sound(self, file: ClipFile) -> torch.Tensor:
        """f32 [frames, 512]."""
        logmel = file.rows("logmel", 0, file.frames)
        return normalise(logmel.astype(np.float32), self._statistics).view(file.frames, -1)


def _file_of(path: Path) -> tuple[int, int]:
    """What tells a file from all others, whatever it is called."""
    found = os.stat(path)
    return found.st_dev, found.st_ino
