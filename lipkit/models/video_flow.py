"""Motion between neighbouring frames, in the form that the other networks take it."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.data.tensors import to_images
from lipkit.flow.farneback import farneback
from lipkit.flow.flownet import FlowNetS, proxy_loss
from lipkit.flow.lucas_kanade import video_flow
from lipkit.models.pretraining import Pretraining
from lipkit.settings import Settings, bounded

Kind = Literal["lucas_kanade", "flownet", "frame_difference"]
SIZE = 16
"""Rows and columns of the result: FlowNetS gives a quarter of 64."""
FLOWNET_BETAS = (0.9, 0.999)
FLOWNET_DECAY = 4e-4
"""Weight decay of FlowNetS, beforehand and where it learns along (fact sheet section 3)."""


@dataclass(frozen=True)
class FlowConfig(Settings):
    """Optical flow F: one for the correlation loss and the three-stream discriminator."""

    kind: Literal["lucas_kanade", "flownet"] = field(
        default="lucas_kanade", metadata={"help": "flownet, the authors', learns along"}
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels of flownet")
    steps: int = bounded(1000, low=0, help="in which flownet first learns Farneback's flow")
    learning_rate: float = bounded(1e-4, low=0.0, high=1.0, help="of these steps")


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
    against .885), at a fifth of the cost: 25 ms for four windows back and forth on one core.

    Parameters
    ----------
    kind:
        One of the above.
    width:
        Channels of FlowNetS relative to the published network's; the others have none.

    >>> import torch
    >>> tuple(Motion("lucas_kanade")(torch.rand(1, 3, 4, 64, 64)).shape)
    (1, 2, 3, 16, 16)
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


def flow_pretraining(motion: Motion, config: FlowConfig) -> Pretraining | None:
    """FlowNetS learns Farneback's flow of the training lips first (fact sheet section 3).

    The authors start from published weights of another corpus and fine-tune them so; this
    starts from nothing. None where there is nothing to learn.
    """
    if config.kind != "flownet" or config.steps == 0:
        return None

    def predict(video: Tensor) -> list[Tensor]:
        pictures = video.transpose(1, 2)  # [B, T, 3, H, W]
        first, second = pictures[:, :-1].flatten(0, 1), pictures[:, 1:].flatten(0, 1)
        return motion.flownet.pyramid(first, second)

    return Pretraining(
        "FlowNetS",
        motion.flownet,
        predict,
        lambda flows, video: proxy_loss(flows, farneback_label(video)),
        config.steps,
        config.learning_rate,
        FLOWNET_BETAS,
        FLOWNET_DECAY,
    )


def farneback_label(video: Tensor) -> Tensor:
    """Farneback's flow of each neighbouring pair, [B (T-1), 2, H, W] in pixels, x then y.

    ``video``: [B, 3, T, H, W] in [-1, 1]. Computed on the CPU, given on the video's device.
    """
    flows = np.concatenate([farneback(frames) for frames in to_images(video)])
    return torch.from_numpy(flows).permute(0, 3, 1, 2).to(video.device)


def _shrink(motion: Tensor) -> Tensor:
    """Mean over cells: [B, C, T, H, W] -> [B, C, T, 16, 16]."""
    return F.adaptive_avg_pool3d(motion, (None, SIZE, SIZE))
