"""LRW, Lip Reading in the Wild: 500 words, up to 1,000 clips of each, from British television.

Chung and Zisserman, ACCV 2016; licensed by the BBC to researchers. The archive unpacks to
``lipread_mp4/WORD/{train,val,test}/WORD_00001.mp4``, each with a ``.txt`` beside that has
lines such as ``Duration: 0.42 seconds``. The word lies in the middle of the clip of 29
frames (1.16 s at 25 frames/s), which gives its times.

What LRW does not have:

* Speakers. Every record's speaker is :data:`UNKNOWN_SPEAKER`. Nobody can say whether a speaker
  of ``test`` is in ``train``.
* Numbers of its own for every clip: each split begins at 00001, so clip ids name the split,
  ``WORD/train_WORD_00001``.
* Sentences. ``sentence`` is the word; what is said around it in the clip is not recorded.

``split`` is the official one; the protocol ``paper`` merges ``val`` into ``train``
(fact sheet 1.1).
"""

import os
import re
from pathlib import Path

from lipkit.corpora.corpus import Corpus, Published
from lipkit.corpora.record import UNKNOWN_SPEAKER, ClipRecord, Word
from lipkit.corpora.tree import require_folder, walk_files
from lipkit.errors import LipkitError

LOOKED_FOR = "LRW clips such as lipread_mp4/ABOUT/train/ABOUT_00001.mp4"
SPLITS = ("train", "val", "test")
FRAMES = 29
CLIP_SECONDS = FRAMES / 25
"""Length of every clip; the word is centred in it."""

_DURATION = re.compile(r"^\s*duration:\s*(\d+(?:\.\d+)?)", re.IGNORECASE | re.MULTILINE)
_TEXT = re.compile(r"^\s*text:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root`` (``lipread_mp4`` or the folder that holds it), by clip id.

    A missing or broken ``.txt`` never stops the listing: the clip has no word times and
    its ``note`` says why.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder or holds no clip in LRW's layout.
    """
    path = require_folder(root, LOOKED_FOR)
    clips = [p for p in walk_files(path) if p.suffix.lower() == ".mp4" and _fits(p)]
    if not clips:
        raise LipkitError(f"{path}: no LRW clip there; looked for {LOOKED_FOR}")
    return sorted((_record(clip) for clip in clips), key=lambda record: record.clip_id)


def _fits(path: Path) -> bool:
    split, word = path.parent, path.parent.parent
    return split.name in SPLITS and path.stem.startswith(f"{word.name}_")


def _record(video: Path) -> ClipRecord:
    word = video.parent.parent.name
    words, note = _times(video.with_suffix(".txt"), word)
    return ClipRecord(
        clip_id=f"{word}/{video.parent.name}_{video.stem}",
        speaker=UNKNOWN_SPEAKER,
        corpus="lrw",
        video=video,
        transcript=word.lower(),
        words=words,
        sentence=word.lower(),
        split=video.parent.name,
        note=note,
    )


def _times(metadata: Path, word: str) -> tuple[tuple[Word, ...], str]:
    """The word with its times, or nothing and a note."""
    try:
        text = metadata.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return (), f"{metadata.name} is missing, so the word has no times"
    said = _TEXT.search(text)
    if said and said[1].lower() != word.lower():
        return (), f"{metadata.name} says {said[1]!r}, the folder {word!r}"
    found = _DURATION.search(text)
    if not found:
        return (), f"{metadata.name} has no line 'Duration: ... seconds'"
    seconds = float(found[1])
    if not 0 < seconds <= CLIP_SECONDS:
        return (), f"{metadata.name}: a word of {seconds:g} s does not fit a clip of 1.16 s"
    start = (CLIP_SECONDS - seconds) / 2
    return (Word(word.lower(), start, start + seconds),), ""


CORPUS = Corpus(
    name="lrw",
    summary="500 words, up to 1,000 clips of each, from British television",
    looked_for=LOOKED_FOR,
    read=read,
    licence="Lip Reading in the Wild (BBC), by agreement, research only",
    frames=FRAMES,
    official_splits=True,
    protocol="paper",
    published={
        "ground truth": Published(lmd=0.0, cpbd=0.068),
        "Vondrick et al.": Published(3.28, 0.34, 28.03, 0.082),
        "Chung et al.": Published(2.25, 0.46, 28.06, 0.083),
        "full model": Published(1.92, 0.53, 28.65, 0.075),
    },
)
"""Frames: fact sheet 1.1 and 1.3; published rows: poster, Tab. 2, and 9.3."""
