"""What is trained before the generator and then only looked through: the perceptual encoder."""

import math
import time
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from tqdm import tqdm

from lipkit.config import TrainConfig
from lipkit.errors import LipkitError
from lipkit.models.perceptual_encoder import LipAutoEncoder
from lipkit.training.batches import Feed
from lipkit.training.networks import adam
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
    network.requires_grad_(True).train()
    optimiser = adam([network], config.learning_rate, (config.beta1, config.beta2), (0.0,))
    losses: list[float] = []
    bar = tqdm(total=steps, disable=not progress, unit="step", desc="perceptual encoder")
    with bar:
        for batch in feed.batches(0, steps):
            with fabric.autocast():
                drawn = network(batch["video"])
            loss = F.mse_loss(drawn.float(), batch["video"])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            average_gradients(fabric, network.parameters())
            optimiser.step()
            late = loss.new_tensor(float(time.monotonic() >= deadline))
            mean, late = fabric.all_reduce(torch.stack([loss.detach(), late])).tolist()
            losses.append(mean)
            if not losses[-1] < float("inf"):
                raise LipkitError(
                    f"training of the perceptual encoder stopped at step {len(losses)}: its loss "
                    f"is {losses[-1]}; try a smaller train.learning_rate"
                )
            bar.update()
            bar.set_postfix(mse=f"{losses[-1]:.4f}", refresh=False)
            if late > 0:
                break
    network.requires_grad_(False)
    return losses
