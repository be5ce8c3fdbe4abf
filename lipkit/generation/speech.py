"""The speech: sound of any length and its log-mel, in memory that does not grow with it."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lipkit.config import (
    COLUMNS_PER_FRAME,
    FPS,
    MEL_BANDS,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
)
from lipkit.data.spectrogram import log_mel
from lipkit.errors import LipkitError
from lipkit.media import Limits, iter_audio, listen
from lipkit.media.limits import DEFAULT as DEFAULT_LIMITS
from lipkit.media.sound import SILENT_DB
from lipkit.weights import Card
from lipkit.weights.hearing import hear, level_of

HELD = 30 * SAMPLE_RATE
"""Samples that stay in memory: half a minute, 5 MB."""
BLOCK = 10 * FPS
"""Frames that are heard at a time where the whole speech is: ten seconds."""
FAINT_DB, LEVEL_DB = -90.0, -20.0
"""Of full scale: sound above the first may be speech that was recorded too quietly; the second
is the loudest 40 ms (rms) of speech as it should be."""


class Speech:
    """The sound of a file, padded with silence to whole frames, read where it is sliced.

    ``speech[a:b]`` is float32 [b - a], mono, 44,100 samples per second, in [-1, 1]. Slices
    that walk forwards read the file once; one from before what is held in memory starts it
    again. The file is also read through when the object is made, to know its length.

    Parameters
    ----------
    path:
        Any sound or video file.
    track:
        Which of several audio tracks, counted from 1; None is the first that is not silent.
    gain:
        dB by which the sound is made louder, for recordings that are too quiet.
    limits:
        What is too long.

    Raises
    ------
    LipkitError
        When the file is missing, unreadable, too long, or without sound.
    """

    def __init__(
        self,
        path: str | Path,
        track: int | None = None,
        gain: float = 0.0,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.path = Path(path)
        self._limits, self._factor = limits, np.float32(10 ** (gain / 20))
        self._hearing = listen(path, track, limits=limits)
        count, power, rest = 0, 0.0, np.zeros(0, np.float32)
        self._notes = [self._hearing.note] if self._hearing.note else []
        for piece in self._pieces_of_file(self._notes):
            count += len(piece)
            rest = np.concatenate([rest, piece])
            whole = len(rest) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME
            power = max(power, _loudest(rest[:whole]))
            rest = rest[whole:]
        if count == 0:
            raise LipkitError(f"{path}: the sound is empty; give a recording of speech")
        power = max(power, _loudest(np.pad(rest, (0, -len(rest) % SAMPLES_PER_FRAME))))
        self.frames = -(-count // SAMPLES_PER_FRAME)
        """Video frames that it lasts."""
        self.loudest = float(10 * np.log10(max(power, 1e-10)))
        """Level of its loudest frame: rms, dB of full scale, not below -100."""
        self._restart()

    @property
    def silent(self) -> bool:
        """Whether nothing is to be heard in all of it."""
        return self.loudest < SILENT_DB

    def __len__(self) -> int:
        return self.frames * SAMPLES_PER_FRAME

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        stop = max(start, stop)
        if start < self._start:
            self._restart()
        if stop > self._start + len(self._held):
            self._read(start, stop)
        held = self._held[start - self._start : stop - self._start]
        return np.pad(held, (0, stop - start - len(held)))

    @property
    def notes(self) -> list[str]:
        """What is unusual about what is heard, naming the file."""
        return [f"{self.path}: {note}" for note in self._notes]

    def _pieces_of_file(self, notes: list[str] | None = None) -> Iterator[np.ndarray]:
        pieces = iter_audio(self.path, hearing=self._hearing, notes=notes, limits=self._limits)
        if self._factor == 1:
            return pieces
        return (np.clip(piece * self._factor, -1, 1) for piece in pieces)

    def _restart(self) -> None:
        self._pieces = self._pieces_of_file()
        self._held = np.zeros(0, np.float32)
        self._start = 0

    def _read(self, start: int, stop: int) -> None:
        """Hold the sound from ``start``, or from half a minute before ``stop``, to ``stop``."""
        keep = max(0, min(start, stop - HELD))
        held, end = [self._held], self._start + len(self._held)
        first = self._start
        while end < stop and (piece := next(self._pieces, None)) is not None:
            held.append(piece)
            end += len(piece)
            while len(held) > 1 and first + len(held[0]) <= keep:
                first += len(held.pop(0))
        self._held = np.concatenate(held)[max(0, keep - first) :]
        self._start = max(first, keep)


class LogMel:
    """The log-mel of a speech as a network hears it, computed where it is sliced.

    ``logmel[a:b]`` is float32 [b - a, 128], as :func:`lipkit.weights.hearing.hear` has it of the
    :func:`lipkit.data.spectrogram.log_mel` of the whole speech; a and b are multiples of 4 (whole
    frames). Frames of sound that was shifted in training beyond the speech repeat its last ones.

    Parameters
    ----------
    samples:
        float32 [N], or a :class:`Speech`. A network that hears each recording relative to its own
        level has it read through once more, at the first slice.
    card:
        Of the weights: how sound was normalised, shifted and mixed up in training, and how quiet a
        pause was.

    >>> import numpy as np
    >>> from lipkit.weights import read_card
    >>> silence = np.zeros(3 * 1764, np.float32)  # three frames
    >>> logmel = LogMel(silence, read_card("paper"))
    >>> len(logmel), tuple(logmel[4:8].shape)
    (12, (4, 128))
    """

    def __init__(self, samples: np.ndarray | Speech, card: Card) -> None:
        self._samples, self._card = samples, card

    def __len__(self) -> int:
        return len(self._samples) // SAMPLES_PER_FRAME * COLUMNS_PER_FRAME

    def __getitem__(self, part: slice) -> Tensor:
        first, last, _ = part.indices(len(self))
        first, last = first // COLUMNS_PER_FRAME, last // COLUMNS_PER_FRAME
        if first >= last:
            return torch.empty(0, MEL_BANDS)
        total = len(self) // COLUMNS_PER_FRAME
        shift = self._card.preset.data.sound_shift
        heard = (np.arange(first, last) + shift).clip(0, total - 1)
        frames = self._decibels(heard[0], heard[-1] + 1)
        columns = frames[heard - heard[0]].reshape(-1, MEL_BANDS)
        return hear(columns, self._card, self._level, lift=True)

    def _decibels(self, first: int, last: int) -> np.ndarray:
        """[last - first, 4, 128]: the log-mel of whole frames."""
        # One frame more on either side: a column hears 12 ms beyond its own 10 ms.
        start = max(first - 1, 0)
        samples = self._samples[start * SAMPLES_PER_FRAME : (last + 1) * SAMPLES_PER_FRAME]
        frames = log_mel(samples).reshape(-1, COLUMNS_PER_FRAME, MEL_BANDS)
        return frames[first - start : last - start]

    @cached_property
    def _level(self) -> np.ndarray:
        """Of the whole speech, [128] dB."""
        total = len(self) // COLUMNS_PER_FRAME
        blocks = (self._decibels(i, min(i + BLOCK, total)) for i in range(0, total, BLOCK))
        return level_of((block.reshape(-1, MEL_BANDS) for block in blocks), self._card)


def read_speech(
    path: str | Path,
    allow_silence: bool = False,
    track: int | None = None,
    gain: float = 0.0,
    limits: Limits = DEFAULT_LIMITS,
) -> Speech:
    """The sound of a file, of any length; see :class:`Speech`.

    Raises
    ------
    LipkitError
        When the file is missing, unreadable, without sound, or, unless ``allow_silence``,
        silent from end to end.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from lipkit.media import write_audio
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     speech = read_speech(write_audio(Path(folder, "tone.wav"), tone))
    >>> speech.frames, round(speech.loudest)  # a second; rms, dB of full scale
    (25, -9)
    """
    speech = Speech(path, track, gain, limits)
    if speech.silent and not allow_silence:
        raise LipkitError(f"{path}: the sound is silent (never above {_how_silent(speech)}")
    return speech


def _how_silent(speech: Speech) -> str:
    remedies = "add --allow-silence for a mouth at rest"
    if speech.loudest > FAINT_DB:
        louder = round(LEVEL_DB - speech.loudest)
        return (
            f"{speech.loudest:.0f} dB); if it is speech that was recorded too quietly, add "
            f"--gain {louder}, else {remedies}"
        )
    return f"{speech.loudest:.0f} dB); give a recording of speech, or {remedies}"


def _loudest(samples: np.ndarray) -> float:
    """Largest mean power of whole frames: [n * 1764] -> a number, 0 for none."""
    powers = np.square(samples.reshape(-1, SAMPLES_PER_FRAME)).mean(1)
    return float(powers.max(initial=0.0))
