"""What every corpus gives of a clip."""

from dataclasses import dataclass
from pathlib import Path

UNKNOWN_SPEAKER = "unknown"
"""The speaker of a corpus that does not say who speaks (LRW)."""


@dataclass(frozen=True)
class Word:
    """One word of a transcript with its times."""

    text: str
    start: float
    """Seconds from the start of the video."""
    end: float


@dataclass(frozen=True)
class ClipRecord:
    """One raw clip: where its files lie, who speaks, what is said.

    ``clip_id`` is unique in the corpus and has the form ``speaker/name``; it is also the
    path of the prepared file below ``clips/``.
    """

    clip_id: str
    speaker: str
    corpus: str
    video: Path
    audio: Path | None = None
    """A separate sound file, or None when the sound is in the video."""
    transcript: str | None = None
    words: tuple[Word, ...] = ()
    sentence: str | None = None
    """What identifies the sentence across speakers (for leakage tests), e.g. ``bbaf2n``."""
    split: str | None = None
    truth: Path | None = None
    """Exact landmarks and phonemes, for the synthetic corpus only."""
    note: str = ""
    """A fault found while listing, such as a broken alignment file."""
