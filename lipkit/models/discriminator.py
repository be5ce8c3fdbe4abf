"""Discriminators: do these lips, and this motion of theirs, belong to this sound?"""

from typing import Literal

import torch
from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS, WINDOW
from lipkit.errors import UsageError

Streams = Literal["three", "two", "frame_difference"]
COLUMNS = WINDOW * COLUMNS_PER_FRAME


class Discriminator(nn.Module):
    """The poster's three-stream discriminator, and its relatives (fact sheet section 5).

    ``streams`` names them: ``three`` judges sound, video and optical flow
    (54,278,881 parameters at width 1), ``two`` sound and video (55,593,249),
    ``frame_difference`` has differences of frames in place of the flow (the authors' own
    layers for it were never published). Each stream ends in 1 x 4 x 4 cells; they are
    stacked and judged together.

    Its fully connected layer over the whole sound, 33.55 million of the parameters, makes it
    the one network that is not convolutional in time: it takes windows of 16 frames.

    Parameters
    ----------
    streams:
        Which of them.
    width:
        Channels relative to the paper's. The fully connected layer shrinks with the square of
        it.

    >>> import torch
    >>> from lipkit.models.network import parameter_count
    >>> parameter_count(Discriminator(width=1 / 8)) < 1_000_000
    True
    """

    def __init__(self, streams: Streams = "three", width: float = 1.0) -> None:
        super().__init__()
        self.streams = streams
        a, b, c, d, e = (max(4, round(n * width)) for n in (32, 64, 128, 256, 512))
        self.with_motion = streams != "two"
        self.motion_channels = 3 if streams == "frame_difference" else 2
        seen = d if self.with_motion else e
        self.audio = nn.Sequential(
            _conv2d(1, a),
            _conv2d(a, b, stride=2),
            _conv2d(b, c),
            _conv2d(c, d, stride=2),
            nn.Flatten(),
            *_joined(d * (COLUMNS // 4) * (MEL_BANDS // 4), d, norm=self.with_motion),
        )
        # 16 frames become 8, 4, 2 and then 1; 64 x 64 become 4 x 4.
        self.video = nn.Sequential(
            _conv3d(3, b, 4, 2, norm=False),
            _conv3d(b, c, 4, 2),
            _conv3d(c, d, 4, 2),
            _conv3d(d, seen, 4, (1, 2, 2)),
        )
        if self.with_motion:
            # 15 steps become 8, 4, 2 and then 1; 16 x 16 become 4 x 4.
            self.motion = nn.Sequential(
                _conv3d(self.motion_channels, b, 3, 2, norm=False),
                _conv3d(b, c, 3, (2, 1, 1)),
                _conv3d(c, d, 3, 2),
                _conv3d(d, d, 3, (2, 1, 1)),
            )
        stacked = seen + d + (d if self.with_motion else 0)
        self.joint = nn.Sequential(_conv3d(stacked, e, 3, 1), nn.Conv3d(e, 1, (1, 4, 4)))
        nn.init.kaiming_normal_(self.joint[1].weight)

    def forward(self, video: Tensor, logmel: Tensor, motion: Tensor | None = None) -> Tensor:
        """Judge pairs of video and sound.

        Parameters
        ----------
        video:
            [B, 3, 16, 64, 64] in [-1, 1].
        logmel:
            [B, 1, 64, 128], normalised.
        motion:
            The video's flow [B, 2, 15, 16, 16] in pixels, or its differences
            [B, 3, 15, 16, 16], as :class:`~lipkit.models.video_flow.Motion` gives them; left
            out for two streams.

        Returns
        -------
        Tensor
            Logits [B]; their sigmoid is the paper's D, the belief that the pair is real.

        Raises
        ------
        UsageError
            For windows of another length.
        ValueError
            When the motion is missing or not of this network's kind.
        """
        if video.shape[2] != WINDOW or logmel.shape[2] != COLUMNS:
            raise UsageError(
                f"the discriminator judges windows of {WINDOW} frames, not {video.shape[2]} with "
                f"{logmel.shape[2]} log-mel columns; set data.window={WINDOW} or loss.gen.weight=0"
            )
        heard = self.audio(logmel)[:, :, None, None, None].expand(-1, -1, 1, 4, 4)
        seen = [heard, self.video(video)]
        if self.with_motion:
            if motion is None or motion.shape[1] != self.motion_channels:
                given = "none" if motion is None else list(motion.shape)
                raise ValueError(
                    f"motion is {given}; the {self.streams} streams take "
                    f"[B, {self.motion_channels}, {WINDOW - 1}, 16, 16]"
                )
            seen.append(self.motion(motion))
        return self.joint(torch.cat(seen, dim=1)).flatten()


def _conv2d(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


def _conv3d(
    inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int, int], norm: bool = True
) -> nn.Sequential:
    conv = nn.Conv3d(inputs, outputs, kernel, stride, 1, bias=not norm)
    nn.init.kaiming_normal_(conv.weight)
    normed = [nn.BatchNorm3d(outputs)] if norm else []
    return nn.Sequential(conv, *normed, nn.ReLU())


def _joined(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
    """The fully connected layer; only the two-stream one goes without batch norm."""
    linear = nn.Linear(inputs, outputs, bias=not norm)
    nn.init.kaiming_normal_(linear.weight)
    normed = [nn.BatchNorm1d(outputs)] if norm else []
    return [linear, *normed, nn.ReLU()]
