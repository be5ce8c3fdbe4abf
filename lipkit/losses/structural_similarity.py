"""Structural similarity (SSIM) of torch tensors: batched, differentiable.

Equal to scikit-image's to rounding; :mod:`lipkit.metrics.ssim` measures by scikit-image, a
loss takes this one.
"""

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from lipkit.errors import LipkitError

UNIFORM = 7
"""Side of the uniform window, pixels: scikit-image's default, which the authors called."""
GAUSSIAN = 11
"""Side of Wang's Gaussian window, whose standard deviation is 1.5 pixels."""
SIGMA = 1.5
K1, K2 = 0.01, 0.03
GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601), as OpenCV, and so the authors, have them."""


def ssim(
    a: Tensor,
    b: Tensor,
    window: Literal["uniform", "gaussian"] = "uniform",
    low: float = -1.0,
    high: float = 1.0,
) -> Tensor:
    r"""Mean structural similarity of grey pictures.

    .. math:: \frac{(2 \mu_a \mu_b + c_1)(2 \sigma_{ab} + c_2)}
              {(\mu_a^2 + \mu_b^2 + c_1)(\sigma_a^2 + \sigma_b^2 + c_2)}

    in every window that lies in the picture, :math:`c_i = (K_i\,(\mathrm{high-low}))^2`, then
    the mean (Wang, Bovik, Sheikh and Simoncelli, 2004). Means are counted from ``low``: the
    formula is for light, which is not negative, and is not the same after a shift. Variances of
    the uniform window are the sample's (divided by n - 1), of the Gaussian one the
    population's: as scikit-image does by default and as Wang does.

    Parameters
    ----------
    a, b:
        ``[..., H, W]`` of any leading axes; float; sides at least the window's.
    window:
        ``uniform``: 7 x 7; ``gaussian``: 11 x 11, standard deviation 1.5.
    low, high:
        The values of black and white.

    Returns
    -------
    Tensor
        ``[...]``, in [-1, 1]; gradients flow to both.

    Raises
    ------
    LipkitError
        For unequal shapes, and for pictures smaller than the window.
    """
    side = UNIFORM if window == "uniform" else GAUSSIAN
    if a.shape != b.shape or a.ndim < 2 or min(a.shape[-2:]) < side:
        raise LipkitError(
            f"SSIM of {list(a.shape)} and {list(b.shape)}: both must have one shape [..., H, W], "
            f"H and W at least {side}"
        )
    a, b = a - low, b - low
    rows, columns = (_averages(window, length).to(a) for length in a.shape[-2:])
    # As two products of matrices: several times faster on a CPU than a convolution.
    means = rows @ torch.stack((a, b, a * a, b * b, a * b)) @ columns.mT
    mean_a, mean_b, square_a, square_b, product = means
    sample = side**2 / (side**2 - 1) if window == "uniform" else 1.0
    variance_a = sample * (square_a - mean_a**2)
    variance_b = sample * (square_b - mean_b**2)
    covariance = sample * (product - mean_a * mean_b)
    c1, c2 = (K1 * (high - low)) ** 2, (K2 * (high - low)) ** 2
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    return similarity.mean((-2, -1))


def grey(video: Tensor) -> Tensor:
    """Colour ``[..., 3, T, H, W]`` as grey ``[..., T, H, W]`` of the same range."""
    weights = torch.tensor(GREY, dtype=video.dtype, device=video.device)
    return torch.einsum("...cthw,c->...thw", video, weights)


@lru_cache
def _averages(window: str, length: int) -> Tensor:
    """f64 ``[length - side + 1, length]``: each row averages one place of the window."""
    if window == "uniform":
        weights = torch.full((UNIFORM,), 1.0, dtype=torch.float64)
    else:
        at = torch.arange(GAUSSIAN, dtype=torch.float64) - GAUSSIAN // 2
        weights = torch.exp(-(at**2) / (2 * SIGMA**2))
    places = length - len(weights) + 1
    result = torch.zeros(places, length, dtype=torch.float64)
    for place in range(places):
        result[place, place : place + len(weights)] = weights / weights.sum()
    return result
