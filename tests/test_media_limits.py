"""What is too large is refused by declared and by counted frames, pixels and seconds."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from media_files import write_events

from lipkit.media import (
    Limits,
    TooLargeError,
    iter_video,
    probe,
    read_audio,
    read_clip,
    write_audio,
)
from lipkit.media.sound import Source, listen

SLIDES = [Fraction(5 * i) for i in range(121)]
"""Pictures' times: 121 pictures that fill ten minutes."""


def bomb(path, starts=SLIDES, **options):
    """A video of a few kilobytes and 15,000 frames at 25 per second."""
    write_events(path, "libx264", "aac", starts=starts, size=(320, 240), events=(), **options)
    assert path.stat().st_size < 200_000
    return path


def test_a_bomb_of_frames_is_refused_before_memory(tmp_path):
    """121 pictures that would unfold into 3.5 GB, read where 1 GB is allowed."""
    pytest.importorskip("resource")
    code = (
        "import resource, sys\n"
        "from lipkit.media import Limits, TooLargeError, read_clip\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_clip(sys.argv[1], limits=Limits(gigabytes=1))\n"
        "except TooLargeError as error:\n    print(error)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert after - before < 200_000, (before, after)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bomb(tmp_path / "bomb.mp4"))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "frames of 320 x 240 would fill 3.5 GB where at most 1 are" in done.stdout
    assert "--limit gigabytes=N" in done.stdout


def test_frames_are_counted_where_the_file_declares_fewer(tmp_path):
    path = bomb(tmp_path / "bomb.ts")
    with pytest.raises(TooLargeError, match=r"would fill .* GB where at most 0\.5 are"):
        read_clip(path, limits=Limits(gigabytes=0.5))


@pytest.mark.parametrize("read", [probe, read_clip, read_audio, lambda p, limits: list(
    iter_video(p, limits=limits))])  # fmt: skip
def test_a_file_that_lasts_too_long_is_refused(tmp_path, read):
    path = bomb(tmp_path / "long.mp4")
    with pytest.raises(TooLargeError, match=r"lasts 60\d s where at most 300 are read") as caught:
        read(path, limits=Limits(seconds=300))
    assert "--limit seconds=N" in str(caught.value)


def test_every_look_at_a_sound_keeps_to_the_limits_that_were_given(tmp_path, monkeypatch):
    path, seen = write_audio(tmp_path / "a.wav", np.zeros(4410, np.float32)), []

    def source(*arguments, limits, **options):
        seen.append(limits)
        return Source(*arguments, limits=limits, **options)

    monkeypatch.setattr("lipkit.media.sound.Source", source)
    listen(path, limits=Limits(seconds=20_000))
    assert {limits.seconds for limits in seen} == {20_000}
    assert len(seen) == 2


def test_pictures_that_are_too_large_are_refused(tmp_path):
    path = write_events(tmp_path / "a.mp4", size=(320, 240))
    with pytest.raises(TooLargeError, match="320 x 240 where at most 70,000 pixels are read"):
        read_clip(path, limits=Limits(pixels=70_000))
    assert read_clip(path, limits=Limits(pixels=80_000)).frames.shape[1:3] == (240, 320)
