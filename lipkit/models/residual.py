"""Residual blocks: where sound and picture are worked into a moving mouth."""

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + BN(conv(ReLU(BN(conv(x))))), with no activation after the sum (fact sheet 2.2).

    Parameters
    ----------
    features:
        Channels in and out.
    temporal_kernel:
        1: each frame by itself, kernel (1, 3, 3), as in the released code.
        3: neighbouring frames too, kernel (3, 3, 3), as paper and poster say.
    """

    def __init__(self, features: int = 256, temporal_kernel: int = 1) -> None:
        super().__init__()
        kernel = (temporal_kernel, 3, 3)
        padding = (temporal_kernel // 2, 1, 1)
        self.change = nn.Sequential(
            nn.Conv3d(features, features, kernel, padding=padding, bias=False),
            nn.BatchNorm3d(features),
            nn.ReLU(),
            nn.Conv3d(features, features, kernel, padding=padding, bias=False),
            nn.BatchNorm3d(features),
        )
        self.context = 2 * (temporal_kernel // 2)
        """Frames on each side that one output frame sees."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] -> the same shape."""
        return x + self.change(x)
