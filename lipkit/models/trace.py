"""What every layer of a network makes: shapes, parameters, work, read off by forward hooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class Layer:
    """One innermost layer in one pass."""

    name: str
    """As in ``module.get_submodule``."""
    module: nn.Module
    input: tuple[int, ...]
    """Shape with the batch axis; so is ``output``."""
    output: tuple[int, ...]

    @property
    def kind(self) -> str:
        """Name of its class, such as ``Conv2d``."""
        # A layer of ours that is a kind of torch's counts as that kind.
        kinds = type(self.module).__mro__
        return next((k for k in kinds if k.__module__.startswith("torch.")), kinds[0]).__name__

    @property
    def parameters(self) -> int:
        """Trainable numbers."""
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad)

    @property
    def multiplications(self) -> int:
        """Multiply-adds of one pass of one sample, of a convolution; 0 of anything else.

        A transposed convolution spreads each input, a convolution gathers for each output.
        """
        if not isinstance(self.module, CONVOLUTIONS):
            return 0
        spreads = isinstance(self.module, nn.ConvTranspose3d)
        places = prod((self.input if spreads else self.output)[2:])
        return self.module.weight.numel() * places


def trace(module: nn.Module, *inputs: Tensor) -> list[Layer]:
    """The innermost layers of ``module`` in the order in which ``inputs`` pass them.

    Nothing in the module is changed: batch norm uses its running statistics meanwhile.
    A module and inputs on the ``meta`` device are traced without any arithmetic.

    >>> import torch
    >>> from torch import nn
    >>> layers = trace(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU()), torch.zeros(1, 1, 8, 8))
    >>> len(layers)
    2
    """
    layers: list[Layer] = []

    def note(name: str) -> object:
        def hook(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            layers.append(Layer(name, layer, tuple(given[0].shape), tuple(made.shape)))

        return hook

    innermost = [(name, m) for name, m in module.named_modules() if not list(m.children())]
    hooks = [layer.register_forward_hook(note(name)) for name, layer in innermost]
    try:
        with evaluating(module), torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return layers


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """``module`` in eval mode for a while, every part back in its own mode after it."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training
