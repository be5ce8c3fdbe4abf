"""Identity encoder: one lip image -> a map of what this mouth looks like."""

from torch import Tensor, nn


class IdentityEncoder(nn.Module):
    """The poster's identity encoder (fact sheet 2.2): a wide look, then two halvings.

    Parameters
    ----------
    features:
        Channels of the output, 256 in the paper.

    >>> import torch
    >>> tuple(IdentityEncoder(features=32)(torch.zeros(1, 3, 64, 64)).shape)
    (1, 32, 16, 16)
    """

    def __init__(self, features: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            # Mirrored border: zeros would draw a dark frame around the face's skin.
            nn.ReflectionPad2d(3),
            *_conv(3, features // 4, kernel=7, padding=0),
            *_conv(features // 4, features // 2, stride=2),
            *_conv(features // 2, features, stride=2),
        )

    def forward(self, identity: Tensor) -> Tensor:
        """Lip image [B, 3, 64, 64] in [-1, 1] -> features [B, C, 16, 16], not negative."""
        return self.layers(identity)


def _conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int = 1
) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]
