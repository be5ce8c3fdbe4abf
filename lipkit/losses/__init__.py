"""Losses: one small class each, with the poster's equation.

- :mod:`~lipkit.losses.correlation`: do sound and lips change together?
- :mod:`~lipkit.losses.pixel`: the picture itself.
- :mod:`~lipkit.losses.perceptual`: the picture as the perceptual encoder sees it.
- :mod:`~lipkit.losses.adversarial`: what the discriminator believes.
- :mod:`~lipkit.losses.objective`: their weighted sum.

Ours, for the preset ``plus``:

- :mod:`~lipkit.losses.points`: where the mouth is put.
- :mod:`~lipkit.losses.mouth`: the picture, looking at the mouth.
- :mod:`~lipkit.losses.similarity`: SSIM.
- :mod:`~lipkit.losses.sharpness`: edge strength, wherever the edge lies.
- :mod:`~lipkit.losses.patch`: what the patch discriminator believes.
- :mod:`~lipkit.losses.frame_change`: what changes from a frame to the next.

And
- :mod:`~lipkit.course.blindness`: can a correlation loss tell right pairs from wrong ones?

Every loss is taken in float32, whatever the networks before it compute in.
"""

from lipkit.losses.adversarial import AdversarialLoss
from lipkit.losses.correlation import CorrelationLoss
from lipkit.losses.frame_change import MotionLoss
from lipkit.losses.mouth import MouthLoss
from lipkit.losses.objective import Objective
from lipkit.losses.patch import PatchLoss
from lipkit.losses.perceptual import PerceptualLoss
from lipkit.losses.pixel import PixelLoss
from lipkit.losses.points import PointsLoss
from lipkit.losses.sharpness import SharpnessLoss
from lipkit.losses.similarity import SimilarityLoss

__all__ = [
    "AdversarialLoss",
    "CorrelationLoss",
    "MotionLoss",
    "MouthLoss",
    "Objective",
    "PatchLoss",
    "PerceptualLoss",
    "PixelLoss",
    "PointsLoss",
    "SharpnessLoss",
    "SimilarityLoss",
]
