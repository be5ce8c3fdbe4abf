"""Can the sync metric be trusted? Does it find known shifts, and notice known mismatches?

Each function takes clips as pairs of lips u8 ``[T, 64, 64, 3]`` and log-mel ``[4T, 128]`` (dB),
which the network must not have been trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipkit.config import COLUMNS_PER_FRAME, WINDOW
from lipkit.errors import UsageError
from lipkit.metrics.sync.score import join, sync
from lipkit.models.sync_network import SyncNetwork

Pair = tuple[np.ndarray, np.ndarray]
SHIFTS = tuple(range(-10, 11))
SHORTEST = 4 * WINDOW
"""Frames of the shortest clip that :func:`figures` takes."""
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, eq=False)
class MismatchCurve:
    """How sync falls as more and more of a clip's sound comes from another clip."""

    shares: np.ndarray
    """``[S]``, share of the blocks that are another clip's."""
    confidence: np.ndarray
    """``[clips, S]``."""
    distance: np.ndarray
    """``[clips, S]``."""


@dataclass(frozen=True)
class Separation:
    """How well short pieces tell their own sound from another clip's.

    Each number is the probability that a piece with its own sound is ranked before one with
    another clip's (area under the ROC curve): .5 is chance, 1 perfect.
    """

    windows: int
    """Windows joined to one piece."""
    pieces: int
    confidence: float
    distance: float
    at_zero: float
    """Ranked by the distance at offset 0, which is known to be right here."""
    offset_within_1: float
    """Share of the pieces with their own sound whose offset is found within a frame."""


def shifted(lips: np.ndarray, logmel: np.ndarray, shift: int) -> Pair:
    """The same clip with the lips ``shift`` frames later (negative: earlier) than they were.

    Whatever is left without a counterpart is cut off: T - abs(shift) frames remain.
    """
    frames = len(lips)
    late, early = max(0, shift), max(0, -shift)
    return (
        lips[early : frames - late],
        logmel[COLUMNS_PER_FRAME * late : COLUMNS_PER_FRAME * (frames - early)],
    )


def shift_errors(
    clips: Sequence[Pair], shifts: Sequence[int] = SHIFTS, network: SyncNetwork | None = None
) -> np.ndarray:
    """Offset found minus shift made, in frames, int ``[clips, shifts]``.

    A clip's own offset, which need not be 0, is not subtracted.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> clip = prepared_clips(clips=2)[0]
    >>> errors = shift_errors([(clip.lips, clip.logmel)], shifts=[-5, 0, 5])
    >>> errors.shape, bool((abs(errors - errors[0, 1]) <= 1).all())  # each shift is found
    ((1, 3), True)
    """
    return np.array(
        [
            [sync(*shifted(lips, sound, s), network=network).offset - s for s in shifts]
            for lips, sound in clips
        ]
    )


def mix(sound: np.ndarray, other: np.ndarray, share: float, order: np.ndarray) -> np.ndarray:
    """``sound [4T, 128]`` with ``share`` of its blocks, the first of ``order``, from ``other``.

    A block is ``4T / len(order)`` columns; replaced blocks keep their place in time, so that
    the pauses before and after a sentence stay where they were.
    """
    other = _as_long(other, len(sound))
    mixed = sound.copy()
    edges = np.linspace(0, len(sound), len(order) + 1).round().astype(int)
    for block in order[: round(share * len(order))]:
        piece = slice(edges[block], edges[block + 1])
        mixed[piece] = other[piece]
    return mixed


