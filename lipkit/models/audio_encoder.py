"""Audio encoder: log-mel spectrogram -> one column of features for every video frame."""

from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME


class AudioEncoder(nn.Module):
    """The poster's audio encoder (fact sheet 2.2): five 3 x 3 convolutions over time and mel.

    Two of them halve both axes and the last one halves mel only, so four log-mel columns
    become one frame and 128 bands become F = 16. Nothing fixes the number of frames.

    Parameters
    ----------
    features:
        Channels of the output, 256 in the paper; the layers before grow up to it.

    >>> import torch
    >>> tuple(AudioEncoder(features=32)(torch.zeros(1, 1, 64, 128)).shape)  # 16 frames of sound
    (1, 32, 16, 16)
    """

    CONTEXT = 3
    """Frames on each side that one feature column hears: 10 log-mel columns, rounded up."""

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _conv(1, features // 8),
            _conv(features // 8, features // 4, stride=2),
            _conv(features // 4, features // 2),
            _conv(features // 2, features, stride=2),
            _conv(features, features, stride=(1, 2)),
        )

    def forward(self, logmel: Tensor) -> Tensor:
        """Log-mel [B, 1, 4T, 128], normalised -> features [B, C, T, 16], not negative."""
        columns = logmel.shape[2]
        if logmel.dim() != 4 or columns == 0 or columns % COLUMNS_PER_FRAME:
            raise ValueError(
                f"log-mel of shape {list(logmel.shape)}; expected [B, 1, 4T, 128] with T >= 1"
            )
        return self.layers(logmel)


def _conv(inputs: int, outputs: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    # No bias: the batch norm behind it would cancel it.
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())
