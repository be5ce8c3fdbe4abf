"""A moving average of the generator: steadier than the generator itself."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of a network's parameters over the training steps.

    .. math:: \\bar\\theta \\leftarrow d \\bar\\theta + (1 - d) \\theta

    The decay grows to ``decay`` as (1 + step) / (10 + step), so that the untrained start is
    soon forgotten. Buffers, the running statistics of batch norm, are averages already and
    are copied.

    Parameters
    ----------
    network : the network that learns.
    decay : d, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network, self.decay = network, decay
        self.average = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network as it is after ``step`` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        average = list(self.average.parameters())
        torch._foreach_lerp_(average, list(self.network.parameters()), 1 - decay)
        for ours, theirs in zip(self.average.buffers(), self.network.buffers(), strict=True):
            ours.copy_(theirs)
