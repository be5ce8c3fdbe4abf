"""Patch loss: what the patch discriminator believes, and what it sees."""

from collections.abc import Sequence

from torch import Tensor, nn

FEATURES = 0.4
"""Weight of the features beside the verdicts."""


class PatchLoss(nn.Module):
    r"""Least-squares adversarial loss with feature matching (ours; preset ``plus``).

    With D the verdicts of patches and :math:`f_k` the features of layer k (Mao et al., 2017;
    Wang et al., 2018):

    .. math:: \ell_D = \overline{(D(v) - 1)^2} + \overline{D(\hat v)^2},\qquad
        \ell_{patch} = \overline{(D(\hat v) - 1)^2}
        + 0.4 \sum_k \overline{|f_k(\hat v) - f_k(v)|}
    """

    def discriminator(self, real: Tensor, generated: Tensor) -> Tensor:
        """Verdicts of any shape -> a scalar; 0.5 is chance."""
        return ((real.float() - 1) ** 2).mean() + (generated.float() ** 2).mean()

    def generator(
        self, generated: Tensor, features: Sequence[Tensor], real_features: Sequence[Tensor]
    ) -> Tensor:
        """Verdicts on the generated video, features of it and of the real one -> a scalar."""
        pairs = zip(features, real_features, strict=True)
        matching = sum((a.float() - b.detach().float()).abs().mean() for a, b in pairs)
        return ((generated.float() - 1) ** 2).mean() + FEATURES * matching
