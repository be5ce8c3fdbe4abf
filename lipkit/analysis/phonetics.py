"""Which phonemes and diphones a set of sentences has: a corpus teaches no sound that it lacks."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from lipkit.talker.speech import SILENCE, Voice, speak

VOICE = Voice("rp", language="gmw/en-GB-x-rp")
"""Whose phonemes are counted."""


@dataclass(frozen=True)
class Sounds:
    """Counts of what sentences sound like."""

    sentences: int
    words: Counter[str]
    phonemes: Counter[str]
    """espeak's symbols, pauses apart."""
    first: Counter[str]
    """Phonemes that begin a word."""
    last: Counter[str]
    """Phonemes that end a word."""
    diphones: Counter[tuple[str, str]]
    """Neighbours; a pause counts as a neighbour."""


def sounds(sentences: Iterable[str], voice: Voice = VOICE) -> Sounds:
    """Count the sounds of sentences as espeak-ng says them."""
    found = Sounds(0, Counter(), Counter(), Counter(), Counter(), Counter())
    count = 0
    for text in sentences:
        count += 1
        said = speak(text, voice)
        row = [p.symbol for p in said.phonemes]
        found.phonemes.update(s for s in row if s != SILENCE)
        found.diphones.update(pair for pair in pairwise(row) if pair != (SILENCE, SILENCE))
        for word in said.words:
            found.words[word.text.lower()] += 1
            own = [p for p in said.phonemes if word.start - 1e-6 <= p.start < word.end - 1e-6]
            if own:
                found.first[own[0].symbol] += 1
                found.last[own[-1].symbol] += 1
    return Sounds(count, found.words, found.phonemes, found.first, found.last, found.diphones)
