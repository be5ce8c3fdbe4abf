"""Training windows: 16 frames of lips with their sound, an identity image, a mismatched sound.

Fact sheet 1.2 (windows), 1.3 (identity image), 4 and 5 (mismatched sound).
"""

import os
from collections import OrderedDict
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS, DataConfig
from lipkit.data.clips import ClipFile
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import scramble, unpack
from lipkit.errors import LipkitError
from lipkit.face.lips import lip_points

MOUTH_POINTS = (20, 2)
"""Landmarks 48 to 67, (x, y)."""


def open_files_limit() -> int:
    """How many clips one process keeps mapped: each holds one of its file descriptors."""
    try:
        import resource
    except ImportError:  # Windows has no such limit worth minding
        return 512
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 4096 if allowed == resource.RLIM_INFINITY else max(16, min(4096, allowed // 2))


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

    The identity frame is drawn from the clip's frames outside the window (``"outside"``)
    or from all of them (``"any"``, the authors' rule, which at times shows the generator
    its own target). Where no frame lies outside, both rules draw from all.
    The mismatched sound is a window of the same split drawn uniformly from all those whose
    sentence is another one; a clip without a known sentence counts as its own sentence.

    Both draws depend on (seed, epoch, i) alone, not on order, workers or machine. A window
    reads its own bytes only: each file is mapped into memory and opened where it is used,
    so that the set may be handed to any number of loader processes.

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
        rows = prepared.clips(split)
        self.clip_ids: list[str] = list(rows.clip_id)
        self._files = [str(prepared.folder / file) for file in rows.file]
        self._frames = rows.frames.to_numpy()

        # Frames whose shifted sound the clip has too.
        paired = self._frames - abs(config.sound_shift)
        counts = np.maximum(0, (paired - config.window) // config.stride + 1)
        self._clip = np.repeat(np.arange(len(rows)), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        self._start = (np.arange(len(first)) - first) * config.stride
        self._start += max(0, -config.sound_shift)
        where = f"{prepared.folder}: split {split!r}"
        if len(self) == 0:
            shortest = config.window + abs(config.sound_shift)
            raise LipkitError(
                f"{where} has no clip of {shortest} frames; take shorter windows or more clips"
            )
        # Windows in the order of their sentences: those of one sentence are one run, so a
        # draw from all others is a draw of one number that steps over the run.
        names = np.where(rows.sentence == "", "clip " + rows.clip_id, rows.sentence)
        sentence = np.unique(names, return_inverse=True)[1][self._clip]
        self._by_sentence = np.argsort(sentence, kind="stable")
        sizes = np.bincount(sentence)
        self._run_start, self._run_size = (np.cumsum(sizes) - sizes)[sentence], sizes[sentence]
        if mismatched and self._run_size[0] == len(self):
            raise LipkitError(
                f"{where} has one sentence only, so there is no mismatched sound; "
                "prepare more sentences or ask for windows without it"
            )
        # Shared, so that loader processes which live through several epochs see it change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._drawn: tuple[int, np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._clip)

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
        identity, other = self._draws()
        clip, match = self._clip[index], other[index]
        found = {
            "clip_id": self.clip_ids[clip],
            "start": int(self._start[index]),
            "identity_frame": int(identity[index]),
        }
        if self.mismatched:
            found["mismatched_clip_id"] = self.clip_ids[self._clip[match]]
            found["mismatched_start"] = int(self._start[match])
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
        identity, other = self._draws()
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
            clip, start, frame = self._clip[index], self._start[index], identity[index]
            file = self._open(clip)
            batch["video"][i] = file.rows("lips", start, start + window)
            batch["logmel"][i] = self._sound(file, start)
            batch["identity"][i] = file.rows("lips", frame, frame + 1)[0]
            if self.mismatched:
                clip, start = self._clip[other[index]], self._start[other[index]]
                batch["mismatched"][i] = self._sound(self._open(clip), start)
            if self.points:
                start = self._start[index]
                landmarks, box = (
                    file.rows(name, start, start + window) for name in ("landmarks", "box")
                )
                batch["points"][i] = lip_points(landmarks, box)
        tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
        tensors["index"] = torch.tensor(indices)
        return tensors if self.raw else unpack(tensors, self.statistics)

    def _sound(self, file: ClipFile, start: int) -> np.ndarray:
        """Log-mel of the window at ``start``, f16 [64, 128], by the settings."""
        start = start + self.config.sound_shift
        logmel = file.rows("logmel", start, start + self.config.window)
        return scramble(logmel) if self.config.mel_axes == "scrambled" else logmel

    def _draws(self) -> tuple[np.ndarray, np.ndarray]:
        """Identity frame and mismatched window of every window, for the present epoch."""
        epoch = self.epoch
        if self._drawn is None or self._drawn[0] != epoch:
            # A generator of numbers that are keyed, not consumed: the i-th is the i-th
            # whoever asks first.
            draws = np.random.Generator(np.random.Philox(key=[self.seed, epoch])).random(
                (2, len(self))
            )
            identity = self._identity_frames(draws[0])
            others = np.maximum(len(self) - self._run_size, 1)
            place = (draws[1] * others).astype(np.int64)
            place += np.where(place >= self._run_start, self._run_size, 0)
            other = self._by_sentence[place % len(self)]
            self._drawn = epoch, identity, other
        return self._drawn[1:]

    def _identity_frames(self, draws: np.ndarray) -> np.ndarray:
        frames, window = self._frames[self._clip], self.config.window
        outside = frames - window
        if self.config.identity == "any":
            outside = np.zeros_like(outside)
        chosen = (draws * np.where(outside > 0, outside, frames)).astype(np.int64)
        return chosen + np.where((outside > 0) & (chosen >= self._start), window, 0)

    def _open(self, clip: int) -> ClipFile:
        files = self._open_files
        if clip in files:
            files.move_to_end(clip)
            return files[clip]
        file = ClipFile(self._files[clip])
        if file.frames != self._frames[clip]:
            raise LipkitError(
                f"{self._files[clip]}: has {file.frames} frames, not the manifest's "
                f"{self._frames[clip]}; "
                "delete it and run lipkit prepare again"
            )
        files[clip] = file
        if len(files) > self._open_limit:
            files.popitem(last=False)
        return file

    @cached_property
    def _open_limit(self) -> int:
        return open_files_limit()

    @cached_property
    def _open_files(self) -> OrderedDict[int, ClipFile]:
        return OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        # Maps of files stay in their process; the other end opens its own.
        theirs = {"_open_files", "_open_limit"}
        return {key: value for key, value in self.__dict__.items() if key not in theirs}
