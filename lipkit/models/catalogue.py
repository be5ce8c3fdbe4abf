"""The generators by name."""

from torch import nn

from lipkit.config import GeneratorConfig
from lipkit.models.generator import Generator
from lipkit.models.warp_generator import WarpGenerator

ARCHITECTURES: dict[str, type[nn.Module]] = {"glance": Generator, "warp": WarpGenerator}
"""Each takes a :class:`GeneratorConfig`, has ``context``, ``forward`` and ``generate``."""


def build_generator(config: GeneratorConfig) -> nn.Module:
    """The generator that ``config.architecture`` names, untrained."""
    return ARCHITECTURES[config.architecture](config)
