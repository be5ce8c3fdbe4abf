"""Written files come back as they were, are whole or absent, and play in browsers."""

import errno
import os
import weakref

import av
import numpy as np
import pytest
from media_files import EVENTS, burst, burst_time, white_frames

from lipkit.config import SAMPLES_PER_FRAME
from lipkit.errors import LipkitError
from lipkit.media import read_audio, read_clip, read_video, write_audio, write_video, writing

GREY = np.full((16, 24, 3), 100, np.uint8)


def flashes(count=75):
    """Frames that are white at the events."""
    for t in range(count):
        white = any(int(25 * x) == t for x in EVENTS)
        yield np.full((48, 64, 3), 235 if white else 20, np.uint8)


def test_frames_and_sound_come_back_in_step(tmp_path):
    path = write_video(tmp_path / "a.mp4", flashes(), burst(EVENTS, 44100))
    clip = read_clip(path)
    assert clip.frames.shape == (75, 48, 64, 3)
    assert clip.samples.shape == (75 * SAMPLES_PER_FRAME,)
    assert white_frames(clip.frames) == [int(25 * x) for x in EVENTS]
    for x in EVENTS:
        assert burst_time(clip.samples, x) == pytest.approx(x, abs=5e-4)


@pytest.mark.parametrize("name", ["a.mov", "a.mkv", "a.webm", "a.MP4"])
def test_other_endings_hold_the_same(tmp_path, name):
    tags = {"comment": "synthetic"}
    path = write_video(tmp_path / name, flashes(), burst(EVENTS, 44100), metadata=tags)
    clip = read_clip(path)
    assert clip.frames.shape == (75, 48, 64, 3)
    assert white_frames(clip.frames) == [int(25 * x) for x in EVENTS]
    for x in EVENTS:
        assert burst_time(clip.samples, x) == pytest.approx(x, abs=5e-4)
    assert np.abs(clip.samples).max() == pytest.approx(0.8, abs=0.05)
    with av.open(str(path)) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert found["comment"] == "synthetic"


def test_a_gif_holds_the_pictures(tmp_path):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (30, 3), dtype=np.uint8)
    frames = [np.full((33, 65, 3), colour, np.uint8) for colour in colours]
    again = read_video(write_video(tmp_path / "a.gif", frames, burst(EVENTS, 44100)))
    assert again.shape == (30, 33, 65, 3)
    assert np.abs(again.mean(axis=(1, 2)) - colours).max() < 4


@pytest.mark.parametrize("count", [1, 2, 3, 16, 76])
@pytest.mark.parametrize("sound", [True, False])
def test_the_number_of_frames_is_kept(tmp_path, count, sound):
    samples = np.zeros(count * SAMPLES_PER_FRAME, np.float32) if sound else None
    path = write_video(tmp_path / "a.mp4", [GREY] * count, samples)
    assert len(read_video(path)) == count


@pytest.mark.parametrize("seconds", [0.0, 0.4, 9.0])
def test_sound_is_cut_or_padded_to_the_frames(tmp_path, seconds):
    sound = np.full(int(seconds * 44100), 0.1, np.float32)
    samples = read_audio(write_video(tmp_path / "a.mp4", [GREY] * 25, sound))
    assert len(samples) == pytest.approx(44100, abs=1024)
    assert np.abs(samples[30000:]).max() < (0.2 if seconds > 1 else 0.01)


@pytest.mark.parametrize(
    ("size", "even"), [((33, 65), (34, 66)), ((1, 1), (2, 2)), ((2, 4), (2, 4))]
)
def test_odd_sizes_are_rounded_up(tmp_path, size, even):
    frame = np.random.default_rng(0).integers(90, 110, (*size, 3), dtype=np.uint8)
    frames = read_video(write_video(tmp_path / "a.mp4", [frame] * 3, crf=1))
    assert frames.shape == (3, *even, 3)
    assert np.abs(frames[1, : size[0], : size[1]].mean() - frame.mean()) < 3


def test_browsers_can_play_it(tmp_path):
    path = write_video(tmp_path / "a.mp4", flashes(), burst(EVENTS, 44100))
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.name, video.pix_fmt) == ("h264", "yuv420p")
        assert (audio.codec.name, audio.sample_rate, audio.profile) == ("aac", 44100, "LC")
        assert (video.average_rate, video.frames) == (25, 75)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_frames_are_let_go(tmp_path):
    alive, most = weakref.WeakSet(), 0

    def frames():
        nonlocal most
        for _ in range(200):
            frame = np.full((16, 16, 3), 50, np.uint8).view(_Watched)
            alive.add(frame)
            most = max(most, len(alive))
            yield frame
            del frame

    write_video(tmp_path / "a.mp4", frames(), np.zeros(200 * SAMPLES_PER_FRAME))
    assert most <= 3


