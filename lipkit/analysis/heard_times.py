"""How well the times of phonemes that were heard in a recording agree with known ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lipkit.corpora.record import Word
from lipkit.talker.speech import SILENCE, Phoneme
from lipkit.talker.visemes import visemes_of


@dataclass(frozen=True)
class Pair:
    """One phoneme that truly was said, and what was heard in its place."""

    viseme: str
    """Its class of mouth shapes."""
    heard: str
    """The class that was heard; empty: none."""
    error: float
    """Seconds by which the heard one begins later; NaN where none was heard."""


def pair(true: Sequence[Phoneme], found: Sequence[Phoneme]) -> list[Pair]:
    """Each true phoneme (pauses apart) with the heard one in its place.

    The two sequences are aligned by least cost: another class costs 1, one left out or put in
    costs 0.7, and so does each 0.1 s between their middles (up to 1), so that equal phonemes
    far apart are not taken for one another.
    """
    true = [p for p in true if p.symbol != SILENCE]
    found = [p for p in found if p.symbol != SILENCE]
    names = [[visemes_of(p.symbol)[0] for p in row] for row in (true, found)]
    middle = [np.array([(p.start + p.end) / 2 for p in row]) for row in (true, found)]
    other = np.array([[float(a != b) for b in names[1]] for a in names[0]]).reshape(
        len(true), len(found)
    )
    far = np.minimum(np.abs(middle[0][:, None] - middle[1][None]) * 7, 1.0)
    matched = _cheapest(other + far, gap=0.7)
    return [
        Pair(names[0][i], "", float("nan"))
        if j is None
        else Pair(names[0][i], names[1][j], found[j].start - true[i].start)
        for i, j in enumerate(matched)
    ]


def _cheapest(cost: np.ndarray, gap: float) -> list[int | None]:
    """Of each row the column it is matched to, in order, or None."""
    rows, columns = cost.shape
    total = np.zeros((rows + 1, columns + 1))
    total[:, 0], total[0] = gap * np.arange(rows + 1), gap * np.arange(columns + 1)
    for i in range(1, rows + 1):
        for j in range(1, columns + 1):
            skip = min(total[i - 1, j], total[i, j - 1]) + gap
            total[i, j] = min(total[i - 1, j - 1] + cost[i - 1, j - 1], skip)
    matched: list[int | None] = [None] * rows
    i, j = rows, columns
    while i and j:
        if np.isclose(total[i, j], total[i - 1, j - 1] + cost[i - 1, j - 1]):
            i, j = i - 1, j - 1
            matched[i] = j
        elif np.isclose(total[i, j], total[i - 1, j] + gap):
            i -= 1
        else:
            j -= 1
    return matched


def summary(pairs: Iterable[Pair]) -> dict[str, dict[str, float]]:
    """Per class and for ``all``: count, share heard as their class, median and 90th percentile
    of the absolute error (s) of those."""
    by_class: dict[str, list[Pair]] = {"all": []}
    for p in pairs:
        by_class["all"].append(p)
        by_class.setdefault(p.viseme, []).append(p)
    rows = {}
    for viseme, some in by_class.items():
        errors = [abs(p.error) for p in some if p.heard == p.viseme]
        median, most = np.percentile(errors, [50, 90]) if errors else (np.nan, np.nan)
        rows[viseme] = {
            "count": float(len(some)),
            "as_its_class": len(errors) / max(len(some), 1),
            "median_s": float(median),
            "p90_s": float(most),
        }
    return rows


def word_errors(true: Sequence[Word], found: Sequence[Word]) -> list[float]:
    """Seconds by which words begin and end later than they should, where the words agree."""
    errors = []
    if [w.text.lower() for w in true] == [w.text.lower() for w in found]:
        for a, b in zip(true, found, strict=True):
            errors += [b.start - a.start, b.end - a.end]
    return errors
