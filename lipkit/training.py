"""Training: one loop over windows of a prepared set.

A step is a pure function of the settings, the step's number and the state before it, so
that a run which was interrupted and resumed gives the same losses as an undisturbed one.
"""

import dataclasses
import datetime
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler, Subset
from tqdm import tqdm

from lipkit.config import Preset
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.losses import PixelLoss
from lipkit.models.generator import Generator
from lipkit.prepared import PreparedSet
from lipkit.run_folder import (
    CHECKPOINT_NAME,
    RunLog,
    load_checkpoint,
    refuse_another_run,
    save_checkpoint,
    write_strip,
)
from lipkit.settings import to_dict
from lipkit.tensors import to_images, unpack
from lipkit.weights import DATA_LICENCES, WEIGHTS_NAME, Card, save_weights
from lipkit.windows import Windows

STRIP_WINDOWS = 4
VALIDATION_WINDOWS = 256
"""At most so many windows, evenly spread over the split, make the validation figures."""


@dataclass(frozen=True)
class TrainResult:
    """What a training call did."""

    weights: Path
    step: int
    """Optimiser steps since the very beginning."""
    loss: float
    """Training loss of the last step."""
    metrics: dict[str, float]
    """``val_l1`` of the generator and ``val_l1_frozen`` of the identity image repeated, in
    [-1, 1] units; empty when the set has no validation split."""
    windows_per_second: float


def train(
    prepared: str | Path,
    preset: Preset,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
) -> TrainResult:
    """Train a generator on a prepared set; write the run's folder (``lipkit.run_folder``).

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

    Raises
    ------
    LipkitError
        When the set cannot be used, the folder holds another run, or a loss is no longer
        finite (the last good checkpoint is kept).
    """
    run = _Run(PreparedSet.open(prepared), preset, Path(out))
    run.begin(resume)
    loss, speed = run.loop(progress)
    metrics = run.validate()
    weights = run.finish(metrics)
    return TrainResult(weights, run.step, loss, metrics, speed)


class EpochBatches(Sampler):
    """The batches of one epoch in an order that depends on (seed, epoch) alone.

    Every batch is full (a set smaller than a batch is one batch), so that all steps weigh
    the same. ``skip`` leaves out the first batches: those before the checkpoint.
    """

    def __init__(self, windows: int, batch_size: int, seed: int) -> None:
        self.windows, self.batch_size, self.seed = windows, min(batch_size, windows), seed
        self.epoch, self.skip = 0, 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.windows // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.windows).tolist()
        for batch in range(self.skip, len(self)):
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size]


