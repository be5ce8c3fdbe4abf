"""The recipe of every generator: its windows, its networks, its losses, its card."""

import dataclasses
import datetime
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lipkit.corpora import data_licence
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.varied_windows import VariedWindows
from lipkit.data.windows import Windows
from lipkit.errors import UsageError
from lipkit.losses import LOSSES
from lipkit.models.catalogue import network_of
from lipkit.models.video_flow import flow_pretraining
from lipkit.presets import Preset
from lipkit.presets.fit import least_windows, needs, needs_varied_windows, require_fit
from lipkit.provenance import file_digest
from lipkit.settings import flat, to_dict
from lipkit.training.batches import Batch, Feed
from lipkit.training.devices import launch
from lipkit.training.pretraining_recipe import PretrainingRecipe
from lipkit.training.recipe import Clock, Recipe
from lipkit.training.run_networks import build_networks, keep_statistics
from lipkit.training.schedule import rate_factor, share_done
from lipkit.training.spoken_points import PointsFeed, SpokenPoints, point_figures
from lipkit.training.step import Step
from lipkit.training.validation import Viewer
from lipkit.weights import (
    WEIGHTS_NAME,
    Card,
    load_weights,
    locate,
    quiet_levels,
    save_weights,
    usual_level,
)

if TYPE_CHECKING:
    from lightning_fabric import Fabric

QUIET_CLIPS = 40
"""At most so many training clips, evenly spread, tell how loud a pause is."""


