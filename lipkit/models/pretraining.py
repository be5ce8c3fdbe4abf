"""What a network must have learned before the generator begins to."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Pretraining:
    """A network's own training, told by the network's module; the trainer carries it out.

    Its windows are those of the run's training split; Adam, no weight averaging.
    """

    name: str
    """Of the network, in messages, such as ``perceptual encoder``."""
    network: nn.Module
    predict: Callable[[Tensor], Tensor | list[Tensor]]
    """Video [B, 3, T, 64, 64] in [-1, 1] -> what the network makes of it, in the run's
    precision."""
    loss: Callable[[Tensor | list[Tensor], Tensor], Tensor]
    """That, in float32, and the video -> a scalar."""
    steps: int
    learning_rate: float
    betas: tuple[float, float]
    weight_decay: float = 0.0