class _Run:
    """One run: networks, optimiser, data and folder."""

    def __init__(self, prepared: PreparedSet, preset: Preset, out: Path) -> None:
        self.prepared, self.preset, self.out, self.config = prepared, preset, out, preset.train
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.windows = self._split(self.config.train_split)
        name = self.config.val_split or self.config.train_split.replace("train", "val")
        wanted = self.config.val_split is not None or name in prepared.splits
        self.validation = self._split(name) if wanted and name != self.config.train_split else None

        torch.manual_seed(self.config.seed)
        self.generator = Generator(preset.generator).to(self.device)
        self.optimiser = torch.optim.Adam(
            self.generator.parameters(),
            lr=self.config.learning_rate,
            betas=(self.config.beta1, self.config.beta2),
        )
        self.loss = PixelLoss()
        self.step = 0
        # The same few windows always, so that strips of all steps compare.
        shown = self.validation or self.windows
        count = min(STRIP_WINDOWS, len(shown))
        self.strip = shown.batch([i * len(shown) // count for i in range(count)])

    def _split(self, split: str) -> Windows:
        return Windows(
            self.prepared, split, self.preset.data, self.config.seed, raw=True, mismatched=False
        )

    def begin(self, resume: bool) -> None:
        """Restore the checkpoint, or claim an unused folder."""
        path = self.out / CHECKPOINT_NAME
        if path.exists() and not resume:
            raise UsageError(
                f"{self.out}: already holds a run; add --resume to continue it or give "
                "another folder"
            )
        if path.exists():
            self._restore(load_checkpoint(path), path)
        with replacing(self.out / "settings.json") as temporary:
            temporary.write_text(json.dumps(to_dict(self.preset), indent=1) + "\n")

    def loop(self, progress: bool) -> tuple[float, float]:
        """Step until a budget is used up; give the last loss and the mean windows/s."""
        config, began, first = self.config, time.monotonic(), self.step
        loss = math.nan
        deadline = began + 60 * config.minutes if config.minutes is not None else math.inf
        bar = tqdm(
            total=config.steps, initial=first, disable=not progress, unit="step", desc="train"
        )
        with RunLog(self.out).open(self.step) as log, bar:
            for batch in self._batches():
                loss = self._train_step(batch)
                seconds = time.monotonic() - began
                speed = (self.step - first) * len(batch["index"]) / seconds
                log.write(
                    step=self.step,
                    loss=loss,
                    windows_per_second=round(speed, 2),
                    seconds=round(seconds, 3),
                )
                bar.update()
                bar.set_postfix(loss=f"{loss:.4f}", windows_per_s=f"{speed:.1f}", refresh=False)
                last = self.step >= config.steps or time.monotonic() >= deadline
                if last or self.step % config.sample_steps == 0:
                    self.write_samples()
                if last or self.step % config.checkpoint_steps == 0:
                    log.flush()
                    self._save()
                if last:
                    return loss, speed
        # Resumed after its last step: nothing is left to do.
        return loss, 0.0

    def _batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """Batches from the present step on, epoch after epoch."""
        sampler = EpochBatches(len(self.windows), self.config.batch_size, self.config.seed)
        loader = DataLoader(
            self.windows,
            batch_sampler=sampler,
            num_workers=self.config.workers,
            persistent_workers=self.config.workers > 0,
            pin_memory=self.device.type == "cuda",
        )
        while self.step < self.config.steps:
            sampler.epoch, sampler.skip = divmod(self.step, len(sampler))
            self.windows.set_epoch(sampler.epoch)
            yield from loader

    def _train_step(self, batch: dict[str, torch.Tensor]) -> float:
        batch = self._unpack(batch)
        generated = self.generator(batch["identity"], batch["logmel"])
        loss = self.loss(generated, batch["video"])
        if not math.isfinite(loss.item()):
            raise self._diverged(f"the pixel loss is {loss.item()}")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        return loss.item()

    def _unpack(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        moved = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
        return unpack(moved, self.prepared.statistics)

    def _diverged(self, fault: str) -> LipkitError:
        return LipkitError(
            f"{self.out}: training stopped at step {self.step + 1}: {fault}; the last good "
            "checkpoint is kept, continue with --resume and a smaller train.learning_rate"
        )

    @torch.no_grad()
    def _generate(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Generate as at test time: batch norm by its running statistics."""
        self.generator.eval()
        generated = self.generator(batch["identity"], batch["logmel"])
        self.generator.train()
        return generated

    def write_samples(self) -> None:
        """What the generator makes of the strip's windows, beside the real frames."""
        batch = self._unpack(self.strip)
        write_strip(
            self.out / "samples" / f"{self.step:06d}.png",
            to_images(batch["identity"].unsqueeze(2))[:, 0],
            to_images(batch["video"]),
            to_images(self._generate(batch)),
        )

    def validate(self) -> dict[str, float]:
        """Mean absolute error on the validation split, beside that of frozen lips."""
        if self.validation is None:
            return {}
        total = len(self.validation)
        chosen = [i for i in range(total) if i * VALIDATION_WINDOWS % total < VALIDATION_WINDOWS]
        sums, count = {"val_l1": 0.0, "val_l1_frozen": 0.0}, 0
        loader = DataLoader(Subset(self.validation, chosen), batch_size=self.config.batch_size)
        for batch in map(self._unpack, loader):
            size, real = len(batch["video"]), batch["video"]
            frozen = batch["identity"].unsqueeze(2).expand_as(real)
            sums["val_l1"] += self.loss(self._generate(batch), real).item() * size
            sums["val_l1_frozen"] += self.loss(frozen, real).item() * size
            count += size
        return {name: round(value / count, 5) for name, value in sums.items()}

    def finish(self, metrics: dict[str, float]) -> Path:
        """Write the final weights with their card."""
        corpus = self.prepared.corpus
        card = Card(
            # The set's own preparation, which a picture must go through to be generated from.
            preset=dataclasses.replace(self.preset, prepare=self.prepared.settings),
            statistics=dict(self.prepared.statistics),
            corpus=corpus,
            split=self.config.train_split,
            clips=len(self.windows.clip_ids),
            step=self.step,
            date=datetime.date.today().isoformat(),
            metrics=metrics,
            data_licence=DATA_LICENCES.get(corpus, "unknown"),
        )
        save_weights(self.out / WEIGHTS_NAME, self.generator, card)
        return self.out / WEIGHTS_NAME

    def _save(self) -> None:
        # The loss was finite before the step; what the step made must be too.
        if not all(torch.isfinite(p).all() for p in self.generator.parameters()):
            raise self._diverged("a weight is not finite")
        state = {
            **self._identity(),
            "step": self.step,
            "generator": self.generator.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": torch.get_rng_state(),
        }
        save_checkpoint(self.out / CHECKPOINT_NAME, state)

    def _identity(self) -> dict[str, Any]:
        """What a resumed run must share with the one that was interrupted."""
        return {
            "preset": to_dict(self.preset),
            "statistics": dict(self.prepared.statistics),
            "windows": len(self.windows),
        }

    def _restore(self, state: dict[str, Any], path: Path) -> None:
        refuse_another_run(state, self._identity(), path)
        self.generator.load_state_dict(state["generator"])
        self.optimiser.load_state_dict(state["optimiser"])
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate
        torch.set_rng_state(state["random"])
        self.step = state["step"]
