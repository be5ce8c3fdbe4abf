"""What a loss declares of itself, and what it is in a training run.

A loss's module ends in one :class:`Loss` named ``LOSS`` (or several, ``LOSSES``);
:mod:`lipkit.losses` lists the modules, and everything else follows from the declarations: the
settings ``loss.NAME.…``, the objective, the log, the checks of what goes with what, the
documentation, and the tests by equation.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from lipkit.config import TrainConfig
from lipkit.models.network import GIVES, Generated
from lipkit.models.pretraining import Pretraining
from lipkit.settings import Settings, bounded

Need = Literal[
    "video",
    "audio",
    "points",
    "warped",
    "true points",
    "whole window",
    "two frames",
    "other sound",
    "flow",
]
NEEDS: dict[Need, str] = {
    **{name: f"a generator that gives {what}" for name, what in GIVES.items()},
    "true points": "the true mouth points of the window",
    "whole window": "every frame of a window of 16",
    "two frames": "at least two frames of a window",
    "other sound": "the sound of another sentence",
    "flow": "optical flow of the real and of the generated lips",
}
"""What a loss may need, in words. The first four are the generator's to give."""


@dataclass(frozen=True)
class LossSettings(Settings):
    """The settings of a loss that has no more than its weight."""

    weight: float = bounded(0.0, low=0.0, help="in the objective; 0 leaves the loss out")


@dataclass
class Scene:
    """One batch, what the generator made of it, and where the run stands."""

    batch: dict[str, Tensor]
    """As :class:`lipkit.data.windows.Windows` gives it, on the device."""
    made: Generated
    """In float32."""
    flow: tuple[Tensor, Tensor] | None = None
    """F of the real and of the generated video, [B, 2, T-1, 16, 16], in pixels."""
    share: float = 1.0
    """Of the run that is over, 0 to 1."""
    autocast: Callable[[], AbstractContextManager] = nullcontext
    """The precision in which networks compute; losses are taken outside of it, in float32."""

    @property
    def video(self) -> Tensor:
        """The real video."""
        return self.batch["video"]

    @property
    def rendered_points(self) -> Tensor:
        """[B, N, 20, 2]: the true points of the frames that the video holds."""
        chosen = self.batch["frames"][..., None, None]
        points = self.batch["points"]
        return points.gather(1, chosen.expand(-1, -1, *points.shape[2:]))


@dataclass(frozen=True)
class Group:
    """A network that learns, and how fast."""

    module: nn.Module
    learning_rate: float
    weight_decay: float = 0.0


@dataclass(frozen=True)
class Learner:
    """What a loss brings that learns, by one Adam."""

    name: str
    """Of the optimiser in a checkpoint, such as ``discriminator``."""
    groups: list[Group]
    betas: tuple[float, float]
    log: str = ""
    """Name of its own loss in the log, which it learns from in a step of its own, before the
    generator's; empty: it learns from the objective, along with the generator."""


@dataclass(frozen=True)
class Site:
    """What a loss is built on: the run's generator, flow, rates and device."""

    generator: nn.Module
    flow: nn.Module | None
    """F, where any loss needs it."""
    train: TrainConfig
    flow_rate: float = 0.0
    """At which F learns along, where it does."""
    ready: Callable[[nn.Module], nn.Module] = field(default=lambda module: module)
    """Puts a new network where and how it shall compute."""


class Term:
    """A loss at work: called with a :class:`Scene`, it gives what the generator shall lower."""

    def __init__(self, networks: dict[str, nn.Module] | None = None) -> None:
        self.networks = networks or {}
        """Its own networks, by their names in a checkpoint."""
        self.learner: Learner | None = None
        self.pretraining: Pretraining | None = None

    def __call__(self, scene: Scene) -> Tensor:
        """A scalar in float32, with a gradient to the generator."""
        raise NotImplementedError

    def learn(self, scene: Scene) -> Tensor | None:
        """The loss of a learner that has one of its own, which nothing of the generator gets a
        gradient from; None where it does not learn in this step."""
        raise NotImplementedError

    def pretrained(self) -> None:
        """Called when ``pretraining`` is done, or was done before a run was resumed."""

    def compile(self) -> None:
        """Compile the networks with ``torch.compile``."""
        for network in self.networks.values():
            network.compile()


class PlainTerm(Term):
    """A loss without networks: a function of the scene."""

    def __init__(self, function: Callable[[Scene], Tensor]) -> None:
        super().__init__()
        self.function = function

    def __call__(self, scene: Scene) -> Tensor:
        """The function's value."""
        return self.function(scene)


def of_videos(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Site], Term]:
    """How a loss is built that compares the generated video with the real one."""
    return lambda settings, site: PlainTerm(lambda scene: loss(scene.made.video, scene.video))


@contextmanager
def still(network: nn.Module) -> Iterator[nn.Module]:
    """A network through which gradients pass without staying in it."""
    network.requires_grad_(False)
    try:
        yield network
    finally:
        network.requires_grad_(True)


@dataclass(frozen=True)
class Loss:
    """One loss."""

    name: str
    """In settings (``loss.NAME.weight``), logs and the objective."""
    label: str
    """What it is called in messages, such as ``pixel loss``."""
    meaning: str
    """One line for the documentation."""
    build: Callable[[Any, Site], Term]
    """From its settings and what it is built on to what computes it."""
    settings: type[LossSettings] = LossSettings
    needs: tuple[Need, ...] = ("video",)
    needs_by: Callable[[Any], tuple[Need, ...]] = lambda settings: ()
    """What it needs besides, by its settings."""
    windows: Callable[[Any], int] = lambda settings: 1
    """The fewest windows in a step, by its settings."""
    by_hand: Callable[..., float] | None = None
    """Its equation in plain NumPy, against which it is tested: takes a scene whose tensors are
    float64 arrays. None of a loss whose networks stand between the scene and its equation."""
    learner: str = ""
    """What its learner's own loss is called in messages; empty where it has none."""

    def needed(self, settings: LossSettings) -> tuple[Need, ...]:
        """All that it needs with these settings; nothing at weight 0."""
        return (*self.needs, *self.needs_by(settings)) if settings.weight > 0 else ()
