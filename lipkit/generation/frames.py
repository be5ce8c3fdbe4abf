"""Generate frames piece by piece, so that memory does not grow with their number."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.tensors import to_image_tensor, to_images
from lipkit.generation.speech import LogMel

CHUNK = 128
"""Frames generated at once. The frames around a piece are generated again for its neighbours:
14 % more work in the released shape, 42 % more with nine blocks of temporal kernel 3."""


def generate_frames(
    generator: nn.Module, lips: np.ndarray, logmel: Tensor | LogMel, chunk: int = CHUNK
) -> Iterator[np.ndarray]:
    """Generate lip images one by one: :func:`generate_chunks` as pictures u8 [64, 64, 3].

    ``lips`` is the identity, u8 [64, 64, 3]; the rest is as there.
    """
    for video in generate_chunks(generator, to_image_tensor(lips), logmel, chunk):
        yield from to_images(video)


@torch.inference_mode()
def generate_chunks(
    generator: nn.Module, identity: Tensor, logmel: Tensor | LogMel, chunk: int = CHUNK
) -> Iterator[Tensor]:
    """Generate a video piece by piece, in memory that does not grow with its length.

    Each piece is generated together with the frames on both sides that can change it
    (``generator.context``), so that the pieces are those of one pass over everything.
    Generators of windows (``generator.window``) make one after the other, which do not know
    of each other; the last one goes on in a repeated frame of sound.

    Parameters
    ----------
    generator:
        In eval mode: batch norm by its running statistics.
    identity:
        [3, 64, 64] in [-1, 1].
    logmel:
        [4T, 128], normalised.
    chunk:
        Frames of a piece.

    Yields
    ------
    Tensor
        [3, n, 64, 64] in [-1, 1]; the n sum up to T.
    """
    device = next(generator.parameters()).device
    identity = identity.unsqueeze(0).to(device)
    total, context = len(logmel) // COLUMNS_PER_FRAME, generator.context
    window = getattr(generator, "window", 0)
    chunk = window or chunk
    for start in range(0, total, chunk):
        end = min(start + chunk, total)
        first, last = max(0, start - context), min(total, end + context)
        heard = logmel[first * COLUMNS_PER_FRAME : last * COLUMNS_PER_FRAME]
        missing = max(0, window - (last - first))
        if missing:
            heard = torch.cat([heard, heard[-COLUMNS_PER_FRAME:].repeat(missing, 1)])
        video = generator(identity, heard[None, None].to(device))[0]
        yield video[:, start - first : end - first]
