"""Correlation networks phi_s and phi_v: sound and motion as features that can be compared.

Both keep the frames and shrink everything else to 16 numbers per step (fact sheet section 3).
What is compared, and how, is the loss's business: :mod:`lipkit.losses.correlation`.
"""

import math
from itertools import pairwise

from torch import Tensor, nn

EMBEDDING = 16
"""How many numbers phi_s and phi_v give per time step."""
BANDS = 16
"""F, the bands of the audio encoder's features."""
FLOW_SIZE = 16
"""Rows and columns of the optical flow that phi_v takes: a quarter of the picture's."""
VIDEO_SIZE = 64


class AudioCorrelation(nn.Module):
    """phi_s: 3 x 3 convolutions that halve the bands until one is left.

    At 256 features it has 392,400 parameters (fact sheet 2.3).

    Parameters
    ----------
    features:
        Channels C of the audio encoder's features. They halve from layer to layer, but
        not below 16, so that a narrow generator has a narrow phi_s.
    """

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        halvings = int(math.log2(BANDS))
        widths = [features] + [max(EMBEDDING, features >> n) for n in range(1, halvings)]
        layers = [
            _step(nn.Conv2d(a, b, 3, (1, 2), 1), nn.BatchNorm2d(b))
            for a, b in pairwise([*widths, EMBEDDING])
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, audio: Tensor) -> Tensor:
        """f_s or its change, [B, C, T', 16] -> [B, T', 16], not negative."""
        if audio.dim() != 4 or audio.shape[3] != BANDS:
            raise ValueError(f"audio features {list(audio.shape)}; expected [B, C, T, {BANDS}]")
        return self.layers(audio).squeeze(3).transpose(1, 2)


class VisualCorrelation(nn.Module):
    """phi_v: 3 x 3 x 3 convolutions that halve the picture until one pixel is left.

    Three are published (fact sheet 2.3): flow at 16 x 16 (11,580 parameters), Farneback's
    flow at 64 x 64 (25,500), and frames instead of flow (25,608), which the non-derivative
    variant takes.

    Parameters
    ----------
    channels:
        2 for flow, 3 for frames.
    size:
        Rows and columns of the input, a power of two, at least 16.
    """

    def __init__(self, channels: int = 2, size: int = FLOW_SIZE) -> None:
        super().__init__()
        halvings = int(math.log2(size))
        if 2**halvings != size or halvings < 4:
            raise ValueError(f"size {size}; expected a power of two, at least 16")
        self.shape = (channels, size)
        widths = [channels, 4, 8, *[EMBEDDING] * (halvings - 2)]
        layers = [
            _step(nn.Conv3d(a, b, 3, (1, 2, 2), 1), nn.BatchNorm3d(b)) for a, b in pairwise(widths)
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, visual: Tensor) -> Tensor:
        """Flow or frames, [B, 2 or 3, T', size, size] -> [B, T', 16], not negative."""
        channels, size = self.shape
        if visual.dim() != 5 or (visual.shape[1], *visual.shape[3:]) != (channels, size, size):
            raise ValueError(
                f"visual input {list(visual.shape)}; expected [B, {channels}, T, {size}, {size}]"
            )
        return self.layers(visual).flatten(2).transpose(1, 2)


class CorrelationNetworks(nn.Module):
    """phi_s and phi_v together, with the derivative f'_s in front (fact sheet section 3).

    ======================= ============================== ===========================
    ``derivative``          sound                          ``visual``
    ======================= ============================== ===========================
    true (the paper's)      f'_s = f_s[t] - f_s[t + 1]     flow [B, 2, T-1, 16, 16]
    false                   f_s                            video [B, 3, T, 64, 64]
    ======================= ============================== ===========================

    The sign of f'_s is the authors'; nothing depends on it, phi_s being learned.

    Parameters
    ----------
    derivative:
        Which of the two.
    features:
        Channels of f_s: ``feature_channels(width)`` of the generator.

    >>> import torch
    >>> networks = CorrelationNetworks(features=32)
    >>> audio = torch.zeros(1, 32, 16, 16)  # f_s of 16 frames
    >>> flow = torch.zeros(1, 2, 15, 16, 16)  # between them
    >>> sound, visual = networks(audio, flow)
    >>> sound.shape == visual.shape
    True
    """

    def __init__(self, derivative: bool = True, features: int = 256) -> None:
        super().__init__()
        self.derivative = derivative
        self.phi_s = AudioCorrelation(features)
        self.phi_v = VisualCorrelation() if derivative else VisualCorrelation(3, VIDEO_SIZE)

    def forward(self, audio: Tensor, visual: Tensor) -> tuple[Tensor, Tensor]:
        """f_s [B, C, T, 16] and ``visual`` of the table above -> (s, v), each [B, T', 16].

        T' is T - 1 with the derivative and T without. Any T is taken, from 2 on.

        Raises
        ------
        ValueError
            When the shapes do not fit each other.
        """
        sound = audio[:, :, :-1] - audio[:, :, 1:] if self.derivative else audio
        s, v = self.phi_s(sound), self.phi_v(visual)
        if s.shape[1] != v.shape[1]:
            raise ValueError(f"{s.shape[1]} steps of sound do not match {v.shape[1]} of the lips")
        return s, v


def _step(conv: nn.Module, norm: nn.Module) -> nn.Sequential:
    # The bias is idle before a batch norm; the published counts have it.
    return nn.Sequential(conv, norm, nn.ReLU())
