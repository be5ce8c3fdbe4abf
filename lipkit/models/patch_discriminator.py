"""Patch discriminator of the preset plus: is this bit of a frame sharp and real?"""

import torch
from torch import Tensor, nn
from torch.nn import functional

BLUR = 5
"""Pixels; side of the mean that is taken away to leave the fine detail."""
DETAIL = 4.0
"""Fine detail is small; it is shown so much larger."""


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches of single frames (after Isola et al., CVPR 2017; ours).

    It sees each frame and, enlarged, its fine detail: the frame less its local mean. With the
    frame alone it never learnt to tell generated from real (its loss stayed at chance), for
    what is missing in a blurred tooth is a hundredth of what differs between two people.
    """

    def __init__(self, features: int = 32) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                _conv(6, features, 4, 2, norm=False),
                _conv(features, 2 * features, 4, 2),
                _conv(2 * features, 3 * features, 3, 1),
            ]
        )
        self.judge = nn.Conv2d(3 * features, 1, 3, padding=1)

    def forward(self, video: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Video [B, 3, T, H, W] in [-1, 1] -> verdicts [B T, 1, H/4, W/4], and the features.

        A verdict is about 1 for real and 0 for generated; features are of each layer.
        """
        frames = video.transpose(1, 2).flatten(0, 1)
        mean = functional.avg_pool2d(frames, BLUR, 1, BLUR // 2, count_include_pad=False)
        x, features = torch.cat([frames, DETAIL * (frames - mean)], dim=1), []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.judge(x), features


def _conv(inputs: int, outputs: int, kernel: int, stride: int, norm: bool = True) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
    between = nn.GroupNorm(4, outputs) if norm else nn.Identity()
    return nn.Sequential(conv, between, nn.LeakyReLU(0.2))
