"""All settings of one experiment, put together from the parts that declare them."""

from dataclasses import dataclass, field, replace

from lipkit.config import DataConfig, PrepareConfig, TrainConfig
from lipkit.losses import LOSSES, LossConfig
from lipkit.losses.loss import LossSettings
from lipkit.models.catalogue import GeneratorSettings
from lipkit.models.generator import GeneratorConfig
from lipkit.models.video_flow import FlowConfig
from lipkit.settings import Settings


@dataclass(frozen=True)
class Preset(Settings):
    """All stages of one experiment."""

    name: str
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    data: DataConfig = field(default_factory=DataConfig)
    generator: GeneratorSettings = field(default_factory=GeneratorConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


def only(**chosen: LossSettings) -> LossConfig:
    """An objective of the losses that are given; all others weigh nothing."""
    config = LossConfig()
    off = {name: replace(getattr(config, name), weight=0.0) for name in LOSSES}
    return LossConfig(**(off | chosen))
