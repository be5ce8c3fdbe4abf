"""Points loss: where the generator puts the mouth, against where it was."""

import numpy as np
from torch import Tensor, nn

from lipkit.face.mouth import LOWER_INNER, UPPER_INNER
from lipkit.losses.loss import Loss, PlainTerm, Scene

PLACE, VELOCITY, FOUND, OPENING = 0.3, 0.5, 1.0, 0.2


class PointsLoss(nn.Module):
    r"""How far the generator's mouth points are from dlib's (ours; preset ``plus``).

    With :math:`p` the true and :math:`\hat p` the predicted points, :math:`\bar p` the mean of
    a frame's 20 points, :math:`\Delta` the difference of neighbouring frames, :math:`o` the
    height between the inner lips and :math:`p_0` the points of the identity image:

    .. math:: \ell_{points} = |(\hat p - \bar{\hat p}) - (p - \bar p)| + 0.3\,|\hat p - p|
        + 0.5\,|\Delta\hat p - \Delta p| + |\hat p_0 - p_0| + 0.2\,|\hat o - o|

    each a mean over all values, in lip pixels. The first term is the shape of the mouth, what
    LMD measures; its place counts less, since the sound does not reveal it. The absolute value,
    not the square: dlib's points jump by whole pixels.
    """

    def forward(self, points: Tensor, real: Tensor, found: Tensor, real_found: Tensor) -> Tensor:
        """Points [B, T, 20, 2] of the frames and [B, 20, 2] of the identity -> a scalar.

        Raises
        ------
        ValueError
            When shapes differ.
        """
        if points.shape != real.shape or found.shape != real_found.shape:
            raise ValueError(
                f"points {list(points.shape)} and {list(found.shape)}, "
                f"real ones {list(real.shape)} and {list(real_found.shape)}"
            )
        points, real, found, real_found = (x.float() for x in (points, real, found, real_found))
        error = points - real
        loss = (error - error.mean(-2, keepdim=True)).abs().mean() + PLACE * error.abs().mean()
        loss = loss + FOUND * (found - real_found).abs().mean()
        loss = loss + OPENING * (_height(points) - _height(real)).abs().mean()
        if points.shape[1] > 1:
            loss = loss + VELOCITY * error.diff(dim=1).abs().mean()
        return loss


def _height(points: Tensor) -> Tensor:
    return points[..., LOWER_INNER, 1] - points[..., UPPER_INNER, 1]


_loss = PointsLoss()


def _term(scene: Scene) -> Tensor:
    made, batch = scene.made, scene.batch
    return _loss(made.points, batch["points"], made.identity_points, batch["identity_points"])


def by_hand(scene) -> float:
    """The equation, point by point."""
    p, q = scene.made.points, scene.batch["points"]
    p0, q0 = scene.made.identity_points, scene.batch["identity_points"]
    shape = place = velocity = opening = 0.0
    batch, frames = p.shape[:2]
    for b in range(batch):
        for t in range(frames):
            for i in range(20):
                for axis in range(2):
                    ours, true = p[b, t, i, axis], q[b, t, i, axis]
                    shape += abs(
                        (ours - p[b, t, :, axis].mean()) - (true - q[b, t, :, axis].mean())
                    )
                    place += abs(ours - true)
                    if t > 0:
                        velocity += abs(
                            (ours - p[b, t - 1, i, axis]) - (true - q[b, t - 1, i, axis])
                        )
            # Points 62 and 66 of dlib's 68: the middle of the upper and of the lower inner lip.
            ours, true = (x[b, t, 66 - 48, 1] - x[b, t, 62 - 48, 1] for x in (p, q))
            opening += abs(ours - true)
    count = batch * frames
    loss = (shape + 0.3 * place) / (40 * count) + 0.2 * opening / count + np.abs(p0 - q0).mean()
    return float(loss + 0.5 * velocity / (40 * batch * (frames - 1)))


LOSS = Loss(
    "points",
    "points loss",
    "where the generator puts the mouth, against where it was (ours)",
    lambda settings, site: PlainTerm(_term),
    needs=("points", "true points"),
    by_hand=by_hand,
)
