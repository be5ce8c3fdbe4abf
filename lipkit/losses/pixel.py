"""Pixel loss: the generated picture against the real one, value by value."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from lipkit.losses.loss import Loss, LossSettings, of_videos
from lipkit.settings import bounded


@dataclass(frozen=True)
class PixelConfig(LossSettings):
    """The pixel loss."""

    weight: float = bounded(0.5, low=0.0, help="lambda_1; the released code has 0.2")


class PixelLoss(nn.Module):
    r"""Reconstruction, pixel by pixel (paper: "makes the model sensitive to appearance").

    .. math:: \ell_{pix}(\hat v, v) = \lVert v - \hat v \rVert_1 / N

    The poster leaves the norm open; the released code takes the mean absolute
    difference (fact sheet 7), and so do we. N is the number of values.

    >>> import torch
    >>> PixelLoss()(torch.zeros(1, 3, 4, 64, 64), torch.full((1, 3, 4, 64, 64), 0.5)).item()
    0.5
    """

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Two videos of one shape, in [-1, 1] -> a scalar in [0, 2].

        Raises
        ------
        ValueError
            When the shapes differ.
        """
        if generated.shape != real.shape:
            raise ValueError(
                f"generated {list(generated.shape)} and real {list(real.shape)} differ in shape"
            )
        return (real.float() - generated.float()).abs().mean()


def by_hand(scene) -> float:
    """The equation, value by value."""
    generated, real = scene.made.video.ravel(), scene.video.ravel()
    total = sum(abs(float(v) - float(v_hat)) for v, v_hat in zip(real, generated, strict=True))
    return total / np.size(real)


LOSS = Loss(
    "pix",
    "pixel loss",
    "mean absolute difference of all pixels",
    of_videos(PixelLoss()),
    PixelConfig,
    by_hand=by_hand,
)