def mismatch_curve(
    clips: Sequence[Pair],
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    network: SyncNetwork | None = None,
) -> MismatchCurve:
    """Confidence and distance of each clip as a growing share of its sound comes from another clip.

    The sound is cut into blocks of about 15 frames (0.6 s); those that are replaced by the same
    stretch of the next clip's sound are drawn by ``seed``, and a larger share keeps those of a
    smaller one. Clips should be of one speaker.

    Raises
    ------
    UsageError
        When there are fewer than two clips.
    """
    if len(clips) < 2:
        raise UsageError("a mismatched sound needs a second clip; give at least two")
    generator = np.random.default_rng(seed)
    found = np.empty((2, len(clips), len(shares)))
    for i, (lips, sound) in enumerate(clips):
        other = clips[(i + 1) % len(clips)][1]
        order = generator.permutation(max(1, round(len(lips) / (WINDOW - 1))))
        for k, share in enumerate(shares):
            result = sync(lips, mix(sound, other, share, order), network=network)
            found[:, i, k] = result.confidence, result.distance
    return MismatchCurve(np.asarray(shares, float), *found)


def separation(
    clips: Sequence[Pair], windows: int = 1, network: SyncNetwork | None = None
) -> Separation:
    """What ``windows`` windows of 16 frames tell, given the sound of the whole clip around them.

    Each clip gives as many pieces of consecutive windows as it holds; the other sound is the
    same stretch of the next clip.
    """
    own, other = [], []
    for i, (lips, sound) in enumerate(clips):
        pair = sound, _as_long(clips[(i + 1) % len(clips)][1], len(sound))
        for first in range(0, len(lips) - windows * WINDOW + 1, windows * WINDOW):
            starts = range(first, first + windows * WINDOW, WINDOW)
            for heard, results in zip(pair, (own, other), strict=True):
                pieces = [sync(lips[s : s + WINDOW], heard, s, network) for s in starts]
                results.append(join(pieces))
    return Separation(
        windows=windows,
        pieces=len(own),
        confidence=_area([r.confidence for r in own], [r.confidence for r in other]),
        distance=_area([-r.distance for r in own], [-r.distance for r in other]),
        at_zero=_area([-r.at_zero for r in own], [-r.at_zero for r in other]),
        offset_within_1=float(np.mean([abs(r.offset) <= 1 for r in own])),
    )


def figures(clips: Sequence[Pair], network: SyncNetwork | None = None) -> dict[str, object]:
    """All of it for two or more clips of about 3 s, as plain numbers for a card or a table.

    ``shift_within_1`` is the share of all clips and shifts of -10 to 10 whose offset is found
    within a frame; ``falling`` the share of clips whose confidence is lower with another clip's
    sound than with their own; ``confidence`` its mean by share of mismatched sound.
    """
    errors = shift_errors(clips, network=network)
    curve = mismatch_curve(clips, network=network)
    one, four = separation(clips, 1, network), separation(clips, 4, network)
    return {
        "clips": len(clips),
        "shift_within_1": round(float((np.abs(errors) <= 1).mean()), 4),
        "shift_exact": round(float((errors == 0).mean()), 4),
        "shares": [float(share) for share in curve.shares],
        "confidence": curve.confidence.mean(axis=0).round(4).tolist(),
        "distance": curve.distance.mean(axis=0).round(4).tolist(),
        "falling": round(float((curve.confidence[:, -1] < curve.confidence[:, 0]).mean()), 4),
        "window_auc": round(one.confidence, 4),
        "window_auc_at_zero": round(one.at_zero, 4),
        "window_offset_within_1": round(one.offset_within_1, 4),
        "four_windows_auc": round(four.confidence, 4),
        "four_windows_offset_within_1": round(four.offset_within_1, 4),
    }


def _as_long(sound: np.ndarray, columns: int) -> np.ndarray:
    """The first ``columns`` of a sound; one that is too short is repeated."""
    return sound[np.arange(columns) % len(sound)]


def _area(high: Sequence[float], low: Sequence[float]) -> float:
    """Probability that a value of ``high`` exceeds one of ``low``; ties count half."""
    difference = np.subtract.outer(np.asarray(high), np.asarray(low))
    return float(np.mean((difference > 0) + 0.5 * (difference == 0)))
