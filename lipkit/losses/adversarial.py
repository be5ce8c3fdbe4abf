"""Adversarial loss: what the discriminator must learn, and what the generator makes of it."""

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.losses.loss import (
    Group,
    Learner,
    Loss,
    LossSettings,
    Need,
    Scene,
    Site,
    Term,
    still,
)
from lipkit.models.discriminator import Discriminator, Streams
from lipkit.models.video_flow import Motion
from lipkit.settings import bounded


@dataclass(frozen=True)
class AdversarialConfig(LossSettings):
    """The discriminator and its part of the objective (fact sheet 5).

    >>> AdversarialConfig(streams="two").mismatched
    0.5
    """

    weight: float = bounded(1.0, low=0.0, help="lambda_3; 0 leaves the discriminator out")
    streams: Streams = field(
        default="three", metadata={"help": "third stream: optical flow, none, or differences"}
    )
    width: float = bounded(1.0, low=1 / 32, high=2.0)
    generated: float = bounded(0.5, low=0.0, help="lambda_p, of generated video")
    mismatched: float = bounded(0.5, low=0.0, help="lambda_u, of real video with other sound")


class AdversarialLoss(nn.Module):
    r"""A conditional GAN with mismatched pairs (fact sheet section 5).

    .. math::
        \ell_{dis} &= -\log D([s^j, v^j])
            - \lambda_p \log(1 - D([s^j, \hat v^j]))
            - \lambda_u \log(1 - D([s^j, v^k])), \quad k \neq j

        \ell_{gen} &= -\log D([s^j, \hat v^j])

    lambda_p = lambda_u = 1/2. Without the third term the discriminator could look at the
    lips alone: real lips with another sound would never be wrong. The generator's loss is
    the non-saturating one: its gradient is largest where the discriminator is surest.

    D is the sigmoid of the logits that come in. Both logarithms are taken of the logits
    directly, -log D = log(1 + e^-x), so that no certainty gives an infinite loss.

    >>> import torch
    >>> loss = AdversarialLoss()
    >>> unsure = torch.zeros(4)  # logits: D = 1/2
    >>> round(loss.generator(unsure).item(), 4)  # -log(1/2)
    0.6931
    """

    def __init__(self, config: AdversarialConfig | None = None) -> None:
        super().__init__()
        self.config = config or AdversarialConfig()

    def discriminator(self, real: Tensor, generated: Tensor, mismatched: Tensor) -> Tensor:
        """l_dis of the logits [B] of matching real, generated, and mismatched real pairs."""
        return (
            _taken_for_real(real)
            + self.config.generated * _taken_for_false(generated)
            + self.config.mismatched * _taken_for_false(mismatched)
        )

    def generator(self, generated: Tensor) -> Tensor:
        """l_gen of the logits [B] of generated pairs."""
        return _taken_for_real(generated)


def _taken_for_real(logits: Tensor) -> Tensor:
    """-log D, mean over the batch."""
    return F.softplus(-logits.float()).mean()


def _taken_for_false(logits: Tensor) -> Tensor:
    """-log(1 - D), mean over the batch."""
    return F.softplus(logits.float()).mean()


class AdversarialTerm(Term):
    """The discriminator, which learns in a step of its own, and what the generator makes of it."""

    def __init__(self, settings: AdversarialConfig, site: Site) -> None:
        self.judge = site.ready(Discriminator(settings.streams, settings.width))
        super().__init__({"discriminator": self.judge})
        self.loss = AdversarialLoss(settings)
        self.differences = Motion("frame_difference")
        train = site.train
        rate = train.discriminator_rate
        group = Group(self.judge, train.learning_rate if rate is None else rate)
        self.learner = Learner("discriminator", [group], (train.beta1, train.beta2), log="dis")

    def __call__(self, scene: Scene) -> Tensor:
        """l_gen of the video; the discriminator holds still."""
        motion = self._motion(scene)[1]
        with still(self.judge), scene.autocast():
            logits = self.judge(scene.made.video, scene.batch["logmel"], motion)
        return self.loss.generator(logits)

    def learn(self, scene: Scene) -> Tensor:
        """l_dis: real, generated, and real with another sound."""
        video, logmel = scene.video, scene.batch["logmel"]
        motion_real, motion_made = (m if m is None else m.detach() for m in self._motion(scene))
        with scene.autocast():
            real = self.judge(video, logmel, motion_real)
            generated = self.judge(scene.made.video.detach(), logmel, motion_made)
            mismatched = real.detach()
            if self.loss.config.mismatched > 0:
                mismatched = self.judge(video, scene.batch["mismatched"], motion_real)
        return self.loss.discriminator(real, generated, mismatched)

    def _motion(self, scene: Scene) -> tuple[Tensor | None, Tensor | None]:
        """What the third stream sees, of the real and of the generated video."""
        if self.judge.streams == "three":
            return scene.flow
        if self.judge.streams == "two":
            return None, None
        return self.differences(scene.video), self.differences(scene.made.video)


def _needs(settings: AdversarialConfig) -> tuple[Need, ...]:
    flow = ("flow",) if settings.streams == "three" else ()
    return (*flow, "other sound") if settings.mismatched > 0 else flow


LOSS = Loss(
    "gen",
    "generator's adversarial loss",
    "l_gen: what the discriminator believes",
    AdversarialTerm,
    AdversarialConfig,
    needs=("video", "whole window"),
    needs_by=_needs,
    # The layer that joins three streams has batch norm over windows alone.
    windows=lambda settings: 2 if settings.streams == "three" else 1,
    learner="discriminator's loss",
)
