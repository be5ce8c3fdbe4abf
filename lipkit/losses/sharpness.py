"""Sharpness loss: as much edge as the real picture has, wherever exactly the edge lies."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.losses.loss import Loss, of_videos

SIDE, STEP = 9, 3
"""Pixels: of a patch, and between patches."""


class SharpnessLoss(nn.Module):
    r"""Edge strength of patches (ours; preset ``plus``).

    .. math:: \ell_{sharp} = \frac{1}{N} \sum_{patches}\,\sum_{d \in \{x, y\}}
        \big|\, \overline{|\partial_d \hat v|} - \overline{|\partial_d v|} \,\big| / 2

    A pixel loss is least where an edge of uncertain place is smeared over all its places. This
    one is least where the patch has the strength of the real one's edges, wherever they are.
    Colours are averaged before patches are compared.
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Videos [B, 3, T, H, W] in [-1, 1], sides at least 10 -> a scalar.

        Raises
        ------
        ValueError
            When the shapes differ.
        """
        if generated.shape != real.shape:
            raise ValueError(
                f"generated {list(generated.shape)} and real {list(real.shape)} differ in shape"
            )
        return (edge_strength(generated.float()) - edge_strength(real.float())).abs().mean()


def edge_strength(video: Tensor) -> Tensor:
    """[B, 3, T, H, W] -> [B T, 2, h, w]: mean absolute change to the right and down, per patch."""
    frames = video.transpose(1, 2).flatten(0, 1)
    here = frames[..., :-1, :-1]
    across = (frames[..., :-1, 1:] - here).abs().mean(1)
    down = (frames[..., 1:, :-1] - here).abs().mean(1)
    return functional.avg_pool2d(torch.stack([across, down], dim=1), SIDE, STEP)


def by_hand(scene) -> float:
    """The equation, patch by patch."""
    strengths = []
    for video in (scene.made.video, scene.video):
        batch, _, frames, height, width = video.shape
        found = [
            _strength_by_hand(video[b, :, t, y : y + SIDE + 1, x : x + SIDE + 1])
            for b in range(batch)
            for t in range(frames)
            for y in range(0, height - SIDE, STEP)
            for x in range(0, width - SIDE, STEP)
        ]
        strengths.append(np.array(found))
    return float(np.abs(strengths[0] - strengths[1]).mean())


def _strength_by_hand(patch: np.ndarray) -> tuple[float, float]:
    """Of [3, SIDE + 1, SIDE + 1]: change to the right and down, mean over pixels and colours."""
    across = down = 0.0
    for y in range(SIDE):
        for x in range(SIDE):
            across += np.abs(patch[:, y, x + 1] - patch[:, y, x]).mean()
            down += np.abs(patch[:, y + 1, x] - patch[:, y, x]).mean()
    return across / SIDE**2, down / SIDE**2


LOSS = Loss(
    "sharpness",
    "sharpness loss",
    "edge strength of patches, wherever the edge lies (ours)",
    of_videos(SharpnessLoss()),
    by_hand=by_hand,
)
