"""FlowNetS: optical flow as the authors estimate it, learned from Farneback's as a proxy.

The network is the simple one of Dosovitskiy et al. 2015, without batch normalisation
(38,676,496 parameters; fact sheet 2.3). The authors start from public weights, fine-tune
them on GRID lips with Farneback's flow as label, and then go on training them jointly with
the generator (fact sheet section 3).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FLOW_UNIT = 20.0
"""Pixels of motion for one unit of the network's output (the authors' flow / 20)."""
SCALE_WEIGHTS = (0.005, 0.01, 0.02, 0.08, 0.32)
"""Weights of the end-point error, from 1/4 resolution to 1/64 (fact sheet section 3)."""


class FlowNetS(nn.Module):
    """Two pictures in, flow at 1/4 of their resolution out.

    Parameters
    ----------
    width
        Channels relative to the published network's.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        c = [max(4, round(n * width)) for n in (64, 128, 256, 512, 1024)]
        self.encoder = nn.ModuleList(
            [
                _conv(6, c[0], 7, 2),
                _conv(c[0], c[1], 5, 2),
                nn.Sequential(_conv(c[1], c[2], 5, 2), _conv(c[2], c[2], 3, 1)),
                nn.Sequential(_conv(c[2], c[3], 3, 2), _conv(c[3], c[3], 3, 1)),
                nn.Sequential(_conv(c[3], c[3], 3, 2), _conv(c[3], c[3], 3, 1)),
                nn.Sequential(_conv(c[3], c[4], 3, 2), _conv(c[4], c[4], 3, 1)),
            ]
        )
        # From the coarsest to 1/4: what each step takes (features, skip, flow) and gives.
        rises = [c[3], c[2], c[1], c[0]]
        skips = [c[3], c[3], c[2], c[1]]
        inputs = [c[4]] + [r + s + 2 for r, s in zip(rises, skips, strict=True)]
        self.predict = nn.ModuleList(nn.Conv2d(n, 2, 3, padding=1, bias=False) for n in inputs)
        self.enlarge = nn.ModuleList(_deconv(2, 2, bias=False) for _ in rises)
        self.rise = nn.ModuleList(
            nn.Sequential(_deconv(n, r), nn.LeakyReLU(0.1))
            for n, r in zip(inputs, rises, strict=False)
        )
        for module in self.modules():
            # PyTorch's default shrinks the signal at each of ten layers until nothing is left.
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(module.weight, 0.1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def pyramid(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Flows ``[N, 2, h, w]`` in units of 20 pixels at 1/4, 1/8, ... 1/64 resolution."""
        features, levels = torch.cat((first, second), dim=1), []
        for stage in self.encoder:
            features = stage(features)
            levels.append(features)
        flows = [self.predict[0](features)]
        for step, skip in enumerate(reversed(levels[1:-1])):
            up = self.enlarge[step](flows[-1])
            features = torch.cat((skip, self.rise[step](features), up), dim=1)
            flows.append(self.predict[step + 1](features))
        return flows[::-1]

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Flow from ``first`` to ``second``.

        Parameters
        ----------
        first, second
            ``[N, 3, H, W]`` in [-1, 1]; H and W multiples of 64.

        Returns
        -------
        Tensor
            ``[N, 2, H/4, W/4]``: pixels of the full picture, x then y.
        """
        return self.pyramid(first, second)[0] * FLOW_UNIT


def proxy_loss(flows: list[Tensor], label: Tensor) -> Tensor:
    """Weighted end-point error of all scales against Farneback's flow.

    Parameters
    ----------
    flows
        From :meth:`FlowNetS.pyramid`.
    label
        ``[N, 2, H, W]`` in pixels of the full picture.
    """
    total = label.new_zeros(())
    for flow, weight in zip(flows, SCALE_WEIGHTS, strict=True):
        target = F.adaptive_avg_pool2d(label / FLOW_UNIT, flow.shape[-2:])
        total = total + weight * (flow - target).norm(dim=1).mean()
    return total


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.LeakyReLU(0.1))


def _deconv(inputs: int, outputs: int, bias: bool = True) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
