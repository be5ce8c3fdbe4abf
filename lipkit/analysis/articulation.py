"""What mouths do at each class of phonemes: how far they open, how wide they are, in mouth widths.

A mouth width is the distance of the corners (points 48 and 54) while the person says nothing,
so that people and pictures of any size can be compared. Measured on real clips it says how a
drawn face should move; measured on both, how far the drawn one still is from life.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lipkit.config import FPS
from lipkit.talker.speech import SILENCE, Phoneme
from lipkit.talker.visemes import lead, visemes_of

LEFT, RIGHT, UPPER, LOWER = 48, 54, 62, 66
"""Corners, and the inner lips in the middle."""
_SHORT = 0.02
"""Seconds; a shorter phoneme is none to measure."""


@dataclass(frozen=True)
class Mark:
    """One phoneme as the mouth made it."""

    viseme: str
    opening: float
    """Inner lips apart, mouth widths, at the frame in which the lips are in place; a closure's
    least, an open vowel's most within its time."""
    width: float
    """Corner to corner, mouth widths."""


def marks(landmarks: np.ndarray, phonemes: Sequence[Phoneme]) -> list[Mark]:
    """The marks of one clip: landmarks f32 [T, 68, 2], its phonemes in seconds of the clip.

    A clip without a silent frame has no mouth width of its own; the median of its widths
    stands for it.
    """
    points = np.asarray(landmarks, np.float64)
    wide = np.linalg.norm(points[:, RIGHT] - points[:, LEFT], axis=1)
    gap = np.linalg.norm(points[:, LOWER] - points[:, UPPER], axis=1)
    silent = _silent(len(points), phonemes)
    rest = float(np.median(wide[silent] if silent.any() else wide))
    found = []
    for phoneme in phonemes:
        if phoneme.symbol == SILENCE or phoneme.end - phoneme.start < _SHORT:
            continue
        viseme = visemes_of(phoneme.symbol)[0]
        ahead = lead(phoneme)
        first = int(np.clip((phoneme.start - ahead) * FPS, 0, len(points) - 1))
        last = int(np.clip((phoneme.end - ahead) * FPS, first, len(points) - 1))
        part = gap[first : last + 1]
        at = first + int(part.argmin() if viseme in CLOSING else part.argmax())
        found.append(Mark(viseme, float(gap[at] / rest), float(wide[at] / rest)))
    return found


CLOSING = ("bilabial", "labiodental", "sibilant")
"""Classes that close the mouth; the others open it."""


def _silent(frames: int, phonemes: Sequence[Phoneme]) -> np.ndarray:
    """Frames well within a pause, bool [frames]."""
    times = (np.arange(frames) + 0.5) / FPS
    silent = np.zeros(frames, bool)
    for p in phonemes:
        if p.symbol == SILENCE and p.end - p.start > 0.2:
            silent |= (times > p.start + 0.12) & (times < p.end - 0.12)
    return silent


def table(clips: Iterable[list[Mark]]) -> dict[str, dict[str, float]]:
    """Per viseme: count, median, 10th and 90th percentile of opening and width."""
    by_viseme: dict[str, list[Mark]] = {}
    for found in clips:
        for mark in found:
            by_viseme.setdefault(mark.viseme, []).append(mark)
    rows = {}
    for viseme, some in sorted(by_viseme.items()):
        rows[viseme] = {"count": float(len(some))}
        for name in ("opening", "width"):
            low, middle, high = np.percentile([getattr(m, name) for m in some], [10, 50, 90])
            rows[viseme] |= {f"{name}_p10": low, name: middle, f"{name}_p90": high}
    return rows
