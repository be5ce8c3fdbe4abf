"""Prepared sets whose dark mouth opens with the loudness, and settings that train in a moment."""

import json
from pathlib import Path

import numpy as np

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import FORMAT, PreparedClip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest
from lipkit.data.prepared import DESCRIPTION
from lipkit.presets import Preset, preset
from lipkit.settings import to_dict

PIXEL_ONLY = {
    "generator.width": 1 / 32,
    "generator.residual_blocks": 1,
    "data.window": 4,
    "data.stride": 4,
    "loss.corr.weight": 0,
    "loss.perc.weight": 0,
    "loss.gen.weight": 0,
    "train.batch_size": 2,
    "train.steps": 6,
    "train.checkpoint_steps": 3,
    "train.sample_steps": 100,
    "train.workers": 0,
}
"""The pixel loss alone, on short windows."""

ALL_LOSSES = {
    "generator.width": 1 / 32,
    "generator.residual_blocks": 1,
    "data.stride": 2,
    "loss.perc.width": 1 / 32,
    "loss.perc.steps": 2,
    "loss.gen.width": 1 / 32,
    "train.batch_size": 2,
    "train.steps": 5,
    "train.checkpoint_steps": 2,
    "train.sample_steps": 100,
    "train.workers": 0,
    "train.ema": 0.9,
}
"""Every network and the moving average, as narrow as they go."""


TWO_STEPS = ALL_LOSSES | {
    "train.batch_size": 4,
    "train.steps": 2,
    # Adam's first step has the size of the rate whatever the gradient's: where a gradient is
    # nothing but rounding, two honest runs part by the rate.
    "train.learning_rate": 1e-5,
    "train.discriminator_rate": 1e-5,
    "loss.corr.learning_rate": 1e-5,
    "train.device": "cpu",
}
"""For runs that are compared though their sums are taken in another order."""


def settings(base: dict, **changes) -> Preset:
    """The preset ``tiny`` with ``base`` and ``train__steps=3``-style changes."""
    names = {key.replace("__", "."): value for key, value in changes.items()}
    return preset("tiny", base | names)


def loud_mouth(seed: int, frames: int = 12) -> PreparedClip:
    """A clip whose mouth, a dark bar, opens with the loudness."""
    rng = np.random.default_rng(seed)
    loudness = rng.uniform(0, 1, frames)
    lips = np.full((frames, 64, 64, 3), 200, np.uint8)
    for frame, height in zip(lips, np.round(2 + 20 * loudness).astype(int), strict=True):
        frame[32 - height // 2 : 32 + height // 2, 12:52] = 40
    logmel = np.repeat(-80 + 60 * loudness, 4)[:, None] + np.zeros(128)
    return PreparedClip(
        lips=lips,
        logmel=logmel.astype(np.float16),
        landmarks=np.zeros((frames, 68, 2), np.float32),
        box=np.ones((frames, 3), np.float32),
    )


def make_set(
    folder: Path,
    splits: dict[str, int],
    crop: str = "stable",
    frames: int = 12,
    speakers: int = 1,
    **description,
) -> Path:
    """A prepared set of so many clips per split; ``description`` overrides prepare.json's."""
    rows = []
    for split, clips in splits.items():
        for i in range(clips):
            who = f"s{1 + i % speakers}"
            name = f"{who}/{split}{i}"
            record = ClipRecord(name, who, "grid", Path("x.mpg"), sentence=name, split=split)
            write_clip(folder / clip_file(record), loud_mouth(len(rows), frames))
            rows.append((record, Outcome(frames=frames)))
    write_manifest(folder / MANIFEST, rows)
    description = {
        "format": FORMAT,
        "corpus": "grid",
        "settings": to_dict(PrepareConfig(crop=crop)),
        "statistics": {"logmel_mean": -50.0, "logmel_std": 20.0},
    } | description
    (folder / DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")
    return folder
