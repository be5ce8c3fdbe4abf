"""The prepared clips that assignments share: synthetic, made once, kept in the lesson's cache."""

from lipkit.course import lesson
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.prepared import PreparedSet


def prepared_set(clips: int = 12, seed: int = 0, held_out: int = 0) -> PreparedSet:
    """``clips`` prepared clips (at least 2), spread evenly over three synthetic people.

    Made on first use, a few seconds for a dozen, and kept; equal arguments give equal clips.
    With ``held_out`` the set has the splits ``train`` and ``val``, as in
    :func:`lipkit.course.lesson.prepared_set`; without, none.

    Raises
    ------
    LipkitError
        When the folder in which they are kept cannot be written.

    >>> prepared = prepared_set(clips=2)
    >>> prepared.corpus, len(prepared.clips())
    ('synthetic', 2)
    """
    return lesson.prepared_set(lesson.LessonConfig(clips=clips, seed=seed), held_out)


def prepared_clips(clips: int = 12, seed: int = 0) -> list[PreparedClip]:
    """The clips of :func:`prepared_set`, read.

    >>> clip, other = prepared_clips(clips=2)
    >>> clip.lips.shape, clip.logmel.shape
    ((75, 64, 64, 3), (300, 128))
    """
    prepared = prepared_set(clips, seed)
    return [read_clip(prepared.folder / file) for file in prepared.clips().file]


def claim_set(clips: int = 24, seed: int = 0) -> PreparedSet:
    """As :func:`prepared_set`; of each person four clips, or half of them, are split ``val``."""
    config = lesson.LessonConfig(clips=clips, seed=seed)
    return lesson.prepared_set(config, held_out=min(4, clips // 6))
