"""Landmark regression: sound and one frame's mouth points -> the mouth points of every frame.

It draws nothing. It shows what the sound alone says about the mouth (fact sheet 14.16): an image
model whose LMD stays above this one's loses to a regression.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from lipkit.face.mouth import POINTS
from lipkit.models.generator import feature_channels
from lipkit.models.mouth_points import Look, PointMotion
from lipkit.models.network import Generated, Network
from lipkit.models.speech_encoder import SpeechEncoder
from lipkit.settings import Settings, bounded


@dataclass(frozen=True)
class LandmarkConfig(Settings):
    """Shape of the landmark regression."""

    architecture: Literal["landmarks"] = "landmarks"
    width: float = bounded(1.0, low=1 / 32, high=2.0, help="channels relative to 256")


class LandmarkRegression(nn.Module):
    """The sound's half of the warp generator (:mod:`lipkit.models.warp_generator`), by itself.

    Instead of finding the mouth in the identity image it is given its points, as dlib finds
    them. It is convolutional in time and takes any number of frames.

    Parameters
    ----------
    config:
        ``width``: channels relative to 256.
    """

    def __init__(self, config: LandmarkConfig | None = None) -> None:
        super().__init__()
        self.config = config or LandmarkConfig()
        features = feature_channels(self.config.width)
        self.speech_encoder = SpeechEncoder(features)
        self.point_motion = PointMotion(features, code=0, hidden=features)

    @property
    def context(self) -> int:
        """Frames on each side of a frame that can change it."""
        return self.speech_encoder.context

    def forward(self, identity_points: Tensor, logmel: Tensor) -> Tensor:
        """Predict the mouth.

        Parameters
        ----------
        identity_points:
            [B, 20, 2], mouth points (x, y) of the identity image in lip pixels.
        logmel:
            [B, 1, 4T, 128], normalised by the statistics of the prepared set.

        Returns
        -------
        Tensor
            [B, T, 20, 2] in lip pixels.
        """
        if list(identity_points.shape[1:]) != [POINTS, 2]:
            raise ValueError(
                f"identity points {list(identity_points.shape)}; expected [B, {POINTS}, 2]"
            )
        # Of the person only the points are known: no picture, and so no code of it.
        look = Look(None, None, identity_points.new_zeros(len(identity_points), 0), identity_points)
        return self.point_motion(self.speech_encoder(logmel), look)

    def generate(self, identity_points: Tensor, logmel: Tensor) -> Generated:
        """:meth:`forward`, in the form of all generators."""
        points = self(identity_points, logmel)
        return Generated(points=points, identity_points=identity_points)


NETWORK = Network(
    LandmarkConfig,
    LandmarkRegression,
    "baseline that draws nothing: sound and one frame's mouth points -> mouth points",
    gives=("points",),
    identity="points",
)
