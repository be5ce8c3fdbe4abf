"""All generators: the list of their modules, and what follows from their declarations."""

from typing import Any, Union

from torch import nn

from lipkit.errors import UsageError
from lipkit.models import chung, generator, landmark_regression, vondrick, warp_generator
from lipkit.models.network import Network
from lipkit.settings import Settings, did_you_mean, to_dict

_MODULES = (generator, warp_generator, vondrick, chung, landmark_regression)

NETWORKS: dict[str, Network] = {module.NETWORK.name: module.NETWORK for module in _MODULES}
"""All generators by architecture."""
GeneratorSettings = Union[tuple(network.settings for network in NETWORKS.values())]  # noqa: UP007
"""The settings of any of them, told apart by ``architecture``."""


def network_of(settings: Settings) -> Network:
    """The declaration of the network whose settings these are."""
    return NETWORKS[settings.architecture]


def generator_settings(architecture: str = "glance", **settings: Any) -> Settings:
    """Settings of the network ``architecture``.

    Raises
    ------
    UsageError
        For an unknown architecture or setting, or an unfit value.

    >>> generator_settings("glance", width=0.5).residual_blocks
    9
    """
    if architecture not in NETWORKS:
        raise UsageError(
            f"generator.architecture={architecture!r} is unknown; "
            f"{did_you_mean(architecture, NETWORKS)}"
        )
    kind = NETWORKS[architecture].settings
    for name in settings:
        if name not in vars(kind()):
            raise UsageError(f"generator.{name}: {architecture} has no such setting")
    return kind(**settings)


def build_generator(settings: Settings) -> nn.Module:
    """The network whose settings these are, untrained.

    >>> network = build_generator(generator_settings("glance", width=1 / 32))
    >>> type(network).__name__
    'Generator'
    """
    return network_of(settings).module(settings)


def network_table() -> str:
    """All generators as a Markdown table: what they are, give and take, their settings."""
    rows = [("`generator.architecture`", "what it is", "gives", "takes", "frames", "settings")]
    rows.append(("---",) * len(rows[0]))
    for network in NETWORKS.values():
        settings = to_dict(network.settings())
        name = settings.pop("architecture")
        takes = ", ".join((f"identity as {network.identity}", "sound", *network.takes))
        frames = str(network.window or "any number")
        others = ", ".join(f"{name}={value}" for name, value in settings.items())
        gives = ", ".join(network.gives)
        rows.append((f"`{name}`", network.meaning, gives, takes, frames, others))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
