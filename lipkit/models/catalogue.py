"""The generators by name."""

from torch import nn

from lipkit.config import GeneratorConfig
from lipkit.models.chung import ChungGenerator
from lipkit.models.generator import Generator
from lipkit.models.landmark_regression import LandmarkRegression
from lipkit.models.vondrick import VondrickGenerator
from lipkit.models.warp_generator import WarpGenerator

ARCHITECTURES: dict[str, type[nn.Module]] = {
    "glance": Generator,
    "warp": WarpGenerator,
    "vondrick": VondrickGenerator,
    "chung": ChungGenerator,
}
"""Each takes a :class:`GeneratorConfig`, has ``context``, ``forward`` and ``generate``.

Those that make windows of one length only say it: ``window``.
"""
POINT_ARCHITECTURES: dict[str, type[nn.Module]] = {"landmarks": LandmarkRegression}
"""Each predicts mouth points and draws nothing."""


def build_generator(config: GeneratorConfig) -> nn.Module:
    """The network that ``config.architecture`` names, untrained."""
    return (ARCHITECTURES | POINT_ARCHITECTURES)[config.architecture](config)


def draws(config: GeneratorConfig) -> bool:
    """Whether the network makes pictures, and not mouth points alone."""
    return config.architecture in ARCHITECTURES
