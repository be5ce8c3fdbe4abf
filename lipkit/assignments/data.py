"""The prepared clips that assignments share: synthetic, made once, kept in the lesson's cache."""

import math
from pathlib import Path

from filelock import FileLock

import lipkit
from lipkit import lesson
from lipkit.clips import PreparedClip, read_clip
from lipkit.prepare import prepare
from lipkit.prepared import PreparedSet
from lipkit.provenance import digest

MAKERS = ("audio", "clips", "landmarks", "lips", "prepare", "tracking")
"""Modules whose change makes other clips of the same recordings."""


def prepared_set(clips: int = 12, seed: int = 0) -> PreparedSet:
    """``clips`` prepared clips (2 at least), evenly spread over three synthetic people.

    Made on first use, some seconds for a dozen; equal arguments give equal clips.
    """
    options = lesson.LessonConfig(clips=clips, seed=seed)
    each = max(lesson.SYNTHETIC_CLIPS, math.ceil(clips / lesson.SYNTHETIC_SPEAKERS))
    corpus = lesson.synthetic_corpus(seed, each)
    records = lesson.open_corpus(options)
    chosen = records[:: max(1, len(records) // clips)][:clips]
    folder = corpus.with_name(f"{corpus.name}-prepared-{_mark()}-{clips}")
    with FileLock(f"{folder}.lock"):
        prepare(chosen, folder, options.stages.prepare, workers=0, progress=False)
    return PreparedSet.open(folder)


def prepared_clips(clips: int = 12, seed: int = 0) -> list[PreparedClip]:
    """The clips of :func:`prepared_set`, read."""
    prepared = prepared_set(clips, seed)
    return [read_clip(prepared.folder / file) for file in prepared.clips().file]


def _mark() -> str:
    folder = Path(lipkit.__file__).parent
    return digest(*((folder / f"{name}.py").read_text(encoding="utf-8") for name in MAKERS))[:8]
