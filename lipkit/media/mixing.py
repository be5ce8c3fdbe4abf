"""From the channels of a recording to one, so that the voice keeps its level.

The mean of all channels loses a voice that is in one of them (6 dB of two, 16 of six), and
silences one that two channels carry in opposite phase. Which channels are heard, and with
which sign, is decided once per file, from how loud and how alike they are.
"""

from collections.abc import Sequence

import numpy as np

QUIETER_DB = 20.0
"""A channel this much below the loudest carries no voice: it is left out."""
OPPOSITE = -0.3
"""Channels that correlate less than this are in opposite phase: one of them is turned."""
CENTRE, BASS = "FC", {"LFE", "LFE2"}
"""FFmpeg's names of the channel that holds the speech of films, and of those that hold none."""


class Moments:
    """Sums over the samples of some channels, from which their mixture is chosen.

    Parameters
    ----------
    channels
        FFmpeg's names, such as ``FL``, ``FR``.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        self._channels = tuple(channels)
        self._count = 0
        self._sum = np.zeros(len(self._channels))
        self._products = np.zeros((len(self._channels),) * 2)

    def add(self, samples: np.ndarray) -> None:
        """Take float [K, N]."""
        self._count += samples.shape[1]
        self._sum += samples.sum(1, dtype=np.float64)
        self._products += samples @ samples.T

    def weights(self) -> np.ndarray:
        """What each channel is multiplied by before they are added: f32 [K]."""
        mean = self._sum / max(self._count, 1)
        covariance = self._products / max(self._count, 1) - np.outer(mean, mean)
        return mixing_weights(covariance, self._channels)


def mixing_weights(covariance: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """The weights of channels in their mixture.

    Where the centre of surround sound is heard, it alone, because there the speech is. Else
    the mean of the channels that are heard, those in opposite phase to the loudest turned.

    Parameters
    ----------
    covariance
        float [K, K] of the samples.
    channels
        K names.

    Returns
    -------
    f32 [K]; their absolute values sum to 1.
    """
    power = np.diag(covariance)
    voiced = np.array([name not in BASS for name in channels])
    if not voiced.any():
        voiced[:] = True
    loudest = int(np.argmax(np.where(voiced, power, -1)))
    if power[loudest] <= 0:
        return np.float32(voiced / voiced.sum())
    heard = voiced & (power >= power[loudest] * 10 ** (-QUIETER_DB / 10))
    if CENTRE in channels and heard[centre := channels.index(CENTRE)]:
        return np.float32(np.arange(len(channels)) == centre)
    alike = covariance[loudest] / np.sqrt(np.maximum(power * power[loudest], 1e-30))
    signs = np.where(alike < OPPOSITE, -1, 1)
    return np.float32(heard * signs / heard.sum())