class GeneratorRecipe(Recipe):
    """Trains the generator of a preset, whatever it is and whatever it learns from.

    Raises
    ------
    LipkitError
        When the set cannot be used, or settings do not fit each other or the machine.
    """

    def __init__(self, prepared: PreparedSet, preset: Preset) -> None:
        require_fit(preset)
        self.prepared, self.preset, self.config = prepared, preset, preset.train
        if self.config.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise UsageError(
                "train.tensorboard=true: TensorBoard is not installed; "
                "pip install tensorboard, or leave it off (log.csv has the same losses)"
            )
        self.draws = network_of(preset.generator).draws
        windows = self._windows(self.config.train_split, learning=True)
        if self.config.val_split == self.config.train_split:
            raise UsageError(
                f"train.val_split={self.config.val_split}: is the training split, on which nothing "
                "can be validated; name another, or leave it out"
            )
        name = self.config.val_split or self.config.train_split.replace("train", "val")
        wanted = self.config.val_split is not None or name in prepared.splits
        self.validated = wanted and name != self.config.train_split
        shown = self._windows(name) if self.validated else None
        if self.draws and shown is None:
            shown = self._windows(self.config.train_split)

        self.fabric: Fabric = launch(self.config)
        if len(windows) < self.fabric.world_size:
            raise UsageError(
                f"{prepared.folder}: {len(windows)} windows cannot be shared by "
                f"{self.fabric.world_size} processes; start fewer"
            )
        self.feed = self._feed(windows)
        if self.feed.batch_size < (least := least_windows(preset)):
            raise UsageError(
                f"{prepared.folder}: {len(windows)} windows are too few, a step of this preset "
                f"needs {least}; prepare longer or more clips"
            )
        self.shown = shown
        self.viewer = Viewer(self._feed(shown), self.fabric) if self.draws else None
        self.networks = build_networks(preset, self.fabric)
        self.started = self._begin_with(self.config.start) if self.config.start else None
        self.take_step = Step(self.networks, preset, self.fabric)
        cuda = self.fabric.device.type == "cuda"
        if self.config.compile == "on" or (self.config.compile == "auto" and cuda):
            self.take_step.compile()
        self.steps, self.batch_size = self.config.steps, self.feed.batch_size

    def _begin_with(self, name: str) -> Card:
        """Give the generator what weights have learned; their card."""
        learned, card = load_weights(name, pictures=self.draws)
        ours, theirs = (flat(to_dict(p.generator)) for p in (self.preset, card.preset))
        if ours != theirs:
            other = [f"generator.{k}={v}" for k, v in theirs.items() if ours.get(k) != v]
            raise UsageError(
                f"train.start={name}: its generator is different; set {', '.join(other)}, or leave "
                "train.start out"
            )
        self.networks.generator.load_state_dict(learned.state_dict())
        if self.networks.average is not None:
            self.networks.average.average.load_state_dict(learned.state_dict())
        return card

    def _windows(self, split: str, learning: bool = False) -> Windows | SpokenPoints:
        if not self.draws:
            return SpokenPoints(self.prepared, split, self.preset.data)
        kind = VariedWindows if learning and needs_varied_windows(self.preset) else Windows
        return kind(
            self.prepared,
            split,
            self.preset.data,
            self.config.seed,
            raw=True,
            mismatched=learning and "other sound" in needs(self.preset),
        )

    def _feed(self, windows: Windows | SpokenPoints) -> Feed | PointsFeed:
        config = self.config
        if isinstance(windows, SpokenPoints):
            return PointsFeed(windows, config.batch_size, config.seed, self.fabric)
        return Feed(windows, config.batch_size, config.workers, config.seed, self.fabric)

    def before(self) -> list[PretrainingRecipe]:
        """What must be trained first; each may take an eighth of ``train.minutes``."""
        networks = self.networks
        found = []
        if networks.flow is not None:
            found.append((flow_pretraining(networks.flow, self.preset.flow), lambda: None))
        found += [(term.pretraining, term.pretrained) for term in networks.terms.values()]
        found = [(wanted, ended) for wanted, ended in found if wanted is not None]
        return [
            PretrainingRecipe(wanted, self.feed, self.fabric, number / 8, ended)
            for number, (wanted, ended) in enumerate(found, 1)
        ]

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed run must share with the one that was interrupted."""
        return {
            "preset": to_dict(self.preset),
            "statistics": dict(self.prepared.statistics),
            "windows": len(self.feed.windows),
            # By content: another file of the same name is another beginning.
            "start": file_digest(locate(self.config.start)) if self.started else None,
        }

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The generator, its moving average, and the networks of all losses."""
        return self.networks.modules

    @property
    def optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """The generator's and those of what learns beside it."""
        return self.networks.optimisers

    def batches(self, step: int) -> Iterator[Batch]:
        """Windows of the training split."""
        return self.feed.batches(step, self.steps)

    def rate_factor(self, clock: Clock) -> float:
        """Warming up, then cooling down by the budget that ends first."""
        return rate_factor(clock.step, self.config, clock.minutes)

    def take(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        """A step of every network (:class:`lipkit.training.step.Step`)."""
        kept, learned = self.config.norm_steps, self.started.step if self.started else 0
        if kept is not None and learned + clock.step >= kept:
            keep_statistics(self.networks.generator)
        losses = self.take_step(batch, share_done(clock.step, self.config, clock.minutes))
        if self.networks.average is not None:
            self.networks.average.update(clock.step + 1)
        return losses

    def called(self, loss: str) -> str:
        """By its declaration."""
        for name, term in self.networks.terms.items():
            if term.learner and term.learner.log == loss:
                return LOSSES[name].learner
        return LOSSES[loss].label if loss in LOSSES else "objective"

    def show(self, path: Path) -> None:
        """A strip of a few windows of the validation split."""
        if self.viewer is not None:
            self.viewer.write_strip(self.networks.best, path)

    def keep(self, folder: Path, step: int) -> None:
        """The weights after ``step`` steps, with their card but without figures."""
        name = Path(WEIGHTS_NAME)
        path = folder / f"{name.stem}-{step:06d}{name.suffix}"
        save_weights(path, self.networks.best, self._card({}, step))

    def finish(self, out: Path, step: int) -> tuple[dict[str, float], Path]:
        """Validate, write the final weights with their card; give the figures and the file."""
        metrics: dict[str, float] = {}
        path = out / WEIGHTS_NAME
        if self.fabric.is_global_zero:
            if self.validated:
                metrics = self._figures()
            save_weights(path, self.networks.best, self._card(metrics, step))
        self.fabric.barrier()
        return self.fabric.broadcast(metrics), path

    def _figures(self) -> dict[str, float]:
        best = self.networks.best
        if self.viewer is not None:
            return self.viewer.figures(best, self.config.batch_size)
        learning = best.training
        best.eval()
        figures = point_figures(best, self.shown, self.preset.data.stride, self.fabric)
        best.train(learning)
        return figures

    def _card(self, metrics: dict[str, float], step: int) -> Card:
        files = list(self.prepared.clips(self.config.train_split).file)
        some = files[:: math.ceil(len(files) / QUIET_CLIPS)]
        return Card(
            # The set's own preparation, which a picture must go through to be generated from.
            preset=dataclasses.replace(self.preset, prepare=self.prepared.settings),
            statistics=dict(self.prepared.statistics),
            corpus=self.prepared.corpus,
            split=self.config.train_split,
            clips=len(self.feed.windows.clip_ids),
            step=step,
            date=datetime.date.today().isoformat(),
            metrics=metrics,
            data_licence="; ".join(self._licences()),
            quiet=quiet_levels(self._sound(some)),
            level=usual_level(self._sound(some)) if self.preset.data.level == "recording" else [],
            note="; ".join(self._notes()),
        )

    def _sound(self, files: list[str]) -> Iterator[np.ndarray]:
        """Log-mel of clips, [4T, 128] dB."""
        return (read_clip(self.prepared.folder / file).logmel for file in files)

    def _licences(self) -> list[str]:
        """Of what the weights learned from, that of the weights they began with included."""
        found = data_licence(self.prepared.corpus.split("+")).split("; ")
        more = self.started.data_licence.split("; ") if self.started else []
        return found + [licence for licence in more if licence not in found]

    def _notes(self) -> Iterator[str]:
        if not self.draws:
            yield "predicts mouth points, draws nothing"
        if card := self.started:
            yield (
                f"began with weights {self.config.start}: preset {card.preset.name}, "
                f"{card.step} steps on {card.corpus} {card.split}, {card.clips} clips"
            )
            if card.preset.data.level != self.preset.data.level:
                yield f"which heard sound relative to the level of the {card.preset.data.level}"