class _Watched(np.ndarray):
    """An array that can be weakly referenced."""

    __hash__ = object.__hash__


def test_colours_come_back(tmp_path):
    colours = np.random.default_rng(2).integers(20, 235, (8, 3), dtype=np.uint8)
    frames = [np.full((32, 32, 3), colour, np.uint8) for colour in colours]
    again = read_video(write_video(tmp_path / "a.mp4", frames))
    assert np.abs(again.mean(axis=(1, 2)) - colours).max() < 3


BAD_FRAMES = {
    "no frame": ([], "no frame"),
    "other size": ([GREY, GREY[:8]], "frame 1 is 24x8"),
    "floats": ([GREY / 255.0], "float64"),
    "grey": ([GREY[..., 0]], r"uint8 \[16, 24\]"),
    "nothing in it": ([GREY[:0]], "uint8"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_frames_that_cannot_be_written(tmp_path, name):
    frames, message = BAD_FRAMES[name]
    with pytest.raises(LipkitError, match=message) as caught:
        write_video(tmp_path / "a.mp4", frames)
    assert str(tmp_path / "a.mp4") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("samples", [np.zeros((2, 9)), np.zeros(9, np.int16), np.full(9, np.nan)])
def test_sound_that_cannot_be_written(tmp_path, samples):
    with pytest.raises(LipkitError, match="sound"):
        write_video(tmp_path / "a.mp4", [GREY], samples)
    with pytest.raises(LipkitError, match="sound"):
        write_audio(tmp_path / "a.wav", samples)
    assert list(tmp_path.iterdir()) == []


def test_names_that_promise_another_format(tmp_path):
    with pytest.raises(LipkitError, match=r"\.mp4"):
        write_video(tmp_path / "a.avi", [GREY])
    with pytest.raises(LipkitError, match=r"\.wav"):
        write_audio(tmp_path / "a.mp3", np.zeros(9))
    with pytest.raises(LipkitError, match="int24"):
        write_audio(tmp_path / "a.wav", np.zeros(9), "int24")


def test_failure_midway_leaves_what_was_there(tmp_path):
    path = write_video(tmp_path / "a.mp4", [GREY] * 3)
    before = path.read_bytes()

    def interrupted():
        yield GREY
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, interrupted())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_unwritable_places(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()
    for path in (tmp_path / "file" / "a.mp4", tmp_path / "folder.mp4"):
        with pytest.raises(LipkitError, match="cannot be written"):
            write_video(path, [GREY])
    with pytest.raises(LipkitError, match="cannot be written"):
        write_audio(tmp_path / "file" / "a.wav", np.zeros(9))


def test_full_disk(tmp_path, monkeypatch):
    def full(path, temporary, *rest):
        temporary.write_bytes(b"the beginning")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))

    monkeypatch.setattr(writing, "_encode", full)
    with pytest.raises(LipkitError, match="disk is full"):
        write_video(tmp_path / "a.mp4", [GREY])
    assert list(tmp_path.iterdir()) == []


def test_names(tmp_path):
    for name in ("naïve clip – 日本.mp4", "a:b.mp4", "%03d.mp4"):
        path = write_video(tmp_path / "new folder" / name, [GREY] * 2)
        assert path.exists()
        assert len(read_video(path)) == 2


def test_loud_sound_is_clipped_not_wrapped(tmp_path):
    loud = np.array([3.0, -3.0, 1.0, -1.0, 0.0], np.float32)
    samples = read_audio(write_audio(tmp_path / "a.wav", loud))
    assert np.abs(samples - [1, -1, 1, -1, 0]).max() <= 1 / 32768


def test_written_sound_is_read_bit_for_bit(tmp_path):
    samples = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    exact = read_audio(write_audio(tmp_path / "a.wav", samples, "float32"))
    rounded = read_audio(write_audio(tmp_path / "b.wav", samples))
    assert np.abs(exact - samples).max() < 1e-9
    assert np.abs(rounded - samples).max() <= 1 / 32768


def test_the_same_frames_give_the_same_bytes(tmp_path):
    random = np.random.default_rng(0)
    frames = np.cumsum(random.integers(-9, 10, (40, 72, 96, 3)), axis=0).clip(0, 255)
    sound = random.uniform(-0.1, 0.1, 40 * 1764).astype(np.float32)
    paths = [write_video(tmp_path / f"{n}.mp4", frames.astype(np.uint8), sound) for n in "abc"]
    assert len({path.read_bytes() for path in paths}) == 1
