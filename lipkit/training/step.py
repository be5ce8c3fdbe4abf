"""One training step: first the discriminators', then the generator's and what learns along.

Fact sheet sections 3, 5, 6 and 7.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lipkit.losses import Objective, weights
from lipkit.losses.loss import Scene
from lipkit.models.catalogue import network_of
from lipkit.models.network import Generated
from lipkit.models.warp_generator import Guide
from lipkit.presets import Preset
from lipkit.training.batches import Batch
from lipkit.training.recipe import descend
from lipkit.training.run_networks import Networks

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Step:
    """Calling it with a batch takes one step of every network; it gives the losses.

    The generated video is made once. The discriminators learn from it first; then the
    generator learns from discriminators that hold still. (The authors generate anew in
    between, with an unchanged generator: the same video.)

    Networks compute in the run's precision; what they give is float32, and so are all
    losses.

    >>> from lipkit.training.generator_run import Run
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.presets import preset
    >>> settings = {f"loss.{name}.weight": 0 for name in ("corr", "perc", "gen")}
    >>> settings |= {"generator.width": 1 / 32, "train.batch_size": 2, "train.steps": 2}
    >>> run = Run(prepared_set(clips=4, held_out=1), preset("tiny", settings), out=None)
    >>> step = Step(run.recipe.networks, run.preset, run.recipe.fabric)
    >>> batch = next(run.recipe.feed.batches(step=0, last=1))
    >>> list(step(batch))  # the generator has moved
    ['loss', 'pix']
    """

    def __init__(self, networks: Networks, preset: Preset, fabric: "Fabric") -> None:
        self.networks, self.fabric = networks, fabric
        self.objective = Objective(weights(preset.loss))
        self.guided, self.clip = preset.train.guided, preset.train.clip
        network = network_of(preset.generator)
        self.person = "identity" if network.identity == "image" else "identity_points"
        self.takes = network.takes
        self.generate: Callable[..., Generated] = networks.generator.generate

    def compile(self) -> None:
        """Compile every network with ``torch.compile``; the first step then takes minutes."""
        self.generate = torch.compile(self.generate)
        if self.networks.flow is not None:
            self.networks.flow.compile()
        for term in self.networks.terms.values():
            term.compile()

    def __call__(self, batch: Batch, share: float = 1.0) -> dict[str, Tensor]:
        """Take the step.

        Parameters
        ----------
        batch
            As :class:`lipkit.data.windows.Windows` gives it, on the device.
        share
            Of the run that is over, 0 to 1.

        Returns
        -------
        dict
            ``loss``, the generator's objective; the discriminators' losses, such as ``dis``;
            each of the objective's terms by name, before its weight. In the order in which
            they depend on each other. Detached scalars of this process's share of the batch.
        """
        scene = self.look(batch, share)
        judged = self.learn_to_tell(scene)
        total, terms = self.learn_to_generate(scene)
        return {"loss": total, **judged, **terms}

    def look(self, batch: Batch, share: float = 1.0) -> Scene:
        """Generate the video, and see how it and the real one move."""
        flow = self.networks.flow
        with self.fabric.autocast():
            made = self.generate(batch[self.person], batch["logmel"], **self._wishes(batch))
            made = Generated(*(part if part is None else part.float() for part in made))
            motion = None
            if flow is not None:
                motion = flow(batch["video"]).float(), flow(made.video).float()
        return Scene(batch, made, motion, share, self.fabric.autocast)

    def learn_to_tell(self, scene: Scene) -> dict[str, Tensor]:
        """The step of every loss that has something to learn by itself: the discriminators."""
        losses = {}
        for term in self.networks.terms.values():
            if term.learner and term.learner.log:
                loss = term.learn(scene)
                losses[term.learner.log] = torch.zeros((), device=self.fabric.device)
                if loss is not None:
                    self._descend(loss, term.learner.name)
                    losses[term.learner.log] = loss.detach()
        return losses

    def learn_to_generate(self, scene: Scene) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's step; phi_s, phi_v and FlowNet learn from the same objective."""
        terms = self.networks.terms
        total, found = self.objective(**{name: term(scene) for name, term in terms.items()})
        learners = [term.learner for term in terms.values() if term.learner]
        along = [learner.name for learner in learners if not learner.log]
        self._descend(total, "generator", *along)
        return total.detach(), found

    def _wishes(self, batch: Batch) -> dict[str, Any]:
        """Which frames to render, and from whose points, where the generator takes that."""
        wishes: dict[str, Any] = {}
        if "frames" in self.takes and "frames" in batch:
            wishes["frames"] = batch["frames"]
        if "guide" in self.takes and self.guided > 0:
            drawn = torch.rand(len(batch["logmel"]), device=batch["logmel"].device)
            wishes["guide"] = Guide(drawn < self.guided, batch["identity_points"], batch["points"])
        return wishes

    def _descend(self, loss: Tensor, *names: str) -> None:
        optimisers = [self.networks.optimisers[name] for name in names]
        descend(self.fabric, loss, optimisers, self._clip)

    def _clip(self, optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
        if self.clip > 0 and optimiser is self.networks.optimisers["generator"]:
            nn.utils.clip_grad_norm_(parameters, self.clip)
