"""When lips close for a bilabial, against the time of its word and the rise of its sound.

GRID has word times, not phoneme times, so only sounds at a word's edge can be placed: the
b of "bin", "blue", "by" and of the letter "b"; the p of "place", "please" and of "p"; and the m
with which the letter "m" ends.

Three things bound what the numbers mean. Word times of GRID come from forced alignment,
whose stop consonants begin with the *closure*, that is with silence, so lips that close at a
word's start lead its audible burst by the length of the closure; therefore the rise of the
sound is measured too. The decoded sound of the published files lies 11 ms later than those
times (:func:`lipkit.media.read_clip`). And before the first word lips are often closed from
rest, so "bin" and "place" say when the lips part rather than when they met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipkit.analysis.lead import mouth_features
from lipkit.config import COLUMNS_PER_FRAME, FPS
from lipkit.corpora.record import Word
from lipkit.data.clips import PreparedClip

BILABIAL_START = ("bin", "blue", "by", "b", "p", "please", "place")
"""Words of GRID that begin with closed lips."""
BILABIAL_END = ("m",)
"""The letter "em" closes the lips at its end."""
REACH = 0.1
"""Seconds before and after the word's edge in which the closure is looked for: a neighbouring
sound's own narrowing lies farther away in the mean of hundreds of words."""
_BURST = (-0.02, 0.16)
"""Where the rise of the sound is looked for."""


@dataclass(frozen=True)
class Closure:
    """One bilabial."""

    word: str
    place: int
    """Place of the word in its sentence, from 0."""
    lead: float
    """Seconds from fullest closure to the word's edge; positive: the lips come first."""
    sound_lead: float
    """Seconds from fullest closure to the steepest rise of the decoded sound (at a word's
    end: its steepest fall)."""


def closures(clip: PreparedClip, words: Sequence[Word]) -> tuple[list[Closure], list[str]]:
    """The bilabials of a clip, and the words that had no closure where it was looked for.

    A closure is a local minimum of :func:`lip_height`, the deepest within :data:`REACH`,
    placed between frames by a parabola.
    """
    found, missed = [], []
    height = lip_height(clip)
    for place, word in enumerate(words):
        if word.text not in (*BILABIAL_START, *BILABIAL_END):
            continue
        at_end = word.text in BILABIAL_END
        edge = word.end if at_end else word.start
        closed = _closed(height, edge)
        change = _steepest(clip, edge, falling=at_end)
        if closed is None or change is None:
            missed.append(word.text)
        else:
            found.append(Closure(word.text, place, edge - closed, change - closed))
    return found, missed


def lip_height(clip: PreparedClip) -> np.ndarray:
    """Height of the inner and outer lips together, pixels of the 64x64 crop, ``[T]``.

    Once lips touch, dlib's inner points only jitter; the outer ones still come closer as
    the lips are pressed together.
    """
    inner, outer = mouth_features(clip.landmarks, clip.lips.shape[1] / clip.box[:, 2])[:, :2].T
    return inner + outer


def _closed(gap: np.ndarray, edge: float) -> float | None:
    """Time of the deepest local minimum of ``gap`` ``[T]`` around ``edge``, s."""
    times = (np.arange(len(gap)) + 0.5) / FPS
    inner = np.arange(1, len(gap) - 1)
    local = (gap[inner] <= gap[inner - 1]) & (gap[inner] <= gap[inner + 1])
    near = np.abs(times[inner] - edge) <= REACH
    candidates = inner[local & near]
    if not len(candidates):
        return None
    k = int(candidates[np.argmin(gap[candidates])])
    left, middle, right = gap[k - 1 : k + 2]
    bend = left - 2 * middle + right
    return float(times[k] + (0.5 * (left - right) / bend if bend > 0 else 0.0) / FPS)


def _steepest(clip: PreparedClip, edge: float, falling: bool) -> float | None:
    """Time at which the sound's level changes fastest near ``edge``, to 10 ms, s."""
    level = clip.logmel.astype(np.float64).mean(axis=1)
    rise = level[2:] - level[:-2]
    times = (np.arange(len(rise)) + 1.5) / (FPS * COLUMNS_PER_FRAME)
    near = np.flatnonzero((times >= edge + _BURST[0]) & (times <= edge + _BURST[1]))
    if not len(near):
        return None
    return float(times[near[np.argmax(-rise[near] if falling else rise[near])]])
