"""Preparation: raw clips in, a prepared set out.

:func:`prepare_clip` is a pure function of one clip; :func:`prepare` runs it over a corpus, on
the cores of this machine or on any executor, and writes the folder that
:class:`lipkit.data.prepared.PreparedSet` opens. A clip that cannot be used costs a row of the
manifest with its reason. Work that was stopped, in whatever way, is continued by the same
call and ends in the same bytes.
"""

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipkit.config import FPS, LIP_SIZE, PrepareConfig
from lipkit.corpora import CORPORA
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import ClipFile, PreparedClip, write_clip
from lipkit.data.description import claim
from lipkit.data.ledger import Entered, enter, header_outcome
from lipkit.data.manifest import Outcome, clip_file, one_line
from lipkit.data.sources import checked, is_source, settings_text, source_bytes
from lipkit.errors import Interrupted, LipkitError
from lipkit.files import owning, remove_leftovers
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar

if TYPE_CHECKING:
    from lipkit.media import Limits

SILENCE = 1e-3
"""A clip whose samples never exceed this (-60 dB of full scale) is noted as silent."""

COARSE = LIP_SIZE / 2
"""A clip whose crop is narrower than this, pixels of the source, is noted as coarse."""


@dataclass(frozen=True)
class Summary:
    """What a preparation came to."""

    ok: int
    """Usable clips, of those asked for."""
    failed: int
    skipped: int
    """How many of the usable were whole already, from an earlier run."""
    seconds: float
    reasons: dict[str, str] = field(default_factory=dict)
    """Clip id -> why it cannot be used."""
    notes: dict[str, str] = field(default_factory=dict)
    """Clip id -> what is unusual about a usable clip."""
    clips: int = 0
    """Rows of the manifest, those of earlier calls included."""
    remarks: tuple[str, ...] = ()
    """What else should be told, a line each."""


def prepare_clip(
    record: ClipRecord, config: PrepareConfig, limits: "Limits | None" = None
) -> PreparedClip:
    """Turn one raw clip into what later stages need. No file is written.

    The result depends on the clip's files and on ``config`` alone.

    Raises
    ------
    LipkitError
        When the clip cannot be used: unreadable, beyond ``limits``, no sound or no picture,
        no face in some part of it, too short.
    """
    from lipkit.data.spectrogram import log_mel
    from lipkit.face.landmarks import track
    from lipkit.face.lips import crop, crop_boxes
    from lipkit.media import Limits, read_clip

    raw = read_clip(record.video, record.audio, limits=limits or Limits())
    frames = len(raw.frames)
    if frames < config.min_frames:
        raise LipkitError(
            f"{record.video}: {frames} frames ({frames / FPS:.2f} s) where {config.min_frames} "
            "are needed; leave the clip out or lower prepare.min_frames"
        )
    found = track(raw.frames, _landmarks(), every_frame=config.detect_every_frame)
    boxes = crop_boxes(found.points, config)
    logmel = log_mel(raw.samples).astype(np.float16)

    notes = [raw.note] if raw.note else []
    known = CORPORA.get(record.corpus)
    nominal = known.frames if known and known.frames else frames
    if frames != nominal:
        notes.append(f"{frames} of {nominal} frames")
    if found.faces > 1:
        notes.append(f"{found.faces} faces: took the largest")
    if (side := float(np.median(boxes[:, 2]))) < COARSE:
        notes.append(f"coarse: the crop is {side:.0f} pixels of the source wide")
    if np.abs(raw.samples).max(initial=0) < SILENCE:
        notes.append("silent: its sound never exceeds -60 dB")
    exact = logmel.astype(np.float64)
    return PreparedClip(
        lips=crop(raw.frames, boxes),
        logmel=logmel,
        landmarks=found.points,
        box=boxes,
        meta={
            "corpus": record.corpus,
            "speaker": record.speaker,
            "source": one_line(str(record.video)),
            "source_bytes": source_bytes(record),
            "settings": settings_text(config),
            "notes": "; ".join(notes),
            "logmel_sum": repr(float(exact.sum())),
            "logmel_squares": repr(float(np.square(exact).sum())),
        },
    )


def prepare(
    records: Sequence[ClipRecord],
    out: str | os.PathLike,
    config: PrepareConfig | None = None,
    corpus: str | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: bool = True,
    limits: "Limits | None" = None,
) -> Summary:
    """Prepare a corpus into the folder ``out``; a folder that was begun is continued.

    Whole clips of the same settings are kept, failed ones are tried again, and the end is
    the same, byte for byte, however often the work was stopped and wherever it ran. The set
    is of the folder: clips of earlier calls stay in it, and further calls add to it.

    Parameters
    ----------
    records : the clips, as :func:`lipkit.corpora.list_clips` gives them.
    out : a new or empty folder, or one that was prepared by the same settings.
    config : how clips are prepared.
    corpus : the corpus's name; default: that of the records.
    workers : processes (default: one per core); 0 works in this process, for debugging.
    executor : run on this executor instead (see :func:`lipkit.jobs.cluster.dask_executor`).
    progress : show a bar with clips per second and the time left.
    limits : the largest files that are read (default: those of lipkit.media); a larger one is
        an unusable clip.

    Raises
    ------
    UsageError
        When ``out`` holds something else, or a set made by other settings.
    LipkitError
        When nothing can be written to ``out``, another command is at work there, the
        landmark model is missing, or Ctrl-C stopped the work. What is whole stays.

    >>> import tempfile
    >>> from lipkit.corpora import list_clips
    >>> from lipkit.course.lesson import synthetic_corpus
    >>> records = list_clips("synthetic", synthetic_corpus())  # drawn once, then kept
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     summary = prepare(records[:1], folder, workers=0, progress=False)
    >>> summary.ok, summary.failed
    (1, 0)
    """
    began = time.monotonic()
    config = config or PrepareConfig()
    records = checked(records)
    out = Path(os.path.abspath(out))
    corpus = corpus or records[0].corpus
    _require_model()
    with owning(out):
        clips, skipped, entered = _fill(
            records, out, config, corpus, workers, executor, progress, limits
        )
    failed = {r.clip_id: o.reason for r, o in clips if o.reason}
    noted = {r.clip_id: o.notes for r, o in clips if o.notes}
    seconds = time.monotonic() - began
    ok = len(clips) - len(failed)
    numbers = ok, len(failed), skipped, seconds
    return Summary(*numbers, failed, noted, entered.clips, entered.remarks)


