"""Training of the landmark regression: minutes on a CPU, the whole split held in memory."""

import dataclasses
import datetime
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS, DataConfig, TrainConfig
from lipkit.corpora import data_licence
from lipkit.data.clips import ClipFile
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalise, scramble
from lipkit.errors import Diverged, LipkitError, UsageError
from lipkit.face.lips import lip_points
from lipkit.files import replacing
from lipkit.losses import PointsLoss
from lipkit.losses.loss import Group
from lipkit.models.landmark_regression import LandmarkRegression
from lipkit.presets import Preset
from lipkit.settings import to_dict
from lipkit.training.averaging import MovingAverage
from lipkit.training.devices import launch
from lipkit.training.loop import TrainResult
from lipkit.training.networks import adam
from lipkit.training.run_folder import CHECKPOINT_NAME, RunLog
from lipkit.training.schedule import rate_factor
from lipkit.weights import WEIGHTS_NAME, Card, read_card, save_weights

if TYPE_CHECKING:
    from lightning_fabric import Fabric

VALIDATION_CLIPS = 64
"""At most so many clips, evenly spread over the split, make the validation figures."""


class SpokenPoints:
    """Sound and mouth points of all clips of a split, in memory: 2.6 MB per minute of video.

    Any frame may begin a window and any frame of its clip may be the identity, drawn anew at
    each step; the draw depends on (seed, step) alone.
    """

    def __init__(self, prepared: PreparedSet, split: str, data: DataConfig) -> None:
        self.window, self.statistics = data.window, prepared.statistics
        rows = prepared.clips(split)
        rows = rows[rows.frames >= data.window]
        if rows.empty:
            raise LipkitError(
                f"{prepared.folder}: split {split!r} has no clip of {data.window} frames; "
                "set a smaller data.window or prepare longer clips"
            )
        sound, points, frames = [], [], []
        for name in rows.file:
            file = ClipFile(prepared.folder / name)
            logmel = file.rows("logmel", 0, file.frames)
            if data.mel_axes == "scrambled":
                logmel = scramble(logmel)
            heard = (np.arange(file.frames) + data.sound_shift).clip(0, file.frames - 1)
            sound.append(logmel.reshape(file.frames, -1)[heard])
            landmarks, box = (file.rows(part, 0, file.frames) for part in ("landmarks", "box"))
            points.append(lip_points(landmarks, box))
            frames.append(file.frames)
        self.sound = torch.from_numpy(np.concatenate(sound))  # f16 [F, 512]
        self.points = torch.from_numpy(np.concatenate(points))  # [F, 20, 2]
        self.frames = np.array(frames)
        self.first = np.cumsum(self.frames) - self.frames

    def draw(self, windows: int, seed: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Identity points [B, 20, 2], log-mel [B, 1, 4T, 128], points [B, T, 20, 2]."""
        rng = np.random.default_rng([seed, step])
        clip = rng.integers(0, len(self.frames), windows)
        start, identity = rng.random((2, windows))
        start = (start * (self.frames[clip] - self.window + 1)).astype(int)
        identity = (identity * self.frames[clip]).astype(int)
        return self.take(clip, start, identity)

    def take(
        self, clip: np.ndarray, start: np.ndarray, identity: np.ndarray
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same of chosen windows: clip, first frame in it, identity frame in it."""
        chosen = (self.first[clip] + start)[:, None] + np.arange(self.window)
        logmel = normalise(self.sound[chosen], self.statistics)
        logmel = logmel.view(len(clip), 1, self.window * COLUMNS_PER_FRAME, MEL_BANDS)
        return self.points[self.first[clip] + identity], logmel, self.points[chosen]


def fit(
    prepared: str | Path,
    preset: Preset,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
) -> TrainResult:
    """Train a :class:`LandmarkRegression`; write settings, log and weights with a card.

    Of the settings it takes ``data.window``, ``data.sound_shift``, ``data.mel_axes``,
    ``generator.width`` and all of ``train`` but what belongs to pictures and checkpoints. The
    loss is :class:`lipkit.losses.PointsLoss`.

    Parameters
    ----------
    prepared, preset, out:
        As for :func:`lipkit.training.train`.
    resume:
        A finished run is left as it is; an interrupted one begins anew, it takes minutes.

    Raises
    ------
    LipkitError
        When the set cannot be used, the folder holds another run, or the loss is no longer
        finite.
    """
    began, out, config = time.monotonic(), Path(out), preset.train
    opened = PreparedSet.open(prepared)
    if finished := _finished(out, dataclasses.replace(preset, prepare=opened.settings), resume):
        return finished
    clips = SpokenPoints(opened, config.train_split, preset.data)
    fabric = launch(config)
    if fabric.world_size > 1:
        raise UsageError("generator.architecture=landmarks trains in one process; start one")
    torch.manual_seed(config.seed)
    network = LandmarkRegression(preset.generator).to(fabric.device)
    average = MovingAverage(network, config.ema) if config.ema > 0 else None
    with replacing(out / "settings.json") as temporary:
        temporary.write_text(json.dumps(to_dict(preset), indent=1) + "\n")
    step, loss, speed = 0, math.nan, 0.0
    bar = tqdm(total=config.steps, disable=not progress, unit="step", desc="train")
    with RunLog(out).open(0) as log, bar:
        for loss in _steps(network, clips, config, fabric, began):
            step += 1
            if not math.isfinite(loss):
                raise Diverged(
                    f"{out}: training stopped at step {step}: the points loss is {loss}; train "
                    "again with a smaller train.learning_rate"
                )
            if average is not None:
                average.update(step)
            seconds = time.monotonic() - began
            speed = step * config.batch_size / seconds
            shown = {"windows_per_second": round(speed, 2), "seconds": round(seconds, 3)}
            log.write(step, loss=loss, **shown)
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    best = (average.average if average else network).eval()
    card = Card(
        preset=dataclasses.replace(preset, prepare=opened.settings),
        statistics=dict(opened.statistics),
        corpus=opened.corpus,
        split=config.train_split,
        clips=len(clips.frames),
        step=step,
        date=datetime.date.today().isoformat(),
        metrics=_validate(best, opened, preset),
        data_licence=data_licence([opened.corpus]),
        note="predicts mouth points, draws nothing",
    )
    save_weights(out / WEIGHTS_NAME, best, card)
    return TrainResult(out / WEIGHTS_NAME, step, loss, card.metrics, speed)


def _steps(
    network: LandmarkRegression,
    clips: SpokenPoints,
    config: TrainConfig,
    fabric: "Fabric",
    began: float,
) -> Iterator[float]:
    """Take one step after the other until a budget is used up; give each one's loss."""
    betas, points_loss, minutes = (config.beta1, config.beta2), PointsLoss(), 0.0
    optimiser = adam(
        [Group(network, config.learning_rate, config.weight_decay)], betas, decoupled=True
    )
    for step in range(config.steps):
        batch = clips.draw(config.batch_size, config.seed, step)
        identity, logmel, points = (tensor.to(fabric.device) for tensor in batch)
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * rate_factor(step, config, minutes)
        with fabric.autocast():
            predicted = network(identity, logmel)
        loss = points_loss(predicted, points, identity, identity)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if config.clip > 0:
            nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimiser.step()
        minutes = (time.monotonic() - began) / 60
        yield loss.item()
        if config.minutes is not None and minutes >= config.minutes:
            return


def _finished(out: Path, preset: Preset, resume: bool) -> TrainResult | None:
    """What the folder holds already, if that is this run."""
    weights = out / WEIGHTS_NAME
    if not weights.is_file() and not (out / CHECKPOINT_NAME).is_file():
        return None
    if not resume:
        raise UsageError(
            f"{out}: already holds a run; add --resume to continue it or give another folder"
        )
    card = read_card(weights) if weights.is_file() else None
    if card is None or card.preset != preset:
        raise UsageError(
            f"{out}: holds a run of other settings; resume with the same or give another folder"
        )
    return TrainResult(weights, card.step, math.nan, dict(card.metrics), 0.0)


@torch.no_grad()
def _validate(network: nn.Module, prepared: PreparedSet, preset: Preset) -> dict[str, float]:
    """``val_lmd`` and that of the identity's points repeated, lip pixels; none without a split.

    The distance is LMD's, but to the prepared clips' own landmarks: no picture is drawn in
    which they could be found again.
    """
    config = preset.train
    split = config.val_split or config.train_split.replace("train", "val")
    if split == config.train_split or (config.val_split is None and split not in prepared.splits):
        return {}
    clips = SpokenPoints(prepared, split, preset.data)
    device = next(network.parameters()).device
    sums, count = np.zeros(2), 0
    for clip in range(0, len(clips.frames), -(-len(clips.frames) // VALIDATION_CLIPS)):
        start = np.arange(0, clips.frames[clip] - clips.window + 1, preset.data.stride)
        identity, logmel, points = clips.take(np.full_like(start, clip), start, 0 * start)
        predicted = network(identity.to(device), logmel.to(device)).float().cpu()
        for i, made in enumerate((predicted, identity[:, None])):
            error = (made - made.mean(-2, keepdim=True)) - (points - points.mean(-2, keepdim=True))
            sums[i] += float(error.norm(dim=-1).mean()) * len(start)
        count += len(start)
    return {"val_lmd": round(sums[0] / count, 4), "val_lmd_frozen": round(sums[1] / count, 4)}
