"""Motion between neighbouring frames, in the form that the other networks take it."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.flow.flownet import FlowNetS
from lipkit.flow.lucas_kanade import video_flow

Kind = Literal["lucas_kanade", "flownet", "frame_difference"]
SIZE = 16
"""Rows and columns of the result: FlowNetS gives a quarter of 64."""


class Motion(nn.Module):
    """F(v): one map of motion for each pair of neighbouring frames, differentiable.

    ==================== ======== ===================================================
    ``kind``             channels what
    ==================== ======== ===================================================
    ``lucas_kanade``     2        optical flow, nothing to train
    ``flownet``          2        optical flow by FlowNetS, the authors', which learns
                                  along (fact sheet section 3)
    ``frame_difference`` 3        v[t + 1] - v[t] (fact sheet section 5)
    ==================== ======== ===================================================

    Lucas-Kanade runs at half resolution, over two levels. On lips of GRID the result
    correlates .988 with that of full resolution over three (and .871 with Farneback's,
    against .885), at a fifth of the cost: 25 ms for four windows forth and back on one core.

    Parameters
    ----------
    kind:
        One of the above.
    width:
        Channels of FlowNetS relative to the published network's; the others have none.
    """

    def __init__(self, kind: Kind = "lucas_kanade", width: float = 1.0) -> None:
        super().__init__()
        self.kind = kind
        if kind == "flownet":
            self.flownet = FlowNetS(width)
        elif kind not in ("lucas_kanade", "frame_difference"):
            raise ValueError(f"motion {kind!r}; expected lucas_kanade, flownet, frame_difference")

    @property
    def channels(self) -> int:
        """Of the result: 2 for flow, 3 for differences."""
        return 3 if self.kind == "frame_difference" else 2

    def forward(self, video: Tensor) -> Tensor:
        """Video [B, 3, T, 64, 64] in [-1, 1] -> motion [B, channels, T-1, 16, 16].

        Flow is in pixels of the 64 x 64 picture, x then y.

        Raises
        ------
        ValueError
            For fewer than two frames.
        """
        if video.dim() != 5 or video.shape[2] < 2:
            raise ValueError(f"video {list(video.shape)}; expected [B, 3, T, 64, 64] with T >= 2")
        if self.kind == "flownet":
            return self._learned(video)
        if self.kind == "frame_difference":
            return _shrink(video[:, :, 1:] - video[:, :, :-1])
        halved = F.avg_pool3d(video.float(), (1, 2, 2))
        return _shrink(2 * video_flow(halved, levels=2, sigma=2.0))

    def _learned(self, video: Tensor) -> Tensor:
        batch, _, frames, height, width = video.shape
        pictures = video.transpose(1, 2)  # [B, T, 3, H, W]
        first, second = (
            part.reshape(-1, 3, height, width) for part in (pictures[:, :-1], pictures[:, 1:])
        )
        flow = self.flownet(first, second)
        return flow.view(batch, frames - 1, 2, *flow.shape[-2:]).transpose(1, 2)


def _shrink(motion: Tensor) -> Tensor:
    """Mean over cells: [B, C, T, H, W] -> [B, C, T, 16, 16]."""
    return F.adaptive_avg_pool3d(motion, (None, SIZE, SIZE))
