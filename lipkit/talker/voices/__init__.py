"""Two human voices that come with the kit, ready to be said by a drawn face.

From LibriSpeech's test-other (Panayotov, Chen, Povey, Khudanpur, ICASSP 2015; CC BY 4.0).
``voices.json`` has what is said, the phonemes' times and the attribution, so that nothing
need be installed to find them.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from lipkit.corpora.record import Word
from lipkit.errors import LipkitError
from lipkit.talker.recordings import Piece, Recording
from lipkit.talker.speech import Phoneme

_FOLDER = Path(__file__).parent
NAMES = ("woman", "man")
"""``woman`` says "let me see, how can I begin", ``man`` "you don't mean that you thought me so
silly"."""


@cache
def _card() -> dict[str, Any]:
    return json.loads((_FOLDER / "voices.json").read_text(encoding="utf-8"))


def attribution() -> str:
    """Whose recordings these are and their licence, one line."""
    return f"{_card()['source']}; {_card()['licence']}"


def voice(name: str = "woman") -> Piece:
    """One of the two, as a piece that :func:`lipkit.talker.human_clip` says.

    Raises
    ------
    LipkitError
        For another name.
    """
    if name not in NAMES:
        raise LipkitError(f"voice {name!r} does not come with the kit; there are: woman, man")
    row = next(row for row in _card()["clips"] if row["sex"] == name[0].replace("w", "f"))
    recording = Recording(_FOLDER / row["file"], row["speaker"], row["sex"], row["words"])
    return Piece(
        recording,
        row["start"],
        row["end"],
        tuple(Phoneme(*phoneme) for phoneme in row["phonemes"]),
        tuple(Word(*word) for word in row["spoken"]),
        row["how"],
    )
