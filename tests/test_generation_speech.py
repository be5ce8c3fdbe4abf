"""Speech of any length, read where it is sliced, and its log-mel."""

import numpy as np
import pytest
from media_files import write_events

from lipkit.config import SAMPLE_RATE, SAMPLES_PER_FRAME, DataConfig
from lipkit.data.spectrogram import log_mel
from lipkit.data.tensors import normalise, scramble
from lipkit.errors import LipkitError
from lipkit.generation import LogMel, read_speech, speech
from lipkit.media import iter_audio, read_audio, write_audio
from lipkit.presets import Preset
from lipkit.weights import Card

STATISTICS = {"logmel_mean": -40.0, "logmel_std": 20.0}


def card(quiet=(), **data) -> Card:
    preset = Preset(name="test", data=DataConfig(**data))
    return Card(preset, STATISTICS, "synthetic", "train", 1, 0, "2025-01-01", quiet=list(quiet))


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, round(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "speech größe.wav"
    write_audio(path, noise(3.31), "float32")
    return path


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("aac.mp4", {"audio": "aac"}),
        ("opus.webm", {"video": "libvpx", "audio": "libopus", "rate": 48000}),
        ("pcm8.mkv", {"video": "ffv1", "audio": "pcm_s16le", "rate": 8000}),
        ("mp2.mpg", {"video": "mpeg1video", "audio": "mp2"}),
        ("late.mkv", {"video": "ffv1", "audio": "pcm_s16le", "audio_start": 0.4}),
        ("early.mkv", {"video": "ffv1", "audio": "pcm_s16le", "video_start": 0.3}),
        ("gap.mkv", {"video": "ffv1", "audio": "pcm_s16le", "audio_gap": (1.0, 1.5)}),
        ("alone.flac", {"video": None, "audio": "flac", "rate": 48000}),
    ],
)
def test_pieces_are_the_sound_read_at_once(tmp_path, name, settings):
    path = write_events(tmp_path / name, **settings)
    pieces = list(iter_audio(path))
    assert all(len(piece) for piece in pieces)
    streamed, whole = np.concatenate(pieces), read_audio(path)
    assert streamed.dtype == whole.dtype == np.float32
    # Resampled as a stream, the end may have a sample more or less.
    assert len(streamed) == pytest.approx(len(whole), abs=2)
    count = min(len(streamed), len(whole))
    assert np.abs(whole).max() > 0.3
    np.testing.assert_allclose(streamed[:count], whole[:count], atol=1e-5)


def test_a_cut_off_recording_is_refused_in_pieces_too(tmp_path, recording):
    path = tmp_path / "cut.wav"
    path.write_bytes(recording.read_bytes()[:-5000])
    with pytest.raises(LipkitError, match=r"cut\.wav: is damaged or cut off"):
        list(iter_audio(path))


def test_speech_is_padded_to_whole_frames(recording):
    said = read_speech(recording)
    assert said.frames == 83
    assert len(said) == 83 * SAMPLES_PER_FRAME
    whole = said[:]
    np.testing.assert_allclose(whole[: len(noise(3.31))], noise(3.31), atol=1e-6)
    assert not said[-400:].any()
    assert said.loudest == pytest.approx(20 * np.log10(0.5 / np.sqrt(3)), abs=0.3)


def test_any_slice_is_that_of_the_whole(recording, monkeypatch):
    monkeypatch.setattr(speech, "HELD", 8000)
    said, whole = read_speech(recording), read_speech(recording)[:]
    rng = np.random.default_rng(1)
    for _ in range(40):
        start = int(rng.integers(0, len(whole)))
        stop = start + int(rng.choice([0, 100, 3000, 20_000]))
        assert np.array_equal(said[start:stop], whole[start:stop])


def test_walking_forwards_reads_once_and_holds_little(recording, monkeypatch):
    monkeypatch.setattr(speech, "HELD", 8000)
    said, opened = read_speech(recording), []
    monkeypatch.setattr(speech, "iter_audio", lambda path: opened.append(path))
    for start in range(0, len(said) - 4000, 1000):
        said[start + 3000 : start + 4000]
        said[start : start + 1000]
        assert len(said._held) <= 8000 + 5000
    assert not opened


@pytest.mark.parametrize("part", [(0, 4), (0, 40), (4, 8), (120, 200), (328, 332), (0, 332)])
def test_log_mel_in_parts_is_that_of_the_whole(recording, part):
    said = read_speech(recording)
    logmel = LogMel(said, card())
    assert len(logmel) == 332
    whole = normalise(log_mel(said[:]), STATISTICS)
    np.testing.assert_allclose(logmel[slice(*part)], whole[slice(*part)], atol=1e-5)


def test_digital_silence_is_lifted_to_the_quiet_of_training_and_speech_is_not(tmp_path):
    quiet = np.linspace(-20, -90, 128).tolist()
    samples = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), noise(1)])
    logmel = LogMel(samples, card(quiet))[:] * 20.0 - 40.0
    np.testing.assert_allclose(logmel[:90], np.tile(quiet, (90, 1)), atol=1e-4)
    loud = log_mel(samples)[110:]
    assert (loud > quiet).mean() > 0.99
    np.testing.assert_allclose(logmel[110:], np.maximum(loud, quiet), atol=1e-3)
    as_it_is = LogMel(samples, card())[:] * 20.0 - 40.0
    np.testing.assert_allclose(as_it_is[110:], loud, atol=1e-3)


@pytest.mark.parametrize("level", [0.0, 5e-4])
def test_silence_is_refused_unless_it_is_wanted(tmp_path, level):
    path = tmp_path / "silence.wav"
    write_audio(path, level * noise(1), "float32")
    with pytest.raises(LipkitError, match=r"silence\.wav: the sound is silent .*--allow-silence"):
        read_speech(path)
    assert read_speech(path, allow_silence=True).silent


def test_one_word_in_a_long_silence_is_speech(tmp_path):
    samples = np.zeros(5 * SAMPLE_RATE, np.float32)
    samples[90_000:94_000] = 0.02
    write_audio(tmp_path / "word.wav", samples, "float32")
    assert not read_speech(tmp_path / "word.wav").silent


@pytest.mark.parametrize("content", [None, b"", b"not a sound"])
def test_a_sound_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "speech.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LipkitError, match=r"speech\.wav: ") as error:
        read_speech(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shift", [0, 1, -2, 25])
@pytest.mark.parametrize("axes", ["time_mel", "scrambled"])
def test_a_network_hears_the_sound_as_it_was_trained_on(shift, axes):
    samples = noise(1)
    whole = log_mel(samples).reshape(25, 4, 128)
    expected = np.concatenate([whole[min(max(t + shift, 0), 24)] for t in range(25)])
    if axes == "scrambled":
        expected = scramble(expected)
    logmel = LogMel(samples, card(sound_shift=shift, mel_axes=axes))
    np.testing.assert_allclose(logmel[:] * 20 - 40, expected, atol=1e-3)
    np.testing.assert_allclose(logmel[40:64] * 20 - 40, expected[40:64], atol=1e-3)
