"""What is trained before the generator: the perceptual encoder, and FlowNetS where it is F."""

import math
import time
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from lipkit.errors import LipkitError
from lipkit.losses.loss import Group
from lipkit.models.pretraining import Pretraining
from lipkit.training.batches import Feed
from lipkit.training.networks import adam
from lipkit.training.sharing import average_gradients

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def pretrain(
    wanted: Pretraining,
    feed: Feed,
    fabric: "Fabric",
    deadline: float = math.inf,
    progress: bool = True,
) -> list[float]:
    """Train the network in place; give the loss of each step.

    It ends after ``wanted.steps`` steps, or with the first that ends after ``deadline``
    (``time.monotonic``).

    Raises
    ------
    LipkitError
        When a loss is not finite.
    """
    wanted.network.requires_grad_(True).train()
    group = Group(wanted.network, wanted.learning_rate, wanted.weight_decay)
    optimiser = adam([group], wanted.betas)
    losses: list[float] = []
    with tqdm(total=wanted.steps, disable=not progress, unit="step", desc=wanted.name) as bar:
        for batch in feed.batches(0, wanted.steps):
            with fabric.autocast():
                made = wanted.predict(batch["video"])
            made = [part.float() for part in made] if isinstance(made, list) else made.float()
            loss = wanted.loss(made, batch["video"])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            average_gradients(fabric, wanted.network.parameters())
            optimiser.step()
            late = loss.new_tensor(float(time.monotonic() >= deadline))
            mean, late = fabric.all_reduce(torch.stack([loss.detach(), late])).tolist()
            losses.append(mean)
            if not mean < math.inf:
                raise LipkitError(
                    f"training of the {wanted.name} stopped at step {len(losses)}: its loss is "
                    f"{mean}; try a smaller learning rate"
                )
            bar.update()
            bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
            if late > 0:
                break
    return losses
