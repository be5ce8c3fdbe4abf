"""Patch loss: what the patch discriminator believes, and what it sees."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lipkit.losses.loss import Group, Learner, Loss, LossSettings, Scene, Site, Term, still
from lipkit.models.patch_discriminator import PatchDiscriminator
from lipkit.settings import bounded

FEATURES = 0.4
"""Weight of the features beside the verdicts."""
BETAS = (0.5, 0.99)
"""Of the patch discriminator's optimiser."""


@dataclass(frozen=True)
class PatchConfig(LossSettings):
    """The patch discriminator and its part of the objective."""

    start: float = bounded(0.0, low=0.0, high=1.0, help="share of the steps after which it joins")


class PatchLoss(nn.Module):
    r"""Least-squares adversarial loss with feature matching (ours; preset ``plus``).

    With D the verdicts of patches and :math:`f_k` the features of layer k (Mao et al., 2017;
    Wang et al., 2018):

    .. math:: \ell_D = \overline{(D(v) - 1)^2} + \overline{D(\hat v)^2},\qquad
        \ell_{patch} = \overline{(D(\hat v) - 1)^2}
        + 0.4 \sum_k \overline{|f_k(\hat v) - f_k(v)|}
    """

    def discriminator(self, real: Tensor, generated: Tensor) -> Tensor:
        """Verdicts of any shape -> a scalar; 0.5 is chance."""
        return ((real.float() - 1) ** 2).mean() + (generated.float() ** 2).mean()

    def generator(
        self, generated: Tensor, features: Sequence[Tensor], real_features: Sequence[Tensor]
    ) -> Tensor:
        """Verdicts on the generated video, features of it and of the real one -> a scalar."""
        pairs = zip(features, real_features, strict=True)
        matching = sum((a.float() - b.detach().float()).abs().mean() for a, b in pairs)
        return ((generated.float() - 1) ** 2).mean() + FEATURES * matching


class PatchTerm(Term):
    """The patch discriminator and what the generator makes of it, both 0 before its time."""

    def __init__(self, settings: PatchConfig, site: Site) -> None:
        self.judge = site.ready(PatchDiscriminator())
        super().__init__({"patch": self.judge})
        self.loss, self.start = PatchLoss(), settings.start
        rate = site.train.discriminator_rate
        group = Group(self.judge, site.train.learning_rate if rate is None else rate)
        self.learner = Learner("patch", [group], BETAS, log="patch_dis")

    def __call__(self, scene: Scene) -> Tensor:
        """l_patch of the video."""
        if scene.share < self.start:
            return scene.video.new_zeros(())
        with still(self.judge), scene.autocast():
            verdicts, features = self.judge(scene.made.video)
            with torch.no_grad():
                real_features = self.judge(scene.video)[1]
        return self.loss.generator(verdicts, features, real_features)

    def learn(self, scene: Scene) -> Tensor | None:
        """l_D; None before its time."""
        if scene.share < self.start:
            return None
        with scene.autocast():
            verdicts = self.judge(scene.video)[0], self.judge(scene.made.video.detach())[0]
        return self.loss.discriminator(*verdicts)


LOSS = Loss(
    "patch",
    "patch loss",
    "what a discriminator of patches believes and sees (ours)",
    PatchTerm,
    PatchConfig,
    learner="patch discriminator's loss",
)
