"""Similarity loss: SSIM, as a loss."""

import numpy as np
from skimage.metrics import structural_similarity
from torch import Tensor, nn

from lipkit.losses.loss import Loss, of_videos
from lipkit.losses.structural_similarity import grey, ssim


class SimilarityLoss(nn.Module):
    r"""Structure of the picture (ours; preset ``plus``).

    .. math:: \ell_{ssim} = 1 - \mathrm{SSIM}(\hat v, v)

    frame by frame in grey, 7 x 7 uniform window: the score that the paper reports.
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Videos [B, 3, T, H, W] in [-1, 1] -> a scalar in [0, 2]."""
        return 1 - ssim(grey(generated.float()), grey(real.float())).mean()


def by_hand(scene) -> float:
    """By scikit-image's SSIM, frame by frame."""
    grey_frames = (
        np.einsum("c,bcthw->bthw", [0.299, 0.587, 0.114], video).reshape(-1, *video.shape[3:])
        for video in (scene.made.video, scene.video)
    )
    pairs = zip(*grey_frames, strict=True)
    # In [0, 2]: the formula is for light, which is not negative.
    found = [structural_similarity(a + 1, b + 1, data_range=2.0) for a, b in pairs]
    return 1 - float(np.mean(found))


LOSS = Loss(
    "ssim",
    "similarity loss",
    "1 - SSIM, frame by frame in grey (ours)",
    of_videos(SimilarityLoss()),
    by_hand=by_hand,
)
