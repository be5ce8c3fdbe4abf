"""Correlation loss: do sound and lips change together? (poster, "l_corr"; fact sheet section 3)"""

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.distributed as distributed
import torch.nn.functional as F
from torch import Tensor, nn

from lipkit.errors import UsageError
from lipkit.losses.loss import Group, Learner, Loss, LossSettings, Scene, Site, Term
from lipkit.models.correlation_networks import CorrelationNetworks
from lipkit.models.network import parameter_count
from lipkit.models.video_flow import FLOWNET_DECAY
from lipkit.settings import bounded

EPSILON = 1e-6
"""Added to squared norms: features that do not move have similarity 0, with a finite gradient."""


BETAS = (0.9, 0.999)
"""Of the optimiser of phi_s and phi_v."""


@dataclass(frozen=True)
class CorrelationConfig(LossSettings):
    """The correlation networks and their loss (fact sheet section 3).

    >>> CorrelationConfig(form="pearson").derivative
    True
    """

    weight: float = bounded(1.0, low=0.0, help="0 leaves the networks out")
    form: Literal["cosine", "pearson", "contrastive"] = field(
        default="contrastive", metadata={"help": "cosine: the authors', nearly blind"}
    )
    temperature: float = bounded(0.1, low=0.01, high=10.0, help="of the contrastive form")
    derivative: bool = field(
        default=True, metadata={"help": "false: features and frames instead of their changes"}
    )
    sound: Literal["own", "other"] = field(
        default="own", metadata={"help": "other: another window's, a placebo"}
    )
    real_share: float = bounded(
        0.5, low=0.0, high=1.0, help="of the loss that is taken on real video"
    )
    learning_rate: float = bounded(1e-4, low=0.0, high=1.0)
    weight_decay: float = bounded(5e-4, low=0.0, high=1.0)


class CorrelationLoss(nn.Module):
    r"""How far the sound's changes are from the lips' motion, in three forms.

    The poster's, ``cosine``:

    .. math:: \ell_{corr} = 1 - \frac{\phi_s(f'_s) \cdot \phi_v(\mathcal F(v))}
        {\lVert \phi_s(f'_s) \rVert_2 \; \lVert \phi_v(\mathcal F(v)) \rVert_2}

    The authors' code averages the 16 features first, so that two vectors of one number
    per time step are compared. None is negative (a ReLU made them), so any two point the
    same way: networks that know nothing already have a cosine of 0.88 on noise.

    ``pearson`` removes each feature's mean over time, so that only what moves counts, and
    keeps the 16 features apart: a and b below are the whole [T', 16] arrays.

    .. math:: \ell_{corr} = 1 - r(a, b), \qquad r(a, b) =
        \frac{(a - \bar a) \cdot (b - \bar b)}{\lVert a - \bar a \rVert \lVert b - \bar b \rVert}

    ``contrastive`` takes the same r of all pairs of the batch, and asks that each sound
    find its own lips among the batch's and the other way round (InfoNCE; van den Oord et
    al. 2018). Agreement that unrelated pairs have too earns nothing.

    .. math:: \ell_{corr} = -\frac 1 {2B} \sum_i \left[
        \log \frac{e^{r(s_i, v_i)/\tau}}{\sum_j e^{r(s_i, v_j)/\tau}} +
        \log \frac{e^{r(s_i, v_i)/\tau}}{\sum_j e^{r(s_j, v_i)/\tau}} \right]

    Under data parallel training the batch is that of all processes.

    Parameters
    ----------
    config:
        ``form``, ``temperature`` (tau), ``sound`` and ``real_share``.

    >>> import torch
    >>> loss = CorrelationLoss(CorrelationConfig(form="pearson"))
    >>> features = torch.rand(2, 15, 16)  # [B, T', 16]
    >>> round(loss(features, features).item(), 4)
    0.0
    """

    def __init__(self, config: CorrelationConfig | None = None) -> None:
        super().__init__()
        self.config = config or CorrelationConfig()

    def forward(self, s: Tensor, v: Tensor) -> Tensor:
        """Features of matching sound and lips, each [B, T', 16] -> a scalar, not negative.

        Raises
        ------
        UsageError
            For the contrastive form with a single window: nothing to contrast it with.
        ValueError
            When the shapes differ.
        """
        if s.shape != v.shape or s.dim() != 3:
            raise ValueError(
                f"features {list(s.shape)} of the sound and {list(v.shape)} of the lips; "
                "expected both the same [B, T, 16]"
            )
        if self.config.form != "contrastive":
            return 1 - self.similarity(s, v).diagonal().mean()
        s, v = _of_all_processes(s), _of_all_processes(v)
        if len(s) < 2:
            raise UsageError(
                "the contrastive correlation loss compares the windows of a batch, and this batch "
                "has one; set train.batch_size to 2 or more, or loss.corr.form=pearson"
            )
        scores = self.similarity(s, v) / self.config.temperature
        own = torch.arange(len(s), device=scores.device)
        return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2

    def both(self, s: Tensor, real: Tensor, generated: Tensor) -> Tensor:
        """l_corr with the real lips and with the generated, by ``config.real_share``.

        The authors take half of each (fact sheet section 3); the poster's equation has the
        generated video alone, ``real_share`` 0. With ``sound`` ``other``, a placebo, each
        window hears another one of the batch: all the work, and nothing to be learnt from it.

        Raises
        ------
        UsageError
            As :meth:`forward`, and for another window's sound in a batch of one.
        """
        if self.config.sound == "other":
            heard = _of_all_processes(s)
            if len(heard) < 2:
                raise UsageError(
                    "loss.corr.sound=other takes the sound of another window of the batch, and "
                    "this batch has one; set train.batch_size to 2 or more"
                )
            first = _rank() * len(s)
            s = heard.roll(1, dims=0)[first : first + len(s)]
        share = self.config.real_share
        return share * self(s, real) + (1 - share) * self(s, generated)

    def similarity(self, s: Tensor, v: Tensor) -> Tensor:
        """The form's similarity of every sound with all lips, [A, T', 16] and [B, T', 16].

        Returns
        -------
        Tensor
            [A, B] in [-1, 1], float32: the cosine, or r.
        """
        if self.config.form == "cosine":
            s, v = (_unit(x.float().mean(2)) for x in (s, v))
        else:
            s, v = (_unit(_centred(x.float()).flatten(1)) for x in (s, v))
        # A product of sums, not a matrix product: autocast would take that in half precision.
        return (s[:, None] * v[None]).sum(2)


