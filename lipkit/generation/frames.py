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

    >>> import numpy as np
    >>> import torch
    >>> from lipkit.weights import load_weights
    >>> generator = load_weights("plus").generator
    >>> lips = np.full((64, 64, 3), 128, np.uint8)
    >>> frames = list(generate_frames(generator, lips, torch.zeros(4 * 5, 128)))
    >>> len(frames), frames[0].shape
    (5, (64, 64, 3))
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

    >>> import torch
    >>> from lipkit.weights import load_weights
    >>> generator = load_weights("plus").generator
    >>> sound = torch.zeros(4 * 5, 128)
    >>> (chunk,) = generate_chunks(generator, torch.zeros(3, 64, 64), sound)
    >>> tuple(chunk.shape)
    (3, 5, 64, 64)
    """
    device = next(generator.parameters()).device
    identity = identity.unsqueeze(0).to(device)
    window = getattr(generator, "window", 0)
    for heard, first, last in pieces(logmel, generator.context, window or chunk):
        missing = max(0, window - len(heard) // COLUMNS_PER_FRAME)
        if missing:
            heard = torch.cat([heard, heard[-COLUMNS_PER_FRAME:].repeat(missing, 1)])
        yield generator(identity, heard[None, None].to(device))[0][:, first:last]


def pieces(logmel: Tensor | LogMel, context: int, chunk: int) -> Iterator[tuple[Tensor, int, int]]:
    """Cut a log-mel [4T, 128] into pieces of ``chunk`` frames, each heard with its surroundings.

    Yields
    ------
    (heard, first, last)
        Log-mel [4n, 128] of a piece and of up to ``context`` frames on either side; the
        piece's own frames are ``first`` to ``last`` (excluded) of those n.
    """
    total = len(logmel) // COLUMNS_PER_FRAME
    for start in range(0, total, chunk):
        end = min(start + chunk, total)
        before, after = max(0, start - context), min(total, end + context)
        heard = logmel[before * COLUMNS_PER_FRAME : after * COLUMNS_PER_FRAME]
        yield heard, start - before, end - before
