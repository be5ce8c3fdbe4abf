"""Pixel loss: the generated picture against the real one, value by value."""

from torch import Tensor, nn


class PixelLoss(nn.Module):
    r"""Reconstruction, pixel by pixel (paper: "makes the model sensitive to appearance").

    .. math:: \ell_{pix}(\hat v, v) = \lVert v - \hat v \rVert_1 / N

    The poster leaves the norm open; the released code takes the mean absolute
    difference (fact sheet 7), and so do we. N is the number of values.
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
