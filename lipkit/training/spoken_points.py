"""Sound and mouth points in memory: what a generator without pictures learns from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS, DataConfig
from lipkit.data.clips import ClipFile
from lipkit.data.level import relative, speech_level
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalise, scramble
from lipkit.errors import LipkitError
from lipkit.face.lips import lip_points
from lipkit.training.batches import Batch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

VALIDATION_CLIPS = 64
"""At most so many clips, evenly spread over the split, make the validation figures."""


class SpokenPoints:
    """Sound and mouth points of all clips of a split: 2.6 MB per minute of video.

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
        self.clip_ids = list(rows.clip_id)
        sound, points, frames = [], [], []
        for name in rows.file:
            file = ClipFile(prepared.folder / name)
            logmel = file.rows("logmel", 0, file.frames)
            if data.level == "recording":
                logmel = relative(logmel, speech_level(logmel), prepared.statistics)
            if data.mel_axes == "scrambled":
                logmel = scramble(logmel)
            heard = (np.arange(file.frames) + data.sound_shift).clip(0, file.frames - 1)
            sound.append(logmel.reshape(file.frames, -1)[heard].astype(np.float16))
            landmarks, box = (file.rows(part, 0, file.frames) for part in ("landmarks", "box"))
            points.append(lip_points(landmarks, box))
            frames.append(file.frames)
        self.sound = torch.from_numpy(np.concatenate(sound))  # f16 [F, 512]
        self.points = torch.from_numpy(np.concatenate(points))  # [F, 20, 2]
        self.frames = np.array(frames)
        self.first = np.cumsum(self.frames) - self.frames

    def __len__(self) -> int:
        """Windows that could be drawn."""
        return int((self.frames - self.window + 1).sum())

    def draw(self, windows: int, seed: int, step: int) -> Batch:
        """Windows drawn for one step, as :meth:`take` gives them."""
        rng = np.random.default_rng([seed, step])
        clip = rng.integers(0, len(self.frames), windows)
        start, identity = rng.random((2, windows))
        start = (start * (self.frames[clip] - self.window + 1)).astype(int)
        identity = (identity * self.frames[clip]).astype(int)
        return self.take(clip, start, identity)

    def take(self, clip: np.ndarray, start: np.ndarray, identity: np.ndarray) -> Batch:
        """Chosen windows: clip, first frame in it, identity frame in it.

        Returns
        -------
        dict
            ``identity_points`` [B, 20, 2], ``logmel`` [B, 1, 4T, 128], ``points`` [B, T, 20, 2].
        """
        chosen = (self.first[clip] + start)[:, None] + np.arange(self.window)
        logmel = normalise(self.sound[chosen], self.statistics)
        return {
            "identity_points": self.points[self.first[clip] + identity],
            "logmel": logmel.view(len(clip), 1, self.window * COLUMNS_PER_FRAME, MEL_BANDS),
            "points": self.points[chosen],
        }


class PointsFeed:
    """Batches of spoken points from any step on; of several processes each takes its share."""

    def __init__(self, windows: SpokenPoints, batch_size: int, seed: int, fabric: "Fabric") -> None:
        self.windows, self.batch_size, self.seed, self.fabric = windows, batch_size, seed, fabric

    def batches(self, step: int, last: int) -> Iterator[Batch]:
        """The batches of the steps after ``step`` up to and with ``last``."""
        share = self.batch_size // self.fabric.world_size
        mine = slice(share * self.fabric.global_rank, share * (self.fabric.global_rank + 1))
        for number in range(step, last):
            batch = self.windows.draw(self.batch_size, self.seed, number)
            yield {name: tensor[mine].to(self.fabric.device) for name, tensor in batch.items()}


@torch.no_grad()
def point_figures(
    network: nn.Module, clips: SpokenPoints, stride: int, fabric: "Fabric"
) -> dict[str, float]:
    """``val_lmd`` and that of the identity's points repeated, lip pixels.

    The distance is LMD's, but to the prepared clips' own landmarks: no picture is drawn in
    which they could be found again.
    """
    sums, count = np.zeros(2), 0
    for clip in range(0, len(clips.frames), -(-len(clips.frames) // VALIDATION_CLIPS)):
        start = np.arange(0, clips.frames[clip] - clips.window + 1, stride)
        batch = clips.take(np.full_like(start, clip), start, 0 * start)
        identity, points = batch["identity_points"], batch["points"]
        heard = batch["logmel"].to(fabric.device)
        predicted = network.generate(identity.to(fabric.device), heard).points.float().cpu()
        for i, made in enumerate((predicted, identity[:, None])):
            error = (made - made.mean(-2, keepdim=True)) - (points - points.mean(-2, keepdim=True))
            sums[i] += float(error.norm(dim=-1).mean()) * len(start)
        count += len(start)
    return {"val_lmd": round(sums[0] / count, 4), "val_lmd_frozen": round(sums[1] / count, 4)}
