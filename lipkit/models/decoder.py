"""Decoder: the fused volume -> video."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Decoder(nn.Module):
    """Doubles height and width twice, then paints RGB (fact sheet 2.2).

    Parameters
    ----------
    features:
        Channels of the input, 256 in the paper; halved at each doubling.
    """

    CONTEXT = 5
    """Frames on each side that one output frame sees: 1 + 1 + 3."""

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_double(features, features // 2),
            *_double(features // 2, features // 4),
            Painter(features // 4, 3, 7, padding=3),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, 16, 16] -> video [B, 3, T, 64, 64] in [-1, 1]."""
        return self.layers(x)


def _double(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.ConvTranspose3d(
        inputs,
        outputs,
        3,
        stride=(1, 2, 2),
        padding=1,
        output_padding=(0, 1, 1),
        bias=False,
    )
    return [conv, nn.BatchNorm3d(outputs), nn.ReLU()]


class Painter(nn.Conv3d):
    """A 3-D convolution with few output channels, twice as fast on a CPU.

    Processors take 16 output channels at a time, and here there are 3. So the kernel's frames
    become channels of one 2-D convolution, 7 x 3 = 21, and a product with zeros and ones adds
    the pictures, each at its place in time. The sum is the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T, H, W] -> [B, 3, T, H, W]."""
        if x.device.type != "cpu":
            return super().forward(x)
        batch, _, frames = x.shape[:3]
        outputs, depth = self.out_channels, self.kernel_size[0]
        reach = self.padding[0]
        kernel = self.weight.permute(2, 0, 1, 3, 4).flatten(0, 1)
        pictures = F.conv2d(
            x.transpose(1, 2).flatten(0, 1),
            kernel.contiguous(memory_format=torch.channels_last),
            padding=self.padding[1:],
        )
        # Seven pictures are added: in single precision, whatever they were computed in.
        precision = torch.promote_types(pictures.dtype, torch.float32)
        pictures = pictures.to(precision, memory_format=torch.contiguous_format)
        with torch.autocast("cpu", enabled=False):
            places = _places(frames, depth, reach).to(pictures)
            added = places @ pictures.reshape(batch, frames * depth, -1)  # [B, T, 3HW]
        video = added.view(batch, frames, outputs, *pictures.shape[2:]).transpose(1, 2)
        return video + self.bias[:, None, None, None]


def _places(frames: int, depth: int, reach: int) -> Tensor:
    """Which of the ``frames * depth`` pictures are added to which frame: 0 or 1, [T, T * depth].

    Picture d of frame s belongs to frame s + reach - d, if there is such a frame.
    """
    to, source, part = torch.arange(frames), torch.arange(frames), torch.arange(depth)
    return (source[:, None] + reach - part == to[:, None, None]).float().flatten(1)
