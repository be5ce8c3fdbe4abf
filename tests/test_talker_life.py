"""Cameras and sound from life: what they change, and that time stays where it was."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipkit.config import SAMPLE_RATE
from lipkit.corpora import list_clips
from lipkit.media import read_clip
from lipkit.talker import speak, surroundings
from lipkit.talker.camera import STUDIO_CAMERA, Camera, camera, compressed
from lipkit.talker.corpus import write_takes
from lipkit.talker.film import film
from lipkit.talker.performance import nods, stamped
from lipkit.talker.takes import Manners, plan, rehearse


def counting(count: int, size: tuple[int, int] = (64, 64)) -> list[np.ndarray]:
    """Frames whose brightness is their number."""
    return [np.full((*size, 3), 20 + 3 * t, np.uint8) for t in range(count)]


@pytest.mark.parametrize("codec", ["libx264", "mpeg1video"])
@pytest.mark.parametrize("size", [(64, 64), (71, 66)])
def test_compression_keeps_number_and_order_of_frames(codec, size):
    frames = counting(20, size)
    seen = list(compressed(iter(frames), Camera(codec=codec, quality=10)))
    assert len(seen) == 20
    assert all(frame.shape == (*size, 3) for frame in seen)
    light = np.array([frame.mean() for frame in seen])
    assert np.abs(light - [frame.mean() for frame in frames]).max() < 6
    assert (np.diff(light) > 0).all()


@pytest.mark.parametrize("codec", ["libx264", "mpeg1video"])
def test_a_worse_quality_is_seen(codec):
    rng = np.random.default_rng(0)
    grey = [rng.integers(0, 255, (64, 64, 1), np.uint8) for _ in range(4)]
    frames = [cv2.GaussianBlur(g, (0, 0), 1.0)[..., None].repeat(3, axis=2) for g in grey]

    def error(quality: int) -> float:
        seen = compressed(iter(frames), Camera(codec=codec, quality=quality))
        pairs = zip(seen, frames, strict=True)
        return float(np.mean([np.abs(a.astype(int) - b).mean() for a, b in pairs]))

    assert error(30) > 1.2 * error(8)


SEEN = """
import hashlib, cv2, numpy as np
from lipkit.talker.camera import Camera, compressed
coarse = (np.random.default_rng(7).random((12, 12, 3)) * 255).astype(np.uint8)
face = cv2.resize(coarse, (160, 180), interpolation=cv2.INTER_CUBIC)
frames = []
for t in range(60):
    noise = np.random.default_rng(t).integers(-3, 4, face.shape)
    frames.append(np.clip(np.roll(face, int(6 * np.sin(t / 3)), 0) + noise, 0, 255))
