"""What is trained before the generator: the perceptual encoder, and FlowNetS where it is F."""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from lipkit.config import CorrelationConfig, TrainConfig
from lipkit.data.tensors import to_images
from lipkit.errors import LipkitError
from lipkit.flow.farneback import farneback
from lipkit.flow.flownet import FlowNetS, proxy_loss
from lipkit.models.perceptual_encoder import LipAutoEncoder
from lipkit.training.batches import Feed
from lipkit.training.networks import CORRELATION_BETAS, FLOWNET_DECAY, adam
from lipkit.training.sharing import average_gradients

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def train_encoder(
    network: LipAutoEncoder,
    feed: Feed,
    steps: int,
    config: TrainConfig,
    fabric: "Fabric",
    deadline: float = math.inf,
    progress: bool = True,
) -> list[float]:
    """Teach the auto-encoder to draw lips again, in place (fact sheet section 6).

    Mean squared error, Adam with the generator's settings, the windows of the training
    split. It ends after ``steps`` steps, or with the first that ends after ``deadline``
    (``time.monotonic``). Afterwards the network's parameters need no gradient any more.

    Returns
    -------
    list of float
        The loss of each step.

    Raises
    ------
    LipkitError
        When a loss is not finite.
    """

    def loss_of(video: Tensor) -> Tensor:
        with fabric.autocast():
            drawn = network(video)
        return F.mse_loss(drawn.float(), video)

    network.requires_grad_(True).train()
    optimiser = adam([network], config.learning_rate, (config.beta1, config.beta2), (0.0,))
    losses = _pretrain(
        "perceptual encoder", network, loss_of, optimiser, feed, steps, fabric, deadline, progress
    )
    network.requires_grad_(False)
    return losses


def train_flow(
    network: FlowNetS,
    feed: Feed,
    config: CorrelationConfig,
    fabric: "Fabric",
    deadline: float = math.inf,
    progress: bool = True,
) -> list[float]:
    """Teach FlowNetS Farneback's flow of the training lips, in place (fact sheet section 3).

    The authors start from published weights of another corpus and fine-tune them so; this
    starts from nothing. Returns, ends and raises as :func:`train_encoder`.
    """

    def loss_of(video: Tensor) -> Tensor:
        label = farneback_label(video)
        pictures = video.transpose(1, 2)  # [B, T, 3, H, W]
        with fabric.autocast():
            flows = network.pyramid(pictures[:, :-1].flatten(0, 1), pictures[:, 1:].flatten(0, 1))
        return proxy_loss([flow.float() for flow in flows], label)

    optimiser = adam([network], config.learning_rate, CORRELATION_BETAS, (FLOWNET_DECAY,))
    steps = config.flow_steps
    return _pretrain(
        "FlowNetS", network, loss_of, optimiser, feed, steps, fabric, deadline, progress
    )


def farneback_label(video: Tensor) -> Tensor:
    """Farneback's flow of each neighbouring pair, [B (T-1), 2, H, W] in pixels, x then y.

    ``video``: [B, 3, T, H, W] in [-1, 1]. Computed on the CPU, given on the video's device.
    """
    flows = np.concatenate([farneback(frames) for frames in to_images(video)])
    return torch.from_numpy(flows).permute(0, 3, 1, 2).to(video.device)


def _pretrain(
    name: str,
    network: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    optimiser: torch.optim.Optimizer,
    feed: Feed,
    steps: int,
    fabric: "Fabric",
    deadline: float,
    progress: bool,
) -> list[float]:
    """The loop of both; ``loss_of`` takes the batch's video."""
    losses: list[float] = []
    with tqdm(total=steps, disable=not progress, unit="step", desc=name) as bar:
        for batch in feed.batches(0, steps):
            loss = loss_of(batch["video"])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            average_gradients(fabric, network.parameters())
            optimiser.step()
            late = loss.new_tensor(float(time.monotonic() >= deadline))
            mean, late = fabric.all_reduce(torch.stack([loss.detach(), late])).tolist()
            losses.append(mean)
            if not mean < math.inf:
                raise LipkitError(
                    f"training of the {name} stopped at step {len(losses)}: its loss is {mean}; "
                    "try a smaller learning rate"
                )
            bar.update()
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            if late > 0:
                break
    return losses
