"""Prepared sets whose lips follow their sound by a known delay, made of numbers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from prepared_sets import write_description

from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import PreparedClip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest


def correlated_clip(
    seed: int, frames: int = 75, delay: int = 0, noise: float = 0.3
) -> PreparedClip:
    """Sound level and mouth opening of one random course, the opening ``delay`` frames later.

    The picture is a texture that moves up and down with the opening.
    """
    rng = np.random.default_rng(seed)
    course = np.convolve(rng.normal(size=frames + 64), [0.5, 1, 0.5], mode="same")
    sound, lips = course[32:][:frames], course[32 - delay :][:frames]
    lips = lips + noise * rng.normal(size=frames)
    logmel = -40 + 5 * np.repeat(sound, 4)[:, None] + rng.normal(size=(4 * frames, 128))
    landmarks = np.zeros((frames, 68, 2), np.float32)
    landmarks[:, 66, 1] = 12 + lips
    texture = np.kron(rng.integers(0, 256, (24, 16, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    rows = np.clip(np.round(16 + 2 * lips), 0, 32).astype(int)
    return PreparedClip(
        lips=np.stack([texture[row : row + 64] for row in rows]),
        logmel=logmel.astype(np.float16),
        landmarks=landmarks,
        box=np.full((frames, 3), 64, np.float32),
    )


def write_clips(folder: Path, clips: Mapping[str, PreparedClip | str]) -> Path:
    """A prepared set of ``speaker/name`` -> a clip, or the reason why there is none."""
    rows = []
    for clip_id, clip in sorted(clips.items()):
        speaker, name = clip_id.split("/")
        split = "test" if name.startswith("t") else "train"
        record = ClipRecord(clip_id, speaker, "grid", Path(name), sentence=name, split=split)
        if isinstance(clip, str):
            rows.append((record, Outcome(reason=clip)))
        else:
            write_clip(folder / clip_file(record), clip)
            rows.append((record, Outcome(frames=clip.frames)))
    write_manifest(folder / MANIFEST, rows)
    write_description(folder)
    return folder