seen = compressed(iter(np.uint8(frames)), Camera(codec="libx264", quality=33))
print(hashlib.sha256(b"".join(frame.tobytes() for frame in seen)).hexdigest())
"""


def test_the_same_frames_give_the_same_bytes_whatever_lies_in_memory():
    """glibc fills new memory as it is told; x264's tree of macroblocks reads what lies there."""
    seen = {
        subprocess.run(
            [sys.executable, "-c", SEEN],
            env=os.environ | {"MALLOC_PERTURB_": filled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for filled in ("0", "1")
    }
    assert len(seen) == 1


def test_no_frames_give_no_frames():
    assert list(compressed(iter([]), Camera(codec="libx264"))) == []


def test_a_colon_in_a_folder_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("take:1")
    folder.mkdir()
    frames = [np.full((64, 64, 3), 40, np.uint8)] * 5
    film(folder / "clip.mp4", frames, np.zeros(SAMPLE_RATE // 5, np.float32), Camera(fps=25))
    assert len(read_clip(folder / "clip.mp4").frames) == 5


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("mpeg1video", ".mpg")])
@pytest.mark.parametrize("fps", [25, 30])
def test_a_reader_takes_the_frames_that_the_truth_tells(tmp_path, codec, suffix, fps):
    frames = [np.full((64, 64, 3), 40, np.uint8) for _ in range(2 * fps)]
    for number, frame in enumerate(frames):
        frame[:, number : number + 2] = 220
    click = np.zeros(2 * SAMPLE_RATE, np.float32)
    click[SAMPLE_RATE : SAMPLE_RATE + 200] = 0.9
    path = tmp_path / f"clip{suffix}"
    film(path, frames, click, Camera(fps=fps, codec=codec, quality=2))
    read = read_clip(path)
    assert len(read.frames) == 50
    bars = np.array([frame.mean((0, 2)) for frame in read.frames]) > 130
    assert np.array_equal(bars.argmax(1), stamped(50, fps))
    assert abs(int(np.abs(read.samples).argmax()) - SAMPLE_RATE - 100) < 200


def test_a_studio_camera_changes_nothing_and_others_do():
    frame = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    assert STUDIO_CAMERA.develop(frame, 0) is frame
    assert not np.array_equal(Camera(gamma=1.3).develop(frame, 0), frame)
    assert Camera(waver=(0.5, 1.0)).develop(frame, 0).mean() < 0.6 * frame.mean()
    drawn = [camera(np.random.default_rng(i), 3.0) for i in range(60)]
    assert {c.fps for c in drawn} == {25, 30}
    assert {c.codec for c in drawn} == {"", "libx264", "mpeg1video"}


SPOKEN = speak("Please measure both brown boats at noon").samples


def lag(sound: np.ndarray) -> int:
    """Samples by which ``sound`` is later than the speech."""
    size = 2 ** int(np.ceil(np.log2(2 * len(SPOKEN))))
    found = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(SPOKEN, size).conj())
    at = int(found.argmax())
    return at if at < size // 2 else at - size


@pytest.mark.parametrize("encoder", list(surroundings.CODECS))
def test_codecs_do_not_move_the_sound(encoder):
    heard = surroundings.coded(0.5 * SPOKEN, encoder, 16_000)
    assert len(heard) == len(SPOKEN)
    assert abs(lag(heard)) < 40
    assert 0.8 < np.corrcoef(heard, SPOKEN)[0, 1] < 0.999


def test_places_do_not_move_the_sound_by_a_tenth_of_a_frame():
    levels, lags = [], []
    for seed in range(25):
        heard = surroundings.somewhere(SPOKEN, np.random.default_rng(seed))
        assert heard.dtype == np.float32
        assert heard.shape == SPOKEN.shape
        levels.append(20 * np.log10(np.abs(heard).max()))
        lags.append(abs(lag(heard)))
    assert np.percentile(lags, 90) < 180
    assert min(levels) < -14 < -6 < max(levels)


def test_a_telephone_passes_only_its_band():
    heard = surroundings.telephone(SPOKEN.astype(float), np.random.default_rng(0))
    power = np.abs(np.fft.rfft(heard)) ** 2
    frequency = np.fft.rfftfreq(len(heard), 1 / SAMPLE_RATE)
    assert power[(frequency > 250) & (frequency < 3600)].sum() > 0.95 * power.sum()


def test_noise_lies_as_far_below_as_asked():
    rng = np.random.default_rng(0)
    for wanted in (10.0, 30.0):
        added = surroundings.noise(SPOKEN, rng, wanted) - SPOKEN
        found = 10 * np.log10(np.mean(SPOKEN.astype(float) ** 2) / np.mean(added**2))
        assert found == pytest.approx(wanted, abs=0.5)


def test_heads_nod_at_loud_syllables_only():
    sound = np.zeros(3 * SAMPLE_RATE)
    sound[SAMPLE_RATE : SAMPLE_RATE + 8000] = 0.5
    times = (np.arange(75) + 0.5) / 25
    dips = [nods(sound, times, np.random.default_rng(i)) for i in range(40)]
    deepest = [times[d.argmax()] for d in dips if d.max() > 0.1]
    assert 8 < len(deepest) < 36
    assert np.abs(np.array(deepest) - 1.06).max() < 0.12


def test_clean_takes_are_clean_and_life_is_not():
    clean = plan(1, 2, seed=4, manners=Manners(sound="clean", camera="clean"))
    said, _ = rehearse(clean[0])
    assert said.camera == STUDIO_CAMERA
    assert said.fps == 25
    lively = [rehearse(t)[0] for t in plan(1, 6, seed=4)]
    assert any(p.camera != STUDIO_CAMERA for p in lively)
    assert {p.fps for p in lively} == {25, 30}
    for p in lively:
        assert len(p.at_25().shapes) * 1764 == len(p.samples)


def test_takes_become_a_corpus_that_reads_like_any_other(tmp_path):
    takes = plan(1, 3, seed=4)
    out = write_takes(tmp_path / "c", takes, workers=1, progress=False)
    listed = list_clips("synthetic", out)
    assert {record.clip_id for record in listed} == {f"s1001/{t.name}" for t in takes}
    for record in listed:
        truth = np.load(record.truth)
        read = read_clip(record.video)
        assert len(read.frames) == len(truth["landmarks"]) == len(truth["opening"])
        assert str(truth["times"]) == "exact"
        assert record.words
    stamps = {r.video: r.video.stat().st_mtime_ns for r in listed}
    write_takes(out, takes, workers=1, progress=False)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
