"""The generator: one lip image and a log-mel spectrogram -> all frames at a glance."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lipkit.config import GeneratorConfig
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.decoder import Decoder
from lipkit.models.fusion import Fusion
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.residual import ResidualBlock

PAPER_FEATURES = 256


class Generated(NamedTuple):
    """What a generator makes, with what the losses want besides the video."""

    video: Tensor
    """[B, 3, T, 64, 64] in [-1, 1]."""
    audio: Tensor
    """f_s [B, C, T, F], the audio encoder's features; the correlation loss takes them."""
    points: Tensor | None = None
    """[B, T, 20, 2], mouth points in pixels of the lip image, where the generator has them."""
    identity_points: Tensor | None = None
    """[B, 20, 2], those it found in the identity image."""
    warped: Tensor | None = None
    """[B, 3, T, 64, 64], the identity image moved, before anything is painted over it."""
    flow: Tensor | None = None
    """[B, 2, T, 64, 64], lip pixels (x, y): how far from each pixel's own place in the identity
    image it was taken."""
    share: Tensor | None = None
    """[B, 1, T, 64, 64] in [0, 1]: how much of each pixel is painted."""


class Generator(nn.Module):
    """The lip-movement generator of the poster's Fig. 2, in the released layout.

    At width 1 with nine (1, 3, 3) residual blocks it has 16,695,267 parameters (fact
    sheet 2.3). It is convolutional in time: trained on 16 frames, it generates any number.
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__()
        self.config = config or GeneratorConfig()
        features = feature_channels(self.config.width)
        self.audio_encoder = AudioEncoder(features)
        self.identity_encoder = IdentityEncoder(features)
        self.fusion = Fusion(features)
        self.residual = nn.Sequential(
            *(
                ResidualBlock(features, self.config.temporal_kernel)
                for _ in range(self.config.residual_blocks)
            )
        )
        self.decoder = Decoder(features)
        channels_last(self)

    @property
    def context(self) -> int:
        """Frames on each side of a frame that can change it: the temporal receptive field."""
        residual = sum(block.context for block in self.residual)
        return AudioEncoder.CONTEXT + Fusion.CONTEXT + residual + Decoder.CONTEXT

    def forward(self, identity: Tensor, logmel: Tensor) -> Tensor:
        """Generate the video.

        Parameters
        ----------
        identity:
            [B, 3, 64, 64] in [-1, 1].
        logmel:
            [B, 1, 4T, 128], normalised by the statistics of the prepared set.

        Returns
        -------
        Tensor
            [B, 3, T, 64, 64] in [-1, 1].
        """
        return self.generate(identity, logmel).video

    def generate(self, identity: Tensor, logmel: Tensor) -> Generated:
        """:meth:`forward`, with the audio features beside the video."""
        f_s = self.audio_encoder(logmel)  # [B, C, T, 16]
        f_p = self.identity_encoder(identity)  # [B, C, 16, 16]
        fused = self.fusion(f_s, f_p)  # [B, C, T, 16, 16]
        return Generated(self.decoder(self.residual(fused)), f_s)


def channels_last(module: nn.Module) -> None:
    """Lay the 3-D convolutions' weights out with the channels of a pixel side by side.

    A layout in memory, not in meaning: with few channels they train about twice as fast
    on a CPU.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d)):
            layer.to(memory_format=torch.channels_last_3d)


def feature_channels(width: float) -> int:
    """Channels of the features at a relative ``width``: 256 x width, a multiple of 8."""
    return max(8, 8 * round(PAPER_FEATURES * width / 8))


def parameter_count(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
