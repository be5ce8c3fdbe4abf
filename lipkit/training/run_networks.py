"""All networks of a run and their optimisers, built from its settings."""

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lipkit.config import TrainConfig
from lipkit.losses import LOSSES
from lipkit.losses.loss import Group, Site, Term
from lipkit.models.catalogue import build_generator
from lipkit.models.network import picture_norms
from lipkit.models.video_flow import Motion
from lipkit.presets import Preset
from lipkit.presets.fit import needs
from lipkit.training.averaging import MovingAverage
from lipkit.training.recipe import adam
from lipkit.training.sharing import synchronise_batch_norm

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass
class Networks:
    """The generator, the losses with their networks, and what optimises them."""

    generator: nn.Module
    average: MovingAverage | None
    flow: Motion | None
    """F, one for all losses that need it; None where none does."""
    terms: dict[str, Term]
    """Every loss of weight, by name."""
    optimisers: dict[str, torch.optim.Optimizer]

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Every network that a checkpoint must hold, by name."""
        named = {
            "generator": self.generator,
            "average": self.average and self.average.average,
            "flow": self.flow,
        }
        for term in self.terms.values():
            named |= term.networks
        return {name: module for name, module in named.items() if module is not None}

    @property
    def best(self) -> nn.Module:
        """The generator to draw with: the moving average where there is one."""
        return self.average.average if self.average else self.generator


def build_networks(preset: Preset, fabric: "Fabric") -> Networks:
    """Untrained networks on the device; the same settings give the same numbers.

    Each begins from a seed of its own, so that a loss more or less changes no other network.
    """
    train = preset.train
    ready = _Ready(train, fabric)
    seed_part(train.seed, "generator")
    generator = ready(build_generator(preset.generator))
    flow = None
    if "flow" in needs(preset):
        seed_part(train.seed, "flow")
        flow = ready(Motion(preset.flow.kind, preset.flow.width))
    site = Site(generator, flow, train, preset.flow.learning_rate, ready)
    terms = {}
    for name, loss in LOSSES.items():
        settings = getattr(preset.loss, name)
        if settings.weight > 0:
            seed_part(train.seed, name)
            terms[name] = loss.build(settings, site)
    group = Group(generator, train.learning_rate, train.weight_decay)
    optimisers = {"generator": adam([group], (train.beta1, train.beta2), decoupled=True)}
    for term in terms.values():
        if learner := term.learner:
            optimisers[learner.name] = adam(learner.groups, learner.betas)
    average = MovingAverage(generator, train.ema) if train.ema > 0 else None
    return Networks(generator, average, flow, terms, optimisers)


def seed_part(seed: int, part: str) -> None:
    """Seed what the network ``part`` begins from."""
    torch.manual_seed(
        int(np.random.SeedSequence([seed, zlib.crc32(part.encode())]).generate_state(1)[0])
    )


def keep_statistics(network: nn.Module) -> None:
    """Let batch norm apply the statistics that it has, as after training; the rest learns on.

    Batch norm divides out what the windows of a batch have in common. Of four windows, each
    with one identity, that is much of a face's brightness and colour, which the picture must
    have all the same; the running statistics, over many batches, leave it in.

    A window's sound has thousands of values, whose statistics a small batch knows well, and
    without them the ReLUs of an encoder that is hardly needed at first die: so batch norm goes
    on learning in ``network.audio_encoder``.
    """
    for layer in picture_norms(network):
        layer.eval()


class _Ready:
    """Puts a new network where and how it shall compute."""

    def __init__(self, config: TrainConfig, fabric: "Fabric") -> None:
        self.fabric, self.cuda = fabric, fabric.device.type == "cuda"
        self.layout = config.channels_last

    def __call__(self, module: nn.Module) -> Any:
        module = synchronise_batch_norm(module.to(self.fabric.device), self.fabric)
        if self.layout == "on" or (self.layout == "auto" and self.cuda):
            lay_out(module, torch.channels_last, torch.channels_last_3d)
        elif self.layout == "off":
            lay_out(module, torch.contiguous_format, torch.contiguous_format)
        return module


def lay_out(module: nn.Module, flat: torch.memory_format, deep: torch.memory_format) -> None:
    """Choose where in memory the channels of 2-D and 3-D convolutions lie; the meaning stays."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d)):
            layer.to(memory_format=deep)
        elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.to(memory_format=flat)
