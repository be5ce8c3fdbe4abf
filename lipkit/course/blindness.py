"""Can a correlation loss tell lips that belong to a sound from lips that do not?

A small audio encoder, phi_s and phi_v learn from matching pairs with one form of the loss.
Then held-out sounds are paired with their own lips and with others', and the form's
similarity has to say which is which. A form under which both look alike is blind: whatever
it adds to the objective, it does not make lips follow the sound.

Measured on GRID's s1 (learned from 754 clips in 600 steps of 16 windows, told apart on 180
windows of 45 other clips; one run each), area under the curve and mean similarity:

=============== ===== ======= ==========
form            AUC   matched mismatched
=============== ===== ======= ==========
``cosine``      .56   .999    .999
``pearson``     .83   .99     .95
``contrastive`` .98   .63     .03
=============== ===== ======= ==========

Centring alone cures some of it, but nothing keeps unrelated pairs from becoming alike. In 1,000
steps of 4 windows the contrastive form reaches .96.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import mannwhitneyu
from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME, WINDOW
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalise, to_video_tensor
from lipkit.losses import CorrelationConfig
from lipkit.losses.correlation import CorrelationLoss
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.correlation_networks import CorrelationNetworks
from lipkit.models.video_flow import Motion


class Speech(NamedTuple):
    """One clip of T frames, in the form that the networks take.

    >>> import torch
    >>> clip = Speech(logmel=torch.zeros(4 * 40, 128), motion=torch.zeros(2, 39, 16, 16))
    >>> len(every_window([clip]).logmel)  # 40 frames hold two windows of 16
    2
    """

    logmel: Tensor
    """[4T, 128], normalised."""
    motion: Tensor
    """[2, T-1, 16, 16], optical flow in pixels."""


class Pairs(NamedTuple):
    """N windows of 16 frames: sound, and the motion of its lips in the same row.

    >>> import torch
    >>> pairs = Pairs(torch.zeros(3, 1, 64, 128), torch.zeros(3, 2, 15, 16, 16))
    >>> len(pairs.logmel) == len(pairs.motion) == 3
    True
    """

    logmel: Tensor
    """[N, 1, 64, 128]."""
    motion: Tensor
    """[N, 2, 15, 16, 16]."""


class Verdict(NamedTuple):
    """Similarities of held-out pairs.

    >>> import numpy as np
    >>> Verdict(matched=np.array([0.9, 0.4]), mismatched=np.array([0.5, 0.1])).auc
    0.75
    """

    matched: np.ndarray
    """[N]: each sound with its own lips."""
    mismatched: np.ndarray
    """[N (N - 1)]: each sound with all other lips."""

    @property
    def auc(self) -> float:
        """Area under the ROC curve: how often a matched pair is more similar than another.

        1/2 is blind, 1 perfect; a tie counts half.
        """
        wins = mannwhitneyu(self.matched, self.mismatched).statistic
        return float(wins / (len(self.matched) * len(self.mismatched)))


class Listener(nn.Module):
    """An audio encoder with correlation networks behind it, and the loss they learn by.

    Parameters
    ----------
    form:
        The form of the correlation loss: ``cosine``, ``pearson`` or ``contrastive``.
    features:
        Channels of the audio encoder, a multiple of 8; 256 in the paper.

    Raises
    ------
    UsageError
        For an unknown form.

    >>> import torch
    >>> pairs = Pairs(torch.randn(3, 1, 64, 128), torch.randn(3, 2, 15, 16, 16))
    >>> listener = Listener("contrastive")
    >>> s, v = listener(pairs)
    >>> tuple(s.shape), listener.loss(s, v).ndim  # what training makes smaller
    ((3, 15, 16), 0)
    """

    def __init__(self, form: str, features: int = 16) -> None:
        super().__init__()
        config = CorrelationConfig(form=form)
        self.audio_encoder = AudioEncoder(features)
        self.networks = CorrelationNetworks(features=features)
        self.loss = CorrelationLoss(config)

    def forward(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Features (s, v) of sound and lips, each [N, 15, 16]."""
        return self.networks(self.audio_encoder(pairs.logmel), pairs.motion)


def speech(lips: np.ndarray, logmel: np.ndarray, statistics: Mapping[str, float]) -> Speech:
    """A clip made from lips u8 [T, 64, 64, 3], log-mel [4T, 128] in dB and its statistics."""
    with torch.no_grad():
        motion = Motion()(to_video_tensor(lips)[None])[0]
    return Speech(normalise(logmel, statistics), motion)


