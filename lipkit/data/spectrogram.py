"""Log-mel spectrograms: the sound as the networks hear it, four columns per video frame."""

from functools import cache

import numpy as np
from scipy.fft import rfft

from lipkit.config import (
    COLUMNS_PER_FRAME,
    FPS,
    HOP,
    MEL_BANDS,
    MEL_FMAX,
    N_FFT,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
)
from lipkit.errors import LipkitError

AMIN = 1e-10
"""Power below which all is silence."""
FLOOR_DB = -100.0
"""The same in dB: log-mel of digital silence."""
AUTHORS_HOP = 512
"""librosa's default hop, which does not divide a frame's 1,764 samples (fact sheet 1.4)."""
AUTHORS_TOP_DB = 80.0
_INT16 = 32768.0

# An analysis window reaches 512 samples to either side of its centre. Column 0 is centred
# on sample 220, whose time [220, 221)/44100 has 5 ms, an eighth of a frame, as its middle.
_LEFT = N_FFT // 2 - HOP // 2
_RIGHT = N_FFT - _LEFT - HOP
_BLOCK = 4096
"""Columns transformed at once, so that memory stays small for long recordings."""


def log_mel(samples: np.ndarray) -> np.ndarray:
    """The log-mel spectrogram with exactly four columns per video frame.

    Column 4t + j is centred at (t + (j + 1/2)/4)/25 s. The power spectrum of 1,024
    samples (periodic Hann window) every 441 samples is summed in 128 mel bands up to
    16 kHz (librosa's default filters) and given as 10 log10(max(power, 1e-10)), with no
    limit relative to the loudest column, so that a column depends on nothing but the
    1,024 samples around it: a piece of a recording has the columns of the whole, but
    for one at either end, where the sound is mirrored.

    Parameters
    ----------
    samples
        float32 [N] in [-1, 1], 44,100 per second; T = N // 1764 whole frames.

    Returns
    -------
    float32 [4T, 128], dB; -100 is silence, speech lies about -60 to 20.

    Raises
    ------
    LipkitError
        When the samples are not one-dimensional.

    >>> import numpy as np
    >>> logmel = log_mel(np.zeros(2 * 1764, np.float32))  # two frames of silence
    >>> logmel.shape, round(float(logmel.max()), 3)
    ((8, 128), -100.0)
    """
    samples = _mono(samples)
    columns = len(samples) // SAMPLES_PER_FRAME * COLUMNS_PER_FRAME
    if columns == 0:
        return np.zeros((0, MEL_BANDS), np.float32)
    # Sound beyond the last whole frame, where there is some, comes before the mirror.
    missing = max(0, columns * HOP + _RIGHT - len(samples))
    padded = np.pad(samples, (_LEFT, missing), mode="reflect")
    pieces = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:columns]
    return np.concatenate(
        [to_db(mel_power(pieces[i : i + _BLOCK])) for i in range(0, columns, _BLOCK)]
    )


def column_times(columns: int) -> np.ndarray:
    """Centres of the first ``columns`` columns of :func:`log_mel`, float64 [columns], s.

    >>> column_times(4).tolist()
    [0.005, 0.015, 0.025, 0.035]
    """
    return (np.arange(columns) + 0.5) / (FPS * COLUMNS_PER_FRAME)


def mel_power(pieces: np.ndarray) -> np.ndarray:
    """Power in each mel band of pieces of sound: [..., 1024] -> float32 [..., 128]."""
    spectrum = rfft(pieces * _hann(), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    return power @ mel_filters().T


def to_db(power: np.ndarray) -> np.ndarray:
    """10 log10 of power, not below -100 dB."""
    return 10.0 * np.log10(np.maximum(power, np.float32(AMIN)))


@cache
def mel_filters() -> np.ndarray:
    """librosa's mel filters (Slaney's scale and area), float32 [128, 513].

    >>> mel_filters().shape
    (128, 513)
    """
    # Imported here because it takes seconds (numba) and only a few need it.
    from librosa.filters import mel

    return mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=MEL_BANDS, fmin=0.0, fmax=MEL_FMAX)


def authors_log_mel(samples: np.ndarray) -> np.ndarray:
    """The authors' log-mel, for comparison (fact sheet 1.4).

    Every 40 ms chunk has its own spectrogram: hop 512, so that its 4 columns lie at
    samples 0, 512, 1024, 1536 and the next chunk's first at 1764 (an uneven grid); the
    chunk is mirrored at both ends, so that half of the first column's window is not the
    sound that was there; samples on the 16-bit scale; and nothing is more than 80 dB
    below the chunk's own maximum, so that silence depends on what stands beside it.

    Parameters
    ----------
    samples
        float32 [N] in [-1, 1], 44,100 per second.

    Returns
    -------
    float32 [N // 1764, 128, 4], dB on the 16-bit scale (90.3 dB above :func:`log_mel`'s).

    Raises
    ------
    LipkitError
        When the samples are not one-dimensional.

    >>> import numpy as np
    >>> authors_log_mel(np.zeros(2 * 1764, np.float32)).shape
    (2, 128, 4)
    """
    samples = _mono(samples)
    frames = len(samples) // SAMPLES_PER_FRAME
    chunks = samples[: frames * SAMPLES_PER_FRAME] * np.float32(_INT16)
    chunks = chunks.reshape(frames, SAMPLES_PER_FRAME)
    padded = np.pad(chunks, ((0, 0), (N_FFT // 2, N_FFT // 2)), mode="reflect")
    pieces = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)[:, ::AUTHORS_HOP]
    db = to_db(mel_power(pieces))
    db = np.maximum(db, db.max(axis=(1, 2), keepdims=True, initial=-100.0) - AUTHORS_TOP_DB)
    return db.transpose(0, 2, 1)


def scramble_mel_axes(logmel: np.ndarray) -> np.ndarray:
    """The authors' assignment of a (128, 4) matrix into a (4, 128) place (fact sheet 1.4).

    Old PyTorch allowed it and refilled row by row: row r then holds mel bands
    32r ... 32r + 31, each with its four times side by side, instead of the 128 bands of
    time r. A transpose is what was meant.

    [..., 128, 4] -> [..., 4, 128].

    >>> import numpy as np
    >>> matrix = np.arange(128 * 4).reshape(128, 4)  # band b at time t holds 4b + t
    >>> scramble_mel_axes(matrix)[1, :5].tolist()  # band 32 four times, then band 33
    [128, 129, 130, 131, 132]
    """
    return logmel.reshape(*logmel.shape[:-2], COLUMNS_PER_FRAME, MEL_BANDS)


def _mono(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1:
        raise LipkitError(f"the sound has the shape {list(samples.shape)}; give mono samples [N]")
    return samples


@cache
def _hann() -> np.ndarray:
    """The periodic Hann window, as librosa uses it."""
    return np.hanning(N_FFT + 1)[:-1].astype(np.float32)
