"""Mouth loss: the pixel loss, looking at the mouth."""

import numpy as np
import torch
from torch import Tensor, nn

from lipkit.face.mouth import INNER
from lipkit.losses.loss import Loss, PlainTerm
from lipkit.models.mouth_points import pixel_centres

LIPS, INSIDE = 3.0, 6.0
LIPS_MARGIN, INSIDE_MARGIN = 4.0, 1.5
"""Lip pixels around the points that still belong to the lips, and to the mouth's inside."""


class MouthLoss(nn.Module):
    r"""Mean absolute difference, weighted towards the mouth (ours; preset ``plus``).

    .. math:: \ell_{mouth} = \frac{\sum_x w(x)\,|v(x) - \hat v(x)|}{\sum_x w(x)},\quad
        w = 1 + 3\,b_{lips} + 6\,b_{inside}

    Teeth and tongue are a twentieth of the picture and most of what speech looks like: a plain
    mean leaves them to the last. :math:`b` is a soft box around the 20 and around the 8 inner
    mouth points, :math:`\exp(-\frac{1}{2}(x/r_x)^4 - \frac{1}{2}(y/r_y)^4)`.
    """

    def forward(self, generated: Tensor, real: Tensor, points: Tensor) -> Tensor:
        """Videos [B, 3, T, H, W] and true points [B, T, 20, 2], lip pixels -> a scalar.

        Raises
        ------
        ValueError
            When the shapes do not fit.
        """
        if generated.shape != real.shape or points.shape[:2] != real.shape[:3:2]:
            raise ValueError(
                f"generated {list(generated.shape)}, real {list(real.shape)} and points "
                f"{list(points.shape)} do not fit"
            )
        weight = mouth_weight(points.float(), *real.shape[3:])[:, None]  # [B, 1, T, H, W]
        difference = (real.float() - generated.float()).abs()
        return (weight / weight.mean() * difference).mean()


def mouth_weight(points: Tensor, height: int, width: int) -> Tensor:
    """w of :class:`MouthLoss`: points [..., 20, 2] -> [..., H, W], from 1 to 10."""
    lips = _box(points, LIPS_MARGIN, height, width)
    inside = _box(points[..., INNER, :], INSIDE_MARGIN, height, width)
    return 1 + LIPS * lips + INSIDE * inside


def _box(points: Tensor, margin: float, height: int, width: int) -> Tensor:
    centre = points.mean(-2)
    reach = (points.amax(-2) - points.amin(-2)) / 2 + margin
    x = (pixel_centres(width, points.device) - centre[..., :1]) / reach[..., :1]
    y = (pixel_centres(height, points.device) - centre[..., 1:]) / reach[..., 1:]
    return torch.exp(-0.5 * x**4)[..., None, :] * torch.exp(-0.5 * y**4)[..., :, None]


_loss = MouthLoss()


def by_hand(generated: np.ndarray, real: np.ndarray, points: np.ndarray) -> float:
    """The equation, pixel by pixel: videos [B, 3, T, H, W], points [B, T, 20, 2]."""
    height, width = real.shape[3:]
    error = np.abs(generated - real).mean(1)  # [B, T, H, W]
    total = weights = 0.0
    for mouth, frame in zip(
        points.reshape(-1, 20, 2), error.reshape(-1, height, width), strict=True
    ):
        for y in range(height):
            for x in range(width):
                weight = 1.0
                for chosen, margin, share in ((mouth, 4.0, 3.0), (mouth[12:], 1.5, 6.0)):
                    reach = (chosen.max(0) - chosen.min(0)) / 2 + margin
                    u, v = ((np.array([x, y]) + 0.5) * 64 / width - 0.5 - chosen.mean(0)) / reach
                    weight += share * np.exp(-0.5 * u**4 - 0.5 * v**4)
                total, weights = total + weight * frame[y, x], weights + weight
    return float(total / weights)


LOSSES = (
    Loss(
        "mouth",
        "mouth loss",
        "pixel loss weighted towards the mouth (ours)",
        lambda settings, site: PlainTerm(
            lambda scene: _loss(scene.made.video, scene.video, scene.rendered_points)
        ),
        needs=("video", "true points"),
        by_hand=lambda scene: by_hand(scene.made.video, scene.video, scene.rendered_points),
    ),
    Loss(
        "warped",
        "mouth loss before painting",
        "mouth loss of the moved identity image, before anything is painted over it (ours)",
        lambda settings, site: PlainTerm(
            lambda scene: _loss(scene.made.warped, scene.video, scene.rendered_points)
        ),
        needs=("warped", "true points"),
        by_hand=lambda scene: by_hand(scene.made.warped, scene.video, scene.rendered_points),
    ),
)
