"""Perceptual loss: pictures compared by what a frozen encoder of lips makes of them."""

import torch
from torch import Tensor, nn

from lipkit.models.perceptual_encoder import LipAutoEncoder


class PerceptualLoss(nn.Module):
    r"""Distance of features (poster: "better sharpness of the synthesized image").

    .. math:: \ell_{perc}(\hat v, v) = \lVert \varphi(v) - \varphi(\hat v) \rVert_2^2 / N

    phi is the encoder half of an auto-encoder of lips. Like the released code we take the
    mean over the N features, not the sum (fact sheet section 6).

    Parameters
    ----------
    encoder:
        Trained already. It is frozen here: its parameters get no gradient, and its batch
        norm keeps the statistics of its training.
    batch_statistics:
        True: batch norm by each batch's own statistics, as in the released code, which
        never switches the encoder to evaluation. Real and generated video are then
        normalised apart, so that a difference of brightness or contrast goes unseen.
    """

    def __init__(self, encoder: LipAutoEncoder, batch_statistics: bool = False) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.batch_statistics = batch_statistics
        self.train(self.training)

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Never thaws the encoder."""
        super().train(mode)
        self.encoder.train(self.batch_statistics)
        return self

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Two videos [B, 3, T, 64, 64] in [-1, 1] -> a scalar, not negative.

        Only ``generated`` gets a gradient.
        """
        with torch.no_grad():
            wanted = self.encoder.encode(real)
        return (wanted.float() - self.encoder.encode(generated).float()).square().mean()