def speeches(prepared: PreparedSet, split: str, limit: int | None = None) -> list[Speech]:
    """The first ``limit`` clips of a split that are at least a window long, or all of them.

    A split of None stands for all splits.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> clip, other = speeches(prepared_set(clips=2), split=None)
    >>> tuple(clip.logmel.shape), tuple(clip.motion.shape)
    ((300, 128), (2, 74, 16, 16))
    """
    rows = prepared.clips(split)
    files = rows.file[rows.frames >= WINDOW].iloc[:limit]
    clips = (read_clip(prepared.folder / file) for file in files)
    return [speech(clip.lips, clip.logmel, prepared.statistics) for clip in clips]


def every_window(clips: Sequence[Speech]) -> Pairs:
    """Windows that lie end to end, so that no two overlap.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> pairs = every_window(speeches(prepared_set(clips=2), split=None))
    >>> tuple(pairs.logmel.shape)  # four windows of each clip of 75 frames
    (8, 1, 64, 128)
    """
    starts = [
        (clip, start)
        for clip in clips
        for start in range(0, clip.motion.shape[1] + 2 - WINDOW, WINDOW)
    ]
    return _cut(starts)


def draw(clips: Sequence[Speech], count: int, rng: np.random.Generator) -> Pairs:
    """``count`` windows, their clips and starts drawn at random.

    >>> import numpy as np
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> clips = speeches(prepared_set(clips=2), split=None)
    >>> tuple(draw(clips, 3, np.random.default_rng(0)).motion.shape)
    (3, 2, 15, 16, 16)
    """
    chosen = (clips[i] for i in rng.integers(len(clips), size=count))
    return _cut([(clip, int(rng.integers(clip.motion.shape[1] + 2 - WINDOW))) for clip in chosen])


def learn(
    clips: Sequence[Speech],
    form: str,
    steps: int = 100,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    features: int = 16,
    seed: int = 0,
) -> Listener:
    """A listener trained on matching pairs with Adam; equal arguments give an equal result."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        listener = Listener(form, features)
    optimiser = torch.optim.Adam(
        listener.parameters(), learning_rate, weight_decay=CorrelationConfig().weight_decay
    )
    for _ in range(steps):
        loss = listener.loss(*listener(draw(clips, batch_size, rng)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return listener.eval()


@torch.no_grad()
def tell_apart(listener: Listener, pairs: Pairs) -> Verdict:
    """Compare every sound with the lips of every row: N matched and N (N - 1) mismatched pairs.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> pairs = every_window(speeches(prepared_set(clips=2), split=None, limit=1))
    >>> verdict = tell_apart(Listener("contrastive").eval(), pairs)  # it has learned nothing yet
    >>> verdict.matched.shape, verdict.mismatched.shape, 0 <= verdict.auc <= 1
    ((4,), (12,), True)
    """
    scores = listener.loss.similarity(*listener(pairs)).numpy()
    own = np.eye(len(scores), dtype=bool)
    return Verdict(scores[own], scores[~own])


@torch.no_grad()
def cosine_of_noise(pairs: int = 256, features: int = 256, seed: int = 0) -> float:
    """Mean cosine that untrained phi_s and phi_v of full size give to unrelated noise.

    About 0.88 (fact sheet section 3): the authors' loss begins near its optimum.

    >>> 0.8 < cosine_of_noise(pairs=32) < 0.95
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = CorrelationConfig(form="cosine")
        networks = CorrelationNetworks(features=features)
        sound = torch.randn(pairs, features, WINDOW, 16)
        motion = torch.randn(pairs, 2, WINDOW - 1, 16, 16)
    s, v = networks(sound, motion)
    return float(CorrelationLoss(config).similarity(s, v).diagonal().mean())


def _cut(starts: Sequence[tuple[Speech, int]]) -> Pairs:
    columns = [
        clip.logmel[COLUMNS_PER_FRAME * at : COLUMNS_PER_FRAME * (at + WINDOW)]
        for clip, at in starts
    ]
    motion = [clip.motion[:, at : at + WINDOW - 1] for clip, at in starts]
    return Pairs(torch.stack(columns)[:, None], torch.stack(motion))
