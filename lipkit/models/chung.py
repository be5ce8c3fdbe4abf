"""Baseline after Chung, Jamaludin and Zisserman, "You said that?" (BMVC 2017).

As the authors of the paper extended it for their comparison (fact sheet 9.1): the original
draws one face from 0.35 s of sound, theirs the lips of a whole window.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from lipkit.config import WINDOW
from lipkit.models.network import Generated, Network
from lipkit.models.whole_window import (
    CODE,
    WindowAudioEncoder,
    channels,
    joined,
    normed,
    require_window,
)
from lipkit.settings import Settings, bounded

DEBLUR_LAYERS = 10
"""Convolutions of the deblurring network (from memory of the BMVC paper: unsure)."""
DEBLUR_CHANNELS = 64
"""Of each (unsure)."""


@dataclass(frozen=True)
class ChungConfig(Settings):
    """Shape of the baseline after Chung et al."""

    architecture: Literal["chung"] = "chung"
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to the authors'")
    deblur: bool = field(
        default=False, metadata={"help": "a deblurring network behind the generator"}
    )


class ChungGenerator(nn.Module):
    """Two encoders, one code, one decoder that sees the identity image through two skips.

    The identity encoder follows VGG-M; its first two maps join the decoder's where they have
    the same size (30 x 30 and 12 x 12), so that the person's looks need not pass through
    the code. Time is nowhere: the last convolution's 48 channels are 3 colours of 16 frames.
    38,479,856 parameters at width 1; the released file has 299,136 more in layers that
    it never uses (fact sheet 2.3).

    Parameters
    ----------
    config:
        ``width``: channels relative to the authors'. ``deblur``: a :class:`Deblur` behind it.
    """

    window = WINDOW
    """Frames that it makes, no more and no fewer."""
    context = 0
    """A window knows nothing of its neighbours."""

    def __init__(self, config: ChungConfig | None = None) -> None:
        super().__init__()
        self.config = config or ChungConfig()
        width = self.config.width
        a, b, c, d, e = (channels(n, width) for n in (64, 96, 128, 256, 512))
        code = channels(CODE, width)
        self.audio_encoder = WindowAudioEncoder(width)
        self.large = nn.Sequential(*normed(nn.Conv2d, 3, b, 7, 2, 1))  # 64 -> 30
        self.small = nn.Sequential(  # 30 -> 14 -> 12
            *normed(nn.Conv2d, b, d, 5, 2, 1), *normed(nn.Conv2d, d, d, 3, 1, 0)
        )
        self.identity_code = nn.Sequential(
            nn.MaxPool2d(3, 2),  # 12 -> 5
            *normed(nn.Conv2d, d, e, 3, 1, 1),
            *normed(nn.Conv2d, e, d, 3, 1, 1),
            *normed(nn.Conv2d, d, c, 3, 1, 1),
            nn.Flatten(),
            *joined(c * 5 * 5, e),
            *joined(e, code),
        )
        self.join = nn.Sequential(*joined(2 * code, c))
        self.to_small = nn.Sequential(  # 1 -> 5 -> 12
            *normed(nn.ConvTranspose2d, c, e, 7, 2, 1), *normed(nn.ConvTranspose2d, e, d, 6, 2, 1)
        )
        self.to_large = nn.Sequential(  # 12 -> 26 -> 28 -> 30
            *normed(nn.ConvTranspose2d, 2 * d, d, 6, 2, 1),
            *normed(nn.ConvTranspose2d, d, d, 5, 1, 1),
            *normed(nn.ConvTranspose2d, d, b, 5, 1, 1),
        )
        last = nn.Conv2d(a, 3 * WINDOW, 3, 1, 1)
        nn.init.kaiming_normal_(last.weight)
        self.to_video = nn.Sequential(  # 30 -> 62 -> 64
            *normed(nn.ConvTranspose2d, 2 * b, b, 6, 2, 1),
            *normed(nn.ConvTranspose2d, b, a, 5, 1, 1),
            last,
            nn.Tanh(),
        )
        self.deblur = Deblur(channels(DEBLUR_CHANNELS, width)) if self.config.deblur else None

    def forward(self, identity: Tensor, logmel: Tensor) -> Tensor:
        """Generate the video.

        Parameters
        ----------
        identity:
            [B, 3, 64, 64] in [-1, 1].
        logmel:
            [B, 1, 64, 128], normalised.

        Returns
        -------
        Tensor
            [B, 3, 16, 64, 64] in [-1, 1].

        Raises
        ------
        UsageError
            For windows of another length.
        """
        return self.generate(identity, logmel).video

    def generate(self, identity: Tensor, logmel: Tensor) -> Generated:
        """:meth:`forward`, with the sound's code [B, 256 x width, 1, 1] beside the video."""
        require_window("chung", identity, logmel, self.training)
        large = self.large(identity)
        small = self.small(large)
        heard = self.audio_encoder(logmel)
        code = self.join(torch.cat([heard, self.identity_code(small)], dim=1))
        drawn = self.to_small(code[:, :, None, None])
        drawn = self.to_large(torch.cat([small, drawn], dim=1))
        drawn = self.to_video(torch.cat([large, drawn], dim=1))
        video = drawn.unflatten(1, (3, WINDOW))  # colour by colour, each with its 16 frames
        if self.deblur is not None:
            video = self.deblur(video)
        return Generated(video, heard[:, :, None, None])


class Deblur(nn.Module):
    """Sharpens frame by frame: adds to a picture what a stack of convolutions finds missing.

    After the deblurring network of the BMVC paper, which the authors left out. Sure: a CNN
    of its own behind the generator, which learns the residual. Unsure: its depth and width.
    Theirs is trained apart; here it learns along, by the generator's loss.
    """

    def __init__(self, features: int = DEBLUR_CHANNELS) -> None:
        super().__init__()
        widths = [3, *[features] * (DEBLUR_LAYERS - 1)]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        last = nn.Conv2d(features, 3, 3, padding=1)
        # It begins by changing nothing.
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, video: Tensor) -> Tensor:
        """[B, 3, T, 64, 64] in [-1, 1] -> the same shape and range."""
        pictures = video.transpose(1, 2)
        missing = self.layers(pictures.flatten(0, 1)).view_as(pictures)
        return (pictures + missing).clamp(-1, 1).transpose(1, 2)


NETWORK = Network(
    ChungConfig,
    ChungGenerator,
    "baseline after Chung et al.: two encoders, one code, a decoder with two skips; a whole window",
)
