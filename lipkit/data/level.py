"""The level of a recording's speech, band by band, and its sound relative to that.

Microphone, room and throat give each recording levels of its own. Heard less these, another voice
sounds more like those of the training (``data.level=recording``; what it is worth to a small
network: ``notebooks/results/point_trainings``).
"""

from collections.abc import Mapping

import numpy as np

from lipkit.config import MEL_BANDS
from lipkit.data.spectrogram import FLOOR_DB

SPOKEN_DB = 25
"""dB below the loudest columns down to which a column counts as speech; the rest are pauses."""
LOUDEST, LOUDEST_COLUMNS = 0.05, 500
"""The loudest columns are this share of those above the floor, and at most so many (five seconds),
so that long pauses do not pass for speech."""
SILENT_DB = -85
"""Columns below this are silence, however quiet the rest."""
NOTHING = np.zeros(0, np.float32)
"""The level of a recording in which nothing is said, or which is heard as it is."""
BINS = 200
"""Bins of 1 dB, counted up from silence; what is louder falls into the last."""


class SpeechLevel:
    """The mean log-mel of the columns in which something is said, in memory that does not grow.

    Parameters
    ----------
    floor:
        dB, mean over the bands, below which a column is not speech.

    >>> import numpy as np
    >>> level = SpeechLevel()
    >>> level.add(np.full((8, 128), -30.0))  # speech
    >>> level.add(np.full((8, 128), -100.0))  # a pause, which does not count
    >>> level.bands[:2].tolist()
    [-30.0, -30.0]
    """

    def __init__(self, floor: float = SILENT_DB) -> None:
        self._floor = max(0, round(floor - FLOOR_DB))
        self._sums = np.zeros((BINS, MEL_BANDS))
        self._counts = np.zeros(BINS, int)

    def add(self, logmel: np.ndarray) -> None:
        """Hear columns [N, 128], dB."""
        columns = np.asarray(logmel, np.float64)
        places = (columns.mean(1) - FLOOR_DB).astype(int).clip(0, BINS - 1)
        np.add.at(self._sums, places, columns)
        np.add.at(self._counts, places, 1)

    @property
    def spoken(self) -> int:
        """How many columns were speech so far."""
        return int(self._counts[self._first_spoken :].sum())

    @property
    def bands(self) -> np.ndarray:
        """f32 [128] dB; empty where nothing was said so far."""
        first = self._first_spoken
        spoken = self._counts[first:].sum()
        if not spoken:
            return NOTHING
        return (self._sums[first:].sum(0) / spoken).astype(np.float32)

    @property
    def _first_spoken(self) -> int:
        """The quietest bin that is speech; behind the last where there is none."""
        louder = np.cumsum(self._counts[::-1])[::-1]
        heard = int(louder[self._floor])
        if not heard:
            return BINS
        loudest = np.flatnonzero(louder >= min(LOUDEST * heard, LOUDEST_COLUMNS))[-1]
        return max(self._floor, int(loudest) - SPOKEN_DB)


def speech_level(logmel: np.ndarray) -> np.ndarray:
    """Of a recording [4T, 128], dB: f32 [128], or :data:`NOTHING`."""
    level = SpeechLevel()
    level.add(logmel)
    return level.bands


def relative(logmel: np.ndarray, level: np.ndarray, statistics: Mapping[str, float]) -> np.ndarray:
    """dB [..., 128] less a recording's level: f32, its speech about the mean of the training.

    An empty level changes nothing.

    >>> import numpy as np
    >>> heard = relative(np.full((4, 128), -30.0), np.full(128, -35.0), {"logmel_mean": -50.0})
    >>> heard[0, :2].tolist()
    [-45.0, -45.0]
    """
    logmel, level = np.asarray(logmel, np.float32), np.asarray(level, np.float32)
    return logmel + (np.float32(statistics["logmel_mean"]) - level) if len(level) else logmel
