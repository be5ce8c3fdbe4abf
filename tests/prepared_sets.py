"""Small prepared sets of made-up numbers, for tests that need the files but no faces."""

import json
from pathlib import Path

import numpy as np

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import FORMAT, PreparedClip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest
from lipkit.data.prepared import DESCRIPTION
from lipkit.settings import to_dict

STATISTICS = {"logmel_mean": -40.0, "logmel_std": 20.0}


def noise_clip(frames: int, seed: int = 0) -> PreparedClip:
    """A clip of random numbers."""
    rng = np.random.default_rng(seed)
    return PreparedClip(
        lips=rng.integers(0, 256, (frames, 64, 64, 3), dtype=np.uint8),
        logmel=rng.normal(-40, 20, (4 * frames, 128)).astype(np.float16),
        landmarks=rng.normal(100, 30, (frames, 68, 2)).astype(np.float32),
        box=rng.normal(60, 5, (frames, 3)).astype(np.float32),
        meta={"source": "s1/größe und mehr.mpg"},
    )


def numbered_clip(frames: int, clip: int) -> PreparedClip:
    """A clip that can be read off: pixels tell the frame, log-mel the clip and the column."""
    made = noise_clip(frames)
    made.lips[:] = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    made.lips[..., 2] = clip
    made.logmel[:] = np.arange(4 * frames, dtype=np.float16)[:, None]
    made.logmel[:, 1:] = clip
    return made


def write_set(
    folder: Path, frames: list[int], sentences: list[str] | None = None, split: str = "train"
) -> Path:
    """A prepared set of ``numbered_clip(frames[i], i)`` called ``s1/c<i>``."""
    rows = []
    for i, length in enumerate(frames):
        sentence = sentences[i] if sentences else f"sentence{i}"
        record = ClipRecord(
            f"s1/c{i:03d}", "s1", "grid", Path(f"c{i}.mpg"), sentence=sentence, split=split
        )
        write_clip(folder / clip_file(record), numbered_clip(length, i))
        rows.append((record, Outcome(frames=length)))
    write_manifest(folder / MANIFEST, rows)
    write_description(folder)
    return folder


def write_description(folder: Path) -> None:
    """What a prepared set says of itself: GRID, prepared as the paper's preset does."""
    description = {
        "format": FORMAT,
        "corpus": "grid",
        "settings": to_dict(PrepareConfig()),
        "statistics": STATISTICS,
    }
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
