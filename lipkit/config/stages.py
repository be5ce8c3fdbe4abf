"""The settings of an experiment: one frozen dataclass per stage."""

from dataclasses import dataclass, field
from typing import Literal

from lipkit.config.constants import WINDOW
from lipkit.settings import Settings, bounded


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
    sound_shift: int = bounded(
        0, low=-25, high=25, help="frames by which the sound comes later (the authors' GRID: 1)"
    )
    mel_axes: Literal["time_mel", "scrambled"] = field(
        default="time_mel", metadata={"help": "scrambled: the authors' (fact sheet 1.4)"}
    )
    rendered: int = bounded(
        0, low=0, help="frames of a window that are made and judged, in pairs; 0: all"
    )
    augment: bool = field(
        default=False, metadata={"help": "other voices, light and places in training"}
    )
    balance: float = bounded(
        1.0, low=0.0, high=1.0, help="a speaker's share grows as his windows to this power"
    )


@dataclass(frozen=True)
class GeneratorConfig(Settings):
    """Shape of the generator (fact sheet 2.2)."""

    architecture: Literal["glance", "warp", "vondrick", "chung", "landmarks"] = field(
        default="glance",
        metadata={
            "help": "glance: the paper's; warp: ours; vondrick, chung: baselines; landmarks: "
            "mouth points only, no pictures"
        },
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to the paper's")
    residual_blocks: int = bounded(9, low=0, high=64)
    temporal_kernel: Literal[1, 3] = field(
        default=1, metadata={"help": "frames seen by a residual kernel: (1,3,3) or (3,3,3)"}
    )
    sees_identity: bool = field(
        default=False, metadata={"help": "vondrick: not blind to the identity image (ours)"}
    )
    deblur: bool = field(
        default=False, metadata={"help": "chung: a deblurring network behind the generator"}
    )


@dataclass(frozen=True)
class CorrelationConfig(Settings):
    """The correlation networks and their loss (fact sheet section 3)."""

    weight: float = bounded(1.0, low=0.0, help="0 leaves the networks out")
    form: Literal["cosine", "pearson", "contrastive"] = field(
        default="contrastive", metadata={"help": "cosine: the authors', nearly blind"}
    )
    temperature: float = bounded(0.1, low=0.01, high=10.0, help="of the contrastive form")
    derivative: bool = field(
        default=True, metadata={"help": "false: features and frames instead of their changes"}
    )
    flow: Literal["lucas_kanade", "flownet"] = field(
        default="lucas_kanade", metadata={"help": "optical flow F; flownet learns along"}
    )
    flow_width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels of flownet")
    flow_steps: int = bounded(
        1000, low=0, help="steps in which flownet first learns Farneback's flow"
    )
    real_share: float = bounded(
        0.5, low=0.0, high=1.0, help="of the loss that is taken on real video"
    )
    learning_rate: float = bounded(1e-4, low=0.0, high=1.0)
    weight_decay: float = bounded(5e-4, low=0.0, high=1.0)


@dataclass(frozen=True)
class PerceptualConfig(Settings):
    """The perceptual encoder, trained as an auto-encoder of lips and then frozen (fact sheet 6)."""

    weight: float = bounded(1.0, low=0.0, help="lambda_2; 0 leaves the encoder out")
    dimensions: Literal[2, 3] = field(
        default=2, metadata={"help": "2: frame by frame; 3: over time too"}
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0)
    steps: int = bounded(2000, low=1, help="auto-encoder's training steps")
    batch_statistics: bool = field(
        default=False, metadata={"help": "true: batch norm never frozen (the authors')"}
    )


@dataclass(frozen=True)
class AdversarialConfig(Settings):
    """The discriminator and its part of the objective (fact sheet 5)."""

    weight: float = bounded(1.0, low=0.0, help="lambda_3; 0 leaves the discriminator out")
    streams: Literal["three", "two", "frame_difference"] = field(
        default="three", metadata={"help": "third stream: optical flow, none, or differences"}
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0)
    generated: float = bounded(0.5, low=0.0, help="lambda_p, of generated video")
    mismatched: float = bounded(0.5, low=0.0, help="lambda_u, of real video with other sound")


@dataclass(frozen=True)
class LossConfig(Settings):
    """The objective: l_corr + lambda_1 l_pix + lambda_2 l_perc + lambda_3 l_gen (poster)."""

    corr: CorrelationConfig = field(default_factory=CorrelationConfig)
    pix: float = bounded(0.5, low=0.0, help="lambda_1; the released code has 0.2")
    perc: PerceptualConfig = field(default_factory=PerceptualConfig)
    gen: AdversarialConfig = field(default_factory=AdversarialConfig)
    mouth: float = bounded(0.0, low=0.0, help="pixel loss weighted towards the mouth (ours)")
    warped: float = bounded(0.0, low=0.0, help="mouth loss of the picture before painting (ours)")
    ssim: float = bounded(0.0, low=0.0, help="1 - SSIM (ours)")
    sharpness: float = bounded(0.0, low=0.0, help="edge strength of patches (ours)")
    motion: float = bounded(0.0, low=0.0, help="change from frame to frame (ours)")
    points: float = bounded(0.0, low=0.0, help="the generator's mouth points (ours)")
    patch: float = bounded(0.0, low=0.0, help="the patch discriminator (ours)")
    patch_from: float = bounded(
        0.0, low=0.0, high=1.0, help="share of the steps after which it comes in"
    )


@dataclass(frozen=True)
class TrainConfig(Settings):
    """How the generator is trained (fact sheet section 7)."""

    train_split: str = field(default="train", metadata={"help": "split of the training windows"})
    val_split: str | None = field(
        default=None,
        metadata={"help": "split of the validation; none: train_split's name with val for train"},
    )
    batch_size: int = bounded(24, low=1, help="windows a step, of all processes together")
    learning_rate: float = bounded(2e-4, low=0.0, high=1.0)
    discriminator_rate: float | None = bounded(
        None, low=0.0, high=1.0, help="the discriminator's; none: learning_rate"
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
    guided: float = bounded(
        0.0, low=0.0, high=1.0, help="share of windows that are rendered from the true points"
    )
    steps: int = bounded(100_000, low=1, help="optimiser steps; training ends there")
    minutes: float | None = bounded(None, low=0.0, help="wall-clock budget, or none")
    checkpoint_steps: int = bounded(500, low=1, help="steps between checkpoints")
    sample_steps: int = bounded(500, low=1, help="steps between sample strips")
    seed: int = bounded(0, low=0)
    workers: int = bounded(1, low=0, help="loader processes")
    tensorboard: bool = field(default=False, metadata={"help": "also log for TensorBoard"})
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bf16"] = field(
        default="auto",
        metadata={"help": "of the networks; losses are float32. auto: bf16 on CUDA"},
    )
    channels_last: Literal["auto", "on", "off"] = field(
        default="auto", metadata={"help": "layout of convolutions. auto: on, on CUDA"}
    )
    compile: Literal["auto", "on", "off"] = field(
        default="auto", metadata={"help": "torch.compile. auto: on, on CUDA"}
    )


@dataclass(frozen=True)
class Preset(Settings):
    """All stages of one experiment."""

    name: str
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    data: DataConfig = field(default_factory=DataConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
