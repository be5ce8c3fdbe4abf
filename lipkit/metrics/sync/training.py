"""Training of the sync network: which sound, at which moment, belongs to these lips?

Two cross-entropies over the same cosines. *Frames*: among all frames of all clips of a batch,
find the one that sounds as this one looks, and vice versa (InfoNCE); most others are easy, the
neighbours in the same clip are hard. *Shifts*: for each run of :data:`RUN` embeddings, which is
what a window of 16 frames has, find the true offset among -15 to 15, which is the question that
the metric asks.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS, WINDOW
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.models.sync_network import OFFSETS, STACK, SyncNetwork, similarities, to_grey

RUN = WINDOW - STACK + 1
"""Embeddings over which a shift is to be found."""
_LENGTHS = (20, 40, 75)
"""Frames of a training piece; all pieces of a batch have the same."""
_FRAMES = 600
"""Frames of a batch, in one long piece or many short ones."""


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


class SyncClips:
    """Clips of one or more splits in memory: grey lips and log-mel, by speaker.

    A speaker is drawn with a probability that grows with the square root of the number of clips,
    so that one who has hundreds does not drown out those who have a few.

    Parameters
    ----------
    sources:
        Prepared sets with the names of their splits.
    """

    def __init__(self, sources: Sequence[tuple[PreparedSet, str]]) -> None:
        self.clips: dict[str, list[tuple[Tensor, Tensor]]] = {}
        for prepared, split in sources:
            for row in prepared.clips(split).itertuples():
                if row.frames < min(_LENGTHS):
                    continue
                clip = read_clip(prepared.folder / row.file)
                grey = to_grey(torch.from_numpy(clip.lips)).round().byte()
                pair = grey, torch.from_numpy(clip.logmel)
                self.clips.setdefault(f"{prepared.corpus}/{row.speaker}", []).append(pair)
        if not self.clips:
            raise LipkitError(f"no clip has {min(_LENGTHS)} frames; give a set with longer clips")
        weights = np.sqrt([len(clips) for clips in self.clips.values()])
        self._share = weights / weights.sum()

    def __len__(self) -> int:
        return sum(map(len, self.clips.values()))

    def draw(self, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A batch of pieces: grey f32 ``[B, T, 64, 64]``, log-mel f32 ``[B, 4T, 128]`` in dB."""
        frames = int(generator.choice(_LENGTHS))
        speakers = list(self.clips)
        lips, sound = [], []
        while len(lips) < _FRAMES // frames:
            clips = self.clips[speakers[generator.choice(len(speakers), p=self._share)]]
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


def train_sync(
    clips: SyncClips,
    steps: int = 850,
    minutes: float | None = None,
    seed: int = 0,
    learning_rate: float = 2e-3,
    progress: Callable[[int, float], None] | None = None,
) -> tuple[SyncNetwork, int]:
    """Train a network; returns it in eval mode, with the steps taken.

    Parameters
    ----------
    clips:
        What to learn from.
    steps, minutes:
        The learning rate falls to zero at whichever is reached first.
    progress:
        Called with each step's number and loss.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    network, loss_of = SyncNetwork().train(), SyncLoss()
    parameters = [*network.parameters(), *loss_of.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.01)
    begun, step, done = time.monotonic(), 0, 0.0
    while done < 1:
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * warm * (1 + np.cos(np.pi * done)) / 2
        grey, logmel = clips.draw(generator)
        grey, logmel = vary_lips(grey, generator), vary_sound(logmel, generator)
        loss = loss_of(network.embed_halved(grey), network.embed_sound(logmel))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if progress:
            progress(step, float(loss.detach()))
        spent = (time.monotonic() - begun) / (60 * minutes) if minutes else 0.0
        done = max(step / steps, spent)
    return network.eval(), step


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
