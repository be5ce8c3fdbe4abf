"""Frames as sound arrives: the same as of the whole recording, and as early as is said."""

import os
import threading

import numpy as np
import pytest
import torch
from trained_generators import trained

from lipkit.config import DataConfig
from lipkit.errors import UsageError
from lipkit.generation import (
    LipImage,
    LogMel,
    SpeechStream,
    generate_frames,
    pipe_pieces,
    talking_picture,
)
from lipkit.generation.streaming import HEARS, ArrivingLogMel
from lipkit.presets import Preset
from lipkit.weights import Card, Weights

FRAME = 1764
LIPS = LipImage(
    np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8),
    np.float32([60, 45, 40]),
    1,
)
PICTURE = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def card(**data) -> Card:
    quiet = list(np.linspace(-70, -60, 128))
    statistics = {"logmel_mean": -40.0, "logmel_std": 20.0}
    preset = Preset(name="test", data=DataConfig(**data))
    return Card(preset, statistics, "synthetic", "train", 1, 0, "2025-01-01", quiet=quiet)


@pytest.fixture(scope="module")
def plus() -> Weights:
    return Weights(trained(architecture="warp", width=1 / 4), card())


@pytest.fixture(scope="module")
def paper() -> Weights:
    return Weights(trained(width=1 / 32, residual_blocks=1), card())


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """39 frames and a bit."""
    t = np.arange(39 * FRAME + 500) / 44100
    return (0.3 * np.sin(2 * np.pi * 300 * t * (1 + t))).astype(np.float32)


def pieces_of(sound: np.ndarray, seed: int) -> list[np.ndarray]:
    """The sound in pieces of 1 to 5,000 samples."""
    rng = np.random.default_rng(seed)
    cuts = np.cumsum(rng.integers(1, 5000, 200))
    return [piece for piece in np.split(sound, cuts[cuts < len(sound)]) if len(piece)]


@pytest.mark.parametrize("data", [{}, {"mel_axes": "scrambled"}])
def test_the_log_mel_is_that_of_the_whole(sound, data):
    given = card(**data)
    padded = np.pad(sound, (0, -len(sound) % FRAME))
    whole = LogMel(padded, given)[:]
    for seed in range(3):
        columns = ArrivingLogMel(given)
        parts = [columns.feed(piece) for piece in pieces_of(sound, seed)] + [columns.finish()]
        torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("hop", [1, 3])
@pytest.mark.parametrize("name", ["plus", "paper"])
def test_frames_are_those_of_the_whole_recording(name, hop, sound, request):
    weights = request.getfixturevalue(name)
    padded = np.pad(sound, (0, -len(sound) % FRAME))
    whole = LogMel(padded, weights.card)
    for picture in (None, PICTURE):
        stream = SpeechStream(weights, LIPS, picture, hop=hop)
        made = [f for piece in pieces_of(sound, 0) for f in stream.feed(piece)] + stream.finish()
        if picture is None:
            expected = list(generate_frames(weights.generator, LIPS.image, whole))
        else:
            expected = list(talking_picture(weights.generator, PICTURE, LIPS, whole))
        assert len(made) == len(expected) == 40
        differences = np.abs(np.stack(made).astype(int) - np.stack(expected))
        assert differences.max() <= 2
        assert differences.mean() < 0.01


@pytest.mark.parametrize(("lookahead", "hop"), [(None, 1), (3, 1), (0, 2)])
def test_a_frame_comes_when_the_latency_is_over_and_not_before(plus, sound, lookahead, hop):
    stream = SpeechStream(plus, LIPS, lookahead=lookahead, hop=hop)
    waited = plus.generator.context if lookahead is None else lookahead
    assert stream.latency == pytest.approx((waited + hop - 1) / 25 + HEARS / 44100)
    came = []
    for count in range(100, len(sound), 100):
        came += [count] * len(stream.feed(sound[count - 100 : count]))
    first_of_hop = np.array(came[hop - 1 :: hop])
    ends = np.arange(hop, len(came) + 1, hop)[: len(first_of_hop)] * FRAME
    late = (first_of_hop - ends) / 44100
    expected = stream.latency - (hop - 1) / 25
    assert np.all(late >= expected - 1e-6)
    assert np.all(late < expected + 100 / 44100)


def test_less_lookahead_is_another_answer_of_the_same_length(plus, sound):
    whole, hasty = (
        [*(stream := SpeechStream(plus, LIPS, lookahead=n)).feed(sound), *stream.finish()]
        for n in (None, 0)
    )
    assert len(whole) == len(hasty) == 40
    # All sound came at once: only the last frames were drawn before what follows them came.
    assert np.array_equal(whole[:25], hasty[:25])
    stream = SpeechStream(plus, LIPS, lookahead=0)
    piecewise = [f for piece in pieces_of(sound, 0) for f in stream.feed(piece)]
    assert not np.array_equal(piecewise[:30], whole[:30])


def test_memory_does_not_grow_with_the_speech(plus, sound):
    stream = SpeechStream(plus, LIPS)
    for _ in range(6):
        stream.feed(sound)
        assert len(stream._logmel) <= 4 * (3 * plus.generator.context + 2)
        assert len(stream._columns._samples) < 3 * FRAME


def test_a_speech_without_a_sample_makes_no_frame(plus):
    stream = SpeechStream(plus, LIPS)
    assert stream.feed(np.zeros(0, np.float32)) == []
    assert stream.finish() == []


class OfWindows(torch.nn.Module):
    """Like the networks that make 16 frames at a time."""

    window = 16


def test_what_cannot_stream_is_refused(plus):
    shifted = Weights(plus.generator, card(sound_shift=2))
    with pytest.raises(UsageError, match="shifted sound"):
        SpeechStream(shifted, LIPS)
    with pytest.raises(UsageError, match=r"lookahead 99, hop 1: lookahead is 0 to \d+"):
        SpeechStream(plus, LIPS, lookahead=99)
    with pytest.raises(UsageError, match="hop 1 or more"):
        SpeechStream(plus, LIPS, hop=0)
    with pytest.raises(UsageError, match="whole windows"):
        SpeechStream(Weights(OfWindows(), card()), LIPS)


def test_a_pipe_gives_sound_while_it_is_written():
    reading, writing = os.pipe()
    ramp = np.arange(-3000, 3001, dtype="<i2")
    got = []
    with os.fdopen(reading, "rb") as pipe:
        pieces = pipe_pieces(pipe)
        data = ramp.tobytes()
        os.write(writing, data[:101])  # half a sample waits for its other half
        got.append(next(pieces))
        assert len(got[0]) == 50
        writer = threading.Thread(target=lambda: (os.write(writing, data[101:]), os.close(writing)))
        writer.start()
        got.extend(pieces)
        writer.join()
    assert np.array_equal(np.concatenate(got), ramp / np.float32(32768))
