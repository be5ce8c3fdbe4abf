"""Pictures and sound of every container arrive at the right time."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from media_files import EVENTS, NTSC, burst, burst_time, white_frames, write_events

from lipkit.config import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.media import (
    iter_video,
    probe,
    read_audio,
    read_clip,
    read_video,
    write_video,
)
from lipkit.media.timeline import JumpError, at_steady_rate, join, resample

LOSSLESS, LOSSY = 0.001, 0.002
"""Seconds by which a click may be off."""

CONTAINERS = {
    "grid.mpg": ("mpeg1video", "mp2", 44100, LOSSY),
    "mpeg2.mpg": ("mpeg2video", "mp2", 48000, LOSSY),
    "aac.mp4": ("libx264", "aac", 44100, LOSSY),
    "aac48.mp4": ("libx264", "aac", 48000, LOSSY),
    "mp3.mp4": ("mpeg4", "mp3", 44100, LOSSY),
    "pcm.mov": ("libx264", "pcm_s16le", 48000, LOSSLESS),
    "flac.mkv": ("libx264", "flac", 44100, LOSSLESS),
    "pcm8.mkv": ("ffv1", "pcm_s16le", 8000, LOSSLESS),
    "opus.webm": ("libvpx", "libopus", 48000, LOSSY),
    "pcm.avi": ("mjpeg", "pcm_s16le", 44100, LOSSLESS),
    "aac.ts": ("libx264", "aac", 44100, LOSSY),
}


def check_events(clip, tolerance, events=EVENTS):
    """Flash and click of every event lie in frame floor(25 x), and nowhere else."""
    assert len(clip.samples) == len(clip.frames) * SAMPLES_PER_FRAME
    white = white_frames(clip.frames)
    for x in events:
        assert int(FPS * x) in white
        heard = burst_time(clip.samples, x)
        assert heard == pytest.approx(x, abs=tolerance)
        assert int(FPS * heard) == int(FPS * x)
    # A flash lasts a source picture or two: a neighbouring frame may show it too.
    assert all(min(abs(t - int(FPS * x)) for x in events) <= 1 for t in white)


@pytest.mark.parametrize("name", CONTAINERS)
def test_events_in_every_container(tmp_path, name):
    video, audio, rate, tolerance = CONTAINERS[name]
    path = write_events(tmp_path / name, video, audio, rate=rate)
    clip = read_clip(path)
    assert clip.frames.shape == (75, 48, 64, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.samples.dtype == np.float32
    check_events(clip, tolerance)


@pytest.mark.parametrize("name", ["grid.mpg", "aac.mp4", "flac.mkv"])
@pytest.mark.parametrize("fps", [NTSC, Fraction(30), Fraction(24), Fraction(50)])
def test_events_at_other_rates(tmp_path, name, fps):
    video, audio, rate, tolerance = CONTAINERS[name]
    clip = read_clip(write_events(tmp_path / name, video, audio, rate=rate, fps=fps))
    # 29.97 pictures a second are a little short of three seconds.
    assert len(clip.frames) == (74 if fps == NTSC else 75)
    check_events(clip, tolerance)


@pytest.mark.parametrize("name", ["aac.mp4", "flac.mkv"])
def test_events_at_a_variable_rate(tmp_path, name):
    video, audio, rate, tolerance = CONTAINERS[name]
    steps = np.random.default_rng(0).uniform(0.02, 0.05, 90).cumsum()
    starts = [Fraction(0), *(Fraction(round(1000 * s), 1000) for s in steps if s < 2.97)]
    clip = read_clip(write_events(tmp_path / name, video, audio, rate=rate, starts=starts))
    check_events(clip, tolerance)


@pytest.mark.parametrize("name", ["grid.mpg", "aac.mp4", "flac.mkv", "opus.webm", "aac.ts"])
def test_sound_that_starts_late_or_ends_early(tmp_path, name):
    video, audio, rate, tolerance = CONTAINERS[name]
    form = {"rate": rate, "events": EVENTS[:-1], "audio_start": 0.4, "audio_seconds": 2.2}
    clip = read_clip(write_events(tmp_path / name, video, audio, **form))
    assert len(clip.frames) == 75
    check_events(clip, tolerance, EVENTS[:-1])
    assert np.abs(clip.samples[: int(0.35 * SAMPLE_RATE)]).max() < 1e-3
    assert np.abs(clip.samples[int(2.7 * SAMPLE_RATE) :]).max() < 1e-3


@pytest.mark.parametrize("name", ["grid.mpg", "aac.mp4", "flac.mkv"])
def test_pictures_that_start_late_are_the_origin_of_time(tmp_path, name):
    video, audio, rate, tolerance = CONTAINERS[name]
    events = EVENTS[:-1]  # The sound does not reach the last one.
    path = write_events(
        tmp_path / name, video, audio, rate=rate, events=events, video_start=Fraction(13, 25)
    )
    check_events(read_clip(path), tolerance, events)


def test_lost_sound_is_silence_and_what_follows_stays_in_place(tmp_path):
    events = (0.5, 2.337)
    gap = {"audio_gap": (1.0, 1.8)}
    path = write_events(tmp_path / "a.mkv", "libx264", "flac", events=events, **gap)
    clip = read_clip(path)
    check_events(clip, LOSSLESS, events)
    assert not clip.samples[int(1.1 * SAMPLE_RATE) : int(1.7 * SAMPLE_RATE)].any()


def test_the_sound_alone_is_the_sound_of_the_clip(tmp_path):
    path = write_events(tmp_path / "a.mkv", "libx264", "flac", video_start=Fraction(13, 25))
    samples, clip = read_audio(path), read_clip(path)
    assert np.array_equal(samples, clip.samples[: len(samples)])


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_channels_and_rates(tmp_path, layout, rate):
    path = write_events(tmp_path / "a.mkv", "libx264", "pcm_s16le", rate=rate, layout=layout)
    clip = read_clip(path)
    check_events(clip, LOSSLESS)
    # The same voice on every channel keeps its level.
    assert np.abs(clip.samples).max() == pytest.approx(0.8, abs=0.01)
    assert probe(path).channels == {"mono": 1, "stereo": 2, "5.1": 6}[layout]


@pytest.mark.parametrize(
    ("name", "codec", "tolerance"),
    [
        ("a.wav", "pcm_s16le", LOSSLESS),
        ("a.flac", "flac", LOSSLESS),
        ("a.mp3", "libmp3lame", LOSSY),
        ("a.m4a", "aac", LOSSY),
        ("a.ogg", "libopus", LOSSY),
    ],
)
def test_sound_files(tmp_path, name, codec, tolerance):
    path = write_events(tmp_path / name, None, codec, rate=48000)
    samples = read_audio(path)
    assert len(samples) == pytest.approx(3 * SAMPLE_RATE, abs=0.03 * SAMPLE_RATE)
    for x in EVENTS:
        assert burst_time(samples, x) == pytest.approx(x, abs=tolerance)
    info = probe(path)
    assert (info.has_video, info.has_audio, info.sample_rate) == (False, True, 48000)


def test_a_separate_sound_file(tmp_path):
    video = write_events(tmp_path / "v.mp4", "libx264", None)
    audio = write_events(tmp_path / "a.wav", None, "pcm_s16le", audio_seconds=4)
    clip = read_clip(video, audio)
    check_events(clip, LOSSLESS)
    assert len(clip.samples) == 75 * SAMPLES_PER_FRAME


def test_resampling_neither_drifts_nor_folds():
    rate, seconds = 48000, 60
    samples = resample(burst([0.1, 59.9], rate, seconds), rate)
    assert len(samples) == seconds * SAMPLE_RATE
    for x in (0.1, 59.9):
        assert burst_time(samples, x) == pytest.approx(x, abs=1e-6)
    # 23 kHz does not exist at 44.1 kHz and would fold to 21.1 kHz.
    tone = np.sin(2 * np.pi * 23000 * np.arange(rate) / rate).astype(np.float32)
    assert np.abs(resample(tone, rate)[2000:-2000]).max() < 1e-4


@pytest.mark.parametrize("name", ["naïve clip – 日本.mp4", "a:b.mp4", "%03d.mp4", "-y.mp4"])
def test_names(tmp_path, name):
    path = write_events(tmp_path / name)
    assert len(read_video(path)) == 75
    assert len(read_video(str(path))) == 75


@pytest.mark.parametrize("size", [(35, 27), (8, 6), (720, 576)])
def test_picture_sizes(tmp_path, size):
    path = write_events(tmp_path / "a.mkv", "ffv1", "flac", size=size)
    clip = read_clip(path)
    assert clip.frames.shape == (75, size[1], size[0], 3)
    check_events(clip, LOSSLESS)
    info = probe(path)
    assert (info.width, info.height, info.fps) == (*size, 25.0)


def test_iterating_gives_the_same_frames_lazily(tmp_path):
    path = write_events(tmp_path / "a.mp4", fps=NTSC)
    frames = iter_video(path)
    first = next(frames)
    assert np.array_equal(np.stack([first, *frames]), read_video(path))


def test_probe(tmp_path):
    info = probe(write_events(tmp_path / "a.mp4", fps=Fraction(30), rate=48000))
    assert info.path == tmp_path / "a.mp4"
    assert (info.width, info.height, info.frames, info.fps) == (64, 48, 90, 30.0)
    assert (info.sample_rate, info.channels, info.has_video, info.has_audio) == (48000, 2, 1, 1)
    assert info.duration == pytest.approx(3.0, abs=0.05)


QUARTERS = np.zeros((48, 64, 3), np.uint8)
QUARTERS[:24, :32], QUARTERS[:24, 32:] = (200, 30, 30), (30, 200, 30)
QUARTERS[24:, :32], QUARTERS[24:, 32:] = (30, 30, 200), (220, 220, 220)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_pictures_are_turned_upright(tmp_path, turns):
    path = write_video(tmp_path / "a.mp4", [QUARTERS] * 3)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # The display matrix; turned clockwise by quarter turns.
    cos, sin = ((0, 1), (-1, 0), (0, -1))[turns - 1]
    one = 1 << 16
    matrix = (cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    frame = read_video(path)[0]
    upright = np.rot90(QUARTERS, -turns).astype(int)
    assert frame.shape == upright.shape
    # Chroma has half the resolution, so the seams differ.
    assert np.median(np.abs(frame - upright)) <= 3
    assert (probe(path).height, probe(path).width) == frame.shape[:2]


@pytest.mark.parametrize(
    ("matrix", "tag"), [(Colorspace.ITU601, 6), (Colorspace.ITU709, 1), (Colorspace.ITU601, None)]
)
@pytest.mark.parametrize("spread", [ColorRange.MPEG, ColorRange.JPEG])
def test_colours_are_read_as_tagged(tmp_path, matrix, tag, spread):
    if tag is None and spread == ColorRange.JPEG:
        pytest.skip("without a tag the range is taken to be limited")
    colour = np.full((48, 64, 3), (200, 60, 90), np.uint8)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if tag:
            stream.codec_context.colorspace = tag
            stream.codec_context.color_range = spread
        picture = VideoReformatter().reformat(
            av.VideoFrame.from_ndarray(colour, format="rgb24"),
            format="yuv420p",
            dst_colorspace=matrix,
            dst_color_range=spread,
        )
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    assert np.abs(read_video(path)[0].astype(int) - colour).max() <= 3


# The two algorithms of time, without files.


def shown(starts, end):
    """(start, duration, index) of pictures with these start times."""
    starts = [Fraction(s) for s in starts]
    ends = [*starts[1:], Fraction(end)]
    return [(s, e - s, i) for i, (s, e) in enumerate(zip(starts, ends, strict=True))]


# A picture that begins in the very middle of a frame counts as on screen: at 30 a second
# that is every fifth frame, at 50 every frame, hence their bias of a part of a picture.
@pytest.mark.parametrize(
    ("fps", "bias"), [(12, 2e-3), (23, 1e-3), (24, 1e-3), (30, 3.4e-3), (50, 10.1e-3), (90, 2e-3)]
)
def test_pictures_are_neither_early_nor_late(fps, bias):
    chosen = list(at_steady_rate(shown([Fraction(i, fps) for i in range(40 * fps)], 40)))
    assert len(chosen) == 1000
    lateness = [(t + 0.5) / 25 - (i + 0.5) / fps for t, i in enumerate(chosen)]
    assert np.abs(lateness).max() <= 0.5 / fps + 1e-9
    assert abs(np.mean(lateness)) <= bias


def test_pictures_at_25_pass_one_to_one_in_spite_of_jitter():
    rng = np.random.default_rng(0)
    starts = [0.04 * i + (rng.uniform(-0.019, 0.019) if i else 0) for i in range(500)]
    assert list(at_steady_rate(shown(starts, 20))) == list(range(500))


def test_any_rate_shows_what_is_on_screen_in_the_middle():
    starts = np.concatenate([[0], np.random.default_rng(1).uniform(0.001, 0.3, 100).cumsum()])
    chosen = list(at_steady_rate(shown(starts, starts[-1] + 0.1)))
    middles = (np.arange(len(chosen)) + 0.5) / 25
    assert chosen == list(np.searchsorted(starts, middles, side="right") - 1)


def test_a_late_origin_and_no_pictures():
    assert list(at_steady_rate(shown([5, "5.04", "5.08"], "5.12"))) == [0, 1, 2]
    assert list(at_steady_rate([])) == []


@pytest.mark.parametrize("starts", [[0, 1, 100], [0, 1, "0.5"]])
def test_time_stamps_that_jump(starts):
    with pytest.raises(JumpError, match=r"jump from 1\.00 s"):
        list(at_steady_rate(shown(starts, 101)))


def ones(start, count):
    """A piece of sound at 1,000 samples per second."""
    return None if start is None else Fraction(start), np.ones(count, np.float32)


def test_pieces_of_sound_with_rounded_times_stay_sample_for_sample():
    start, samples = join([ones("2.003", 100), ones("2.099", 100), ones(None, 7)], 1000)
    assert (start, len(samples), samples.min()) == (Fraction("2.003"), 207, 1)


def test_a_gap_is_silence_and_an_overlap_is_cut():
    _, samples = join([ones(0, 100), ones("0.2", 100), ones("0.25", 100)], 1000)
    assert len(samples) == 350
    assert not samples[100:200].any()
    assert samples[200:].all()
    with pytest.raises(JumpError):
        join([ones(0, 100), ones(100, 100)], 1000)


# Real clips.


@pytest.fixture(scope="module")
def mpg(grid_root) -> Path:
    return sorted((grid_root / "s1").glob("*.mpg"))[0]


def test_grid_as_published_and_re_encoded(grid_root, mpg):
    for path in (mpg, sorted((grid_root / "s1").glob("*.mp4"))[0]):
        clip = read_clip(path)
        assert clip.frames.shape == (75, 288, 360, 3)
        assert clip.samples.shape == (75 * SAMPLES_PER_FRAME,)
        assert 0.01 < clip.samples.std() < 0.5


def test_grid_time_stamps_and_pictures(mpg):
    """Pictures and sound of the published files begin at time stamp 0."""
    with av.open(str(mpg)) as container:
        assert [stream.start_time for stream in container.streams] == [0, 0]
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    with av.open(str(mpg)) as container:
        pieces = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    sound = np.concatenate(pieces) / 2**15
    clip = read_clip(mpg)
    assert np.abs(clip.frames[0] - picture).mean() < 3
    assert np.abs(clip.samples[: len(sound)] - sound).max() < 1e-4
    assert not clip.samples[len(sound) :].any()


def test_grid_sound_begins_481_samples_after_its_time_stamp(grid_root):
    """The decoder's delay is in the published files (see ``read_clip``)."""
    begins = []
    for path in sorted((grid_root / "s1").glob("*.mpg"))[:9]:
        level = np.abs(read_audio(path))
        begins.append(np.argmax(level > 0.2 * level[5000:10000].mean()))
    assert np.median(begins) == pytest.approx(481, abs=3)


def test_grid_re_encoded_agrees(mpg, tmp_path):
    clip = read_clip(mpg)
    again = read_clip(write_video(tmp_path / "a.mp4", clip.frames, clip.samples))
    error = again.frames.astype(int) - clip.frames
    assert error.shape == (75, 288, 360, 3)
    assert 10 * np.log10(255**2 / (error**2).mean()) > 37
    assert np.abs(error.mean(axis=(0, 1, 2))).max() < 0.5
    assert np.corrcoef(again.samples, clip.samples)[0, 1] > 0.99
    shifted = [
        np.dot(again.samples[20 + k :][:130000], clip.samples[20:130020]) for k in (-1, 0, 1)
    ]
    assert np.argmax(shifted) == 1


def test_grid_clips_of_74_frames(grid_root):
    path = grid_root / "s1" / "lrae3s.mp4"
    if not path.exists():
        pytest.skip("this clip is not there")
    clip = read_clip(path)
    assert len(clip.frames) == 74
    assert len(clip.samples) == 74 * SAMPLES_PER_FRAME
