"""Adversarial loss: what the discriminator must learn, and what the generator makes of it."""

import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.config import AdversarialConfig


class AdversarialLoss(nn.Module):
    r"""A conditional GAN with mismatched pairs (fact sheet section 5).

    .. math::
        \ell_{dis} &= -\log D([s^j, v^j])
            - \lambda_p \log(1 - D([s^j, \hat v^j]))
            - \lambda_u \log(1 - D([s^j, v^k])), \quad k \neq j

        \ell_{gen} &= -\log D([s^j, \hat v^j])

    lambda_p = lambda_u = 1/2. Without the third term the discriminator could look at the
    lips alone: real lips with another sound would never be wrong. The generator's loss is
    the non-saturating one: its gradient is largest where the discriminator is surest.

    D is the sigmoid of the logits that come in. Both logarithms are taken of the logits
    directly, -log D = log(1 + e^-x), so that no certainty gives an infinite loss.
    """

    def __init__(self, config: AdversarialConfig | None = None) -> None:
        super().__init__()
        self.config = config or AdversarialConfig()

    def discriminator(self, real: Tensor, generated: Tensor, mismatched: Tensor) -> Tensor:
        """l_dis of the logits [B] of matching real, generated, and mismatched real pairs."""
        return (
            _taken_for_real(real)
            + self.config.generated * _taken_for_false(generated)
            + self.config.mismatched * _taken_for_false(mismatched)
        )

    def generator(self, generated: Tensor) -> Tensor:
        """l_gen of the logits [B] of generated pairs."""
        return _taken_for_real(generated)


def _taken_for_real(logits: Tensor) -> Tensor:
    """-log D, mean over the batch."""
    return F.softplus(-logits.float()).mean()


def _taken_for_false(logits: Tensor) -> Tensor:
    """-log(1 - D), mean over the batch."""
    return F.softplus(logits.float()).mean()
