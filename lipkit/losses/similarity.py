"""Similarity loss: SSIM, as a loss."""

from torch import Tensor, nn

from lipkit.losses.structural_similarity import grey, ssim


class SimilarityLoss(nn.Module):
    r"""Structure of the picture (ours; preset ``plus``).

    .. math:: \ell_{ssim} = 1 - \mathrm{SSIM}(\hat v, v)

    frame by frame in grey, 7 x 7 uniform window: the score that the paper reports.
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Videos [B, 3, T, H, W] in [-1, 1] -> a scalar in [0, 2]."""
        return 1 - ssim(grey(generated.float()), grey(real.float())).mean()
