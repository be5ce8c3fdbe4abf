"""How far the lips go: the motion that a warp generator predicts, enlarged or reduced."""

import copy

import torch
from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS
from lipkit.errors import UsageError
from lipkit.models.mouth_points import Look, PointMotion
from lipkit.models.warp_generator import WarpGenerator

LEAST, MOST = 0.25, 2.0
"""Below, lips hardly move; above, they leave what a mouth can do."""


class ArticulatedMotion(nn.Module):
    """Mouth points that go ``amount`` times as far from where the same mouth rests in silence.

    Parameters
    ----------
    motion
        Of the generator.
    silent
        [1, C, 1]: the speech code of silence.
    amount
        1 changes nothing.
    """

    def __init__(self, motion: PointMotion, silent: Tensor, amount: float) -> None:
        super().__init__()
        self.motion, self.amount = motion, amount
        self.register_buffer("silent", silent)

    def forward(self, speech: Tensor, look: Look) -> Tensor:
        """Codes [B, C, T] and a look -> points [B, T, 20, 2] in lip pixels."""
        rest = self.motion(self.silent.expand(len(speech), -1, -1), look)  # [B, 1, 20, 2]
        return rest + self.amount * (self.motion(speech, look) - rest)


def check_amount(amount: float) -> None:
    """Raise a UsageError for an amount out of range."""
    if not LEAST <= amount <= MOST:
        raise UsageError(f"--articulation {amount:g}: give {LEAST:g} to {MOST:g}; 1 is as learnt")


@torch.no_grad()
def articulated(generator: nn.Module, amount: float, silence: float) -> nn.Module:
    """A copy of a generator whose mouth points go ``amount`` times as far.

    Parameters
    ----------
    generator
        In eval mode.
    amount
        From :data:`LEAST` to :data:`MOST`; 1 is as learnt.
    silence
        The log-mel of silence, normalised as the generator's sound is.

    Raises
    ------
    UsageError
        For another amount, or a generator that predicts no mouth points to move by.

    >>> from lipkit.weights import load_weights
    >>> louder = articulated(load_weights("plus").generator, 1.5, silence=-2.5)
    >>> louder.point_motion.amount
    1.5
    """
    check_amount(amount)
    if not isinstance(generator, WarpGenerator):
        raise UsageError(
            "--articulation is for weights that move the picture by mouth points, such as plus; "
            "leave it out"
        )
    device = next(generator.parameters()).device
    columns = COLUMNS_PER_FRAME * (2 * generator.context + 1)
    code = generator.speech_encoder(torch.full((1, 1, columns, MEL_BANDS), silence, device=device))
    silent = code[:, :, generator.context : generator.context + 1]
    moved = copy.deepcopy(generator)
    moved.point_motion = ArticulatedMotion(moved.point_motion, silent, amount)
    return moved.eval()
