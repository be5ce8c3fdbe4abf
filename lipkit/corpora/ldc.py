"""LDC2009V01, the Audiovisual Database of Spoken American English: 14 speakers, about 7 h.

Richie, Warburton and Carter, Linguistic Data Consortium, 2009; licensed. Each speaker reads
238 words and 166 sentences; the sound is 16-bit PCM at 44.1 kHz.

The layout is assumed, for the corpus cannot be had without a licence. It is the one that the
paper's authors read: ``video/<speaker>/<clip>.mov`` with speakers named by sex and number
(``F02``, ``M01``) and clip names that begin with the speaker, ``F02_<what is said>.mov``.
Any depth is accepted as long as a folder named after the speaker stands above the clip, and
any usual video suffix. What is said is taken to be the rest of the name, which is how the same
sentence of two speakers is recognised; a ``.txt`` of the clip's name beside it, if there is
one, is taken as the transcript. No word times are known.

``data_scripts/layout_ldc.py`` makes this layout from folders that differ.
"""

import os
import re
from pathlib import Path

from lipkit.corpora.corpus import Corpus, Published
from lipkit.corpora.record import ClipRecord
from lipkit.corpora.tree import (
    VIDEO_SUFFIXES,
    named_folder,
    preferred,
    require_folder,
    walk_files,
)
from lipkit.errors import LipkitError

LOOKED_FOR = "LDC2009V01 clips such as video/F02/F02_<clip>.mov"
SPEAKER = re.compile(r"[FM]\d{2}")


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root``, sorted by clip id, ``split`` not yet set.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder or holds no clip in the layout assumed.
    """
    path = require_folder(root, LOOKED_FOR)
    videos: dict[str, tuple[str, Path]] = {}
    for file in walk_files(path):
        named = named_folder(file, path, SPEAKER)
        if named and file.suffix.lower() in VIDEO_SUFFIXES:
            clip_id = f"{named[0]}/{file.stem}"
            known = videos.get(clip_id, (named[0], file))[1]
            videos[clip_id] = named[0], preferred(known, file)
    if not videos:
        raise LipkitError(f"{path}: no clip there; looked for {LOOKED_FOR}")
    return [_record(clip_id, *videos[clip_id]) for clip_id in sorted(videos)]


def _record(clip_id: str, speaker: str, video: Path) -> ClipRecord:
    transcript, note = _transcript(video.with_suffix(".txt"))
    return ClipRecord(
        clip_id=clip_id,
        speaker=speaker,
        corpus="ldc",
        video=video,
        transcript=transcript,
        sentence=video.stem.removeprefix(f"{speaker}_").lower(),
        note=note,
    )


def _transcript(path: Path) -> tuple[str | None, str]:
    if not path.is_file():
        return None, ""
    try:
        return " ".join(path.read_text(encoding="utf-8-sig").split()) or None, ""
    except (OSError, UnicodeDecodeError):
        return None, f"{path.name} is not readable text, so the clip has no transcript"


CORPUS = Corpus(
    name="ldc",
    summary="14 speakers, 238 words and 166 sentences each",
    looked_for=LOOKED_FOR,
    read=read,
    licence="LDC2009V01, by the Linguistic Data Consortium's agreement",
    test_speakers=("F02", "M01"),
    published={
        "ground truth": Published(lmd=0.0, cpbd=0.211),
        "Vondrick et al.": Published(2.34, 0.75, 27.96, 0.160),
        "Chung et al.": Published(2.13, 0.50, 28.22, 0.010),
        "full model": Published(1.82, 0.57, 28.87, 0.172),
    },
)
"""Test speakers: fact sheet 1.1; the authors named the pair F02_M02 but listed F02 and M01.
Published rows: poster, Tab. 2, and fact sheet 9.3."""
