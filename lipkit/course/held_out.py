"""Clips of drawn people on whom the shipped sync network was not trained."""

import os
from collections.abc import Sequence
from pathlib import Path

from lipkit.corpora.record import ClipRecord
from lipkit.talker.corpus import plan, write_clips

HELD_OUT_PEOPLE = (11, 12, 13)
"""Not among the synthetic speakers of the sync network's training."""


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
