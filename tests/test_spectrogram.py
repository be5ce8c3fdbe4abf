"""The log-mel spectrogram: librosa's numbers on the kit's own time grid."""

import subprocess
import sys

import numpy as np
import pytest

from lipkit.config import COLUMNS_PER_FRAME, FPS, HOP, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.data.spectrogram import authors_log_mel, column_times, log_mel, scramble_mel_axes
from lipkit.errors import LipkitError


def noise(frames, seed=0, extra=0):
    """Speech-like noise that grows louder and fades, in [-1, 1]."""
    rng = np.random.default_rng(seed)
    count = frames * SAMPLES_PER_FRAME + extra
    loudness = 0.5 + 0.4 * np.sin(np.arange(count) / 3000)
    return (rng.uniform(-1, 1, count) * loudness**3).astype(np.float32)


@pytest.mark.parametrize("extra", [0, 100, SAMPLES_PER_FRAME - 1])
def test_equals_librosa_on_the_mirrored_sound(extra):
    import librosa

    samples = noise(20, extra=extra)
    left, right = 292, 291
    padded = np.pad(samples, (left, max(0, right - extra)), mode="reflect")
    power = librosa.feature.melspectrogram(
        y=padded[: left + 20 * SAMPLES_PER_FRAME + right],
        sr=44100,
        n_fft=1024,
        hop_length=441,
        center=False,
        n_mels=128,
        fmin=0,
        fmax=16000,
        power=2.0,
    )
    want = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None).T
    got = log_mel(samples)
    assert got.shape == want.shape == (80, 128)
    assert got.dtype == np.float32
    assert np.abs(got - want).max() < 1e-3


@pytest.mark.parametrize("frames", [0, 1, 2, 16, 75])
def test_exactly_four_columns_a_frame(frames):
    assert log_mel(noise(frames)).shape == (4 * frames, 128)
    assert log_mel(noise(frames, extra=SAMPLES_PER_FRAME - 1)).shape == (4 * frames, 128)


def test_a_click_is_loudest_in_its_column():
    rng = np.random.default_rng(1)
    for x in rng.uniform(0.1, 2.9, 30):
        samples = np.zeros(75 * SAMPLES_PER_FRAME, np.float32)
        samples[int(x * SAMPLE_RATE)] = 1.0
        column = log_mel(samples).mean(axis=1).argmax()
        centre = column_times(300)[column]
        assert abs(centre - x) <= 0.5 * HOP / SAMPLE_RATE + 2 / SAMPLE_RATE
        # Columns sit inside frames, so a click's column is in the click's frame.
        if min(x * 100 % 1, 1 - x * 100 % 1) > 0.01:
            assert column // COLUMNS_PER_FRAME == int(FPS * x)


def test_column_times():
    times = column_times(300)
    assert times.dtype == np.float64
    frame, quarter = np.divmod(np.arange(300), 4)
    assert np.allclose(times, (frame + (quarter + 0.5) / 4) / 25)


def test_a_piece_has_the_columns_of_the_whole():
    samples = noise(400)
    whole = log_mel(samples)
    piece = log_mel(samples[100 * SAMPLES_PER_FRAME : 150 * SAMPLES_PER_FRAME])
    assert np.abs(piece[1:-1] - whole[401:599]).max() < 1e-3


def test_long_recordings_are_worked_through_in_blocks():
    samples = noise(1100)  # 4,400 columns: more than one block.
    around = slice(1000 * SAMPLES_PER_FRAME, 1050 * SAMPLES_PER_FRAME)
    assert np.abs(log_mel(samples[around])[1:-1] - log_mel(samples)[4001:4199]).max() < 1e-3


def test_silence_and_full_scale():
    assert np.allclose(log_mel(np.zeros(3 * SAMPLES_PER_FRAME)), -100)
    tone = np.sin(2 * np.pi * 1000 * np.arange(3 * SAMPLES_PER_FRAME) / SAMPLE_RATE)
    assert 20 < log_mel(tone).max() < 60
    # No limit relative to the loudest: a click far away changes nothing here.
    quiet = noise(10) * 1e-4
    loud = quiet.copy()
    loud[-1000] = 1.0
    assert np.array_equal(log_mel(quiet)[:30], log_mel(loud)[:30])


def test_only_mono_sound():
    with pytest.raises(LipkitError, match="mono"):
        log_mel(np.zeros((2, 5000), np.float32))


def test_authors_log_mel_equals_librosa_chunk_by_chunk():
    import librosa

    samples = noise(6)
    got = authors_log_mel(samples)
    assert got.shape == (6, 128, 4)
    for t in range(6):
        chunk = samples[t * SAMPLES_PER_FRAME : (t + 1) * SAMPLES_PER_FRAME] * 32768
        power = librosa.feature.melspectrogram(
            y=chunk, sr=44100, n_fft=1024, fmax=16000, pad_mode="reflect"
        )
        want = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=80.0)
        assert np.abs(got[t] - want).max() < 1e-3


def test_authors_limit_of_80_db_is_the_chunks_own():
    samples = np.zeros(2 * SAMPLES_PER_FRAME, np.float32)
    samples[:SAMPLES_PER_FRAME] = np.sin(2 * np.pi * 440 * np.arange(SAMPLES_PER_FRAME) / 44100)
    loud, silent = authors_log_mel(samples)
    assert loud.max() - loud.min() == pytest.approx(80, abs=1e-3)
    assert np.allclose(silent, -100)
    assert authors_log_mel(samples[:10]).shape == (0, 128, 4)


def test_scrambled_rows_hold_32_bands_with_times_interleaved():
    band, time = np.meshgrid(np.arange(128), np.arange(4), indexing="ij")
    matrix = np.stack([band, time], axis=0)  # [2, 128, 4]: which band, which time
    bands, times = scramble_mel_axes(matrix)
    assert bands.shape == (4, 128)
    for r in range(4):
        assert np.array_equal(bands[r], np.repeat(np.arange(32 * r, 32 * r + 32), 4))
        assert np.array_equal(times[r], np.tile(np.arange(4), 32))
    assert not np.array_equal(bands, band.T)
    assert scramble_mel_axes(np.zeros((5, 7, 128, 4))).shape == (5, 7, 4, 128)


def test_importing_is_light():
    code = (
        "import sys, lipkit.data.spectrogram; print({'librosa', 'numba', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
