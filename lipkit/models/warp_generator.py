"""The warp generator (preset ``plus``): move the pixels of the identity image, paint the rest.

Not the paper's. Three observations lead to it (fact sheet 14): how the mouth moves can be
learnt in minutes from landmarks; a lip image holds the person's looks already, so moving its
pixels keeps them sharp; and only what no picture of a closed mouth shows, teeth and tongue,
has to be painted.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.config import LIP_SIZE
from lipkit.models.mouth_points import Look, LookEncoder, PointMotion, pixel_centres
from lipkit.models.network import Generated, Network
from lipkit.models.speech_encoder import SpeechEncoder
from lipkit.settings import Settings, bounded

COARSE, FINE = 16, 32
"""Pixels of the two feature maps."""
REACH = 4.0
"""Lip pixels; a mouth point drags its surroundings along, this far (standard deviation)."""
STILL = 0.2
"""Weight of standing still in the drag field: skin far from all points stays."""


@dataclass(frozen=True)
class WarpConfig(Settings):
    """Shape of the warp generator."""

    architecture: Literal["warp"] = "warp"
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to plus's")


class Guide(NamedTuple):
    """True mouth points, in lip pixels."""

    share: Tensor
    """bool [B]: of which clips to use them."""
    identity: Tensor
    """[B, 20, 2], of the identity image."""
    points: Tensor
    """[B, T, 20, 2], of every frame."""


class WarpGenerator(nn.Module):
    """Speech and one lip image -> mouth points -> a warp of the image, painted where it must.

    Each frame is rendered by itself from its points and its speech code; time is in the
    speech encoder alone. Parameters as for the paper's generator (``config.width``).
    """

    def __init__(self, config: WarpConfig | None = None) -> None:
        super().__init__()
        self.config = config or WarpConfig()
        speech = _multiple(256 * self.config.width)
        features = _multiple(32 * self.config.width)
        code = _multiple(128 * self.config.width)
        self.speech_encoder = SpeechEncoder(speech)
        self.look_encoder = LookEncoder(features, code)
        self.point_motion = PointMotion(speech, code, speech)
        self.renderer = Renderer(speech, code, features)

    @property
    def context(self) -> int:
        """Frames on each side of a frame that can change it."""
        return self.speech_encoder.context

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

    def generate(
        self,
        identity: Tensor,
        logmel: Tensor,
        frames: Tensor | None = None,
        guide: Guide | None = None,
    ) -> Generated:
        """:meth:`forward`, with the points and what else the losses want.

        Parameters
        ----------
        frames:
            int64 [B, N]: render these frames only (the points are of all). Pictures cost a
            hundred times what points cost, so that training renders a few of a long window.
        guide:
            True points to render from, for some of the batch (teacher forcing): from them
            the renderer learns sharp pictures while the predicted ones are still poor. The
            points that are returned are the predicted ones.
        """
        speech = self.speech_encoder(logmel)  # [B, C, T]
        look = self.look_encoder(identity)
        points = self.point_motion(speech, look)  # [B, T, 20, 2]
        codes, chosen, source = speech.transpose(1, 2), points, look.points
        if guide is not None:
            guided = guide.share[:, None, None]
            source = torch.where(guided, guide.identity, source)
            chosen = torch.where(guided[..., None], guide.points, chosen)
        if frames is not None:
            codes = codes.gather(1, frames[..., None].expand(-1, -1, codes.shape[2]))
            chosen = chosen.gather(1, frames[..., None, None].expand(-1, -1, *points.shape[2:]))
        video, *how = self.renderer(identity, look._replace(points=source), codes, chosen)
        return Generated(video, speech[..., None], points, look.points, *how)


class Drawn(NamedTuple):
    """Frames, and how they were made, each [B, C, T, 64, 64]."""

    video: Tensor
    """C = 3, in [-1, 1]."""
    warped: Tensor
    """C = 3, in [-1, 1]: the identity image moved, not yet painted."""
    flow: Tensor
    """C = 2, lip pixels (x, y), to add to a pixel's own place."""
    share: Tensor
    """C = 1, in [0, 1]: what is painted."""


