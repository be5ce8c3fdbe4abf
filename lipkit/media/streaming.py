"""Sound of any length in constant memory."""

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import numpy as np
import soxr

from lipkit.config import SAMPLE_RATE
from lipkit.media.container import Source
from lipkit.media.limits import DEFAULT, Limits
from lipkit.media.sound import Hearing, Sound, listen
from lipkit.media.timeline import JumpError, joined


def iter_audio(
    path: str | os.PathLike,
    *,
    hearing: Hearing | None = None,
    notes: list[str] | None = None,
    keep_damaged: bool = False,
    limits: Limits = DEFAULT,
) -> Iterator[np.ndarray]:
    """Yield the samples of :func:`~lipkit.media.reading.read_audio` piece by piece.

    Parameters
    ----------
    path, keep_damaged, limits
        As there.
    hearing
        Which track and how its channels are mixed; by default what
        :func:`~lipkit.media.sound.listen` chooses, in a pass of its own before the first piece.
    notes
        Takes, once the sound has ended, what a listener should know of it.

    Yields
    ------
    float32 [n] in [-1, 1], 44,100 per second; the pieces follow each other without a gap.

    Raises
    ------
    LipkitError
        As ``read_audio``; damage other than a missing end is raised after the sound.
    """
    hearing = hearing or listen(path, keep_damaged=keep_damaged, limits=limits)
    with Source(
        path, audio_track=hearing.track, keep_damaged=keep_damaged, limits=limits
    ) as source:
        source.require(audio=True)
        sound = Sound(source, hearing.weights)
        pieces = _pieces(source, sound)
        first = next(pieces, None)
        if first is None:
            raise sound.missing()
        start = first[0] or Fraction(0)
        offset = 0 if source.origin is None else round((start - source.origin) * SAMPLE_RATE)
        if offset > 0:
            yield np.zeros(offset, np.float32)
        early = max(-offset, 0)
        try:
            for samples in _resampled(joined(chain([first], pieces), sound.rate), sound.rate):
                kept = samples[early:]
                early -= len(samples) - len(kept)
                if len(kept):
                    yield np.clip(kept, -1.0, 1.0)
        except JumpError as error:
            raise sound.jumping(error) from None
        source.check()
        if notes is not None and source.note:
            notes.append(source.note)


def _pieces(source: Source, sound: Sound) -> Iterator[tuple[Fraction | None, np.ndarray]]:
    """Pieces of sound, held back until the first picture tells where time begins."""
    for frame in source.decode(pictures=False):
        sound.add(frame)
        if source.video is None or source.origin is not None:
            yield from sound.take()
    yield from sound.take()


def _resampled(pieces: Iterator[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    if rate == SAMPLE_RATE:
        yield from pieces
        return
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")
    for piece in pieces:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)
