"""Training windows: 16 frames of lips with their sound, an identity image, a mismatched sound.

Fact sheet 1.2 (windows), 1.3 (identity image), 4 and 5 (mismatched sound).
"""

import gc
import os
from collections import OrderedDict
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS, DataConfig
from lipkit.data.clips import ClipFile
from lipkit.data.draws import EpochDraws, OtherSentences
from lipkit.data.level import relative, speech_level
from lipkit.data.manifest import prepared_file
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import scramble, unpack
from lipkit.errors import LipkitError
from lipkit.face.lips import lip_points

MOUTH_POINTS = (20, 2)
"""Landmarks 48 to 67, (x, y)."""

MOST_LEVELS = 50_000
"""Clips whose level one process remembers: 0.6 kB each."""


def open_files_limit() -> int:
    """How many clips one process keeps mapped: each holds one of its file descriptors."""
    try:
        import resource
    except ImportError:  # Windows has no such limit worth minding
        return 512
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if allowed == resource.RLIM_INFINITY else max(16, min(4096, allowed // 2))


def lone_worker(number: int) -> None:
    """Begin a loader process: what it was born with is left where it lies.

    A forked process shares its parent's memory until it writes to it. The collector of
    garbage writes to every object that it looks at, so it is told to pass these over.
    """
    gc.freeze()


class Windows(Dataset):
    """Windows of one split of a prepared set, every ``config.stride`` frames of each clip.

    A clip shorter than the window gives none. ``windows[i]`` is a dict of tensors:

    ============ ==================== =============================================
    video        f32 [3, 16, 64, 64]  in [-1, 1]
    logmel       f32 [1, 64, 128]     the window's sound, normalised
    identity     f32 [3, 64, 64]      in [-1, 1], another frame of the same clip
    mismatched   f32 [1, 64, 128]     sound of another sentence, normalised
    points       f32 [16, 20, 2]      mouth points 48..67, lip pixels; if asked for
    index        int64                i
    ============ ==================== =============================================

    Two faults of the authors' data can be put back (fact sheet 1.4). ``config.sound_shift``
    pairs frame t with the sound of frame t + shift; a window whose sound would leave the clip
    is none. ``config.mel_axes`` scrambles the spectrogram (:func:`lipkit.data.tensors.scramble`).
    With ``config.level`` at ``"recording"``, ``logmel`` and ``mismatched`` are relative to the
    level of their clip's speech (:mod:`lipkit.data.level`).

    The identity frame is drawn from the clip's frames outside the window (``"outside"``)
    or from all of them (``"any"``, the authors' rule, which at times shows the generator
    its own target). Where no frame lies outside, both rules draw from all.
    The mismatched sound is a window of the same split drawn uniformly from all those whose
    sentence is another one; a clip without a known sentence counts as its own sentence.

    Both draws depend on (seed, epoch, i) alone, not on order, workers or machine. A window
    reads its own bytes only, and once the level of its clip: each file is mapped into memory
    and opened where it is used, so that the set may be handed to any number of loader processes.

    Parameters
    ----------
    prepared : an opened prepared set, or its folder.
    split : the split's name; None takes all usable clips.
    config : window, stride and identity rule.
    seed : the seed of all draws.
    raw : leave the tensors as they are stored, u8 ``[16,64,64,3]`` and ``[64,64,3]``, f16
        ``[64,128]``: a quarter of the bytes. :func:`lipkit.data.tensors.unpack` makes the above of
        them, on the GPU if they have been moved there.
    mismatched : False leaves ``mismatched`` out, for a set of one sentence.
    points : True adds ``points``.

    Raises
    ------
    LipkitError
        When the split has no usable clip, no clip as long as a window, or only one
        sentence to draw mismatched sound from.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> windows = Windows(prepared_set(clips=2), split=None)
    >>> window = windows[0]
    >>> tuple(window["video"].shape), tuple(window["logmel"].shape)
    ((3, 16, 64, 64), (1, 64, 128))
    >>> from torch.utils.data import DataLoader
    >>> batch = next(iter(DataLoader(windows, batch_size=2)))
    >>> tuple(batch["identity"].shape)
    (2, 3, 64, 64)
    """

    def __init__(
        self,
        prepared: PreparedSet | str | os.PathLike,
        split: str | None = "train",
        config: DataConfig | None = None,
        seed: int = 0,
        raw: bool = False,
        mismatched: bool = True,
        points: bool = False,
    ):
        if not isinstance(prepared, PreparedSet):
            prepared = PreparedSet.open(prepared)
        config = config or DataConfig()
        self.config, self.seed, self.raw = config, seed, raw
        self.mismatched, self.points = mismatched, points
        self.statistics = prepared.statistics
        rows = prepared.rows(split)
        self.clip_ids = rows.ids
        """Of every clip, a sequence of texts."""
        self._folder, self._frames = prepared.folder, rows.frames
        self._speakers = rows.texts["speaker"]

        # All that is kept is per clip: a set has many more windows than clips. Frames whose
        # shifted sound the clip has too:
        paired = self._frames - abs(config.sound_shift)
        counts = np.maximum(0, (paired - config.window) // config.stride + 1)
        self._ends = np.cumsum(counts)
        where = f"{prepared.folder}: split {split!r}"
        if len(self) == 0:
            shortest = config.window + abs(config.sound_shift)
            raise LipkitError(
                f"{where} has no clip of {shortest} frames; take shorter windows or more clips"
            )
        self._others = OtherSentences(rows, self._ends)
        if mismatched and self._others.is_one:
            raise LipkitError(
                f"{where} has one sentence only, so there is no mismatched sound; "
                "prepare more sentences, or train without it: --set loss.gen.mismatched=0"
            )
        # Shared, so that loader processes which live through several epochs see it change.
        self._epoch = torch.zeros((), dtype=torch.int64)
        with suppress(RuntimeError):  # Without shared memory there are no loader processes either.
            self._epoch.share_memory_()

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def epoch(self) -> int:
        """The epoch whose draws are given."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose the draws of ``epoch``, also in loader processes that are already running."""
        self._epoch.fill_(epoch)

    def where(self, index: int) -> dict[str, Any]:
        """Clip id and first frame of a window, of its identity image and mismatched sound."""
        index = range(len(self))[index]
        clip, start = self._place(index)
        identity, other = self._draw(index)
        found = {"clip_id": self.clip_ids[clip], "start": start, "identity_frame": identity}
        if self.mismatched:
            clip, start = self._place(other)
            found["mismatched_clip_id"] = self.clip_ids[clip]
            found["mismatched_start"] = start
        return found

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, torch.Tensor]]:
        """Several windows at once, which is what a ``DataLoader`` asks for."""
        batch = self.batch(indices)
        return [{name: tensor[i] for name, tensor in batch.items()} for i in range(len(indices))]

    def batch(self, indices: list[int]) -> dict[str, torch.Tensor]:
        """The windows ``indices``, each tensor with a leading batch axis."""
        indices = [range(len(self))[index] for index in indices]
        size, window = len(indices), self.config.window
        columns = window * COLUMNS_PER_FRAME
        batch = {
            "video": np.empty((size, window, LIP_SIZE, LIP_SIZE, 3), np.uint8),
            "logmel": np.empty((size, columns, MEL_BANDS), np.float16),
            "identity": np.empty((size, LIP_SIZE, LIP_SIZE, 3), np.uint8),
        }
        if self.mismatched:
            batch["mismatched"] = np.empty_like(batch["logmel"])
        if self.points:
            batch["points"] = np.empty((size, window, *MOUTH_POINTS), np.float32)
        for i, index in enumerate(indices):
            (clip, start), (frame, other) = self._place(index), self._draw(index)
            file = self._open(clip)
            batch["video"][i] = file.rows("lips", start, start + window)
            batch["logmel"][i] = self._sound(clip, start)
            batch["identity"][i] = file.rows("lips", frame, frame + 1)[0]
            if self.mismatched:
                theirs, moment = self._place(other)
                batch["mismatched"][i] = self._sound(theirs, moment)
            if self.points:
                landmarks, box = (
                    file.rows(name, start, start + window) for name in ("landmarks", "box")
                )
                batch["points"][i] = lip_points(landmarks, box)
        tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
        tensors["index"] = torch.tensor(indices)
        return tensors if self.raw else unpack(tensors, self.statistics)

    def _sound(self, clip: int, start: int) -> np.ndarray:
        """Log-mel of the window at ``start``, [64, 128] dB, by the settings."""
        start = start + self.config.sound_shift
        logmel = self._open(clip).rows("logmel", start, start + self.config.window)
        if self.config.level == "recording":
            logmel = relative(logmel, self._level(clip), self.statistics)
        return scramble(logmel) if self.config.mel_axes == "scrambled" else logmel

    def _level(self, clip: int) -> np.ndarray:
        """Of a clip's speech, f32 [128] dB."""
        if clip not in self._levels:
            if len(self._levels) == MOST_LEVELS:
                self._levels.clear()
            file = self._open(clip)
            self._levels[clip] = speech_level(file.rows("logmel", 0, file.frames))
        return self._levels[clip]

    def _place(self, index: int) -> tuple[int, int]:
        """Clip and first frame of a window."""
        clip = int(np.searchsorted(self._ends, index, side="right"))
        before = int(self._ends[clip - 1]) if clip else 0
        return clip, (index - before) * self.config.stride + max(0, -self.config.sound_shift)

    def _draw(self, index: int) -> tuple[int, int]:
        """Identity frame of a window and the window of its mismatched sound, in this epoch."""
        epoch = self.epoch
        if self._draws is None or self._draws.epoch != epoch:
            self._draws = EpochDraws(self.seed, epoch)
        clip, start = self._place(index)
        identity = self._identity_frame(clip, start, self._draws[index])
        return identity, self._others.draw(clip, self._draws[len(self) + index])

    def _identity_frame(self, clip: int, start: int, number: float) -> int:
        frames, window = int(self._frames[clip]), self.config.window
        outside = 0 if self.config.identity == "any" else max(frames - window, 0)
        chosen = int(number * (outside or frames))
        return chosen + window * (outside > 0 and chosen >= start)

    def _open(self, clip: int) -> ClipFile:
        files = self._open_files
        if clip in files:
            files.move_to_end(clip)
            return files[clip]
        path = self._folder / prepared_file(self.clip_ids[clip])
        file = ClipFile(path)
        if file.frames != self._frames[clip]:
            raise LipkitError(
                f"{path}: has {file.frames} frames, not the manifest's {self._frames[clip]}; "
                "delete it and run lipkit prepare again"
            )
        files[clip] = file
        if len(files) > self._open_limit:
            files.popitem(last=False)
        return file

    _draws: EpochDraws | None = None
    """Of the epoch that was asked for last; each process has its own."""

    @cached_property
    def _open_limit(self) -> int:
        return open_files_limit()

    @cached_property
    def _levels(self) -> dict[int, np.ndarray]:
        return {}

    @cached_property
    def _open_files(self) -> OrderedDict[int, ClipFile]:
        return OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        # Maps of files stay in their process; the other end opens its own.
        theirs = {"_open_files", "_open_limit", "_draws", "_levels"}
        return {key: value for key, value in self.__dict__.items() if key not in theirs}
