"""All networks of a run and their optimisers, built from its settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lipkit.config import Preset, TrainConfig
from lipkit.losses import PerceptualLoss
from lipkit.models.catalogue import build_generator
from lipkit.models.correlation_networks import CorrelationNetworks
from lipkit.models.discriminator import Discriminator
from lipkit.models.generator import feature_channels, parameter_count
from lipkit.models.patch_discriminator import PatchDiscriminator
from lipkit.models.perceptual_encoder import LipAutoEncoder
from lipkit.models.video_flow import Motion
from lipkit.training.averaging import MovingAverage
from lipkit.training.sharing import synchronise_batch_norm

if TYPE_CHECKING:
    from lightning_fabric import Fabric

CORRELATION_BETAS = (0.9, 0.999)
PATCH_BETAS = (0.5, 0.99)
FLOWNET_DECAY = 4e-4
"""Weight decay of FlowNetS where it learns along (fact sheet section 3)."""


@dataclass
class Networks:
    """The generator, and each other network where its loss has a weight; None elsewhere."""

    generator: nn.Module
    average: MovingAverage | None
    correlation: CorrelationNetworks | None
    flow: Motion | None
    """F of the correlation loss and of the three-stream discriminator: one for both."""
    discriminator: Discriminator | None
    motion: Motion | None
    """What the discriminator's third stream sees."""
    perceptual: PerceptualLoss | None
    patch: PatchDiscriminator | None
    optimisers: dict[str, torch.optim.Optimizer]

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every network that a checkpoint must hold, by name."""
        named = {
            "generator": self.generator,
            "average": self.average and self.average.average,
            "correlation": self.correlation,
            "flow": self.flow,
            "discriminator": self.discriminator,
            "perceptual": self.perceptual and self.perceptual.encoder,
            "patch": self.patch,
        }
        yield from ((name, module) for name, module in named.items() if module is not None)

    def state(self) -> dict[str, Any]:
        """Parameters, buffers and the optimisers' moments of all of them."""
        return {
            "networks": {name: module.state_dict() for name, module in self.modules()},
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what :meth:`state` gave; learning rates stay those of the settings."""
        for name, module in self.modules():
            module.load_state_dict(state["networks"][name])
        for name, optimiser in self.optimisers.items():
            rates = [group["lr"] for group in optimiser.param_groups]
            optimiser.load_state_dict(state["optimisers"][name])
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = group["initial_lr"] = rate

    def scale_rates(self, factor: float) -> None:
        """Let every optimiser learn at ``factor`` times the rate of the settings."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor

    def finite(self) -> bool:
        """Whether every parameter and buffer is a number."""
        tensors = [t for _, module in self.modules() for t in module.state_dict().values()]
        return all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point())

    @property
    def best(self) -> nn.Module:
        """The generator to draw with: the moving average where there is one."""
        return self.average.average if self.average else self.generator


def build_networks(preset: Preset, fabric: "Fabric") -> Networks:
    """Untrained networks on the device; the same settings give the same numbers."""
    train, loss = preset.train, preset.loss
    torch.manual_seed(train.seed)
    ready = _Ready(train, fabric)
    generator = ready(build_generator(preset.generator))
    correlation = flow = discriminator = motion = perceptual = patch = None
    if loss.corr.weight > 0:
        features = feature_channels(preset.generator.width)
        correlation = ready(CorrelationNetworks(loss.corr, features))
    if loss.gen.weight > 0:
        discriminator = ready(Discriminator(loss.gen))
    streams = loss.gen.streams if discriminator else "two"
    if (correlation and loss.corr.derivative) or streams == "three":
        flow = ready(Motion(loss.corr.flow, loss.corr.flow_width))
    if streams != "two":
        motion = flow if streams == "three" else ready(Motion("frame_difference"))
    if loss.perc.weight > 0:
        encoder = ready(LipAutoEncoder(loss.perc.dimensions, loss.perc.width))
        perceptual = PerceptualLoss(encoder, loss.perc.batch_statistics)
    if loss.patch > 0:
        patch = ready(PatchDiscriminator())
    return Networks(
        generator,
        MovingAverage(generator, train.ema) if train.ema > 0 else None,
        correlation,
        flow,
        discriminator,
        motion,
        perceptual,
        patch,
        _optimisers(preset, generator, discriminator, correlation, flow, patch),
    )


def adam(
    modules: list[nn.Module],
    rate: float,
    betas: tuple[float, float],
    decays: tuple[float, ...],
    decoupled: bool = False,
) -> torch.optim.Optimizer:
    """Adam over the modules' parameters, each with its weight decay.

    ``decoupled``: AdamW's, a share of the weight itself; else the authors', added to the
    gradient.
    """
    groups = [
        {"params": list(module.parameters()), "weight_decay": decay}
        for module, decay in zip(modules, decays, strict=True)
    ]
    # One kernel for all parameters where there are kernels.
    cuda = groups[0]["params"][0].is_cuda
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    return kind(groups, lr=rate, betas=betas, fused=cuda)


def _optimisers(
    preset: Preset,
    generator: nn.Module,
    discriminator: nn.Module | None,
    correlation: nn.Module | None,
    flow: Motion | None,
    patch: nn.Module | None,
) -> dict[str, torch.optim.Optimizer]:
    train, corr = preset.train, preset.loss.corr
    betas = (train.beta1, train.beta2)
    decay = (train.weight_decay,)
    optimisers = {"generator": adam([generator], train.learning_rate, betas, decay, decoupled=True)}
    if discriminator:
        rate = train.discriminator_rate
        rate = train.learning_rate if rate is None else rate
        optimisers["discriminator"] = adam([discriminator], rate, betas, (0.0,))
    if patch:
        optimisers["patch"] = adam([patch], train.learning_rate, PATCH_BETAS, (0.0,))
    if correlation:
        modules, decays = [correlation], [corr.weight_decay]
        if flow and parameter_count(flow):
            modules, decays = [*modules, flow], [*decays, FLOWNET_DECAY]
        optimisers["correlation"] = adam(
            modules, corr.learning_rate, CORRELATION_BETAS, tuple(decays)
        )
    return optimisers


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