def _fill(
    records: list[ClipRecord],
    out: Path,
    config: PrepareConfig,
    corpus: str,
    workers: int | None,
    executor: Executor | None,
    progress: bool,
    limits: "Limits | None",
) -> tuple[list[tuple[ClipRecord, Outcome]], int, Entered]:
    """Do the work in a folder that is ours.

    Returns
    -------
    Every clip's outcome, how many were there, and what became of the books.
    """
    claim(out, corpus, config)
    outcomes: dict[str, Outcome] = {}
    try:
        remove_leftovers(out)
        outcomes |= {r.clip_id: kept for r in records if (kept := _kept(r, out, config))}
        skipped = len(outcomes)
        work = functools.partial(store_clip, out=out, config=config, limits=limits)
        todo = [record for record in records if record.clip_id not in outcomes]
        with (
            _bar(len(records), skipped, progress) as advance,
            contextlib.closing(each(work, todo, workers, executor)) as results,
        ):
            for record, outcome in results:
                if isinstance(outcome, Lost):
                    outcome = Outcome(reason=f"{record.video}: {outcome.reason}")
                outcomes[record.clip_id] = outcome
                advance(outcome)
        remove_leftovers(out)  # of processes that died and whose work was done again
        clips = [(record, outcomes[record.clip_id]) for record in records]
        entered = enter(out, corpus, config, clips)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{out}: stopped; {len(outcomes)} of {len(records)} clips are done, "
            "run the same again to continue"
        ) from None
    return clips, skipped, entered


def store_clip(
    record: ClipRecord, out: Path, config: PrepareConfig, limits: "Limits | None" = None
) -> Outcome:
    """Prepare one clip and write its file; runs in a worker.

    Every fault of the clip becomes an outcome with a reason. A fault of the landmark model
    or of the output folder is everybody's, and is raised.
    """
    _landmarks().load()
    path = out / clip_file(record)
    try:
        clip = prepare_clip(record, config, limits)
        sums = float(clip.meta["logmel_sum"]), float(clip.meta["logmel_squares"])
        outcome = Outcome(clip.frames, "", clip.meta["notes"], *sums)
    except Exception as fault:
        clip, outcome = None, Outcome(reason=_reason(record, fault))
    try:
        if clip:
            write_clip(path, clip)
        else:  # a stale file of an earlier run must not outlive the fault
            path.unlink(missing_ok=True)
    except OSError as error:
        raise LipkitError(
            f"{path}: cannot be written ({error.strerror or error}); if no other lipkit prepare "
            "is at work there, choose another folder"
        ) from error
    return outcome


def _reason(record: ClipRecord, fault: Exception) -> str:
    if isinstance(fault, LipkitError):
        text = str(fault)
    elif isinstance(fault, MemoryError):
        text = "too large for the memory; cut it into shorter clips"
    else:
        text = f"unexpected {type(fault).__name__}: {fault}"
    named = str(record.video) in text or (record.audio and str(record.audio) in text)
    return one_line(text if named else f"{record.video}: {text}")


def _kept(record: ClipRecord, out: Path, config: PrepareConfig) -> Outcome | None:
    """The outcome of an earlier run if its file is whole, of these settings and this source."""
    path = out / clip_file(record)
    if not path.is_file():
        return None
    try:
        file = ClipFile(path)
        known = file.meta["settings"] == settings_text(config)
        same = known and is_source(record, file.meta["source_bytes"])
        return header_outcome(file) if same else None
    except (LipkitError, KeyError, ValueError):
        return None


def _require_model() -> None:
    from lipkit.face.landmarks import find_landmark_model

    find_landmark_model()


_local = threading.local()


def _landmarks():
    """The detector and predictor of this thread; dlib's detector is not to be shared."""
    from lipkit.face.landmarks import FaceLandmarks

    if not hasattr(_local, "landmarks"):
        _local.landmarks = FaceLandmarks()
    return _local.landmarks


@contextlib.contextmanager
def _bar(total: int, done: int, progress: bool) -> Iterator:
    failed = 0
    options = {"total": total, "initial": done, "unit": "clip"}
    with progress_bar(desc="prepare", shown=progress, **options) as bar:

        def advance(outcome: Outcome) -> None:
            nonlocal failed
            failed += bool(outcome.reason)
            bar.set_postfix(failed=failed, refresh=False)
            bar.update()

        yield advance
