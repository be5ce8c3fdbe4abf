"""Every bad file gives one clear line; a cut-off file never passes as a short one."""

import os
import subprocess
import sys

import numpy as np
import pytest
from media_files import write_events

from lipkit.errors import LipkitError
from lipkit.media import (
    DamagedError,
    iter_video,
    probe,
    read_audio,
    read_clip,
    read_video,
    write_audio,
)
from lipkit.media.completeness import missing_bytes

NOT_MEDIA = {
    "empty.mpg": (b"", "0 bytes"),
    "zeros.mpg": (bytes(5000), "not a video or sound"),
    "noise.mp4": (np.random.default_rng(0).bytes(5000), "not a video or sound"),
    "page.mp4": (b"<html><body>404</body></html>" * 50, "not a video or sound"),
    "notes.txt": (b"a line of text\n" * 50, "text"),
    "list.m3u8": (b"#EXTM3U\n#EXTINF:3,\nhttp://127.0.0.1:9/a.ts\n", "."),
    "list.ffconcat": (b"ffconcat version 1.0\nfile a.mp4\n", "."),
    "start.mp4": (bytes.fromhex("0000001c66747970") + b"isom" * 5, "damaged or cut off"),
}


def one_line(caught, path):
    """The message is one line and names the file."""
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message


@pytest.mark.parametrize("name", NOT_MEDIA)
@pytest.mark.parametrize("reader", [probe, read_clip, read_video, read_audio])
def test_things_that_are_no_recordings(tmp_path, name, reader):
    content, message = NOT_MEDIA[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LipkitError, match=message) as caught:
        reader(path)
    one_line(caught, path)


def test_still_pictures_are_no_recordings(tmp_path):
    import cv2

    for name in ("a.jpg", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((40, 40, 3), np.uint8))
        with pytest.raises(LipkitError, match="still picture"):
            read_video(tmp_path / name)


def test_missing_files_and_folders(tmp_path):
    for path, message in ((tmp_path / "no.mp4", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(LipkitError, match=message) as caught:
            read_clip(path)
        one_line(caught, path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads anything")
def test_unreadable_files(tmp_path):
    path = write_events(tmp_path / "a.mp4")
    path.chmod(0)
    with pytest.raises(LipkitError, match="permission denied"):
        read_clip(path)


def test_missing_streams(tmp_path):
    silent = write_events(tmp_path / "silent.mp4", audio=None)
    blind = write_audio(tmp_path / "blind.wav", np.zeros(44100))
    for reader, path, message in (
        (read_clip, silent, "no audio stream"),
        (read_audio, silent, "no audio stream"),
        (read_clip, blind, "no video stream"),
        (read_video, blind, "no video stream"),
    ):
        with pytest.raises(LipkitError, match=message) as caught:
            reader(path)
        one_line(caught, path)
    assert read_video(silent).shape[0] == 75
    assert not probe(silent).has_audio


CUTTABLE = {
    "a.mpg": ("mpeg1video", "mp2"),
    "a.mp4": ("libx264", "aac"),
    "a.mov": ("libx264", "pcm_s16le"),
    "a.mkv": ("libx264", "flac"),
    "a.webm": ("libvpx", "libopus"),
    "a.avi": ("mjpeg", "pcm_s16le"),
    "a.wav": (None, "pcm_s16le"),
    "a.m4a": (None, "aac"),
}


@pytest.mark.parametrize("name", CUTTABLE)
def test_cut_off_files_never_pass_as_short_ones(tmp_path, name):
    video, audio = CUTTABLE[name]
    whole = write_events(tmp_path / name, video, audio, rate=48000)
    data = whole.read_bytes()
    assert missing_bytes(whole) == 0
    reader = read_clip if video else read_audio
    reader(whole)
    cut = tmp_path / f"cut-{name}"
    cuts = np.random.default_rng(0).integers(40, len(data), 12)
    for size in (*cuts, len(data) - 1):
        cut.write_bytes(data[:size])
        with pytest.raises(LipkitError) as caught:
            reader(cut)
        one_line(caught, cut)
        assert isinstance(caught.value, DamagedError), size


def test_what_is_there_of_a_damaged_file_can_be_kept(tmp_path):
    whole = write_events(tmp_path / "a.mpg", "mpeg1video", "mp2", size=(320, 240))
    data = whole.read_bytes()
    cut = tmp_path / "cut.mpg"
    cut.write_bytes(data[: len(data) // 2])
    clip = read_clip(cut, keep_damaged=True)
    assert "missing at its end" in clip.damage
    assert 10 < len(clip.frames) <= 75
    assert read_clip(whole, keep_damaged=True).damage == ""
    assert len(read_video(cut, keep_damaged=True)) == len(clip.frames)
    assert len(read_audio(cut, keep_damaged=True)) > 10000
    assert probe(cut).has_video


@pytest.mark.parametrize("name", ["a.mpg", "a.mp4"])
def test_broken_data_in_the_middle(tmp_path, name):
    video, audio = CUTTABLE[name]
    path = write_events(tmp_path / name, video, audio, rate=48000, size=(320, 240))
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : middle + 4000] = np.random.default_rng(3).bytes(4000)
    path.write_bytes(data)
    with pytest.raises(LipkitError, match="damaged"):
        read_clip(path)


def test_iterating_tells_of_a_cut_before_the_first_picture(tmp_path):
    path = write_events(tmp_path / "a.mkv", "libx264", "flac")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedError, match="bytes are missing"):
        next(iter_video(path))


def test_real_mpg_cut_off_anywhere(grid_root, tmp_path):
    data = sorted((grid_root / "s1").glob("*.mpg"))[0].read_bytes()
    cut = tmp_path / "cut.mpg"
    # Cuts between the file's 2,048-byte packets too: no unit is incomplete there.
    sizes = [*np.random.default_rng(0).integers(3000, len(data), 6), 100 * 2048, 150 * 2048]
    for size in sizes:
        cut.write_bytes(data[:size])
        with pytest.raises(DamagedError):
            read_clip(cut)


def test_the_decoder_says_nothing_on_the_terminal(tmp_path):
    path = write_events(tmp_path / "a.mpg", "mpeg1video", "mp2", size=(320, 240))
    path.write_bytes(path.read_bytes()[:20000])
    code = (
        "import sys; from lipkit.media import read_clip, write_video\n"
        "clip = read_clip(sys.argv[1], keep_damaged=True)\n"
        "write_video(sys.argv[2], clip.frames, clip.samples)\n"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "b.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
