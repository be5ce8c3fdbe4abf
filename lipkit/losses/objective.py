"""The objective: all losses of the generator in one number."""

from collections.abc import Mapping

from torch import Tensor, nn


class Objective(nn.Module):
    r"""The weighted sum of the generator's losses (poster).

    .. math:: \mathcal L = \ell_{corr} + \lambda_1 \ell_{pix} + \lambda_2 \ell_{perc}
        + \lambda_3 \ell_{gen}

    lambda = (0.5, 1, 1) in the paper; the released code has lambda_1 = 0.2 (fact sheet 7).
    The correlation loss has a weight too, 1 in the paper, so that it can be left out.

    Parameters
    ----------
    weights:
        Of every loss by name; :func:`lipkit.losses.weights` reads them from settings.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.weights = dict(weights)

    @property
    def terms(self) -> list[str]:
        """Names of the losses whose weight is not 0: those that must be computed."""
        return [name for name, weight in self.weights.items() if weight > 0]

    def forward(self, **losses: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Scalars ``corr``, ``pix``, ``perc``, ``gen``, …, each where its weight is not 0.

        Returns
        -------
        tuple
            The objective in float32, and every loss that was given, unweighted and
            detached, for the log. A loss of weight 0 may be given; it is only logged.

        Raises
        ------
        ValueError
            For a loss that is missing or unknown, or when all weights are 0.
        """
        missing, unknown = set(self.terms) - set(losses), set(losses) - set(self.weights)
        if missing or unknown or not self.terms:
            raise ValueError(f"losses {sorted(losses)} given, {self.terms} needed")
        total = sum(self.weights[name] * losses[name].float() for name in self.terms)
        return total, {name: loss.detach() for name, loss in losses.items()}
