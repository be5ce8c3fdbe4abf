"""Layers of the two baselines, which make all 16 frames of a window from one code."""

from typing import Any

from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS, WINDOW
from lipkit.errors import UsageError

CODE = 256
"""Numbers of the sound's code, in the authors' extension of either paper."""
COLUMNS = WINDOW * COLUMNS_PER_FRAME


class WindowAudioEncoder(nn.Module):
    """Sound of a whole window -> one code, without a time axis (fact sheet 9.1).

    The first four convolutions are nearly those of the paper's audio encoder; then a fully
    connected layer over everything, the reason why only windows of 16 frames go in.

    Parameters
    ----------
    width:
        Channels relative to the authors' 32, 64, 128, 128 and the code's 256.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, code = (channels(n, width) for n in (32, 64, 128, CODE))
        self.layers = nn.Sequential(
            *normed(nn.Conv2d, 1, a, 3, 1, 1),
            *normed(nn.Conv2d, a, b, 3, 2, 1),
            *normed(nn.Conv2d, b, c, 3, 1, 1),
            *normed(nn.Conv2d, c, c, 3, 2, 1),
            nn.Flatten(),
            *joined(c * (COLUMNS // 4) * (MEL_BANDS // 4), code),
        )

    def forward(self, logmel: Tensor) -> Tensor:
        """Log-mel [B, 1, 64, 128], normalised -> code [B, 256 x width], not negative."""
        return self.layers(logmel)


def require_window(architecture: str, identity: Tensor, logmel: Tensor, training: bool) -> None:
    """Refuse what the network cannot take, in one line.

    Raises
    ------
    UsageError
        For windows of another length, and for one window at a time in training, of which
        batch norm behind a fully connected layer has no statistics.
    ValueError
        For tensors that are not lip images or not a log-mel spectrogram.
    """
    if list(identity.shape[1:]) != [3, LIP_SIZE, LIP_SIZE] or logmel.shape[3] != MEL_BANDS:
        raise ValueError(
            f"identity {list(identity.shape)} and log-mel {list(logmel.shape)}; expected "
            f"[B, 3, {LIP_SIZE}, {LIP_SIZE}] and [B, 1, {COLUMNS}, {MEL_BANDS}]"
        )
    if logmel.shape[2] != COLUMNS:
        raise UsageError(
            f"generator.architecture={architecture} makes windows of {WINDOW} frames, not of "
            f"{logmel.shape[2] / COLUMNS_PER_FRAME:g}; set data.window={WINDOW}"
        )
    if training and len(logmel) < 2:
        raise UsageError(
            f"generator.architecture={architecture} learns from two windows at a time; "
            "set train.batch_size=2 or more, and prepare more clips if there is one window only"
        )


def channels(published: int, width: float) -> int:
    """Channels at a relative ``width``: a multiple of 4."""
    return max(4, 4 * round(published * width / 4))


def normed(kind: Any, inputs: int, outputs: int, *shape: Any) -> list[nn.Module]:
    """The authors' layer: a (de)convolution without bias, batch norm, ReLU; Kaiming's start."""
    conv = kind(inputs, outputs, *shape, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    deep = kind in (nn.Conv3d, nn.ConvTranspose3d)
    norm = nn.BatchNorm3d if deep else nn.BatchNorm2d
    return [conv, norm(outputs), nn.ReLU()]


def joined(inputs: int, outputs: int) -> list[nn.Module]:
    """The same of a fully connected layer."""
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.kaiming_normal_(linear.weight)
    return [linear, nn.BatchNorm1d(outputs), nn.ReLU()]
