"""Named settings: the paper's, its released code's, small ones, ours, and the baselines'."""

from lipkit.config import DataConfig, PrepareConfig, TrainConfig
from lipkit.losses import (
    AdversarialConfig,
    CorrelationConfig,
    LossConfig,
    PerceptualConfig,
    PixelConfig,
)
from lipkit.losses.loss import LossSettings
from lipkit.losses.patch import PatchConfig
from lipkit.models.chung import ChungConfig
from lipkit.models.generator import GeneratorConfig
from lipkit.models.landmark_regression import LandmarkConfig
from lipkit.models.video_flow import FlowConfig
from lipkit.models.vondrick import VondrickConfig
from lipkit.models.warp_generator import WarpConfig
from lipkit.presets.preset import Preset, only

PAPER = Preset(name="paper", generator=GeneratorConfig(temporal_kernel=3))
"""What paper and poster say, the faults of the released code mended (fact sheet 12)."""

RELEASED = Preset(
    name="released",
    prepare=PrepareConfig(crop="per_frame", detect_every_frame=True),
    data=DataConfig(identity="any", sound_shift=1, mel_axes="scrambled"),
    generator=GeneratorConfig(temporal_kernel=1),
    flow=FlowConfig(kind="flownet"),
    loss=LossConfig(
        corr=CorrelationConfig(form="cosine"),
        pix=PixelConfig(weight=0.2),
        perc=PerceptualConfig(batch_statistics=True),
        gen=AdversarialConfig(streams="two"),
    ),
)
"""What the released full trainer does: each setting that differs from ``paper`` is one fault."""

TINY = Preset(
    name="tiny",
    generator=GeneratorConfig(width=0.125, residual_blocks=3),
    loss=LossConfig(
        # In a few hundred steps the picture must come first: with these weights each other
        # loss has about a tenth of the pixel loss's gradient. By the paper's lambdas they have
        # ten times as much and more.
        pix=PixelConfig(weight=1.0),
        corr=CorrelationConfig(weight=0.003, learning_rate=1e-3, weight_decay=0.0),
        perc=PerceptualConfig(weight=0.001, width=1 / 16, steps=60),
        gen=AdversarialConfig(weight=0.003, width=1 / 16),
    ),
    train=TrainConfig(
        # Few, small, large steps: about four minutes on two CPU cores.
        batch_size=4,
        learning_rate=1e-3,
        discriminator_rate=2e-4,
        steps=1000,
        checkpoint_steps=100,
        sample_steps=100,
        workers=0,
    ),
)
"""All four losses at widths that a laptop trains in minutes."""

PLUS = Preset(
    name="plus",
    data=DataConfig(window=64, identity="any", rendered=6, augment=True, balance=0.7),
    generator=WarpConfig(),
    loss=only(
        mouth=LossSettings(weight=2.0),
        warped=LossSettings(weight=0.5),
        ssim=LossSettings(weight=0.5),
        sharpness=LossSettings(weight=8.0),
        motion=LossSettings(weight=0.5),
        points=LossSettings(weight=0.25),
        patch=PatchConfig(weight=1.8, start=0.5),
    ),
    train=TrainConfig(
        batch_size=8,
        learning_rate=1e-3,
        beta1=0.9,
        beta2=0.99,
        ema=0.998,
        weight_decay=0.02,
        clip=1.0,
        warmup_steps=100,
        cool=0.4,
        steps=6000,
        checkpoint_steps=200,
        guided=0.5,
    ),
)
"""Ours, and the best: it moves the identity's pixels as the predicted mouth points say."""

VONDRICK = Preset(
    name="vondrick",
    generator=VondrickConfig(),
    loss=only(gen=AdversarialConfig(streams="two")),
)
"""Baseline: the conditional two-stream adversarial loss alone (fact sheet 9.1)."""

CHUNG = Preset(
    name="chung",
    generator=ChungConfig(),
    loss=only(pix=PixelConfig(weight=1.0)),
)
"""Baseline: the pixel loss alone (fact sheet 9.1)."""

LANDMARKS = Preset(
    name="landmarks",
    data=DataConfig(identity="any"),
    generator=LandmarkConfig(),
    loss=only(points=LossSettings(weight=1.0)),
    train=TrainConfig(
        batch_size=64,
        learning_rate=1e-3,
        beta1=0.9,
        beta2=0.99,
        ema=0.998,
        weight_decay=0.05,
        clip=1.0,
        warmup_steps=50,
        cool=0.5,
        steps=2000,
    ),
)
"""Baseline that draws nothing: sound and one frame's mouth points -> mouth points."""

PRESETS: dict[str, Preset] = {
    made.name: made for made in (PAPER, RELEASED, TINY, PLUS, VONDRICK, CHUNG, LANDMARKS)
}
