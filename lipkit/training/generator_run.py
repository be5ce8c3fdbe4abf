"""A generator's training run from a prepared set to weights with a card."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

from lipkit.data.prepared import PreparedSet
from lipkit.files import replacing
from lipkit.jobs.progress import say
from lipkit.presets import Preset
from lipkit.presets.fit import least_windows
from lipkit.settings import to_dict
from lipkit.training.generator_recipe import GeneratorRecipe
from lipkit.training.memory import TRIED, StepMemory, step_memory, told_when_out
from lipkit.training.trainer import Trainer


@dataclass(frozen=True)
class TrainResult:
    """What a training call did."""

    weights: Path
    step: int
    """Optimiser steps since the very beginning."""
    loss: float
    """The generator's objective at the last step."""
    metrics: dict[str, float]
    """``val_l1`` of the generator and ``val_l1_frozen`` of the identity image repeated, in
    [-1, 1] units; empty when the set has no validation split. Of a network of mouth points
    ``val_lmd`` and ``val_lmd_frozen``, lip pixels."""
    windows_per_second: float


def train(
    prepared: str | Path,
    preset: Preset,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
    spent: float = 0.0,
) -> TrainResult:
    """Train a generator on a prepared set; write the run's folder (``lipkit.training.run_folder``).

    Parameters
    ----------
    prepared:
        Folder of a prepared set.
    preset:
        All settings. Training ends after ``train.steps`` steps in all or ``train.minutes``
        of this call, whichever comes first; validation and saving come on top.
    out:
        The run's folder.
    resume:
        Continue from the folder's checkpoint; without one, start at the beginning.
    progress:
        Show a bar.
    spent:
        Seconds of ``train.minutes`` that earlier calls took.

    Raises
    ------
    LipkitError
        When the set cannot be used, the folder holds another run, or a loss is no longer
        finite (the last good checkpoint is kept).

    >>> import tempfile
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.presets import preset
    >>> settings = {f"loss.{name}.weight": 0 for name in ("corr", "perc", "gen")}
    >>> settings |= {"generator.width": 1 / 32, "train.batch_size": 2, "train.steps": 2}
    >>> prepared = prepared_set(clips=4, held_out=1)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     result = train(prepared.folder, preset("tiny", settings), out, progress=False)
    >>> result.step, sorted(result.metrics)
    (2, ['val_l1', 'val_l1_frozen'])
    """
    began = time.monotonic() - spent
    run = Run(PreparedSet.open(prepared), preset, Path(out), progress, began)
    with told_when_out(run.out, preset.train.batch_size, least_windows(preset)):
        run.begin(resume)
        run.trainer.fit()
        metrics, weights = run.recipe.finish(run.out, run.trainer.step)
    losses = run.trainer.losses or [math.nan]  # where nothing is left to do
    return TrainResult(weights, run.trainer.step, losses[-1], metrics, run.trainer.speed)


class Run:
    """One run before its first step: the recipe with its networks, and the trainer.

    Parameters
    ----------
    prepared, preset
        The set and all settings.
    out
        The run's folder; None writes nothing.
    progress
        Show a bar.
    began
        The time, by :func:`time.monotonic`, from which ``train.minutes`` count; None: now.

    Raises
    ------
    UsageError
        When the settings do not go together, or the set has no such split.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.presets import preset
    >>> settings = {f"loss.{name}.weight": 0 for name in ("corr", "perc", "gen")}
    >>> settings |= {"generator.width": 1 / 32, "train.batch_size": 2, "train.steps": 2}
    >>> run = Run(prepared_set(clips=4, held_out=1), preset("tiny", settings), out=None)
    >>> sorted(run.recipe.networks.modules), run.trainer.step  # a moving average goes along
    (['average', 'generator'], 0)
    """

    def __init__(
        self,
        prepared: PreparedSet,
        preset: Preset,
        out: Path | None,
        progress: bool = False,
        began: float | None = None,
    ) -> None:
        self.out, self.preset = out, preset
        self.recipe = GeneratorRecipe(prepared, preset)
        self.trainer = Trainer(
            [*self.recipe.before(), self.recipe],
            self.recipe.fabric,
            preset.train,
            out,
            self.recipe.identity,
            progress,
            0.0 if began is None else time.monotonic() - began,
        )

    def begin(self, resume: bool) -> None:
        """Restore the checkpoint or claim an unused folder, and train what comes first.

        That counts into ``train.minutes``.
        """
        self.trainer.begin(resume)
        if self.trainer.writes:
            with replacing(self.out / "settings.json") as temporary:
                temporary.write_text(json.dumps(to_dict(self.preset), indent=1) + "\n")
        fabric = self.recipe.fabric
        # Of several processes one alone cannot look: their batch norms wait for each other.
        can_look = fabric.device.type == "cpu" and fabric.world_size == 1
        if self.trainer.progress and self.recipe.draws and can_look:
            for line in self.memory().lines():
                say(line)
        self.trainer.prepare()

    def memory(self) -> StepMemory:
        """What a step will hold; looking changes nothing."""
        feed = self.recipe.feed
        few = feed.windows.batch(range(min(TRIED, len(feed.windows))))
        step, modules = self.recipe.take_step, self.trainer.modules
        return step_memory(step, modules, feed.to_device(few), feed.sampler.share)
