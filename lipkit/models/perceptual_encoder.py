"""Perceptual encoder: the half of a lip auto-encoder in whose features pictures are compared."""

import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.models.decoder import Decoder
from lipkit.models.generator import feature_channels
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.network import channels_last
from lipkit.models.pixel_conv import PixelConv
from lipkit.models.residual import ResidualBlock

RESIDUAL_BLOCKS = 6


class LipAutoEncoder(nn.Module):
    """Learns what lips look like by drawing them again (fact sheet section 6).

    The encoder is phi of the perceptual loss: trained on lip clips with the mean squared
    error of the reconstruction, then frozen. Two are published (parameters at width 1,
    whole / encoder): frame by frame (7,841,411 / 7,462,976), and over time too with 3 x 3 x 3
    kernels (23,584,643 / 22,412,480). Their features have one shape.

    Parameters
    ----------
    dimensions:
        2 or 3.
    width:
        Channels relative to the paper's.
    """

    def __init__(self, dimensions: int = 2, width: float = 1.0) -> None:
        super().__init__()
        features = feature_channels(width)
        self.dimensions = dimensions
        self.encoder = nn.Sequential(
            _Frames(IdentityEncoder(features)) if dimensions == 2 else _VideoEncoder(features),
            *(ResidualBlock(features, 2 * dimensions - 3) for _ in range(RESIDUAL_BLOCKS)),
        )
        self.decoder = _Frames(_frame_decoder(features)) if dimensions == 2 else Decoder(features)
        channels_last(self)

    def encode(self, video: Tensor) -> Tensor:
        """phi: video [B, 3, T, 64, 64] in [-1, 1] -> features [B, C, T, 16, 16]."""
        return self.encoder(video)

    def forward(self, video: Tensor) -> Tensor:
        """The video drawn again, [B, 3, T, 64, 64] in [-1, 1]; any T."""
        return self.decoder(self.encode(video))


class _Frames(nn.Module):
    """Applies a network of pictures to every frame."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, video: Tensor) -> Tensor:
        batch, frames = video.shape[0], video.shape[2]
        pictures = self.network(video.transpose(1, 2).flatten(0, 1))
        return pictures.unflatten(0, (batch, frames)).transpose(1, 2)


class _VideoEncoder(nn.Module):
    """The identity encoder's layers with kernels as long in time as they are wide."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _conv(3, features // 4, 7, 1, 0),
            _conv(features // 4, features // 2, 3, (1, 2, 2), 1),
            _conv(features // 2, features, 3, (1, 2, 2), 1),
        )

    def forward(self, video: Tensor) -> Tensor:
        # Mirrored in the picture, as in the identity encoder; in time the first and last
        # frame are repeated, which a single frame allows too.
        mirrored = F.pad(video, (3, 3, 3, 3, 0, 0), mode="reflect")
        return self.layers(F.pad(mirrored, (0, 0, 0, 0, 3, 3), mode="replicate"))


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int, int], padding: int
) -> nn.Sequential:
    conv = nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(outputs), nn.ReLU())


def _frame_decoder(features: int) -> nn.Sequential:
    """The decoder of single pictures: two doublings, then RGB."""
    return nn.Sequential(
        *_double(features, features // 2),
        *_double(features // 2, features // 4),
        PixelConv(features // 4, 3, 7, padding=3),
        nn.Tanh(),
    )


def _double(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
