"""GRID's sentence grammar (Cooke et al. 2006): command colour preposition letter digit adverb.

``bbaf2n`` is "bin blue at f two now". A zero is written ``z``; there is no letter w.
"""

from dataclasses import dataclass

import numpy as np

from lipkit.corpora.alignments import GRAMMAR, sentence_words
from lipkit.errors import LipkitError

SENTENCES = int(np.prod([len(slot) for slot in GRAMMAR]))
"""64,000 different sentences."""


@dataclass(frozen=True)
class Sentence:
    """One sentence of the grammar."""

    name: str
    """Six letters, GRID's file name, such as ``bbaf2n``."""

    def __post_init__(self) -> None:
        if sentence_words(self.name) is None or self.name != self.name.lower():
            raise LipkitError(f"{self.name!r} is no GRID sentence; one is bbaf2n")

    @property
    def words(self) -> tuple[str, ...]:
        """The six words."""
        return sentence_words(self.name)

    @property
    def text(self) -> str:
        """The words in one string."""
        return " ".join(self.words)


def sentence(number: int) -> Sentence:
    """The sentence of that number, 0 to ``SENTENCES`` - 1, in a fixed order."""
    letters = []
    for slot in reversed(GRAMMAR):
        number, choice = divmod(number, len(slot))
        letters.append(list(slot)[choice])
    return Sentence("".join(reversed(letters)))


def choose(speaker: int, clips: int, seed: int, shared: float = 0.1) -> list[Sentence]:
    """``clips`` different sentences for one speaker.

    About the fraction ``shared`` of them is taken from a list common to all speakers of that
    seed, as in GRID some sentences are said by several people; a split by sentence
    must notice that. The first clips are the same however many are asked for.

    Raises
    ------
    LipkitError
        If more clips are asked for than the grammar has sentences.
    """
    if clips > SENTENCES:
        raise LipkitError(f"clips={clips}: the grammar has {SENTENCES} sentences; ask for fewer")
    common = np.random.default_rng([seed, 0]).permutation(SENTENCES)
    own = iter(np.random.default_rng([seed, 1, speaker]).permutation(SENTENCES))
    period = max(round(1 / shared), 1) if shared > 0 else clips + 1
    chosen: dict[int, None] = {}
    while len(chosen) < clips:
        position = len(chosen)
        number = int(common[position // period] if position % period == 0 else next(own))
        while number in chosen:
            number = int(next(own))
        chosen[number] = None
    return [sentence(n) for n in chosen]
