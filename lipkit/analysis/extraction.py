"""The series of every clip of a prepared set, on all cores; a clip without any has a reason."""

import os
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lipkit.analysis.series import MIN_STEPS, Formula, Pair, SeriesFormula, all_series, motion
from lipkit.data.clips import LAYOUT, ClipFile, PreparedClip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.flow.cache import FlowCache
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar

if TYPE_CHECKING:
    import pandas

_FEW = 24
"""As many clips are done before a second process would have started."""


@dataclass(frozen=True)
class ClipSeries:
    """What was found of one clip: a pair of series for each formula, or a reason."""

    clip_id: str
    speaker: str
    split: str
    frames: int
    pairs: dict[str, Pair] = field(default_factory=dict, repr=False)
    """Formula's name -> sound and lip series."""
    reason: str = ""
    """Why the clip cannot be used, one line; empty for a usable clip."""


def extract(
    prepared: PreparedSet,
    formulas: Sequence[SeriesFormula],
    split: str | None = None,
    speakers: Collection[str] | None = None,
    shift: int = 0,
    min_steps: int = MIN_STEPS,
    cache: FlowCache | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> list[ClipSeries]:
    """The series of the clips of a split and of some speakers (None: all), sorted by clip id.

    Only those tensors of a clip's file are read that a formula asks for. Clips that could
    not be prepared are among the result, with the manifest's reason.

    Parameters
    ----------
    shift
        Frames by which the sound is moved later against the lips.
    min_steps
        A clip with fewer steps is too short.
    cache
        Where flow is kept between calls; None computes it.
    workers
        Processes (default: one per core where that pays); 0 works in this one.

    Raises
    ------
    LipkitError
        When there is no usable clip.
    """
    rows = chosen_clips(prepared, split, speakers, status=None)
    files = [
        str(prepared.folder / row.file) if row.status == "ok" else "" for row in rows.itertuples()
    ]
    todo = [file for file in files if file]
    slow = any(not isinstance(f, Formula) or f.lips is motion for f in formulas)
    if workers is None and (not slow or len(todo) <= _FEW):
        workers = 0
    work = partial(_of_file, formulas=list(formulas), shift=shift, min_steps=min_steps, cache=cache)
    found = {}
    with (
        progress_bar(total=len(todo), desc="series", unit="clip", shown=progress) as bar,
        closing(each(work, todo, workers=workers)) as results,
    ):
        for file, result in results:
            found[file] = result.reason if isinstance(result, Lost) else result
            bar.update()
    clips = []
    for row, file in zip(rows.itertuples(), files, strict=True):
        result = found[file] if file else f"not prepared: {row.reason}"
        pairs, reason = ({}, result) if isinstance(result, str) else (result, "")
        clips.append(ClipSeries(row.clip_id, row.speaker, row.split, row.frames, pairs, reason))
    return clips


def chosen_clips(
    prepared: PreparedSet,
    split: str | None = None,
    speakers: Collection[str] | None = None,
    status: str | None = "ok",
) -> "pandas.DataFrame":
    """The manifest's rows of one split and some speakers (None: all).

    Raises
    ------
    LipkitError
        When none of these clips is usable, or the file of one is missing.
    """
    usable = prepared.clips(split)
    if speakers is not None:
        for speaker in speakers:
            if speaker not in set(usable.speaker):
                known = ", ".join(sorted(set(usable.speaker)))
                where = f"{prepared.folder}" + (f", split {split!r}" if split else "")
                raise UsageError(f"{where}: no usable clip of {speaker!r}; speakers there: {known}")
    rows = prepared.clips(split, status)
    return rows if speakers is None else rows[rows.speaker.isin(list(speakers))]


def mapped_clip(path: str | os.PathLike) -> PreparedClip:
    """A prepared clip whose tensors are read-only views of its file, read where touched.

    Raises
    ------
    LipkitError
        When the file is missing, or is not a whole prepared clip.
    """
    file = ClipFile(path)
    tensors = {name: file.rows(name, 0, file.frames) for name in LAYOUT}
    return PreparedClip(**tensors, meta=file.meta)


def _of_file(
    path: str,
    formulas: Sequence[SeriesFormula],
    shift: int,
    min_steps: int,
    cache: FlowCache | None,
) -> dict[str, Pair] | str:
    """The pairs of one file, or the reason why there are none."""
    try:
        clip = mapped_clip(path)
        known = {}
        if (
            cache is not None
            and clip.frames > min_steps
            and any(isinstance(f, Formula) and f.lips is motion for f in formulas)
        ):
            known[motion] = cache.motion(Path(path), lambda: clip.lips)
        return all_series(clip, formulas, known, shift, min_steps)
    except LipkitError as error:
        return str(error)
