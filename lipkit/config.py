"""Constants of time, one frozen dataclass per stage, named presets."""

from dataclasses import dataclass, field
from typing import Any, Literal

from lipkit.errors import UsageError
from lipkit.settings import Settings, bounded, did_you_mean, override

FPS = 25
"""Video frames a second; every input is converted to it by time stamp."""
SAMPLE_RATE = 44_100
"""Audio samples a second (fact sheet 1.4)."""
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
"""1,764 samples of audio belong to one frame."""
COLUMNS_PER_FRAME = 4
"""Log-mel columns a frame, 10 ms apart."""
MEL_BANDS = 128
MEL_FMAX = 16_000
"""Hz; upper edge of the highest mel band (fact sheet 1.4)."""
N_FFT = 1024
HOP = SAMPLES_PER_FRAME // COLUMNS_PER_FRAME
"""441 samples between log-mel columns. The authors' 512 does not divide a frame."""
WINDOW = 16
"""Frames a window: 0.64 s (fact sheet 1.2)."""
LIP_SIZE = 64
"""Height and width of a lip image, pixels."""


@dataclass(frozen=True)
class PrepareConfig(Settings):
    """How a raw clip becomes a prepared clip."""

    crop: Literal["stable", "per_frame"] = field(
        default="stable",
        metadata={"help": "stable: one size a clip; per_frame: the authors' crop"},
    )
    crop_scale: float = bounded(
        1.3, low=1.0, high=4.0, help="side of the square over the mouth's longer side"
    )
    smooth_frames: float = bounded(
        1.0, low=0.0, high=25.0, help="standard deviation, frames, of the crop centre's smoothing"
    )
    detect_every_frame: bool = field(
        default=False, metadata={"help": "detect in every frame, as the authors did (slow)"}
    )
    min_frames: int = bounded(WINDOW, low=1, help="a shorter clip is recorded as unusable")


@dataclass(frozen=True)
class DataConfig(Settings):
    """How windows are drawn from a prepared set."""

    window: int = bounded(WINDOW, low=1, help="frames a window")
    stride: int = bounded(8, low=1, help="frames between window starts (fact sheet 1.2)")
    identity: Literal["outside", "any"] = field(
        default="outside",
        metadata={"help": "identity frame: outside the window, or any frame (the authors')"},
    )


@dataclass(frozen=True)
class GeneratorConfig(Settings):
    """Shape of the generator (fact sheet 2.2)."""

    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to the paper's")
    residual_blocks: int = bounded(9, low=0, high=64)
    temporal_kernel: Literal[1, 3] = field(
        default=1, metadata={"help": "frames seen by a residual kernel: (1,3,3) or (3,3,3)"}
    )


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How the generator is trained (fact sheet section 7)."""

    train_split: str = field(default="train", metadata={"help": "split of the training windows"})
    val_split: str | None = field(
        default=None,
        metadata={"help": "split of the validation; none: train_split's name with val for train"},
    )
    batch_size: int = bounded(24, low=1)
    learning_rate: float = bounded(2e-4, low=0.0, high=1.0)
    beta1: float = bounded(0.5, low=0.0, high=0.9999)
    beta2: float = bounded(0.999, low=0.0, high=0.999999)
    steps: int = bounded(100_000, low=1, help="optimiser steps; training ends there")
    minutes: float | None = bounded(None, low=0.0, help="wall-clock budget, or none")
    checkpoint_steps: int = bounded(500, low=1, help="steps between checkpoints")
    sample_steps: int = bounded(500, low=1, help="steps between sample strips")
    seed: int = bounded(0, low=0)
    workers: int = bounded(1, low=0, help="loader processes")


@dataclass(frozen=True)
class Preset(Settings):
    """All stages of one experiment."""

    name: str
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    data: DataConfig = field(default_factory=DataConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


PRESETS: dict[str, Preset] = {
    "paper": Preset(name="paper"),
    "tiny": Preset(
        name="tiny",
        generator=GeneratorConfig(width=0.125, residual_blocks=3),
        train=TrainConfig(
            # Few, small, large steps: about three minutes on two CPU cores.
            batch_size=4,
            learning_rate=1e-3,
            steps=1000,
            checkpoint_steps=100,
            sample_steps=100,
            workers=0,
        ),
    ),
}


def preset(name: str, overrides: dict[str, Any] | None = None) -> Preset:
    """Return the preset ``name`` with ``{"train.batch_size": 8}``-style overrides.

    Raises
    ------
    UsageError
        For an unknown preset or setting (with the nearest known name) or an unfit value.
    """
    if name not in PRESETS:
        raise UsageError(f"preset {name!r} is unknown; {did_you_mean(name, PRESETS)}")
    result = PRESETS[name]
    for key, value in (overrides or {}).items():
        result = override(result, key.split("."), value, key)
    return result
