"""Audio-identity fusion: a T x F sound and an H x W picture become one T x H x W volume."""

import torch
from torch import Tensor, nn


def fuse(audio: Tensor, identity: Tensor) -> Tensor:
    """Duplicate both features until they fit, then stack their channels (paper: H = W = F).

    The sound's frequency axis lies along the picture's height and is repeated over its
    width; the picture is repeated over time (fact sheet 2.2).

    Parameters
    ----------
    audio:
        [B, C, T, F].
    identity:
        [B, C', H, W] with H = W = F.

    Returns
    -------
    Tensor
        [B, C' + C, T, H, W], the picture's channels first.

    >>> import torch
    >>> tuple(fuse(torch.zeros(1, 8, 4, 16), torch.zeros(1, 8, 16, 16)).shape)
    (1, 16, 4, 16, 16)
    """
    batch, _, frames, bands = audio.shape
    height, width = identity.shape[2:]
    if bands != height:
        raise ValueError(f"{bands} audio bands do not match {height} image rows")
    audio = audio.unsqueeze(4).expand(batch, -1, frames, bands, width)
    identity = identity.unsqueeze(2).expand(batch, -1, frames, height, width)
    return torch.cat([identity, audio], dim=1)


class Fusion(nn.Module):
    """:func:`fuse`, then one 3 x 3 x 3 convolution that compresses the two halves to one.

    >>> import torch
    >>> fused = Fusion(features=32)(torch.zeros(1, 32, 4, 16), torch.zeros(1, 32, 16, 16))
    >>> tuple(fused.shape)
    (1, 32, 4, 16, 16)
    """

    CONTEXT = 1
    """Frames on each side that one output frame sees."""

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        self.compress = nn.Sequential(
            nn.Conv3d(2 * features, features, 3, padding=1, bias=False),
            nn.BatchNorm3d(features),
            nn.ReLU(),
        )

    def forward(self, audio: Tensor, identity: Tensor) -> Tensor:
        """[B, C, T, F] and [B, C, H, W] -> [B, C, T, H, W]."""
        return self.compress(fuse(audio, identity))
