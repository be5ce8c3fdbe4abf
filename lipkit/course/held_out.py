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
