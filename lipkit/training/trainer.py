"""The one training loop: budget, log, checkpoints, resuming, several processes."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lipkit.config import TrainConfig
from lipkit.errors import Diverged, UsageError
from lipkit.jobs.progress import Bar, progress_bar
from lipkit.training.recipe import Clock, Recipe, load_optimiser, scale_rates
from lipkit.training.run_folder import (
    CHECKPOINT_NAME,
    RunLog,
    broken_checkpoint,
    load_checkpoint,
    refuse_another_run,
    save_checkpoint,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Trainer:
    """Carries out recipes, one after the other, in one folder.

    Of several processes, the first one writes.

    Parameters
    ----------
    recipes:
        The phases of the run; the last one is what the run is for.
    fabric, config:
        Where it runs; budget, intervals and seed.
    out:
        The run's folder; None writes nothing.
    identity:
        What a resumed run must share with the one that was interrupted, as plain values.
    progress:
        Whether to draw bars.
    spent:
        Seconds of ``config.minutes`` that are over.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.presets import preset
    >>> from lipkit.training.generator_recipe import GeneratorRecipe
    >>> settings = {f"loss.{name}.weight": 0 for name in ("corr", "perc", "gen")}
    >>> settings |= {"generator.width": 1 / 32, "train.batch_size": 2, "train.steps": 2}
    >>> small = preset("tiny", settings)
    >>> recipe = GeneratorRecipe(prepared_set(clips=4, held_out=1), small)
    >>> trainer = Trainer([recipe], recipe.fabric, small.train)
    >>> trainer.fit()
    >>> trainer.step, len(trainer.losses)
    (2, 2)
    """

    def __init__(
        self,
        recipes: Sequence[Recipe],
        fabric: "Fabric",
        config: TrainConfig,
        out: Path | None = None,
        identity: dict[str, Any] | None = None,
        progress: bool = False,
        spent: float = 0.0,
    ) -> None:
        self.recipes, self.fabric, self.config = list(recipes), fabric, config
        self.out, self.identity = out, identity or {}
        self.writes = fabric.is_global_zero and out is not None
        self.progress = progress and fabric.is_global_zero
        self.began = time.monotonic() - spent
        self.minutes = spent / 60
        """Of the budget that are over, as all processes know it."""
        self.phase = self.step = 0
        self.losses: list[float] = []
        """``loss`` of every step of this call's present phase."""
        self.speed = 0.0
        """Mean windows per second of this call's present phase."""

    @property
    def recipe(self) -> Recipe:
        """The phase that is under way."""
        return self.recipes[self.phase]

    def begin(self, resume: bool) -> bool:
        """Restore the folder's checkpoint; whether there was one.

        Raises
        ------
        UsageError
            When the folder holds a run and ``resume`` is false, or it is another run.
        """
        self.fabric.barrier()  # what the first process was writing is whole
        path = self._checkpoint
        there = path is not None and path.exists()
        if there and not resume:
            raise UsageError(
                f"{self.out}: already holds a run; add --resume to continue it or give "
                "another folder"
            )
        if there:
            state = load_checkpoint(path)
            refuse_another_run(state, self.identity, path)
            self._restore(state)
        self.fabric.barrier()  # nobody writes before all have looked
        return there

    def prepare(self) -> None:
        """Carry out all phases but the last."""
        while not self._final:
            self.fit()
            self.recipe.ended()
            self.phase, self.step = self.phase + 1, 0
            self.save()

    def fit(self) -> None:
        """Carry out the present phase until its steps or its minutes are used up.

        Raises
        ------
        Diverged
            When a loss or a weight is no longer finite; the last good checkpoint is kept.
        """
        recipe, first, start = self.recipe, self.step, time.monotonic()
        self.losses, self.speed = [], 0.0
        log = RunLog(self.out or Path(), self.config.tensorboard, self.writes, recipe.log)
        with log.open(self.step), self._bar() as bar:
            for batch in recipe.batches(self.step):
                losses, late = self._take(batch)
                self.losses.append(losses["loss"])
                seconds = time.monotonic() - start
                self.speed = (self.step - first) * recipe.batch_size / seconds
                clocks = {
                    "windows_per_second": round(self.speed, 2),
                    "seconds": round(60 * self.minutes, 3),
                }
                log.write(self.step, **losses, **clocks)
                bar.update()
                shown = {name: f"{value:.4f}" for name, value in losses.items()}
                bar.set_postfix(shown, windows_per_s=f"{self.speed:.1f}", refresh=False)
                last = late or self.step >= recipe.steps
                self._keep(log, last)
                if last:
                    break

    def _bar(self) -> Bar:
        steps, name = self.recipe.steps, self.recipe.name
        return progress_bar(
            desc=name, total=steps, initial=self.step, unit="step", shown=self.progress
        )

    def _keep(self, log: RunLog, last: bool) -> None:
        """Draw and save what has been learned, where it is time to."""
        if self.writes and (last or self.step % self.config.sample_steps == 0):
            self.recipe.show(self.out / "samples" / f"{self.step:06d}.png")
        if last and not self._final:
            return  # the end of a phase that prepares is kept as the beginning of the next
        kept = self.config.keep_steps
        if self.writes and self._final and kept and self.step % kept == 0:
            self.recipe.keep(self.out, self.step)
        if last or self.step % self.config.checkpoint_steps == 0:
            log.flush()
            self.save()

    def _take(self, batch: Any) -> tuple[dict[str, float], bool]:
        """One step; its losses over all processes, and whether the phase's time is over."""
        recipe, clock = self.recipe, Clock(self.step, self.minutes)
        scale_rates(list(recipe.optimisers.values()), recipe.rate_factor(clock))
        seed_step(self.config.seed, self.phase, self.step, self.fabric.global_rank)
        losses = recipe.take(batch, clock)
        minutes = torch.tensor((time.monotonic() - self.began) / 60, device=self.fabric.device)
        # The clock is averaged too: processes must agree on the rate, and on when to end.
        *found, self.minutes = self.fabric.all_reduce(
            torch.stack([*losses.values(), minutes])
        ).tolist()
        # What is not finite now would be in the weights of all later checkpoints.
        # The objective comes last, so that the term which spoils it is named.
        named = list(zip(losses, found, strict=True))
        for name, value in sorted(named, key=lambda pair: pair[0] == "loss"):
            if not math.isfinite(value):
                raise self._diverged(self.step + 1, f"the {recipe.called(name)} is {value}")
        self.step += 1
        budget = self.config.minutes
        return dict(named), budget is not None and self.minutes >= budget * recipe.until

    def _diverged(self, step: int, fault: str) -> Diverged:
        where = f"{self.out}: " if self.out else ""
        return Diverged(
            f"{where}training stopped at step {step}: {fault}; the last good "
            "checkpoint is kept, continue with --resume and a smaller train.learning_rate"
        )

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks of all phases by name."""
        return {name: m for recipe in self.recipes for name, m in recipe.modules.items()}

    def save(self) -> None:
        """Write the checkpoint."""
        # The losses were finite before the step; what the step made must be too.
        modules = self.modules
        if not all(map(finite, modules.values())):
            raise self._diverged(self.step, "a weight is not finite")
        if not self.writes:
            return
        state = {
            **self.identity,
            "phase": self.recipe.name,
            "step": self.step,
            "seconds": 60 * self.minutes,
            "networks": {name: module.state_dict() for name, module in modules.items()},
            "optimisers": {n: o.state_dict() for n, o in self.recipe.optimisers.items()},
        }
        save_checkpoint(self._checkpoint, state)

    def _restore(self, state: dict[str, Any]) -> None:
        names = [recipe.name for recipe in self.recipes]
        try:
            self.phase, self.step = names.index(state["phase"]), state["step"]
            for name, module in self.modules.items():
                module.load_state_dict(state["networks"][name])
            for name, optimiser in self.recipe.optimisers.items():
                load_optimiser(optimiser, state["optimisers"][name])
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            # Other names, shapes or kinds than the settings, which are the same, would give.
            raise broken_checkpoint(self._checkpoint) from error
        for recipe in self.recipes[: self.phase]:
            recipe.ended()

    @property
    def _final(self) -> bool:
        return self.phase == len(self.recipes) - 1

    @property
    def _checkpoint(self) -> Path | None:
        return self.out / CHECKPOINT_NAME if self.out else None


def finite(module: nn.Module) -> bool:
    """Whether every parameter and buffer is a number."""
    tensors = (t for t in module.state_dict().values() if t.is_floating_point())
    return all(bool(torch.isfinite(t).all()) for t in tensors)


def seed_step(seed: int, phase: int, step: int, rank: int) -> None:
    """Seed dropout, noise and every other draw of one step in one process.

    Of each process its own: they draw for different windows. No generator's state need be kept,
    and a resumed run draws what the undisturbed one drew.
    """
    mixed = np.random.SeedSequence([seed, phase, step, rank]).generate_state(1)
    torch.manual_seed(int(mixed[0]))