class Renderer(nn.Module):
    """Identity image, look, speech codes and points -> frames."""

    def __init__(self, speech: int, code: int, features: int) -> None:
        super().__init__()
        coarse = 2 * features
        self.condition = nn.Sequential(
            nn.Linear(speech + code, coarse), nn.SiLU(), nn.Linear(coarse, 2 * coarse)
        )
        self.coarse_in = _conv(coarse + 20 + 2, coarse)
        self.coarse_block = nn.Sequential(_conv(coarse, coarse), nn.SiLU(), _conv(coarse, coarse))
        self.narrow = nn.Conv2d(coarse, features, 1)
        self.fine_in = _conv(2 * features, features)
        self.fine_block = nn.Sequential(
            _conv(features, features), nn.SiLU(), _conv(features, features)
        )
        self.flow = _conv(features, 2)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)
        half = 3 * features // 4
        self.enlarge = nn.Sequential(_conv(features, 4 * half), nn.PixelShuffle(2), nn.SiLU())
        self.paint = nn.Sequential(_conv(half + 3, half), nn.SiLU(), _conv(half, 4))
        self.to(memory_format=torch.channels_last)

    def forward(self, identity: Tensor, look: Look, codes: Tensor, points: Tensor) -> Drawn:
        """Draw the frames.

        Parameters
        ----------
        codes:
            [B, T, C] of the speech encoder.
        points:
            [B, T, 20, 2], lip pixels: where the mouth shall be.
        """
        batch, frames = points.shape[:2]
        flat = points.flatten(0, 1)  # [BT, 20, 2]
        source = _repeat(look.points, frames)
        drag = drag_field(source, flat)  # [BT, 2, 32, 32]
        coarse_drag = functional.avg_pool2d(drag, FINE // COARSE)

        condition = torch.cat([codes.flatten(0, 1), _repeat(look.code, frames)], dim=1)
        scale, shift = self.condition(condition)[..., None, None].chunk(2, dim=1)
        x = torch.cat(
            [
                warp(_repeat(look.coarse, frames), coarse_drag),
                heat_maps(flat, COARSE),
                coarse_drag / REACH,
            ],
            dim=1,
        ).contiguous(memory_format=torch.channels_last)
        x = functional.silu(self.coarse_in(x) * (1 + scale) + shift)
        x = functional.silu(x + self.coarse_block(x))
        x = functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        x = torch.cat([x, warp(_repeat(look.fine, frames), drag)], dim=1)
        x = functional.silu(self.fine_in(x))
        x = functional.silu(x + self.fine_block(x))

        flow = functional.interpolate(
            drag + REACH * self.flow(x), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        # Bicubic: a bilinear look between two pixels blurs them. It may overshoot at an edge.
        warped = warp(_repeat(identity, frames), flow, mode="bicubic").clamp(-1, 1)
        painted = self.paint(torch.cat([self.enlarge(x), warped], dim=1))
        share = torch.sigmoid(painted[:, :1] - 1)
        video = warped + share * (torch.tanh(painted[:, 1:]) - warped)
        parts = (video, warped, flow, share)
        return Drawn(*(part.unflatten(0, (batch, frames)).transpose(1, 2) for part in parts))


def drag_field(source: Tensor, target: Tensor) -> Tensor:
    """Where each pixel of a picture whose mouth points are ``target`` lay before.

    A mean of the points' displacements, weighted by a Gaussian of the distance to the target
    point, with a little weight on no displacement.

    Parameters
    ----------
    source, target:
        [N, P, 2], lip pixels (x, y).

    Returns
    -------
    Tensor
        [N, 2, 32, 32]: displacement in lip pixels, to add to a pixel's own place.
    """
    centres = pixel_centres(FINE, target.device)
    # Gaussians factor into a column and a row: two small tables and one product.
    across = torch.exp(-((target[..., :1] - centres) ** 2) / (2 * REACH**2))  # [N, P, 32]
    down = torch.exp(-((target[..., 1:] - centres) ** 2) / (2 * REACH**2))
    shift = source - target
    sums = [
        torch.bmm((down * weight).transpose(1, 2), across)  # [N, 32, 32]
        for weight in (shift[..., :1], shift[..., 1:], torch.ones_like(shift[..., :1]))
    ]
    return torch.stack(sums[:2], dim=1) / (sums[2][:, None] + STILL)


def heat_maps(points: Tensor, size: int) -> Tensor:
    """One spot of one cell's width for each point: [N, P, 2] -> [N, P, size, size]."""
    centres, cell = pixel_centres(size, points.device), LIP_SIZE / size
    across = torch.exp(-(((points[..., :1] - centres) / cell) ** 2) / 2)
    down = torch.exp(-(((points[..., 1:] - centres) / cell) ** 2) / 2)
    return down[..., :, None] * across[..., None, :]


def warp(picture: Tensor, flow: Tensor, mode: str = "bilinear") -> Tensor:
    """Sample ``picture`` [N, C, H, W] at each pixel's place plus ``flow`` [N, 2, H, W].

    The flow counts lip pixels (64 a side) at any resolution. The border is repeated.
    """
    size = picture.shape[-1]
    centres = (torch.arange(size, device=flow.device, dtype=flow.dtype) * 2 + 1) / size - 1
    x = centres[None, None, :] + flow[:, 0] * (2 / LIP_SIZE)
    y = centres[None, :, None] + flow[:, 1] * (2 / LIP_SIZE)
    grid = torch.stack([x, y], dim=3)
    return functional.grid_sample(picture, grid, mode, "border", align_corners=False)


def _repeat(tensor: Tensor, frames: int) -> Tensor:
    """[B, …] -> [B * frames, …], each entry as often as it has frames."""
    return tensor[:, None].expand(-1, frames, *tensor.shape[1:]).flatten(0, 1)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _multiple(channels: float) -> int:
    return max(8, 8 * round(channels / 8))


NETWORK = Network(
    WarpConfig,
    WarpGenerator,
    "ours: predicted mouth points move the identity image's pixels; the rest is painted",
    gives=("video", "points", "warped"),
    takes=("frames", "guide"),
)
