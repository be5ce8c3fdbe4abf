"""What the sync network learns from: pieces of clips, varied in light, place, loudness, voice."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.models.sync_network import to_grey

FRAMES = 600
"""Frames of a batch, in one long piece or many short ones."""
_LENGTHS = (20, 40, 75)
"""Frames of a training piece; all pieces of a batch have the same."""


class SyncClips:
    """Clips of one or more splits in memory: grey lips and log-mel, by speaker.

    A speaker is drawn with a probability that grows with the square root of the number of clips,
    so that one who has hundreds does not drown out those who have a few.

    Parameters
    ----------
    sources
        Prepared sets with the names of their splits, and how many times as often as others their
        speakers are drawn.
    """

    def __init__(self, sources: Sequence[tuple[PreparedSet, str, int]]) -> None:
        self.clips: dict[str, list[tuple[Tensor, Tensor]]] = {}
        often: dict[str, int] = {}
        for prepared, split, times in sources:
            for row in prepared.clips(split).itertuples():
                if row.frames < min(_LENGTHS):
                    continue
                clip = read_clip(prepared.folder / row.file)
                grey = to_grey(torch.from_numpy(clip.lips)).round().byte()
                pair = grey, torch.from_numpy(clip.logmel)
                speaker = f"{prepared.corpus}/{row.speaker}"
                self.clips.setdefault(speaker, []).append(pair)
                often[speaker] = max(times, often.get(speaker, 0))
        if not self.clips:
            raise LipkitError(f"no clip has {min(_LENGTHS)} frames; give a set with longer clips")
        weights = [often[who] * np.sqrt(len(clips)) for who, clips in self.clips.items()]
        self.shares = np.array(weights) / sum(weights)
        """How often each speaker is drawn, in the order of ``clips``."""

    def __len__(self) -> int:
        return sum(map(len, self.clips.values()))

    def draw(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A batch of pieces: grey f32 ``[B, T, 64, 64]``, log-mel f32 ``[B, 4T, 128]`` in dB."""
        frames = int(generator.choice(_LENGTHS))
        speakers = list(self.clips)
        lips, sound = [], []
        while len(lips) < FRAMES // frames:
            clips = self.clips[speakers[generator.choice(len(speakers), p=self.shares)]]
            grey, logmel = clips[generator.integers(len(clips))]
            if len(grey) < frames:
                frames = len(grey)
                lips = [piece[:frames] for piece in lips]
                sound = [piece[: COLUMNS_PER_FRAME * frames] for piece in sound]
            start = int(generator.integers(len(grey) - frames + 1))
            columns = slice(COLUMNS_PER_FRAME * start, COLUMNS_PER_FRAME * (start + frames))
            lips.append(grey[start : start + frames])
            sound.append(logmel[columns])
        return torch.stack(lips).float(), torch.stack(sound).float()


def vary_lips(grey: Tensor, generator: np.random.Generator) -> Tensor:
    """Each piece ``[B, T, 64, 64]`` mirrored, turned, moved, zoomed; then halved, blurred, noisy.

    Blur and smaller motion are what generated lips have; the metric must hold for them too.
    Returns ``[B, T, 32, 32]``.
    """
    batch = len(grey)
    draw = generator.uniform
    angle, zoom = draw(-0.15, 0.15, batch), draw(0.85, 1.15, batch)
    mirror = generator.choice([-1.0, 1.0], batch)
    theta = np.empty((batch, 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = mirror * zoom * np.cos(angle), -zoom * np.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = mirror * zoom * np.sin(angle), zoom * np.cos(angle)
    theta[:, :, 2] = draw(-0.12, 0.12, (batch, 2))
    grid = functional.affine_grid(torch.from_numpy(theta), [batch, 1, LIP_SIZE, LIP_SIZE], False)
    grey = functional.grid_sample(grey, grid, padding_mode="border", align_corners=False)
    grey = functional.avg_pool2d(grey, 2)
    for i in np.flatnonzero(generator.random(batch) < 0.5):
        grey[i] = _blurred(grey[i], draw(0.3, 1.3))
    gain = draw(0.5, 1.3, (batch, 1, 1, 1)).astype(np.float32)
    noise = draw(0.0, 2.0, (batch, 1, 1, 1)).astype(np.float32)
    mean = grey.mean(1, keepdim=True)
    varied = mean + torch.from_numpy(gain) * (grey - mean)
    return varied + torch.from_numpy(noise) * torch.randn_like(grey)


def vary_sound(logmel: Tensor, generator: np.random.Generator) -> Tensor:
    """Each piece ``[B, 4T, 128]`` louder or softer, tilted, moved by some mel bands (dB)."""
    batch = len(logmel)
    gain = generator.uniform(-10, 10, (batch, 1, 1)).astype(np.float32)
    slope = np.linspace(-1, 1, MEL_BANDS, dtype=np.float32)
    tilt = generator.uniform(-6, 6, (batch, 1, 1)).astype(np.float32) * slope
    # Higher and lower voices: other bands, held at the edges.
    bands = generator.integers(-4, 5, (batch, 1)) + np.arange(MEL_BANDS)
    places = torch.from_numpy(bands.clip(0, MEL_BANDS - 1))[:, None].expand_as(logmel)
    return logmel.gather(2, places) + torch.from_numpy(gain + tilt)


def _blurred(frames: Tensor, sigma: float) -> Tensor:
    """Frames ``[T, H, W]`` under a Gaussian of ``sigma`` pixels."""
    reach = int(3 * sigma) + 1
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2).float()
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = functional.pad(frames[:, None], (reach,) * 4, mode="replicate")
    across = functional.conv2d(padded, kernel)
    return functional.conv2d(across, kernel.transpose(2, 3))[:, 0]
