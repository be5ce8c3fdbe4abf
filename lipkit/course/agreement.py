"""Whether a network that a reader wrote is lipkit's: same weights in, same numbers out."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lipkit.models.network import parameter_count

TOLERANCE = 1e-4
"""Sums that are taken in another order differ by about a hundredth of it."""


def agree(
    mine: nn.Module, theirs: nn.Module, *inputs: Tensor, call: Callable[..., Any] | None = None
) -> None:
    """Give ``mine`` the weights of ``theirs``, feed both the same, and compare the outputs.

    Once in training mode, where batch norm takes its statistics from the inputs, and then in
    evaluation mode, where it takes those that the first call has left. So a batch norm that
    is missing, or is called twice, shows. A line is printed with the largest difference.

    Parameters
    ----------
    mine, theirs
        Networks whose parameters and buffers have the same shapes in the same order.
    inputs
        What both take.
    call
        Called in place of ``theirs``; a method of it.

    Raises
    ------
    AssertionError
        When weights do not fit each other, or outputs differ by more than 1e-4.

    >>> import torch
    >>> from torch import nn
    >>> agree(nn.Linear(3, 2), nn.Linear(3, 2), torch.rand(4, 3))  # doctest: +ELLIPSIS
    Linear...
    """
    same_weights(mine, theirs)
    name, difference = type(mine).__name__, 0.0
    modes = mine.training, theirs.training
    for training in (True, False):
        mine.train(training)
        theirs.train(training)
        with torch.no_grad():
            made_all, wanted_all = _tensors(mine(*inputs)), _tensors((call or theirs)(*inputs))
        assert len(made_all) == len(wanted_all) > 0, (
            f"{name} gives {len(made_all)} tensors; lipkit's gives {len(wanted_all)}"
        )
        for number, (made, wanted) in enumerate(zip(made_all, wanted_all, strict=True)):
            assert made.shape == wanted.shape, (
                f"output {number} of {name} is {list(made.shape)}; should be {list(wanted.shape)}"
            )
            difference = max(difference, float((made - wanted).abs().max()))
    mine.train(modes[0])
    theirs.train(modes[1])
    assert difference < TOLERANCE, f"{name} differs by {difference:.2g} from lipkit's"
    print(f"{name}: {parameter_count(mine):,} parameters, largest difference {difference:.0e}")


def same_weights(mine: nn.Module, theirs: nn.Module) -> None:
    """Copy all parameters and buffers of ``theirs`` into ``mine``, one after the other.

    Raises
    ------
    AssertionError
        When there are more of one than of the other, or two differ in shape.

    >>> import torch
    >>> from torch import nn
    >>> mine, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> same_weights(mine, theirs)
    >>> torch.equal(mine.weight, theirs.weight)
    True
    """
    to, source = mine.state_dict(), copy.deepcopy(theirs.state_dict())
    name = type(mine).__name__
    assert len(to) == len(source), f"{name} has {len(to)} tensors; lipkit's has {len(source)}"
    for (key, new), (their_key, old) in zip(to.items(), source.items(), strict=True):
        assert new.shape == old.shape, (
            f"{name}: {key} is {list(new.shape)}; lipkit's {their_key} is {list(old.shape)}"
        )
    mine.load_state_dict(dict(zip(to, source.values(), strict=True)))


def _tensors(output: Any) -> list[Tensor]:
    outputs = output if isinstance(output, (tuple, list)) else [output]
    return [part for part in outputs if isinstance(part, Tensor)]
