"""Lengths in headers: which are believed, and what counts where they are wrong."""

import struct

import numpy as np
import pytest
from media_files import burst_time, write_events

from lipkit.errors import LipkitError
from lipkit.media import DamagedError, read_audio, read_clip
from lipkit.media.completeness import missing_bytes

RATE = 44100
HEADER = 44


def wav(path, samples, riff=None, data=None, pad=True, channels=1):
    """A 16-bit WAV with the given length fields (None: the right ones)."""
    body = (samples * 32767).astype("<i2").tobytes()
    riff = HEADER - 8 + len(body) if riff is None else riff
    data = len(body) if data is None else data
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, RATE, 2 * RATE, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", riff % 2**32, b"WAVE") + form
    path.write_bytes(head + struct.pack("<4sI", b"data", data % 2**32) + body)
    return path


@pytest.fixture
def tone():
    return 0.5 * np.sin(np.arange(RATE) / 15)


PIPES = {
    "espeak-ng": (0x7FFFF024, 0x7FFFF000),
    "recorder": (0x7FFFFFFF, 0x7FFFFFFF - 36),
    "arecord": (0x80000024, 0x80000000),
    "ffmpeg": (0xFFFFFFFF, 0xFFFFFFFF),
    "zeros": (0, 0),
    "no RIFF length": (0, 2 * RATE),
    "unfinished": (36, 0),
}


@pytest.mark.parametrize("program", PIPES)
def test_a_wav_that_was_piped_is_what_is_there(tmp_path, tone, program):
    path = wav(tmp_path / "piped.wav", tone, *PIPES[program])
    samples = read_audio(path)
    assert len(samples) == RATE
    np.testing.assert_allclose(samples, tone, atol=1e-4)


@pytest.mark.parametrize("off", [-8, -1, 1, 8, 44])
def test_a_wav_whose_length_is_a_few_bytes_off_is_what_is_there(tmp_path, tone, off):
    for riff, data in ((36 + 2 * RATE + off, None), (None, 2 * RATE + off)):
        samples = read_audio(wav(tmp_path / "off.wav", tone, riff, data))
        assert len(samples) == pytest.approx(RATE, abs=4 if data and off < 0 else 0)


def test_a_wav_without_its_pad_byte_is_whole(tmp_path):
    body = bytes(np.random.default_rng(0).integers(0, 256, 8001, dtype=np.uint8))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    riff = struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + len(body) + 1, b"WAVE")
    path = tmp_path / "odd.wav"
    path.write_bytes(riff + form + struct.pack("<4sI", b"data", len(body)) + body)
    assert len(read_audio(path)) == pytest.approx(8001 * RATE / 8000, abs=1)


@pytest.mark.parametrize("lost", [1, 2, 63, 5000])
def test_a_wav_whose_lengths_agree_and_are_not_there_is_cut_off(tmp_path, tone, lost):
    path = wav(tmp_path / "cut.wav", tone)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(DamagedError, match=f"at least {lost:,} bytes are missing"):
        read_audio(path)


FOREIGN = {
    "a phone's trailer": b"SEFH" + bytes(range(60)) + b"SEFT",
    "text": b"<!-- saved from a web page -->",
    "zeros": bytes(100),
    "a box of no known kind": struct.pack(">I4s", 2**31, b"abcd") + bytes(8),
    "three bytes": b"\xff\xfe\xfd",
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.m4a", "a.mkv"])
def test_foreign_bytes_after_the_last_unit_do_no_harm(tmp_path, name, what):
    video = None if name == "a.m4a" else "libx264"
    path = write_events(tmp_path / name, video, "aac")
    reader = read_audio if video is None else lambda path: read_clip(path).samples
    samples = reader(path)
    path.write_bytes(path.read_bytes() + FOREIGN[what])
    assert np.array_equal(reader(path), samples)
    assert abs(burst_time(samples, 1.235) - 1.235) < 0.002


def test_a_quicktime_file_without_its_type_is_known_by_its_boxes(tmp_path):
    whole = write_events(tmp_path / "a.mov", "libx264", "pcm_s16le").read_bytes()
    size = struct.unpack(">I", whole[:4])[0]
    path = tmp_path / "old.mov"
    path.write_bytes(whole[size:])
    assert missing_bytes(path) == 0
    path.write_bytes(whole[size:-10])
    assert missing_bytes(path) == 10


@pytest.mark.parametrize("size", [0, 3, 7, 8, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_64_bit_length_may_be_anything(tmp_path, size):
    """A size that no file can have is a damaged file, not an overflow."""
    path = tmp_path / "long.mp4"
    box = struct.pack(">I4sQ", 1, b"free", size)
    path.write_bytes(struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + box + bytes(50))
    assert missing_bytes(path) == max(0, size - 66 if size >= 8 else 0)
    with pytest.raises(LipkitError, match=r"long\.mp4: is damaged or cut off"):
        read_clip(path)


def test_a_text_is_no_cut_off_video(tmp_path):
    path = tmp_path / "notes.mov"
    path.write_text("The wide road, and the free ride.")
    assert missing_bytes(path) == 0
