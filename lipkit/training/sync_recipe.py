"""Training of the sync network: which sound, at which moment, belongs to these lips?

Two cross-entropies over the same cosines. *Frames*: among all frames of all clips of a batch,
find the one that sounds as this one looks, and vice versa (InfoNCE); most others are easy, the
neighbours in the same clip are hard. *Shifts*: for each run of :data:`RUN` embeddings, which is
what a window of 16 frames has, find the true offset among -15 to 15, which is the question that
the metric asks.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.config import WINDOW, TrainConfig
from lipkit.losses.loss import Group
from lipkit.models.sync_network import OFFSETS, STACK, SyncNetwork, similarities
from lipkit.settings import to_dict
from lipkit.training.devices import launch
from lipkit.training.recipe import Clock, OneLossRecipe, adam
from lipkit.training.run_networks import seed_part
from lipkit.training.schedule import share_done
from lipkit.training.sync_clips import FRAMES, SyncClips, vary_lips, vary_sound
from lipkit.training.trainer import Trainer

if TYPE_CHECKING:
    from lightning_fabric import Fabric

RUN = WINDOW - STACK + 1
"""Embeddings over which a shift is to be found."""
WARM_STEPS = 50
DEFAULTS = TrainConfig(steps=850, learning_rate=2e-3, checkpoint_steps=100, device="cpu")
"""Of the shipped network: some five minutes of one CPU core."""


class SyncLoss(nn.Module):
    """Cross-entropy over frames plus cross-entropy over shifts, with learnt temperatures."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.tensor([2.5, 3.0]))
        """Logarithms of the inverse temperatures of frames and shifts."""

    def forward(self, lips: Tensor, sound: Tensor) -> Tensor:
        """Unit vectors ``[B, N, D]`` of lips and their sound, N >= 12 -> scalar."""
        frame_scale, shift_scale = self.scales.clamp(max=4.6).exp()
        pairs = frame_scale * lips.flatten(0, 1) @ sound.flatten(0, 1).T
        truth = torch.arange(len(pairs), device=pairs.device)
        frames = functional.cross_entropy(pairs, truth) + functional.cross_entropy(pairs.T, truth)

        found = similarities(lips, sound).transpose(1, 2)  # [B, 31, N]
        runs = functional.avg_pool1d(found, RUN, stride=1)  # NaN where a part is missing
        missing = runs.isnan()  # before the product: zero times NaN is NaN in the gradient
        logits = (shift_scale * runs.masked_fill(missing, 0)).masked_fill(missing, -torch.inf)
        centre = logits.new_full((len(logits), logits.shape[2]), list(OFFSETS).index(0))
        return frames / 2 + functional.cross_entropy(logits, centre.long())


class SyncRecipe(OneLossRecipe):
    """Trains a :class:`SyncNetwork`; the rate falls along a cosine to 0 with the budget."""

    name = "sync network"
    batch_size = FRAMES // WINDOW

    def __init__(self, clips: SyncClips, config: TrainConfig, fabric: "Fabric") -> None:
        seed_part(config.seed, self.name)
        self.clips, self.config, self.steps = clips, config, config.steps
        self.loss_of = SyncLoss().to(fabric.device)
        network = SyncNetwork().to(fabric.device).train()
        groups = [Group(part, config.learning_rate, 0.01) for part in (network, self.loss_of)]
        super().__init__(network, adam(groups, (0.9, 0.999), decoupled=True), fabric)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The network, and the temperatures of its loss."""
        return {"sync": self.network, "temperatures": self.loss_of}

    def batches(self, step: int) -> Iterator[tuple[Tensor, Tensor, np.random.Generator]]:
        """Pieces drawn by (seed, step, process), and the generator that varies them."""
        for number in range(step, self.steps):
            rng = np.random.default_rng([self.config.seed, number, self.fabric.global_rank])
            yield *self.clips.draw(rng), rng

    def loss(self, batch: tuple[Tensor, Tensor, np.random.Generator]) -> Tensor:
        """Both cross-entropies of the varied pieces."""
        grey, logmel, rng = batch
        grey = vary_lips(grey, rng).to(self.fabric.device)
        logmel = vary_sound(logmel, rng).to(self.fabric.device)
        return self.loss_of(self.network.embed_halved(grey), self.network.embed_sound(logmel))

    def rate_factor(self, clock: Clock) -> float:
        """Up over :data:`WARM_STEPS`, then down along a cosine."""
        done = share_done(clock.step, self.config, clock.minutes)
        return min(1.0, (clock.step + 1) / WARM_STEPS) * (1 + math.cos(math.pi * done)) / 2

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed run must share with the one that was interrupted."""
        return {"preset": {"train": to_dict(self.config)}, "clips": len(self.clips)}


def train_sync(
    clips: SyncClips,
    config: TrainConfig = DEFAULTS,
    out: Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> tuple[SyncNetwork, int]:
    """Train a network; returns it in eval mode, with the steps taken.

    Parameters
    ----------
    clips:
        What to learn from.
    config:
        Its ``steps``, ``minutes``, ``learning_rate``, ``seed``, ``checkpoint_steps``, ``device``.
    out:
        Folder for log and checkpoint; None writes nothing.
    resume:
        Continue from the folder's checkpoint.

    Raises
    ------
    LipkitError
        As :class:`lipkit.training.trainer.Trainer` does.
    """
    recipe = SyncRecipe(clips, config, launch(config))
    trainer = Trainer([recipe], recipe.fabric, config, out, recipe.identity, progress)
    trainer.begin(resume)
    trainer.fit()
    return recipe.network.eval(), trainer.step