def _centred(features: Tensor) -> Tensor:
    """Without each feature's mean over time."""
    return features - features.mean(1, keepdim=True)


def _unit(vectors: Tensor) -> Tensor:
    """Of norm 1, [B, N]; vectors near zero stay there."""
    return vectors / (vectors.square().sum(1, keepdim=True) + EPSILON).sqrt()


def _of_all_processes(features: Tensor) -> Tensor:
    """The features of every process's windows, with gradients back to where they came from."""
    if _is_shared():
        from torch.distributed.nn.functional import all_gather

        return torch.cat(all_gather(features.contiguous()))
    return features


def _rank() -> int:
    """Which of the processes this one is."""
    return distributed.get_rank() if _is_shared() else 0


def _is_shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()


class CorrelationTerm(Term):
    """phi_s and phi_v, which learn from the same objective as the generator; F learns along."""

    def __init__(self, settings: CorrelationConfig, site: Site) -> None:
        made = CorrelationNetworks(settings.derivative, site.generator.audio_features)
        self.phi = site.ready(made)
        super().__init__({"correlation": self.phi})
        self.loss = CorrelationLoss(settings)
        groups = [Group(self.phi, settings.learning_rate, settings.weight_decay)]
        if site.flow is not None and parameter_count(site.flow):
            groups.append(Group(site.flow, site.flow_rate, FLOWNET_DECAY))
        self.learner = Learner("correlation", groups, BETAS)

    def __call__(self, scene: Scene) -> Tensor:
        """l_corr with the real lips and with the generated."""
        seen = scene.flow if self.phi.derivative else (scene.video, scene.made.video)
        with scene.autocast():
            s, real = self.phi(scene.made.audio, seen[0])
            generated = self.phi.phi_v(seen[1])
        return self.loss.both(s.float(), real.float(), generated.float())


LOSS = Loss(
    "corr",
    "correlation loss",
    "l_corr: sound and lips change together",
    CorrelationTerm,
    CorrelationConfig,
    needs=("video", "audio", "whole window"),
    needs_by=lambda settings: ("flow",) if settings.derivative else (),
    windows=lambda own: 2 if own.form == "contrastive" or own.sound == "other" else 1,
)
