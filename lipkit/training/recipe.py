"""What the trainer trains: a recipe makes batches and takes steps; all else is the trainer's."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lipkit.losses.loss import Group
from lipkit.training.sharing import average_gradients

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Clock:
    """Where a recipe stands, as all processes know it."""

    step: int
    """Steps that are over."""
    minutes: float = 0.0
    """Of the run's budget that are over."""


class Recipe(ABC):
    """One training, from its first step to its last.

    A step is a function of the settings, its number and the state before it, and of nothing
    else: what :meth:`batches` gives and :meth:`take` does may draw random numbers from torch's
    own generator, which the trainer seeds for every step and process anew.
    """

    name = "train"
    """Of the phase in a checkpoint and on the progress bar."""
    log = "log"
    """Its file's name, without ending; :class:`lipkit.training.run_folder.RunLog`."""
    until = 1.0
    """Share of the run's budget of minutes at which it must have ended."""
    steps: int
    """Optimiser steps in all."""
    batch_size: int
    """Windows per step, of all processes together."""

    @property
    @abstractmethod
    def modules(self) -> dict[str, nn.Module]:
        """Every network that a checkpoint must hold, by name."""

    @property
    @abstractmethod
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimiser, by name."""

    @abstractmethod
    def batches(self, step: int) -> Iterator[Any]:
        """This process's shares of the batches of the steps after ``step``, in order."""

    @abstractmethod
    def take(self, batch: Any, clock: Clock) -> dict[str, Tensor]:
        """Take a step; ``loss`` first, then its parts: detached scalars of this process."""

    def rate_factor(self, clock: Clock) -> float:
        """What the learning rates of the settings are multiplied by in the next step."""
        return 1.0

    def called(self, loss: str) -> str:
        """What a number that :meth:`take` gives is called in messages."""
        return loss

    def ended(self) -> None:
        """Called after the last step."""
        return

    def show(self, path: Path) -> None:
        """Draw what has been learned so far, for people; only the first process is asked."""
        return

    def keep(self, folder: Path, step: int) -> None:
        """Write weights that stay when later ones come; only the first process is asked."""
        return


class OneLossRecipe(Recipe):
    """A recipe of one network, one loss and one Adam."""

    def __init__(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        fabric: "Fabric",
    ) -> None:
        self.network, self.optimiser, self.fabric = network, optimiser, fabric

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The network alone."""
        return {"network": self.network}

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Its one optimiser."""
        return {self.name: self.optimiser}

    @abstractmethod
    def loss(self, batch: Any) -> Tensor:
        """The loss of a batch, float32, with gradients."""

    def take(self, batch: Any, clock: Clock) -> dict[str, Tensor]:
        """One step down the loss."""
        loss = self.loss(batch)
        descend(self.fabric, loss, [self.optimiser])
        return {"loss": loss.detach()}


def descend(
    fabric: "Fabric",
    loss: Tensor,
    optimisers: Sequence[torch.optim.Optimizer],
    before_step: Callable[[torch.optim.Optimizer, list[nn.Parameter]], None] | None = None,
) -> None:
    """One step of the optimisers down the gradient of ``loss``, averaged over all processes."""
    for optimiser in optimisers:
        optimiser.zero_grad(set_to_none=True)
    loss.backward()
    for optimiser in optimisers:
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        average_gradients(fabric, parameters)
        if before_step is not None:
            before_step(optimiser, parameters)
        optimiser.step()


def adam(
    groups: Sequence[Group], betas: tuple[float, float], decoupled: bool = False
) -> torch.optim.Optimizer:
    """Adam over the modules' parameters, each with its rate and weight decay.

    ``decoupled``: AdamW's, a share of the weight itself; else the authors', added to the
    gradient.
    """
    parameters = [
        {
            "params": list(group.module.parameters()),
            "lr": group.learning_rate,
            "weight_decay": group.weight_decay,
        }
        for group in groups
    ]
    # One kernel for all parameters where there are kernels.
    cuda = parameters[0]["params"][0].is_cuda
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    return kind(parameters, betas=betas, fused=cuda)


def scale_rates(optimisers: Sequence[torch.optim.Optimizer], factor: float) -> None:
    """Let optimisers learn at ``factor`` times the rate of the settings."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take over an optimiser's moments; its learning rates stay those of the settings.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, RuntimeError
        When ``state`` is none of such an optimiser.
    """
    rates = [group["lr"] for group in optimiser.param_groups]
    optimiser.load_state_dict(state)
    # torch compares how many parameters there are, but not what is kept of each.
    for parameter, kept in optimiser.state.items():
        for name, value in kept.items():
            tensor = torch.as_tensor(value)
            if tensor.dim() and tensor.shape != parameter.shape:
                raise ValueError(f"{name} has the shape {tuple(tensor.shape)}")
            if not tensor.isfinite().all():
                raise ValueError(f"{name} is not finite")
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = group["initial_lr"] = rate
