"""Retrieval: which stretch of known recordings sounds most like a window?

The baseline that needs no training: copy the lips that were filmed with the nearest sound.
"""

import torch
from torch import Tensor

BLOCK = 512
"""Window starts compared at once, which bounds the memory."""


class NearestWindows:
    r"""Searches frame sequences, shown one after the other, for windows like the given ones.

    .. math:: d(q, s) = \sum_{k=0}^{W-1} \| q_k - f_{s+k} \|^2

    with a query's frames :math:`q_k` and the frames :math:`f` of a sequence from its start
    :math:`s` on. Every start counts, not every eighth. All pairs of frames are one matrix
    product in float32, and a window's distance is the sum along a diagonal of it: a W-th of
    the work of comparing whole windows.

    Of equal distances the first wins: sequences as they were shown, starts from the left.

    Parameters
    ----------
    queries
        f32 [Q, W, D]: W frames of D numbers each.

    Raises
    ------
    ValueError
        For queries, or later frames, of another shape.

    >>> import torch
    >>> search = NearestWindows(torch.tensor([[[1.0], [2.0]]]))  # one query of two frames
    >>> search.search(torch.tensor([[0.0], [1.0], [2.0]]), sequence=0)
    >>> search.sequence.item(), search.start.item(), search.distance.item()
    (0, 1, 0.0)
    """

    def __init__(self, queries: Tensor) -> None:
        if queries.dim() != 3:
            raise ValueError(f"queries {list(queries.shape)}; expected [Q, W, D]")
        self.queries = queries.float()
        self.squares = self.queries.square().sum((1, 2))  # [Q]
        self.distance = torch.full((len(queries),), torch.inf)
        """f32 [Q]: of the nearest window so far."""
        self.sequence = torch.full((len(queries),), -1)
        """int64 [Q]: which sequence it is in; -1: none yet."""
        self.start = torch.zeros(len(queries), dtype=torch.int64)
        """int64 [Q]: its first frame there."""

    def search(self, frames: Tensor, sequence: int) -> None:
        """Compare with every window of ``frames`` [F, D]; fewer frames than W hold none."""
        count, window, size = self.queries.shape
        if frames.dim() != 2 or frames.shape[1] != size:
            raise ValueError(f"frames {list(frames.shape)}; expected [F, {size}]")
        frames = frames.float()
        for first in range(0, len(frames) - window + 1, BLOCK):
            block = frames[first : first + BLOCK + window - 1]
            starts = len(block) - window + 1
            products = (self.queries.flatten(0, 1) @ block.T).view(count, window, -1)
            inner = sum(products[:, k, k : k + starts] for k in range(window))  # [Q, starts]
            squares = block.square().sum(1).unfold(0, window, 1).sum(1)  # [starts]
            distance, start = (squares - 2 * inner).min(1)
            distance = (distance + self.squares).clamp(min=0)
            better = distance < self.distance
            self.distance = torch.where(better, distance, self.distance)
            self.sequence[better] = sequence
            self.start = torch.where(better, start + first, self.start)
