"""The prepared clips that assignments share: synthetic, made once, kept in the lesson's cache."""

from lipkit.course import lesson
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.prepared import PreparedSet


def prepared_set(clips: int = 12, seed: int = 0) -> PreparedSet:
    """``clips`` prepared clips (at least 2), spread evenly over three synthetic people.

    Made on first use, a few seconds for a dozen; equal arguments give equal clips.
    """
    return lesson.prepared_set(lesson.LessonConfig(clips=clips, seed=seed))


def prepared_clips(clips: int = 12, seed: int = 0) -> list[PreparedClip]:
    """The clips of :func:`prepared_set`, read."""
    prepared = prepared_set(clips, seed)
    return [read_clip(prepared.folder / file) for file in prepared.clips().file]


def claim_set(clips: int = 24, seed: int = 0) -> PreparedSet:
    """As :func:`prepared_set`; of each person four clips, or half of them, are split ``val``."""
    config = lesson.LessonConfig(clips=clips, seed=seed)
    return lesson.prepared_set(config, held_out=min(4, clips // 6))
