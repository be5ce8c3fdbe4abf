"""Perceptual loss: pictures compared by what a frozen encoder of lips makes of them."""

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.losses.loss import Loss, LossSettings, Scene, Site, Term
from lipkit.models.perceptual_encoder import LipAutoEncoder
from lipkit.models.pretraining import Pretraining
from lipkit.settings import bounded


@dataclass(frozen=True)
class PerceptualConfig(LossSettings):
    """The perceptual encoder, trained as an auto-encoder of lips and then frozen (fact sheet 6)."""

    weight: float = bounded(1.0, low=0.0, help="lambda_2; 0 leaves the encoder out")
    dimensions: Literal[2, 3] = field(
        default=2, metadata={"help": "2: frame by frame; 3: over time too"}
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0)
    steps: int = bounded(2000, low=1, help="auto-encoder's training steps")
    batch_statistics: bool = field(
        default=False, metadata={"help": "true: batch norm never frozen (the authors')"}
    )


class PerceptualLoss(nn.Module):
    r"""Distance of features (poster: "better sharpness of the synthesized image").

    .. math:: \ell_{perc}(\hat v, v) = \lVert \varphi(v) - \varphi(\hat v) \rVert_2^2 / N

    phi is the encoder half of an auto-encoder of lips. Like the released code we take the
    mean over the N features, not the sum (fact sheet section 6).

    Parameters
    ----------
    encoder:
        Trained already. It is frozen here: its parameters get no gradient, and its batch
        norm keeps the statistics of its training.
    batch_statistics:
        True: batch norm by each batch's own statistics, as in the released code, which
        never switches the encoder to evaluation. Real and generated video are then
        normalised apart, so that a difference of brightness or contrast goes unseen.

    >>> import torch
    >>> from lipkit.models.perceptual_encoder import LipAutoEncoder
    >>> loss = PerceptualLoss(LipAutoEncoder())
    >>> video = torch.zeros(1, 3, 4, 64, 64)
    >>> loss(video, video).item()
    0.0
    """

    def __init__(self, encoder: LipAutoEncoder, batch_statistics: bool = False) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.batch_statistics = batch_statistics
        self.train(self.training)

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Never thaws the encoder."""
        super().train(mode)
        self.encoder.train(self.batch_statistics)
        return self

    def forward(self, generated: Tensor, real: Tensor) -> Tensor:
        """Two videos [B, 3, T, 64, 64] in [-1, 1] -> a scalar, not negative.

        Only ``generated`` gets a gradient.
        """
        with torch.no_grad():
            wanted = self.encoder.encode(real)
        return (wanted.float() - self.encoder.encode(generated).float()).square().mean()


class PerceptualTerm(Term):
    """The loss with its encoder, which learns to draw lips again first and then holds still."""

    def __init__(self, settings: PerceptualConfig, site: Site) -> None:
        self.encoder = site.ready(LipAutoEncoder(settings.dimensions, settings.width))
        super().__init__({"perceptual": self.encoder})
        self.loss = PerceptualLoss(self.encoder, settings.batch_statistics)
        train = site.train
        self.pretraining = Pretraining(
            "perceptual encoder",
            self.encoder,
            self.encoder,
            F.mse_loss,
            settings.steps,
            train.learning_rate,
            (train.beta1, train.beta2),
        )

    def __call__(self, scene: Scene) -> Tensor:
        """l_perc of the video."""
        with scene.autocast():
            return self.loss(scene.made.video, scene.video)

    def pretrained(self) -> None:
        """Freeze the encoder."""
        self.encoder.requires_grad_(False)
        self.loss.train()

    def compile(self) -> None:
        """Compile the loss: it calls the encoder's first half, not the encoder."""
        self.loss.compile()


LOSS = Loss(
    "perc",
    "perceptual loss",
    "l_perc: the picture as an encoder of lips sees it",
    PerceptualTerm,
    PerceptualConfig,
    needs=("video", "whole window"),
)
