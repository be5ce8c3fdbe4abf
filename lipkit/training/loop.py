"""The training loop: budgets, logs, checkpoints, samples, and the weights at its end."""

import dataclasses
import datetime
import importlib.util
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from lipkit.corpora import data_licence
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.varied_windows import VariedWindows
from lipkit.data.windows import Windows
from lipkit.errors import Diverged, UsageError
from lipkit.files import replacing
from lipkit.losses import LOSSES
from lipkit.models.catalogue import network_of
from lipkit.models.video_flow import flow_pretraining
from lipkit.presets import Preset
from lipkit.presets.fit import needs, needs_varied_windows, require_fit
from lipkit.settings import to_dict
from lipkit.training.batches import Batch, Feed
from lipkit.training.devices import launch
from lipkit.training.networks import build_networks
from lipkit.training.pretraining import pretrain
from lipkit.training.run_folder import (
    CHECKPOINT_NAME,
    RunLog,
    load_checkpoint,
    refuse_another_run,
    save_checkpoint,
)
from lipkit.training.schedule import rate_factor, share_done
from lipkit.training.step import Step
from lipkit.training.validation import Viewer
from lipkit.weights import WEIGHTS_NAME, Card, quiet_levels, save_weights

QUIET_CLIPS = 40
"""At most so many training clips, evenly spread, tell how loud a pause is."""


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
    spent:
        Seconds of ``train.minutes`` that earlier calls took.

    Raises
    ------
    LipkitError
        When the set cannot be used, the folder holds another run, or a loss is no longer
        finite (the last good checkpoint is kept).
    """
    require_fit(preset)
    if not network_of(preset.generator).draws:
        from lipkit.training.landmark_regression import fit  # which needs TrainResult

        return fit(prepared, preset, out, resume, progress)
    began = time.monotonic() - spent
    run = Run(PreparedSet.open(prepared), preset, Path(out), progress)
    run.minutes = spent / 60
    run.begin(resume, began)
    loss, speed = run.loop(began)
    metrics, weights = run.finish()
    return TrainResult(weights, run.step, loss, metrics, speed)


class Run:
    """One run: its networks, data and folder. Of several processes, the first one writes."""

    def __init__(
        self, prepared: PreparedSet, preset: Preset, out: Path, progress: bool = False
    ) -> None:
        self.prepared, self.preset, self.out, self.config = prepared, preset, out, preset.train
        if self.config.tensorboard and importlib.util.find_spec("tensorboard") is None:
            raise UsageError(
                "train.tensorboard=true: TensorBoard is not installed; "
                "pip install tensorboard, or leave it off (log.csv has the same losses)"
            )
        windows = self._split(self.config.train_split, learning=True)
        name = self.config.val_split or self.config.train_split.replace("train", "val")
        wanted = self.config.val_split is not None or name in prepared.splits
        self.validated = wanted and name != self.config.train_split
        shown = self._split(name if self.validated else self.config.train_split)

        self.fabric = launch(self.config)
        self.writes = self.fabric.is_global_zero
        self.progress = progress and self.writes
        if len(windows) < self.fabric.world_size:
            raise UsageError(
                f"{prepared.folder}: {len(windows)} windows cannot be shared by "
                f"{self.fabric.world_size} processes; start fewer"
            )
        self.feed = self._feed(windows)
        self.viewer = Viewer(self._feed(shown), self.fabric)
        self.networks = build_networks(preset, self.fabric)
        self.take_step = Step(self.networks, preset, self.fabric)
        cuda = self.fabric.device.type == "cuda"
        if self.config.compile == "on" or (self.config.compile == "auto" and cuda):
            self.take_step.compile()
        self.step = 0
        self.minutes = 0.0
        """Of the budget that are over, as all processes know it."""

    def _split(self, split: str, learning: bool = False) -> Windows:
        kind = VariedWindows if learning and needs_varied_windows(self.preset) else Windows
        return kind(
            self.prepared,
            split,
            self.preset.data,
            self.config.seed,
            raw=True,
            mismatched=learning and "other sound" in needs(self.preset),
        )

    def _feed(self, windows: Windows) -> Feed:
        config = self.config
        return Feed(windows, config.batch_size, config.workers, config.seed, self.fabric)

    def begin(self, resume: bool, began: float = math.inf) -> None:
        """Restore the checkpoint, or claim an unused folder and train what comes first.

        That counts into ``train.minutes``, from ``began`` on.
        """
        path = self.out / CHECKPOINT_NAME
        if path.exists() and not resume:
            raise UsageError(
                f"{self.out}: already holds a run; add --resume to continue it or give "
                "another folder"
            )
        state = load_checkpoint(path) if path.exists() else None
        if state is not None:
            self._restore(state, path)
        self.fabric.barrier()  # nobody writes before all have looked
        if self.writes:
            with replacing(self.out / "settings.json") as temporary:
                temporary.write_text(json.dumps(to_dict(self.preset), indent=1) + "\n")
        if state is None and self._pretrain(began):
            self._save()

    def _pretrain(self, began: float) -> bool:
        """Train what must know its task before the generator learns; whether there was any.

        Each may take an eighth of ``train.minutes``.
        """
        networks = self.networks
        budget = math.inf if self.config.minutes is None else 60 * self.config.minutes
        wanted = [flow_pretraining(networks.flow, self.preset.flow)] if networks.flow else []
        wanted += [term.pretraining for term in networks.terms.values()]
        wanted = [one for one in wanted if one is not None]
        for done, one in enumerate(wanted, 1):
            pretrain(one, self.feed, self.fabric, began + done * budget / 8, self.progress)
        for term in networks.terms.values():
            term.pretrained()
        return bool(wanted)

    def loop(self, began: float) -> tuple[float, float]:
        """Step until a budget is used up; give the last loss and the mean windows/s.

        ``began`` is the moment (``time.monotonic``) from which ``train.minutes`` count.
        """
        config, first, start = self.config, self.step, time.monotonic()
        loss, speed = math.nan, 0.0  # where nothing is left to do: resumed after the last step
        bar = tqdm(
            total=config.steps,
            initial=first,
            disable=not self.progress,
            unit="step",
            desc="train",
        )
        with RunLog(self.out, config.tensorboard, self.writes).open(self.step) as log, bar:
            for batch in self.feed.batches(self.step, config.steps):
                losses, late = self._train_step(batch, began)
                seconds = time.monotonic() - start
                speed = (self.step - first) * self.feed.sampler.batch_size / seconds
                log.write(
                    step=self.step,
                    **losses,
                    windows_per_second=round(speed, 2),
                    seconds=round(time.monotonic() - began, 3),
                )
                loss = losses["loss"]
                bar.update()
                shown = {name: f"{value:.4f}" for name, value in losses.items()}
                bar.set_postfix(shown, windows_per_s=f"{speed:.1f}", refresh=False)
                last = late or self.step >= config.steps
                if last or self.step % config.sample_steps == 0:
                    self._write_samples()
                if last or self.step % config.checkpoint_steps == 0:
                    log.flush()
                    self._save()
                if last:
                    break
        return loss, speed

    def _train_step(self, batch: Batch, began: float) -> tuple[dict[str, float], bool]:
        """One step; its losses over all processes, and whether their time is over."""
        self.networks.scale_rates(rate_factor(self.step, self.config, self.minutes))
        share = share_done(self.step, self.config, self.minutes)
        losses = self.take_step(batch, share)
        minutes = torch.tensor((time.monotonic() - began) / 60, device=self.fabric.device)
        # The clock is averaged too: processes must agree on the rate, and on when to end.
        *found, self.minutes = self.fabric.all_reduce(
            torch.stack([*losses.values(), minutes])
        ).tolist()
        # What is not finite now would be in the weights of all later checkpoints.
        # The objective comes last, so that the term which spoils it is named.
        named = list(zip(losses, found, strict=True))
        for name, value in sorted(named, key=lambda pair: pair[0] == "loss"):
            if not math.isfinite(value):
                raise self._diverged(f"the {self._called(name)} is {value}")
        self.step += 1
        if self.networks.average is not None:
            self.networks.average.update(self.step)
        late = self.config.minutes is not None and self.minutes >= self.config.minutes
        return dict(named), late

    def _called(self, name: str) -> str:
        """What a number of the log is called in messages."""
        for term, loss in LOSSES.items():
            learner = self.networks.terms[term].learner if term in self.networks.terms else None
            if learner and learner.log == name:
                return loss.learner
        return LOSSES[name].label if name in LOSSES else "objective"

    def _diverged(self, fault: str) -> Diverged:
        return Diverged(
            f"{self.out}: training stopped at step {self.step + 1}: {fault}; the last good "
            "checkpoint is kept, continue with --resume and a smaller train.learning_rate"
        )

    def _write_samples(self) -> None:
        if self.writes:
            path = self.out / "samples" / f"{self.step:06d}.png"
            self.viewer.write_strip(self.networks.best, path)

    def finish(self) -> tuple[dict[str, float], Path]:
        """Validate, write the final weights with their card; give the figures and the file."""
        metrics: dict[str, float] = {}
        if self.writes:
            if self.validated:
                metrics = self.viewer.figures(self.networks.best, self.config.batch_size)
            save_weights(self.out / WEIGHTS_NAME, self.networks.best, self._card(metrics))
        self.fabric.barrier()
        return self.fabric.broadcast(metrics), self.out / WEIGHTS_NAME

    def _card(self, metrics: dict[str, float]) -> Card:
        corpus = self.prepared.corpus
        files = list(self.prepared.clips(self.config.train_split).file)
        some = files[:: math.ceil(len(files) / QUIET_CLIPS)]
        return Card(
            # The set's own preparation, which a picture must go through to be generated from.
            preset=dataclasses.replace(self.preset, prepare=self.prepared.settings),
            statistics=dict(self.prepared.statistics),
            corpus=corpus,
            split=self.config.train_split,
            clips=len(self.feed.windows.clip_ids),
            step=self.step,
            date=datetime.date.today().isoformat(),
            metrics=metrics,
            data_licence=data_licence([corpus]),
            quiet=quiet_levels(read_clip(self.prepared.folder / file).logmel for file in some),
        )

    def _save(self) -> None:
        # The losses were finite before the step; what the step made must be too.
        if not self.networks.finite():
            raise self._diverged("a weight is not finite")
        if not self.writes:
            return
        random = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
        state = {**self._identity(), "step": self.step, "random": random, **self.networks.state()}
        save_checkpoint(self.out / CHECKPOINT_NAME, state)

    def _identity(self) -> dict[str, Any]:
        """What a resumed run must share with the one that was interrupted."""
        return {
            "preset": to_dict(self.preset),
            "statistics": dict(self.prepared.statistics),
            "windows": len(self.feed.windows),
        }

    def _restore(self, state: dict[str, Any], path: Path) -> None:
        refuse_another_run(state, self._identity(), path)
        self.networks.load_state(state)
        torch.set_rng_state(state["random"]["cpu"])
        if len(state["random"]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["random"]["cuda"])
        self.step = state["step"]
