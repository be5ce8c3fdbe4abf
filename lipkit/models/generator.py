"""The generator: one lip image and a log-mel spectrogram -> all frames at a glance."""

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor, nn

from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.decoder import Decoder
from lipkit.models.fusion import Fusion
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.network import Generated, Network, channels_last
from lipkit.models.residual import ResidualBlock
from lipkit.settings import Settings, bounded

PAPER_FEATURES = 256


@dataclass(frozen=True)
class GeneratorConfig(Settings):
    """Shape of the paper's generator (fact sheet 2.2).

    >>> GeneratorConfig(width=0.5).residual_blocks
    9
    """

    architecture: Literal["glance"] = "glance"
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to the paper's")
    residual_blocks: int = bounded(9, low=0, high=64)
    temporal_kernel: Literal[1, 3] = field(
        default=1, metadata={"help": "frames seen by a residual kernel: (1,3,3) or (3,3,3)"}
    )


class Generator(nn.Module):
    """The lip-movement generator of the poster's Fig. 2, in the released layout.

    At width 1 with nine (1, 3, 3) residual blocks it has 16,695,267 parameters (fact
    sheet 2.3). It is convolutional in time: trained on 16 frames, it generates any number.

    >>> import torch
    >>> generator = Generator(GeneratorConfig(width=1 / 32, residual_blocks=1)).eval()
    >>> identity, logmel = torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 4 * 20, 128)
    >>> tuple(generator(identity, logmel).shape)  # four log-mel columns for each frame
    (1, 3, 20, 64, 64)
    """

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        super().__init__()
        self.config = config or GeneratorConfig()
        features = feature_channels(self.config.width)
        self.audio_features = features
        """Channels of f_s."""
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


def feature_channels(width: float) -> int:
    """Channels of the features at a relative ``width``: 256 x width, a multiple of 8.

    >>> feature_channels(1.0), feature_channels(0.125)
    (256, 32)
    """
    return max(8, 8 * round(PAPER_FEATURES * width / 8))


NETWORK = Network(
    GeneratorConfig,
    Generator,
    "the paper's: audio-identity fusion, residual blocks, a decoder, over all frames at once",
    gives=("video", "audio"),
)
