"""Place pictures and sound in time: from any rate, steady or not, to the kit's rates."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

import numpy as np
import soxr

from lipkit.config import FPS, SAMPLE_RATE

T = TypeVar("T")

JITTER = 0.025
"""Seconds by which a sound's time stamps may stray before a gap is filled or an overlap cut."""
LONGEST_GAP = 60
"""Seconds; a longer jump of the time stamps is a fault of the file, not a pause."""


class JumpError(ValueError):
    """Time stamps that jump: ``before`` and ``after`` in seconds."""

    def __init__(self, before: float, after: float) -> None:
        super().__init__(f"its time stamps jump from {before:.2f} s to {after:.2f} s")


def at_steady_rate(shown: Iterable[tuple[Fraction, Fraction, T]], fps: int = FPS) -> Iterator[T]:
    """Choose, for every output frame, the picture on screen in the middle of its time.

    Frame t covers [t/fps, (t+1)/fps) s after the first picture's start and shows the
    picture that is on screen at (t + 1/2)/fps. Pictures that come at ``fps`` pass one to
    one even when their time stamps are rounded or jitter by less than half a frame, and
    at any other steady rate pictures are on average neither early nor late against the
    sound. An event that is on screen for 1/fps around the time x is in frame
    floor(fps x).

    Parameters
    ----------
    shown
        ``(start, duration, picture)``, times in seconds, in the order of starts.

    Raises
    ------
    JumpError
        When a start lies more than a minute after, or clearly before, the one before, or
        the last picture stays longer than a minute.
    """
    picture, origin, last, end = None, None, Fraction(0), Fraction(0)
    frame = 0
    for start, duration, following in shown:
        if origin is None:
            origin = start
        elif start - last > LONGEST_GAP or last - start > JITTER:
            raise JumpError(float(last), float(start))
        while _middle(frame, fps) < start - origin:
            yield picture
            frame += 1
        picture, last, end = following, start, start - origin + duration
    if end > last + LONGEST_GAP - (origin or 0):
        raise JumpError(float(last), float(end + origin))
    while origin is not None and _middle(frame, fps) < end:
        yield picture
        frame += 1


def _middle(frame: int, fps: int) -> Fraction:
    return Fraction(2 * frame + 1, 2 * fps)


def join(
    pieces: Iterable[tuple[Fraction | None, np.ndarray]], rate: int
) -> tuple[Fraction, np.ndarray]:
    """Put pieces of sound together by their time stamps.

    A gap becomes silence, an overlap is cut; deviations below :data:`JITTER` are rounding
    of the time stamps and are ignored, so that steady sound stays sample for sample.

    Parameters
    ----------
    pieces
        ``(start, samples)``: seconds (None: right after the piece before), float32 [n].
    rate
        Samples per second of all pieces.

    Returns
    -------
    The start of the first piece in seconds, and all samples, float32 [N].

    Raises
    ------
    JumpError
        When time stamps jump by more than a minute.
    """
    pieces = list(pieces)
    parts = list(joined(pieces, rate))
    origin = (pieces[0][0] if pieces else None) or Fraction(0)
    return origin, np.concatenate(parts) if parts else np.zeros(0, np.float32)


def joined(pieces: Iterable[tuple[Fraction | None, np.ndarray]], rate: int) -> Iterator[np.ndarray]:
    """The samples of :func:`join` piece by piece, as soon as each is known."""
    origin, filled = None, 0
    for start, piece in pieces:
        if origin is None:
            origin = start or Fraction(0)
        gap = 0 if start is None else round((start - origin) * rate) - filled
        if abs(gap) > LONGEST_GAP * rate:
            raise JumpError(float(origin) + filled / rate, float(start))
        if gap > JITTER * rate:
            yield np.zeros(gap, np.float32)
            filled += gap
        elif -gap > JITTER * rate:
            piece = piece[-gap:]
        yield piece
        filled += len(piece)


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Change the rate to 44,100 samples per second, band-limited and without delay.

    float32 [N] -> float32 [round(N * 44100 / rate)]. The soxr library's HQ setting: flat
    up to 0.9 of the lower of both band edges, aliases below -100 dB.
    """
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    return soxr.resample(samples, rate, SAMPLE_RATE, quality="HQ")


def shift(samples: np.ndarray, start: Fraction) -> np.ndarray:
    """Make sample 0 the time 0 of sound that starts at ``start`` s: pad with silence or cut."""
    offset = round(start * SAMPLE_RATE)
    if offset <= 0:
        return samples[-offset:]
    return np.concatenate([np.zeros(offset, np.float32), samples])


def fit(samples: np.ndarray, count: int) -> np.ndarray:
    """Cut, or pad with silence, to ``count`` samples."""
    if len(samples) >= count:
        return samples[:count]
    return np.concatenate([samples, np.zeros(count - len(samples), np.float32)])
