"""Recordings of human voices: which there are, what is said, and pieces of a clip's length."""

import csv
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lipkit.config import SAMPLE_RATE
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar
from lipkit.talker.listening import Heard, Unfit, Unread, hear_file
from lipkit.talker.speech import SILENCE, Phoneme, Speech

SOUNDS = {".ogg", ".opus", ".wav", ".flac", ".mp3", ".m4a"}
SHORTEST, LONGEST = 1.2, 3.6
"""Seconds of speech in a piece; a longer recording is cut at its pauses."""
_PAUSE = 0.12
"""Seconds; a shorter pause is not a place to cut."""
_FADE = 0.015
"""Seconds over which a piece fades in and out."""
_KEPT = 0.12
"""Seconds of silence that a piece keeps at either end."""


@dataclass(frozen=True)
class Recording:
    """One recording of one speaker."""

    path: Path
    speaker: str
    sex: str = ""
    """``m``, ``f`` or empty: not known."""
    words: str = ""
    """What is said; empty: not known."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording, about as long as a clip."""

    recording: Recording
    start: float
    """Seconds of the recording."""
    end: float
    phonemes: tuple[Phoneme, ...]
    """From 0 to ``end - start``, pauses included; seconds of the piece."""
    words: tuple[Word, ...]
    how: str
    """How the times were got: see :class:`~lipkit.talker.listening.Heard`."""

    @property
    def name(self) -> str:
        """Unique among the pieces of a folder: the file's stem and the first centisecond."""
        return f"{self.recording.path.stem}-{round(self.start * 100):04d}"

    def samples(self) -> np.ndarray:
        """The sound, f32 [N], 44.1 kHz."""
        from lipkit.media import read_audio

        whole = read_audio(self.recording.path)
        return whole[round(self.start * SAMPLE_RATE) : round(self.end * SAMPLE_RATE)]

    def speech(self) -> Speech:
        """Sound at full level, faded in and out, with its phonemes and words."""
        samples = self.samples().astype(np.float64)
        count = min(round(_FADE * SAMPLE_RATE), len(samples) // 2)
        ramp = np.linspace(0, 1, count)
        samples[:count] *= ramp
        samples[len(samples) - count :] *= ramp[::-1]
        samples = np.float32(samples / (np.abs(samples).max(initial=0) + 1e-9))
        return Speech(samples, self.phonemes, self.words)


def find_recordings(
    folder: str | os.PathLike, index: str | os.PathLike | None = None
) -> list[Recording]:
    """Every recording below ``folder``, sorted by path.

    Parameters
    ----------
    folder
        Of sound files; a file's own folder names its speaker.
    index
        A table (tab-separated, with a header) with the columns ``file`` (relative to the
        table's folder) and, where known, ``speaker``, ``sex`` and ``words``. Default:
        ``index.tsv`` in ``folder`` or the folder above, if there is one.

    Raises
    ------
    LipkitError
        When there is no such folder or table, no sound in it, the table lacks ``file``, or a
        ``sex`` does not begin with f or m.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise LipkitError(f"{folder}: no such folder; give --speech a folder of recordings")
    # Macs leave "._NAME.wav" beside NAME.wav on foreign disks.
    sounds = (p for p in folder.rglob("*") if p.suffix.lower() in SOUNDS)
    paths = sorted(p for p in sounds if not p.name.startswith("."))
    if not paths:
        raise LipkitError(f"{folder}: no recording in it; looked for {', '.join(sorted(SOUNDS))}")
    if index is None:
        index = next(
            (p for p in (folder / "index.tsv", folder.parent / "index.tsv") if p.is_file()), None
        )
    known = _index(Path(index)) if index else {}
    recordings = []
    for path in paths:
        row = known.get(path.resolve(), {})
        speaker = row.get("speaker") or path.parent.name
        sex = _sex(row.get("sex", ""), path, index)
        recordings.append(Recording(path, speaker, sex, row.get("words", "")))
    return recordings


def _sex(said: str, recording: Path, index: str | os.PathLike | None) -> str:
    """``f``, ``m`` or nothing, of what a table says."""
    first = said.strip().lower()[:1]
    if first not in ("", "f", "m"):
        raise LipkitError(f"{index}: sex {said!r} of {recording}: write f or m, or leave it empty")
    return first


def _index(path: Path) -> dict[Path, dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LipkitError(f"{path}: cannot be read ({error}); give --words a table") from error
    if rows and "file" not in rows[0]:
        raise LipkitError(f"{path}: has no column 'file'; give --words a tab-separated table")
    try:
        return {
            (path.parent / (row["file"] or "")).resolve(): {k: v or "" for k, v in row.items() if k}
            for row in rows
        }
    except ValueError:  # a NUL in a name
        raise LipkitError(f"{path}: names an impossible file; correct its 'file'") from None


def find_pieces(
    folder: str | os.PathLike,
    index: str | os.PathLike | None = None,
    keep: str | os.PathLike | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> tuple[list[Piece], list[str]]:
    """All recordings of a folder in pieces, and why some recordings gave none (a line each).

    Parameters are those of :func:`find_recordings` and :func:`~lipkit.talker.listening.hear_file`.
    """
    recordings = find_recordings(folder, index)
    workers = 0 if workers == 1 else workers
    found: dict[Recording, list[Piece] | str | Lost] = {}
    work = partial(_pieces_or_fault, keep=keep)
    with (
        progress_bar(total=len(recordings), unit="file", desc="listen", shown=progress) as bar,
        closing(each(work, recordings, workers=workers)) as results,
    ):
        for recording, result in results:
            found[recording] = result
            bar.update()
    pieces, faults = [], []
    for recording in recordings:
        result = found[recording]
        if isinstance(result, list):
            pieces += result
        else:
            faults.append(result if isinstance(result, str) else str(result.reason))
    return pieces, faults


def _pieces_or_fault(recording: Recording, keep: str | os.PathLike | None) -> list[Piece] | str:
    try:
        return pieces_of(recording, keep)
    except (Unfit, Unread) as error:
        return str(error)


def pieces_of(recording: Recording, keep: str | os.PathLike | None = None) -> list[Piece]:
    """The recording in pieces; ``keep`` as in :func:`lipkit.talker.listening.hear_file`."""
    try:
        heard = hear_file(recording.path, recording.words, keep)
    except Unfit as error:
        raise Unfit(f"{recording.path}: {error}") from error
    return [_piece(recording, heard, a, b) for a, b in cuts(heard.phonemes)]


def cuts(phonemes: Sequence[Phoneme]) -> list[tuple[float, float]]:
    """Where to cut: (start, end) of each piece, at pauses where there are any.

    A stretch between two pauses that is too long is cut between two phonemes, near the middle.
    """
    spoken: list[list[Phoneme]] = [[]]
    for p in phonemes:
        if p.symbol == SILENCE and p.end - p.start >= _PAUSE:
            spoken.append([])
        elif spoken[-1] or p.symbol != SILENCE:
            spoken[-1].append(p)
    stretches = [part for s in spoken if s for part in _halved(s)]
    joined: list[list[Phoneme]] = []
    for stretch in stretches:
        if joined and stretch[-1].end - joined[-1][0].start <= LONGEST:
            joined[-1] += stretch
        else:
            joined.append(list(stretch))
    end = phonemes[-1].end
    found = []
    for i, piece in enumerate(joined):
        before = joined[i - 1][-1].end if i else 0.0
        after = joined[i + 1][0].start if i + 1 < len(joined) else end
        start = max(piece[0].start - _KEPT, (piece[0].start + before) / 2 if i else before)
        stop = min(piece[-1].end + _KEPT, (piece[-1].end + after) / 2 if after < end else after)
        if piece[-1].end - piece[0].start >= min(SHORTEST, 0.6 * end):
            found.append((start, stop))
    return found


def _halved(stretch: list[Phoneme]) -> list[list[Phoneme]]:
    if stretch[-1].end - stretch[0].start <= LONGEST or len(stretch) < 2:
        return [stretch]
    middle = (stretch[0].start + stretch[-1].end) / 2
    at = min(range(1, len(stretch)), key=lambda i: abs(stretch[i].start - middle))
    return _halved(stretch[:at]) + _halved(stretch[at:])


def _piece(recording: Recording, heard: Heard, start: float, end: float) -> Piece:
    phonemes = tuple(
        Phoneme(p.symbol, max(p.start, start) - start, min(p.end, end) - start)
        for p in heard.phonemes
        if min(p.end, end) - max(p.start, start) > 1e-6
    )
    words = tuple(
        Word(w.text, max(w.start, start) - start, min(w.end, end) - start)
        for w in heard.words
        if start <= (w.start + w.end) / 2 < end
    )
    return Piece(recording, start, end, phonemes, words, heard.how)
