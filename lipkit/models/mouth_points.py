"""The mouth's 20 points: found in the identity image, then moved by the speech."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.config import LIP_SIZE
from lipkit.face.mouth import POINTS


class Look(NamedTuple):
    """What the warp generator knows of a person, from one lip image."""

    fine: Tensor
    """[B, C, 32, 32]."""
    coarse: Tensor
    """[B, 2C, 16, 16]."""
    code: Tensor
    """[B, E]: of the whole picture."""
    points: Tensor
    """[B, 20, 2]: mouth points found in the image, its pixels (x, y)."""


class LookEncoder(nn.Module):
    """Lip image -> feature maps, a code, and the mouth points that it finds there.

    A point is the centre of mass of its own heat map (soft-argmax), so that a mouth elsewhere
    in the picture is found elsewhere, also on a face never seen before.
    """

    def __init__(self, features: int = 32, code: int = 128) -> None:
        super().__init__()
        self.fine = nn.Sequential(_conv(3, features, stride=2, kernel=5), _conv(features, features))
        self.coarse = nn.Sequential(
            _conv(features, 2 * features, stride=2), _conv(2 * features, 2 * features)
        )
        self.whole = nn.Sequential(
            _conv(2 * features, 3 * features, stride=2),
            _conv(3 * features, 3 * features),
            _conv(3 * features, 3 * features, stride=2),
        )
        self.code = nn.Linear(3 * features * 16, code)
        self.spread = nn.Conv2d(3 * features, features, 1)
        self.heat = nn.Sequential(
            _conv(3 * features, 2 * features), nn.Conv2d(2 * features, POINTS, 1)
        )

    def forward(self, identity: Tensor) -> Look:
        """Identity [B, 3, 64, 64] in [-1, 1] -> :class:`Look`."""
        fine = self.fine(identity)
        coarse = self.coarse(fine)
        whole = self.whole(coarse)  # [B, 3C, 4, 4]
        code = functional.gelu(self.code(whole.flatten(1)))
        # A heat map at 16 x 16 needs to know where in the mouth it is: the whole picture.
        seen = functional.interpolate(
            self.spread(whole), scale_factor=4, mode="bilinear", align_corners=False
        )
        heat = self.heat(torch.cat([coarse, seen], dim=1))
        return Look(fine, coarse, code, soft_argmax(heat))


def soft_argmax(heat: Tensor) -> Tensor:
    """Centres of mass [B, P, 2] (x, y), lip pixels, of exp(heat) [B, P, H, W]."""
    batch, points, height, width = heat.shape
    mass = heat.flatten(2).softmax(2).view(batch, points, height, width)
    x, y = pixel_centres(width, heat.device), pixel_centres(height, heat.device)
    return torch.stack([(mass.sum(2) * x).sum(2), (mass.sum(3) * y).sum(2)], dim=2)


def pixel_centres(count: int, device: torch.device | None = None) -> Tensor:
    """Where the centres of ``count`` equal cells lie on the lip image's axis, in its pixels."""
    return (torch.arange(count, device=device) + 0.5) * (LIP_SIZE / count) - 0.5


class PointMotion(nn.Module):
    """Speech code and look -> the mouth points of every frame.

    The points are those of the identity image plus what the speech and the person say: the
    head learns to close an open mouth as well as to open a closed one.
    """

    SCALE = 8.0
    """Pixels; an output of 1 moves a point so far."""

    def __init__(self, speech: int, code: int, hidden: int = 256) -> None:
        super().__init__()
        self.person = nn.Sequential(
            nn.Linear(code + 2 * POINTS, hidden), nn.GELU(), nn.Linear(hidden, hidden)
        )
        self.speech = nn.Linear(speech, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.layers = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 2 * POINTS)
        )

    def forward(self, speech: Tensor, look: Look) -> Tensor:
        """Codes [B, C, T] and a look -> points [B, T, 20, 2] in lip pixels."""
        shape = (look.points - look.points.mean(1, keepdim=True)) / self.SCALE
        person = self.person(torch.cat([look.code, shape.flatten(1)], dim=1))
        mixed = self.norm(self.speech(speech.transpose(1, 2)) + person[:, None])
        moved = self.layers(mixed).unflatten(2, (POINTS, 2))
        return look.points[:, None] + self.SCALE * moved


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, padding_mode="reflect"),
        nn.GroupNorm(4, outputs),
        nn.SiLU(),
    )
