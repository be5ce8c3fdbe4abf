"""What is being said in every frame, by the truth of the synthetic talker."""

from collections.abc import Iterable

import numpy as np

from lipkit.config import FPS
from lipkit.talker.visemes import VISEMES, visemes_of

KINDS = tuple(VISEMES)
"""The viseme classes, in the order of the numbers that :func:`visemes_of_frames` gives."""


def visemes_of_frames(phonemes: Iterable[tuple[str, float, float]], frames: int) -> np.ndarray:
    """Index into :data:`KINDS` of the viseme heard in the middle of each frame, int64 ``[frames]``.

    ``phonemes`` are symbol, start and end in seconds, without pauses; for a glide, the first
    viseme counts.

    >>> visemes_of_frames([("_", 0.0, 0.08), ("m", 0.08, 0.16)], frames=4).shape
    (4,)
    """
    middles = (np.arange(frames) + 0.5) / FPS
    spoken = np.full(frames, KINDS.index("silence"))
    for symbol, start, end in phonemes:
        spoken[(start <= middles) & (middles < end)] = KINDS.index(visemes_of(symbol)[0])
    return spoken
