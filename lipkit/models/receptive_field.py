"""What a number inside a network sees of the input, by arithmetic and by measurement.

Both sides of the same question: :func:`sees` walks back through kernels, strides and
paddings; :func:`influence` asks the gradient. The first gives what a feature *can* see, the
second how much each input matters to it, which is less at the rim (Luo et al., *Understanding
the effective receptive field in deep convolutional neural networks*, NIPS 2016).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lipkit.models.trace import Layer, evaluating


def sees(layers: Sequence[Layer], axis: int, position: int) -> tuple[int, int]:
    """First and last index of the input that can reach one index of the last layer's output.

    Parameters
    ----------
    layers:
        A chain of convolutions in the order of the data, each the next one's input (what
        is not a convolution or reflection keeps places, and is passed over). A residual block
        is the chain of its two: the way around it sees nothing more.
    axis:
        0 for the first axis after the channels (time), 1 for the next (bands or rows) ...
    position:
        Index in the output along ``axis``.

    Returns
    -------
    tuple
        Both ends included. Below 0, or from the input's length on, lies padding.

    >>> import torch
    >>> from torch import nn
    >>> from lipkit.models.trace import trace
    >>> layers = trace(nn.Conv2d(1, 1, 3, stride=2, padding=1), torch.zeros(1, 1, 16, 16))
    >>> sees(layers, axis=0, position=4)
    (7, 9)
    """
    first = last = position
    for layer in reversed(layers):
        module = layer.module
        if isinstance(module, nn.ReflectionPad2d):
            # What the mirror shows lies inside the picture and is not counted.
            before = module.padding[2 * (1 - axis)]
            first, last = first - before, last - before
            continue
        if not isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose3d)):
            continue
        taps, spacing, stride, padding = (
            getattr(module, name)[axis] for name in ("kernel_size", "dilation", "stride", "padding")
        )
        kernel = (taps - 1) * spacing + 1
        if isinstance(module, nn.ConvTranspose3d):
            # Output o gets input i through tap o + padding - i * stride.
            first, last = -((kernel - 1 - first - padding) // stride), (last + padding) // stride
        else:
            first, last = first * stride - padding, last * stride - padding + kernel - 1
    return first, last


def extent(layers: Sequence[Layer], axis: int) -> int:
    """Length of what the middle of the output sees along ``axis``: the receptive field.

    >>> import torch
    >>> from torch import nn
    >>> from lipkit.models.trace import trace
    >>> two = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1))
    >>> extent(trace(two, torch.zeros(1, 1, 16, 16)), axis=0)
    5
    """
    first, last = sees(layers, axis, layers[-1].output[2 + axis] // 2)
    return last - first + 1


def influence(
    module: nn.Module,
    inputs: Sequence[Tensor],
    position: tuple[int, ...],
    of: int = 0,
    seed: int = 0,
) -> Tensor:
    """Mean size of the derivative of one place of the output by each place of an input.

    Parameters
    ----------
    module:
        Any network with one output [B, C, ...]; it is put in eval mode meanwhile. (While
        training, batch norm takes its statistics from everything, so everything is seen.)
    inputs:
        What it takes, [B, C, ...] each. More samples give a smoother answer.
    position:
        Index of the place behind the channels; ``slice(None)`` takes a whole axis.
    of:
        Which input is asked about.
    seed:
        Of the signs with which the channels are summed, so that they do not cancel.

    Returns
    -------
    Tensor
        Shape of that input without batch and channels; 0 exactly where nothing arrives.

    >>> import torch
    >>> from torch import nn
    >>> arrives = influence(nn.Conv2d(1, 1, 3, padding=1), [torch.zeros(1, 1, 9, 9)], (4, 4))
    >>> int((arrives > 0).sum())
    9
    """
    inputs = [x.detach() for x in inputs]
    asked = inputs[of].requires_grad_(True)
    with evaluating(module):
        output = module(*inputs)[(slice(None), slice(None), *position)]
    signs = torch.Generator().manual_seed(seed)
    weights = torch.randint(0, 2, output.shape[:2], generator=signs) * 2.0 - 1
    weights = weights.reshape(*output.shape[:2], *[1] * (output.dim() - 2)).to(output)
    (gradient,) = torch.autograd.grad((weights * output).sum(), asked)
    return gradient.abs().mean(dim=(0, 1))


def reached(influence: Tensor, axis: int) -> tuple[int, int]:
    """First and last index along ``axis`` where an :func:`influence` is not 0.

    >>> import torch
    >>> arrives = torch.zeros(9, 9)
    >>> arrives[3:6, 2:8] = 1
    >>> reached(arrives, axis=0), reached(arrives, axis=1)
    ((3, 5), (2, 7))
    """
    others = [d for d in range(influence.dim()) if d != axis]
    seen = torch.nonzero(influence.amax(others) if others else influence).flatten()
    if not len(seen):
        raise ValueError("no input has any influence")
    return int(seen[0]), int(seen[-1])
