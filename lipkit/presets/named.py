"""Named settings: the paper's, mended, its released code's, small ones, ours, the baselines'."""

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

PAPER = Preset(
    name="paper",
    data=DataConfig(identity="any"),
    flow=FlowConfig(kind="flownet"),
    loss=LossConfig(corr=CorrelationConfig(form="cosine")),
)
"""The losses that poster and paper print, in the released layout; nothing of ours.

The clips it trains on are prepared as for all others: in step with their sound, with one crop
size per clip. What the released preparation did is in ``released``.
"""

MENDED = Preset(name="mended", generator=GeneratorConfig(temporal_kernel=3))
"""``paper`` with its weak points mended, one setting each (:mod:`lipkit.presets.compared`)."""

RELEASED = Preset(
    name="released",
    prepare=PrepareConfig(crop="per_frame", detect_every_frame=True),
    data=DataConfig(identity="any", sound_shift=1, mel_axes="scrambled"),
    flow=FlowConfig(kind="flownet"),
    loss=LossConfig(
        corr=CorrelationConfig(form="cosine"),
        pix=PixelConfig(weight=0.2),
        perc=PerceptualConfig(batch_statistics=True),
        gen=AdversarialConfig(streams="two"),
    ),
)
"""What the released full trainer does: each setting that differs from ``paper`` is one fault."""

# In a few thousand steps the picture must come first: with these weights each other loss has
# about a tenth of the pixel loss's gradient. By the paper's lambdas they have ten to hundreds
# of times as much, and the picture is lost in tiles before it is learnt.
_PIXELS_FIRST = PixelConfig(weight=1.0)

PAPER_FEW_STEPS = Preset(
    name="paper_few_steps",
    data=DataConfig(identity="any", augment=True),
    generator=GeneratorConfig(width=0.25),
    flow=FlowConfig(kind="flownet", width=0.125, steps=200, learning_rate=5e-4),
    loss=LossConfig(
        pix=_PIXELS_FIRST,
        corr=CorrelationConfig(weight=0.003, form="cosine", learning_rate=5e-4),
        perc=PerceptualConfig(weight=0.001, width=0.125, steps=300),
        # A discriminator that wins pulls harder: here 0.0002 is a third of the pixels' gradient.
        gen=AdversarialConfig(weight=0.0002, width=0.125),
    ),
    train=TrainConfig(
        batch_size=4,
        learning_rate=1e-3,
        discriminator_rate=2e-4,
        ema=0.998,
        clip=1.0,
        warmup_steps=100,
        norm_steps=200,
        cool=0.2,
        steps=4200,
        checkpoint_steps=60,
        sample_steps=120,
        keep_steps=120,
        workers=0,
    ),
)
"""``paper`` at a quarter of its width, weighted for thousands of steps instead of hundreds of
thousands: its losses have the printed forms and *not* the printed weights."""

TINY = Preset(
    name="tiny",
    generator=GeneratorConfig(width=0.125, residual_blocks=3),
    loss=LossConfig(
        pix=_PIXELS_FIRST,
        corr=CorrelationConfig(weight=0.003, learning_rate=1e-3, weight_decay=0.0),
        perc=PerceptualConfig(weight=0.001, width=1 / 16, steps=60),
        gen=AdversarialConfig(weight=0.003, width=1 / 16),
    ),
    train=TrainConfig(
        # Few, small, large steps: about four minutes on two CPU cores.
        batch_size=4,
        learning_rate=1e-3,
        discriminator_rate=2e-4,
        ema=0.99,
        norm_steps=100,
        cool=0.4,
        steps=1000,
        checkpoint_steps=100,
        sample_steps=100,
        workers=0,
    ),
)
"""``mended`` weighted for few steps, at widths that a laptop trains in minutes."""

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
    made.name: made
    for made in (
        PAPER,
        MENDED,
        RELEASED,
        PAPER_FEW_STEPS,
        TINY,
        PLUS,
        VONDRICK,
        CHUNG,
        LANDMARKS,
    )
}
"""All named settings."""
