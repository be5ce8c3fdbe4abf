"""Amplitude loss: how far the mouth moves in all, whatever it does at any moment."""

import numpy as np
from torch import Tensor, nn

from lipkit.losses.loss import Loss, PlainTerm, Scene

SMALLEST = 0.1
"""Pixels added in quadrature, so that the gradient of a mouth that rests is finite."""


class AmplitudeLoss(nn.Module):
    r"""How far the predicted points move over a window, against how far they moved (ours).

    .. math:: \ell_{amplitude} = \frac{1}{40}\sum_{i}\left|\hat s_i - s_i\right|,\quad
        s_i = \sqrt{0.1^2 + \mathrm{Var}_t\,c_{t,i}}

    with :math:`c` the 40 coordinates of a frame's 20 points about their mean, in lip pixels. Where
    the sound leaves the mouth uncertain, the best guess by an absolute error is a small motion:
    :class:`lipkit.losses.points.PointsLoss` alone teaches timid lips. This loss asks for
    motion as large as life, and says nothing of when.
    """

    def forward(self, points: Tensor, real: Tensor) -> Tensor:
        """Points [B, T, 20, 2] in lip pixels, T at least 2 -> a scalar.

        Raises
        ------
        ValueError
            When shapes differ or there is one frame only.
        """
        if points.shape != real.shape or points.shape[1] < 2:
            raise ValueError(
                f"points {list(points.shape)} and real ones {list(real.shape)} must have one "
                "shape and at least two frames"
            )
        return (_spread(points) - _spread(real)).abs().mean()


def _spread(points: Tensor) -> Tensor:
    shape = points.float() - points.float().mean(-2, keepdim=True)
    return (shape.var(dim=1, correction=0) + SMALLEST**2).sqrt()  # [B, 20, 2]


_loss = AmplitudeLoss()


def _term(scene: Scene) -> Tensor:
    return _loss(scene.made.points, scene.batch["points"])


def by_hand(scene) -> float:
    """The equation, coordinate by coordinate."""
    errors = []
    for predicted, true in zip(scene.made.points, scene.batch["points"], strict=True):
        for i in range(20):
            for axis in range(2):
                spreads = []
                for points in (predicted, true):
                    track = [frame[i, axis] - frame[:, axis].mean() for frame in points]
                    spreads.append(np.sqrt(0.01 + np.mean((track - np.mean(track)) ** 2)))
                errors.append(abs(spreads[0] - spreads[1]))
    return float(np.mean(errors))


LOSS = Loss(
    "amplitude",
    "amplitude loss",
    "how far the generator moves the mouth points over a window, against how far they moved (ours)",
    lambda settings, site: PlainTerm(_term),
    needs=("points", "true points", "two frames"),
    by_hand=by_hand,
)
