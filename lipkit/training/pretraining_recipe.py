"""What is trained before the generator: the perceptual encoder, and FlowNetS where it is F."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from torch import Tensor, nn

from lipkit.losses.loss import Group
from lipkit.models.pretraining import Pretraining
from lipkit.training.batches import Batch, Feed
from lipkit.training.recipe import OneLossRecipe, adam

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class PretrainingRecipe(OneLossRecipe):
    """A network that must know its task before the generator learns from it.

    Parameters
    ----------
    wanted:
        The network and what it learns.
    feed:
        Of the run's training windows.
    until:
        Share of the run's minutes at which it must have ended.
    ended:
        Called when it has, or had before a resumed run.
    """

    def __init__(
        self,
        wanted: Pretraining,
        feed: Feed,
        fabric: "Fabric",
        until: float = 1.0,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        group = Group(wanted.network, wanted.learning_rate, wanted.weight_decay)
        super().__init__(wanted.network, adam([group], wanted.betas), fabric)
        self.wanted, self.feed, self.until, self._ended = wanted, feed, until, ended
        self.name, self.steps, self.batch_size = wanted.name, wanted.steps, feed.batch_size
        self.log = f"log-{wanted.name.replace(' ', '-').lower()}"

    @property
    def modules(self) -> dict[str, nn.Module]:
        """None: the run holds its network already."""
        return {}

    def batches(self, step: int) -> Iterator[Batch]:
        """Of the training windows; the network learns from now on."""
        self.network.requires_grad_(True).train()
        return self.feed.batches(step, self.steps)

    def loss(self, batch: Batch) -> Tensor:
        """The network's own loss, in float32."""
        with self.fabric.autocast():
            made = self.wanted.predict(batch["video"])
        made = [part.float() for part in made] if isinstance(made, list) else made.float()
        return self.wanted.loss(made, batch["video"])

    def called(self, loss: str) -> str:
        """By the network's name."""
        return f"{self.wanted.name}'s loss"

    def ended(self) -> None:
        """What the run wants done with a network that has learned."""
        self._ended()
