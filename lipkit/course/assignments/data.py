"""The prepared clips that assignments share: synthetic, made once, kept in the lesson's cache."""

from lipkit import provenance
from lipkit.course import lesson
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.drawn import write_set
from lipkit.data.prepared import PreparedSet
from lipkit.talker.takes import Manners, Take, grid_lines, plan


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


def drawn_takes(people: int, clips: int, seed: int = 0) -> list[Take]:
    """``clips`` takes of each of ``people`` of the whole crowd; another seed has other people.

    They say sentences of GRID's grammar in a quiet studio.
    """
    return plan(people, clips, seed, grid_lines(seed), manners=Manners("clean", "clean"))


def drawn_set(people: int, clips: int, seed: int = 0) -> PreparedSet:
    """The clips of :func:`drawn_takes`, drawn straight into a prepared set.

    On first use, in about 1 s per person and 0.3 s per clip; equal arguments give equal clips.
    """
    code = provenance.made_by("lipkit.data.drawn")[:8]
    folder = lesson.cache_folder() / f"drawn-{code}-{people}x{clips}-seed{seed}"
    with lesson.kept(folder):
        write_set(folder, drawn_takes(people, clips, seed), workers=1, progress=False)
    return PreparedSet.open(folder)
