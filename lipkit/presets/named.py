"""Named settings: the paper's, mended, its released code's, small ones, ours, the baselines'."""

from dataclasses import replace

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

RELEASED = replace(
    PAPER,
    name="released",
    prepare=PrepareConfig(crop="per_frame", detect_every_frame=True),
    data=replace(PAPER.data, sound_shift=1, mel_axes="scrambled"),
    loss=replace(
        PAPER.loss,
        pix=PixelConfig(weight=0.2),
        perc=PerceptualConfig(batch_statistics=True),
        gen=AdversarialConfig(streams="two"),
    ),
)
"""What the released full trainer does: each setting that differs from ``paper`` is one fault."""

# In a few thousand steps the picture must come first. By the paper's lambdas the other losses
# have ten to hundreds of times the pixel loss's gradient, and the picture is lost in tiles
# before it is learnt.
_PIXELS_FIRST = PixelConfig(weight=1.0)
_FEW_STEPS = TrainConfig(batch_size=4, learning_rate=1e-3, discriminator_rate=2e-4, workers=0)

PAPER_FEW_STEPS = replace(
    PAPER,
    name="paper_few_steps",
    data=replace(PAPER.data, augment=True),
    generator=GeneratorConfig(width=0.25),
    flow=replace(PAPER.flow, width=0.125, steps=200, learning_rate=5e-4),
    # Gradients after 2,400 steps, in parts of the pixels': perceptual .02 to .1, correlation
    # nothing, adversarial .7. By a weight of 0.003 that was 3 to 7, and the picture stood still.
    loss=replace(
        PAPER.loss,
        pix=_PIXELS_FIRST,
        corr=replace(PAPER.loss.corr, weight=0.003, learning_rate=5e-4),
        perc=PerceptualConfig(weight=0.001, width=0.125, steps=300),
        gen=AdversarialConfig(weight=0.0002, width=0.125),
    ),
    train=replace(
        _FEW_STEPS,
        ema=0.998,
        clip=1.0,
        warmup_steps=100,
        norm_steps=200,
        cool=0.2,
        steps=4200,
        checkpoint_steps=60,
        sample_steps=120,
        keep_steps=120,
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
    train=replace(
        _FEW_STEPS,  # about four minutes on two CPU cores
        ema=0.99,
        norm_steps=100,
        cool=0.4,
        steps=1000,
        checkpoint_steps=100,
        sample_steps=100,
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
