"""Identity encoder: one lip image -> a map of what this mouth looks like."""

from torch import Tensor, nn

from lipkit.models.pixel_conv import PixelConv


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
            *_with_norm(PixelConv(3, features // 4, 7, bias=False)),
            *_with_norm(_halve(features // 4, features // 2)),
            *_with_norm(_halve(features // 2, features)),
        )

    def forward(self, identity: Tensor) -> Tensor:
        """Lip image [B, 3, 64, 64] in [-1, 1] -> features [B, C, 16, 16], not negative."""
        return self.layers(identity)


def _halve(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)


def _with_norm(conv: nn.Conv2d) -> list[nn.Module]:
    return [conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU()]
