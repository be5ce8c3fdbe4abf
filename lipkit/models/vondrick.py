"""Baseline after Vondrick et al. (NIPS 2016): a moving foreground over a still background.

"Generating Videos with Scene Dynamics" makes video from noise alone. Here it is as the
authors of the paper extended it for their comparison: it hears the sound too (fact sheet
9.1). The identity image is passed and, in their form, ignored: every mouth it draws is
nobody's.
"""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from lipkit.config import WINDOW
from lipkit.models.network import Generated, Network, channels_last
from lipkit.models.whole_window import (
    CODE,
    WindowAudioEncoder,
    channels,
    normed,
    require_window,
)
from lipkit.settings import Settings, bounded

NOISE = 100
"""Numbers of noise, at any width (the authors' ``--noise_size``)."""


@dataclass(frozen=True)
class VondrickConfig(Settings):
    """Shape of the baseline after Vondrick et al."""

    architecture: Literal["vondrick"] = "vondrick"
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to the authors'")
    sees_identity: bool = field(
        default=False, metadata={"help": "not blind to the identity image (ours)"}
    )


class VondrickGenerator(nn.Module):
    r"""Sound and noise -> foreground, mask and background, mixed.

    .. math:: \hat v = m \odot f + (1 - m) \odot b

    with the foreground :math:`f` and the mask :math:`m` in [0, 1] from one 3-D
    deconvolution stream, and the background :math:`b`, a single picture, from a 2-D one.
    35,938,343 parameters at width 1 (fact sheet 2.3).

    In training the noise is drawn anew for every window. In evaluation it is one draw, made
    with the network and kept in its weights, the same for every window: no score depends on
    chance or on the other windows, and the network sees noise as long as what it learnt
    from (zeros, the mean, it has never seen).

    Parameters
    ----------
    config:
        ``width``: channels relative to the authors'. ``sees_identity``: the identity image's
        code joins the sound's (ours, 256 x width numbers), so that the mouth may be someone's.
    """

    window = WINDOW
    """Frames that it makes, no more and no fewer."""
    context = 0
    """A window knows nothing of its neighbours."""

    def __init__(self, config: VondrickConfig | None = None) -> None:
        super().__init__()
        self.config = config or VondrickConfig()
        width = self.config.width
        a, b, c, d = (channels(n, width) for n in (512, 256, 128, 64))
        code = channels(CODE, width)
        self.audio_encoder = WindowAudioEncoder(width)
        self.identity_encoder = None
        if self.config.sees_identity:
            # The background stream in reverse: 64, 32, 16, 8, 4 and then 1 pixel.
            self.identity_encoder = nn.Sequential(
                *normed(nn.Conv2d, 3, d, 4, 2, 1),
                *normed(nn.Conv2d, d, c, 4, 2, 1),
                *normed(nn.Conv2d, c, b, 4, 2, 1),
                *normed(nn.Conv2d, b, a, 4, 2, 1),
                *normed(nn.Conv2d, a, code, 4, 1, 0),
            )
        seed = NOISE + code * (2 if self.config.sees_identity else 1)
        self.moving = nn.Sequential(  # 1 x 1 x 1 -> 2 x 4 x 4 -> … -> 8 x 32 x 32
            *normed(nn.ConvTranspose3d, seed, a, (2, 4, 4), 1, 0),
            *normed(nn.ConvTranspose3d, a, b, (2, 4, 4), 2, 1),
            *normed(nn.ConvTranspose3d, b, c, 4, 2, 1),
            *normed(nn.ConvTranspose3d, c, d, 4, 2, 1),
        )
        self.foreground = _last(nn.ConvTranspose3d, nn.Conv3d, d, 3, nn.Tanh())
        self.mask = _last(nn.ConvTranspose3d, nn.Conv3d, d, 1, nn.Sigmoid())
        self.background = nn.Sequential(
            *normed(nn.ConvTranspose2d, seed, a, 4, 1, 0),
            *normed(nn.ConvTranspose2d, a, b, 4, 2, 1),
            *normed(nn.ConvTranspose2d, b, c, 4, 2, 1),
            *normed(nn.ConvTranspose2d, c, d, 4, 2, 1),
            *_last(nn.ConvTranspose2d, nn.Conv2d, d, 3, nn.Tanh()),
        )
        self.register_buffer("still_noise", torch.randn(1, NOISE))
        channels_last(self)

    def forward(self, identity: Tensor, logmel: Tensor) -> Tensor:
        """Generate the video.

        Parameters
        ----------
        identity:
            [B, 3, 64, 64] in [-1, 1]; without ``sees_identity`` it changes nothing.
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
        require_window("vondrick", identity, logmel, self.training)
        heard = self.audio_encoder(logmel)
        noise = self.still_noise.expand(len(heard), -1).to(heard)
        if self.training:
            noise = torch.randn_like(noise)
        codes = [noise, heard]
        if self.identity_encoder is not None:
            codes.append(self.identity_encoder(identity).flatten(1))
        seed = torch.cat(codes, dim=1)[:, :, None, None]
        moving = self.moving(seed.unsqueeze(2))
        mask = self.mask(moving)
        background = self.background(seed).unsqueeze(2)
        video = mask * self.foreground(moving) + (1 - mask) * background
        return Generated(video, heard[:, :, None, None])


def _last(enlarge, paint, features: int, outputs: int, end: nn.Module) -> nn.Sequential:
    """The last doubling, to 64 pixels per side, and what is seen of it."""
    conv = paint(features, outputs, 3, 1, 1)
    nn.init.kaiming_normal_(conv.weight)
    return nn.Sequential(*normed(enlarge, features, features, 4, 2, 1), conv, end)


NETWORK = Network(
    VondrickConfig,
    VondrickGenerator,
    "baseline after Vondrick et al.: a moving foreground over a still background; a whole window",
)
