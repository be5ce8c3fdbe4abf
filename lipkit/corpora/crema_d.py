"""CREMA-D: 91 actors, twelve sentences, six moods, 7,442 clips.

Cao, Cooper, Keutmann, Gur, Nenkova and Verma, IEEE Transactions on Affective Computing 5(4),
2014; Open Database License 1.0. Flash video of 480 x 360 at 29.97 frames/s, sound at 44.1 kHz;
the kit converts to 25 frames/s by time stamp, as it does with any video.

A clip is any video whose name is ``<actor>_<sentence>_<mood>_<intensity>``, such as
``VideoFlash/1001_DFA_ANG_XX.flv``, at any depth. The sentence is known from its code. There
are no word times.

Actor 1001 is one of the ``strangers`` (:mod:`lipkit.corpora.people`).
"""

import os
import re
from pathlib import Path

from lipkit.corpora.corpus import Corpus
from lipkit.corpora.record import ClipRecord
from lipkit.corpora.tree import VIDEO_SUFFIXES, preferred, require_folder, walk_files
from lipkit.errors import LipkitError

NAME = "crema-d"
LOOKED_FOR = "CREMA-D clips such as VideoFlash/1001_DFA_ANG_XX.flv"

SENTENCES = {
    "IEO": "it's eleven o'clock",
    "TIE": "that is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "the airplane is almost full",
    "MTI": "maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "the surface is slick",
    "WSI": "we'll stop in a couple of minutes",
}
"""Code in a clip's name -> what is said."""

MOODS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
"""Anger, disgust, fear, happiness, none, sadness."""

_CLIP = re.compile(rf"(\d{{4}})_({'|'.join(SENTENCES)})_({'|'.join(MOODS)})_(LO|MD|HI|XX|X)")


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root``, sorted by clip id, ``split`` not yet set.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder or holds no clip whose name is one of CREMA-D.
    """
    path = require_folder(root, LOOKED_FOR)
    clips: dict[str, Path] = {}
    for file in walk_files(path):
        if file.suffix.lower() in VIDEO_SUFFIXES and _CLIP.fullmatch(file.stem):
            clips[file.stem] = preferred(clips.get(file.stem, file), file)
    if not clips:
        raise LipkitError(f"{path}: no clip there; looked for {LOOKED_FOR}")
    return [_record(name, clips[name]) for name in sorted(clips)]


def _record(name: str, video: Path) -> ClipRecord:
    speaker, sentence = _CLIP.fullmatch(name).group(1, 2)
    return ClipRecord(
        clip_id=f"{speaker}/{name}",
        speaker=speaker,
        corpus=NAME,
        video=video,
        transcript=SENTENCES[sentence].lower(),
        sentence=sentence.lower(),
    )


CORPUS = Corpus(
    name=NAME,
    summary="91 actors say twelve sentences in six moods",
    looked_for=LOOKED_FOR,
    read=read,
    licence="CREMA-D (Cao et al. 2014), Open Database License 1.0",
    strangers=("1001",),
)
