"""Clips of drawn people on whom no shipped network was trained."""

import os
from collections.abc import Sequence
from pathlib import Path

from lipkit.corpora.record import ClipRecord
from lipkit.talker.corpus import plan, write_clips

HELD_OUT_PEOPLE = (24, 25, 26)
"""In the training of no shipped network, be it a generator or the sync network."""


def held_out_clips(
    root: str | os.PathLike, people: Sequence[int] = HELD_OUT_PEOPLE, seed: int = 0
) -> list[ClipRecord]:
    """Write one clip of each of ``people`` under ``root``; return their records.

    All say different sentences. A clip takes some seconds.

    Parameters
    ----------
    root
        A folder; what is missing of it is made.
    people
        Indices from 0 on: person 24 is speaker ``s25``.
    seed
        Seeds features, sentences and motion.

    Raises
    ------
    LipkitError
        When nothing can be written there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (clip,) = held_out_clips(folder, people=[24])
    ...     clip.speaker, clip.video.is_file()
    ('s25', True)
    """
    planned = plan(root, max(people) + 1, len(people) + 1, seed)
    # The first sentences of a plan are common to all speakers.
    mine = [[job for job in planned if job.speaker == who] for who in people]
    jobs = [jobs[1 + i] for i, jobs in enumerate(mine)]
    write_clips(jobs)
    return [
        ClipRecord(
            clip_id=f"s{job.speaker + 1}/{job.name}",
            speaker=f"s{job.speaker + 1}",
            corpus="synthetic",
            video=Path(job.path("video")),
            sentence=job.name,
            truth=job.path("truth"),
        )
        for job in jobs
    ]
