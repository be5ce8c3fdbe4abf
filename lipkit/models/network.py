"""What a generator declares of itself: its settings, what it gives, what it takes.

A module of a network ends in one :class:`Network` named ``NETWORK``;
:mod:`lipkit.models.catalogue` lists the modules, and everything else follows from the
declarations: the union of settings that ``generator.…`` names, which losses fit, how training
and evaluation feed it, and the table of networks in the documentation.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from lipkit.settings import Settings

Gives = Literal["video", "audio", "points", "warped"]
GIVES: dict[Gives, str] = {
    "video": "lips",
    "audio": "the sound's features by time and frequency",
    "points": "mouth points",
    "warped": "the identity image moved, before anything is painted over it",
}
"""What a generator may give, in words: the fields of :class:`Generated`."""
Takes = Literal["frames", "guide"]
TAKES: dict[Takes, str] = {
    "frames": "a choice of the frames that are rendered",
    "guide": "true mouth points to render from",
}
"""What ``generate`` may take besides identity and sound, in words."""


class Generated(NamedTuple):
    """What a generator makes, with what the losses want besides the video."""

    video: Tensor | None = None
    """[B, 3, T, 64, 64] in [-1, 1]; None where mouth points are all that is made."""
    audio: Tensor | None = None
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


@dataclass(frozen=True)
class Network:
    """One generator.

    Its module has ``context`` (frames on each side of a frame that can change it), ``forward``
    and ``generate(identity, logmel, …) -> Generated``. One that gives ``audio`` says how many
    channels that has: ``audio_features``.
    """

    settings: type[Settings]
    """A frozen dataclass whose first field is ``architecture: Literal[NAME] = NAME``."""
    module: type[nn.Module]
    """Takes the settings."""
    meaning: str
    """One line for the documentation."""
    gives: tuple[Gives, ...] = ("video",)
    takes: tuple[Takes, ...] = ()
    identity: Literal["image", "points"] = "image"
    """What it is told of the person: a lip image [B, 3, 64, 64] or mouth points [B, 20, 2]."""

    @property
    def name(self) -> str:
        """Its value of ``generator.architecture``."""
        return self.settings().architecture

    @property
    def window(self) -> int | None:
        """Frames that it makes, no more and no fewer: the module's ``window``; None: any number."""
        return getattr(self.module, "window", None)

    @property
    def draws(self) -> bool:
        """Whether it makes lips, and not mouth points alone."""
        return "video" in self.gives


def channels_last(module: nn.Module) -> None:
    """Lay the 3-D convolutions' weights out with the channels of a pixel side by side.

    A layout in memory, not in meaning: with few channels they train about twice as fast
    on a CPU.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv3d, nn.ConvTranspose3d)):
            layer.to(memory_format=torch.channels_last_3d)


def picture_norms(network: nn.Module) -> list[nn.Module]:
    """The batch norms of a generator but for those of its ``audio_encoder``, if it has one.

    >>> from torch import nn
    >>> picture_norms(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    [BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)]
    """
    heard = getattr(network, "audio_encoder", None)
    of_sound = set(heard.modules()) if heard is not None else set()
    norms = nn.modules.batchnorm._BatchNorm
    return [m for m in network.modules() if isinstance(m, norms) and m not in of_sound]


def parameter_count(module: nn.Module) -> int:
    """Trainable numbers in a module.

    >>> from torch import nn
    >>> parameter_count(nn.Linear(3, 2))  # six weights and two biases
    8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
