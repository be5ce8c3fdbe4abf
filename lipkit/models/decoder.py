"""Decoder: the fused volume -> video."""

from torch import Tensor, nn


class Decoder(nn.Module):
    """Doubles height and width twice, then paints RGB (fact sheet 2.2).

    Parameters
    ----------
    features:
        Channels of the input, 256 in the paper; halved at each doubling.
    """

    CONTEXT = 5
    """Frames on each side that one output frame sees: 1 + 1 + 3."""

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_double(features, features // 2),
            *_double(features // 2, features // 4),
            nn.Conv3d(features // 4, 3, 7, padding=3),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, 16, 16] -> video [B, 3, T, 64, 64] in [-1, 1]."""
        return self.layers(x)


def _double(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.ConvTranspose3d(
        inputs,
        outputs,
        3,
        stride=(1, 2, 2),
        padding=1,
        output_padding=(0, 1, 1),
        bias=False,
    )
    return [conv, nn.BatchNorm3d(outputs), nn.ReLU()]
