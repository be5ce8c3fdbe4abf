"""Motion loss: what changes from one frame to the next."""

import numpy as np
from torch import Tensor, nn

from lipkit.losses.loss import Loss, of_videos


class MotionLoss(nn.Module):
    r"""Change between the two frames of each pair (ours; preset ``plus``).

    .. math:: \ell_{motion} = \frac{1}{N}\,
        \lVert (\hat v_{2k+1} - \hat v_{2k}) - (v_{2k+1} - v_{2k}) \rVert_1

    Frames are taken in pairs, so that it serves a whole window and the drawn pairs of
    neighbours of ``data.rendered`` alike. A video that flickers, or does not move, loses.
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Videos [B, 3, T, H, W], T at least 2 -> a scalar; an odd last frame is left out.

        Raises
        ------
        ValueError
            When the shapes differ or there is no pair.
        """
        if generated.shape != real.shape or real.shape[2] < 2:
            raise ValueError(
                f"generated {list(generated.shape)} and real {list(real.shape)} must have one "
                "shape and at least two frames"
            )
        error = generated.float() - real.float()
        last = error.shape[2] // 2 * 2
        return (error[:, :, 1:last:2] - error[:, :, 0:last:2]).abs().mean()


def by_hand(scene) -> float:
    """The equation, pair by pair of frames."""
    generated, real = scene.made.video, scene.video
    total, count = 0.0, 0
    for first in range(0, real.shape[2] - 1, 2):
        ours = generated[:, :, first + 1] - generated[:, :, first]
        true = real[:, :, first + 1] - real[:, :, first]
        total, count = total + np.abs(ours - true).sum(), count + ours.size
    return total / count


LOSS = Loss(
    "motion",
    "motion loss",
    "what changes from one frame to the next (ours)",
    of_videos(MotionLoss()),
    needs=("video", "two frames"),
    by_hand=by_hand,
)
