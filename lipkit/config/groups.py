"""The settings of preparing, of drawing windows and of training: one frozen dataclass each."""

from dataclasses import dataclass, field
from typing import Literal

from lipkit.config.constants import WINDOW
from lipkit.settings import Settings, bounded


@dataclass(frozen=True)
class PrepareConfig(Settings):
    """How a raw clip becomes a prepared clip.

    >>> PrepareConfig(crop="per_frame").crop_scale
    1.3
    """

    crop: Literal["stable", "per_frame"] = field(
        default="stable",
        metadata={"help": "stable: one size per clip; per_frame: the authors' crop"},
    )
    crop_scale: float = bounded(
        1.3, low=1.0, high=4.0, help="side of the square, relative to the mouth's longer side"
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
    """How windows are drawn from a prepared set.

    >>> DataConfig(window=16, stride=4).identity
    'outside'
    """

    window: int = bounded(WINDOW, low=1, help="frames per window")
    stride: int = bounded(8, low=1, help="frames between window starts (fact sheet 1.2)")
    identity: Literal["outside", "any"] = field(
        default="outside",
        metadata={"help": "identity frame: outside the window, or any frame (the authors')"},
    )
    sound_shift: int = bounded(
        0, low=-25, high=25, help="frames by which the sound comes later (the authors' GRID: 1)"
    )
    mel_axes: Literal["time_mel", "scrambled"] = field(
        default="time_mel", metadata={"help": "scrambled: the authors' (fact sheet 1.4)"}
    )
    level: Literal["set", "recording"] = field(
        default="set",
        metadata={
            "help": "what sound is heard relative to: the set's mean, or, band by band, the level "
            "of each recording's own speech"
        },
    )
    rendered: int = bounded(
        0, low=0, help="frames of a window that are made and judged, in pairs; 0: all"
    )
    augment: bool = field(
        default=False, metadata={"help": "other voices, light and places in training"}
    )
    balance: float = bounded(
        1.0,
        low=0.0,
        high=1.0,
        help="a speaker's share grows as the number of windows to this power",
    )


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How the generator is trained (fact sheet section 7)."""

    train_split: str = field(default="train", metadata={"help": "split of the training windows"})
    val_split: str | None = field(
        default=None,
        metadata={"help": "split of the validation; none: train_split's name with val for train"},
    )
    start: str | None = field(
        default=None,
        metadata={"help": "weights the generator begins with, by file or shipped name; none: new"},
    )
    batch_size: int = bounded(24, low=1, help="windows per step, all processes together")
    learning_rate: float = bounded(2e-4, low=0.0, high=1.0)
    discriminator_rate: float | None = bounded(
        None, low=0.0, high=1.0, help="the discriminator's rate; none: learning_rate"
    )
    beta1: float = bounded(0.5, low=0.0, high=0.9999)
    beta2: float = bounded(0.999, low=0.0, high=0.999999)
    ema: float = bounded(
        0.0, low=0.0, high=0.99999, help="decay of the generator's moving average; 0: none"
    )
    weight_decay: float = bounded(0.0, low=0.0, high=1.0, help="the generator's, decoupled (AdamW)")
    clip: float = bounded(0.0, low=0.0, help="largest norm of the generator's gradient; 0: any")
    warmup_steps: int = bounded(0, low=0, help="steps in which the learning rates grow")
    cool: float = bounded(
        0.0, low=0.0, high=1.0, help="last share of the steps, in which the rates fall to 0"
    )
    norm_steps: int | None = bounded(
        None,
        low=0,
        help="steps in which the generator's batch norm learns its statistics, kept from then "
        "on; none: all. Those of train.start's weights count. A batch of a few windows hides how "
        "bright each of them is",
    )
    guided: float = bounded(
        0.0, low=0.0, high=1.0, help="share of windows that are rendered from the true points"
    )
    steps: int = bounded(100_000, low=1, help="optimiser steps; training ends there")
    minutes: float | None = bounded(None, low=0.0, help="wall-clock budget, or none")
    checkpoint_steps: int = bounded(500, low=1, help="steps between checkpoints")
    sample_steps: int = bounded(500, low=1, help="steps between sample strips")
    keep_steps: int = bounded(0, low=0, help="steps between weights that are kept; 0: the last")
    seed: int = bounded(0, low=0)
    workers: int = bounded(1, low=0, help="loader processes")
    tensorboard: bool = field(default=False, metadata={"help": "also log for TensorBoard"})
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bf16"] = field(
        default="auto",
        metadata={
            "help": "of the networks; losses are float32. auto: bf16 on CUDA, float32 on a CPU, "
            "where bf16 is 1.4 to 1.8 times as fast if it has AVX-512 BF16"
        },
    )
    channels_last: Literal["auto", "on", "off"] = field(
        default="auto", metadata={"help": "layout of convolutions. auto: on, on CUDA"}
    )
    compile: Literal["auto", "on", "off"] = field(
        default="auto", metadata={"help": "torch.compile. auto: on, on CUDA"}
    )
