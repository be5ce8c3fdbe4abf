"""What a warp generator does to the identity image, frame by frame, before it is pixels.

:mod:`lipkit.generation.redraw` does the same to the picture at its own resolution.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lipkit.data.tensors import to_image_tensor
from lipkit.generation.frames import CHUNK, pieces
from lipkit.generation.speech import LogMel
from lipkit.models.generator import Generated
from lipkit.models.warp_generator import WarpGenerator


class Move(NamedTuple):
    """One frame: where the pixels of the identity image go and what is painted over them."""

    flow: np.ndarray
    """f32 [64, 64, 2], lip pixels (x, y), to add to a pixel's own place to find its origin."""
    share: np.ndarray
    """f32 [64, 64] in [0, 1]: how much of a pixel is painted."""
    warped: np.ndarray
    """f32 [64, 64, 3], grey levels: the identity image moved."""
    lips: np.ndarray
    """f32 [64, 64, 3], grey levels: the lip image, moved and painted."""
    points: np.ndarray
    """f32 [20, 2], lip pixels: the mouth in this frame."""
    still: np.ndarray
    """f32 [20, 2], lip pixels: the mouth in the identity image."""


def can_move(generator: nn.Module) -> bool:
    """Whether a generator moves the pixels of the identity image instead of drawing its own."""
    return isinstance(generator, WarpGenerator)


@torch.inference_mode()
def generate_moves(
    generator: WarpGenerator, lips: np.ndarray, logmel: Tensor | LogMel, chunk: int = CHUNK
) -> Iterator[Move]:
    """The moves of every frame, in memory that does not grow with their number.

    Parameters are those of :func:`lipkit.generation.generate_frames`. Frames around a piece
    are heard but not drawn.
    """
    device = next(generator.parameters()).device
    identity = to_image_tensor(lips).unsqueeze(0).to(device)
    for heard, first, last in pieces(logmel, generator.context, chunk):
        frames = torch.arange(first, last, device=device)[None]
        made = generator.generate(identity, heard[None, None].to(device), frames)
        yield from moves_of(made, first)


def moves_of(made: Generated, first: int = 0) -> Iterator[Move]:
    """The frames of a batch of one, whose points begin ``first`` frames before its pictures."""
    flow, share, warped, video = (
        part[0].movedim(0, -1).float().cpu().numpy()  # [T, 64, 64, C]
        for part in (made.flow, made.share, made.warped, made.video)
    )
    warped, video = (warped + 1) * 127.5, (video + 1) * 127.5
    points = made.points[0, first:].float().cpu().numpy()
    still = made.identity_points[0].float().cpu().numpy()
    for t in range(len(flow)):
        yield Move(flow[t], share[t, ..., 0], warped[t], video[t], points[t], still)
