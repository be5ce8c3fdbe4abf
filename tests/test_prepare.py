"""Preparation of real media files: what comes out, and what bad input costs."""

import csv
import dataclasses
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipkit import media
from lipkit.config import PrepareConfig
from lipkit.corpora import list_clips
from lipkit.corpora.record import ClipRecord
from lipkit.data import spectrogram
from lipkit.data.clips import read_clip
from lipkit.data.manifest import COLUMNS
from lipkit.data.prepare import prepare, prepare_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.face import lips
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.talker import talking_clip

pytestmark = pytest.mark.slow

FRAMES = 32


@pytest.fixture(scope="module")
def talk():
    """A drawn face that speaks, 32 frames of 360x288."""
    return talking_clip(0, "blue", seed=1, frames=FRAMES)


@pytest.fixture(scope="module")
def talk_file(talk, tmp_path_factory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("talk") / "good.mp4"
    media.write_video(path, talk.frames, talk.samples)
    return path


def write_media(path, frames=None, samples=None, video="libx264", sound="aac", rate=44100):
    """Write pictures, sound (f32 [channels, N]) or both with any codec."""
    with av.open(f"file:{path}", "w") as container:
        streams = []
        if frames is not None:
            stream = container.add_stream(video, rate=25, options={"threads": "1"})
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = "yuv444p" if stream.width % 2 or stream.height % 2 else "yuv420p"
            stream.bit_rate = 2_000_000
            pictures = [av.VideoFrame.from_ndarray(frame, "rgb24") for frame in frames]
            streams.append((stream, pictures))
        if samples is not None:
            layout = {1: "mono", 2: "stereo"}[len(samples)]
            stream = container.add_stream(sound, rate=rate, layout=layout)
            whole = av.AudioFrame.from_ndarray(
                (np.ascontiguousarray(samples.T).reshape(1, -1) * 32767).astype(np.int16),
                format="s16",
                layout=layout,
            )
            whole.sample_rate = rate
            streams.append((stream, [whole]))
        for stream, pieces in streams:
            for piece in [*pieces, None]:
                container.mux(stream.encode(piece))
    return path


def record_of(path: Path, **fields) -> ClipRecord:
    """The record of a clip called after its file."""
    record = ClipRecord(f"s1/{path.stem}", "s1", "test", path, split="train", sentence="x")
    return dataclasses.replace(record, **fields)


@pytest.fixture
def prepared(tmp_path, talk_file):
    """Prepare the given clips beside a good one, which must come out whole; give their rows."""

    def run(*records: ClipRecord, **options):
        good = record_of(talk_file)
        # A set keeps what it has, and this one is to hold the given clips alone.
        out = tmp_path / "set"
        shutil.rmtree(out, ignore_errors=True)
        done = prepare([*records, good], out, progress=False, **{"workers": 0} | options)
        rows = PreparedSet.open(out).manifest.set_index("clip_id")
        assert rows.status[good.clip_id] == "ok"
        assert rows.notes[good.clip_id] == ""
        assert done.ok + done.failed == len(rows) == len(records) + 1
        assert done.failed == (rows.status == "failed").sum() == len(done.reasons)
        for record in records:
            row = rows.loc[record.clip_id]
            assert (row.status == "failed") == bool(row.reason) == (row.file == "")
            assert "\n" not in row.reason + row.notes
        return rows.loc[[record.clip_id for record in records]]

    return run


def failed(rows) -> str:
    """The reason of the one clip, which must have failed with its file named."""
    (row,) = rows.itertuples()
    assert row.status == "failed"
    assert row.Index.split("/")[1] in row.reason
    return row.reason


def usable(rows, frames: int = FRAMES) -> str:
    """The notes of the one clip, which must be usable and have so many frames."""
    (row,) = rows.itertuples()
    assert row.status == "ok", row.reason
    assert row.frames == frames
    return row.notes


def test_a_clip_becomes_what_the_stages_make_of_it(talk_file):
    clip = prepare_clip(record_of(talk_file), PrepareConfig())
    raw = media.read_clip(talk_file)
    found = track(raw.frames, FaceLandmarks())
    boxes = lips.crop_boxes(found.points, PrepareConfig())
    np.testing.assert_array_equal(clip.landmarks, found.points)
    np.testing.assert_array_equal(clip.box, boxes)
    np.testing.assert_array_equal(clip.lips, lips.crop(raw.frames, boxes))
    np.testing.assert_array_equal(clip.logmel, spectrogram.log_mel(raw.samples).astype(np.float16))
    assert clip.lips.shape == (FRAMES, 64, 64, 3)
    assert clip.logmel.shape == (4 * FRAMES, 128)
    assert clip.meta["source"] == str(talk_file)


def test_the_settings_reach_the_stages(talk_file):
    stable = prepare_clip(record_of(talk_file), PrepareConfig())
    authors = prepare_clip(
        record_of(talk_file), PrepareConfig(crop="per_frame", detect_every_frame=True)
    )
    assert np.unique(stable.box[:, 2]).size == 1
    assert np.unique(authors.box[:, 2]).size > 1


def test_the_lips_are_in_the_middle_of_the_crop(talk, talk_file):
    clip = prepare_clip(record_of(talk_file), PrepareConfig())
    drawn = lips.lip_points(talk.landmarks, clip.box)
    np.testing.assert_allclose(drawn.mean((0, 1)), [31.5, 31.5], atol=5)
    assert 30 < np.ptp(drawn[..., 0], axis=1).mean() < 60


def test_relative_paths_are_made_absolute(talk_file, tmp_path, monkeypatch):
    monkeypatch.chdir(talk_file.parent)
    done = prepare([record_of(Path("good.mp4"))], tmp_path / "set", workers=0, progress=False)
    assert done.ok == 1
    assert read_clip(tmp_path / "set/clips/s1/good.safetensors").meta["source"] == str(talk_file)


def test_the_folder_has_the_documented_content(tmp_path, talk_file):
    records = [
        record_of(talk_file),
        ClipRecord("s0/gone", "s0", "test", tmp_path / "gone.mpg", note="no alignment"),
    ]
    out = tmp_path / "set"
    done = prepare(records, out, PrepareConfig(), workers=0, progress=False)
    assert (done.ok, done.failed, done.skipped) == (1, 1, 0)
    assert done.seconds > 0
    with open(out / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["clip_id"] for row in rows] == ["s0/gone", "s1/good"]
    assert rows[0]["notes"] == "no alignment"
    opened = PreparedSet.open(out)
    assert opened.settings == PrepareConfig()
    assert opened.description["versions"]["lipkit"]
    assert opened.description["counts"] == {
        "clips": 2,
        "ok": 1,
        "failed": 1,
        "frames": FRAMES,
        "ok_by_split": {"train": 1},
    }
    clip = read_clip(out / "clips/s1/good.safetensors")
    logmel = clip.logmel.astype(np.float64)
    assert opened.statistics["logmel_mean"] == pytest.approx(logmel.mean(), abs=1e-9)
    assert opened.statistics["logmel_std"] == pytest.approx(logmel.std(), abs=1e-9)
    assert (clip.meta["fps"], clip.meta["rate"]) == ("25", "44100")


def content(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def three(talk, tmp_path_factory) -> list[ClipRecord]:
    """Two good clips and a broken one."""
    folder = tmp_path_factory.mktemp("three")
    media.write_video(folder / "a.mp4", talk.frames, talk.samples)
    media.write_video(folder / "b.mp4", talk.frames[2:20], talk.samples[2 * 1764 : 20 * 1764])
    (folder / "c.mp4").write_bytes(b"no video")
    return [record_of(folder / f"{name}.mp4") for name in "abc"]


@pytest.fixture(scope="module")
def alone(three, tmp_path_factory) -> dict[str, bytes]:
    """The prepared set of ``three`` as one process makes it."""
    out = tmp_path_factory.mktemp("alone") / "set"
    done = prepare(three, out, workers=0, progress=False)
    assert (done.ok, done.failed) == (2, 1)
    return content(out)


@pytest.mark.slow
def test_processes_give_the_same_bytes_in_any_order(three, alone, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("lipkit.jobs.progress.is_watched", lambda: True)
    prepare(three[::-1], tmp_path / "set", workers=2)
    assert content(tmp_path / "set") == alone
    shown = capfd.readouterr().err
    assert "3/3" in shown
    assert "clip" in shown


def test_threads_give_the_same_bytes(three, alone, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        prepare(three, tmp_path / "set", executor=executor, progress=False)
    assert content(tmp_path / "set") == alone


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bytes(three, alone, tmp_path):
    distributed = pytest.importorskip("distributed")
    from lipkit.jobs.cluster import dask_executor

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None
    ) as cluster:
        assert cluster.scheduler_address.startswith("tcp://127.0.0.1")
        with dask_executor(cluster.scheduler_address) as executor:
            done = prepare(three, tmp_path / "set", executor=executor, progress=False)
            assert (done.ok, done.failed, done.skipped) == (2, 1, 0)
            assert content(tmp_path / "set") == alone
            # Asked again, the cluster must not answer from memory.
            (tmp_path / "set/clips/s1/a.safetensors").unlink()
            assert prepare(three, tmp_path / "set", executor=executor, progress=False).skipped == 1
            assert content(tmp_path / "set") == alone


def test_an_absent_dask_scheduler_is_one_line(monkeypatch):
    pytest.importorskip("distributed")
    from lipkit.jobs import cluster

    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with pytest.raises(LipkitError, match="no Dask scheduler answers") as caught:
        cluster.dask_executor("tcp://127.0.0.1:9").__enter__()
    assert "\n" not in str(caught.value)


# Bad input, one kind a test.


def test_missing_file(prepared, tmp_path):
    assert "gone.mpg" in failed(prepared(record_of(tmp_path / "gone.mpg")))


def test_zero_bytes(prepared, tmp_path):
    (tmp_path / "empty.mpg").touch()
    assert "empty" in failed(prepared(record_of(tmp_path / "empty.mpg")))


def test_a_file_that_is_no_video(prepared, tmp_path):
    (tmp_path / "text.mp4").write_text("words, words, words")
    failed(prepared(record_of(tmp_path / "text.mp4")))


def test_whole_mpg(prepared, tmp_path, talk):
    path = write_media(tmp_path / "whole.mpg", talk.frames, talk.samples[None], "mpeg1video", "mp2")
    assert usable(prepared(record_of(path))) == ""


def test_truncated_mpg(prepared, tmp_path, talk):
    path = write_media(tmp_path / "cut.mpg", talk.frames, talk.samples[None], "mpeg1video", "mp2")
    whole = path.read_bytes()
    # Within a packet of 2,048 bytes: between two, a program stream's end is hard to tell.
    path.write_bytes(whole[: len(whole) * 2 // 3 // 2048 * 2048 + 700])
    reason = failed(prepared(record_of(path)))
    assert "cut" in reason.split("cut.mpg")[1]


def test_no_audio_stream(prepared, tmp_path, talk):
    path = write_media(tmp_path / "mute.mp4", talk.frames)
    assert "audio" in failed(prepared(record_of(path)))


def test_no_video_stream(prepared, tmp_path, talk):
    path = write_media(tmp_path / "blind.mp4", None, talk.samples[None])
    assert "video" in failed(prepared(record_of(path)))


def test_sound_in_a_file_of_its_own(prepared, tmp_path, talk):
    path = write_media(tmp_path / "mute.mp4", talk.frames)
    media.write_audio(tmp_path / "sound.wav", talk.samples)
    assert usable(prepared(record_of(path, audio=tmp_path / "sound.wav"))) == ""
    missing = prepared(record_of(path, clip_id="s1/deaf", audio=tmp_path / "gone.wav"))
    assert missing.status.iloc[0] == "failed"
    assert "gone.wav" in missing.reason.iloc[0]


def test_no_face(prepared, tmp_path, talk):
    walls = np.full_like(talk.frames, 120)
    media.write_video(tmp_path / "wall.mp4", walls, talk.samples)
    assert "no face" in failed(prepared(record_of(tmp_path / "wall.mp4")))


def test_face_lost_midway(prepared, tmp_path, talk):
    frames = talk.frames.copy()
    frames[14:] = 120
    media.write_video(tmp_path / "left.mp4", frames, talk.samples)
    reason = failed(prepared(record_of(tmp_path / "left.mp4")))
    assert "lost" in reason
    assert "14" in reason


def test_two_faces(prepared, tmp_path, talk):
    pair = np.full((FRAMES, 288, 640, 3), 120, np.uint8)
    pair[:, :, 280:] = talk.frames
    for frame, face in zip(pair, talk.frames, strict=True):
        frame[48:264, 5:275] = cv2.resize(face, (270, 216), interpolation=cv2.INTER_AREA)
    media.write_video(tmp_path / "pair.mp4", pair, talk.samples)
    notes = usable(prepared(record_of(tmp_path / "pair.mp4")))
    assert notes == "2 faces: took the largest"
    clip = read_clip(tmp_path / "set/clips/s1/pair.safetensors")
    drawn = talk.landmarks[:, 48:].mean(1) + np.array([280, 0])
    np.testing.assert_allclose(clip.box[:, :2], drawn, atol=6)


def test_ten_seconds_of_silence(prepared, tmp_path, talk):
    frames = np.concatenate([talk.frames] * 8)[:250]
    media.write_video(tmp_path / "silent.mp4", frames, np.zeros(250 * 1764, np.float32))
    notes = usable(prepared(record_of(tmp_path / "silent.mp4")), 250)
    assert notes == "silent: its sound never exceeds -60 dB"
    clip = read_clip(tmp_path / "set/clips/s1/silent.safetensors")
    assert np.isfinite(clip.logmel).all()


def test_one_frame_too_few(prepared, tmp_path, talk):
    frames = np.concatenate([talk.frames] * 4)
    samples = np.concatenate([talk.samples] * 4)
    for count, said in ((74, "74 of 75 frames"), (75, "")):
        path = tmp_path / f"c{count}.mp4"
        media.write_video(path, frames[:count], samples[: count * 1764])
        assert usable(prepared(record_of(path, corpus="grid"), corpus="x"), count) == said


def test_fewer_frames_than_a_window(prepared, tmp_path, talk):
    media.write_video(tmp_path / "short.mp4", talk.frames[:15], talk.samples[: 15 * 1764])
    assert "15 frames (0.60 s) where 16 are needed" in failed(
        prepared(record_of(tmp_path / "short.mp4"))
    )


def test_odd_picture_size(prepared, tmp_path, talk):
    path = write_media(tmp_path / "odd.mkv", talk.frames[:, :287, :359], talk.samples[None])
    assert usable(prepared(record_of(path))) == ""


def shrunk(frames: np.ndarray, by: int) -> np.ndarray:
    """Every ``by``-th pixel, cut to even sides."""
    small = frames[:, ::by, ::by]
    return small[:, : small.shape[1] // 2 * 2, : small.shape[2] // 2 * 2]


@pytest.mark.parametrize("by", [16, 72, 144])
def test_tiny_picture_size(prepared, tmp_path, talk, by):
    path = write_media(tmp_path / "tiny.mp4", shrunk(talk.frames, by), talk.samples[None])
    assert "face" in failed(prepared(record_of(path)))


def test_small_picture_size(prepared, tmp_path, talk):
    path = write_media(tmp_path / "small.mp4", shrunk(talk.frames, 3), talk.samples[None])
    notes = usable(prepared(record_of(path)))
    assert re.fullmatch(r"coarse: the crop is 1\d pixels of the source wide", notes)


@pytest.mark.parametrize(
    ("channels", "rate"), [(1, 44100), (2, 44100), (1, 8000), (2, 48000), (1, 25000)]
)
def test_channels_and_rates_of_sound(prepared, tmp_path, talk, channels, rate):
    at = np.arange(round(FRAMES / 25 * rate)) / rate
    sound = np.interp(at, np.arange(len(talk.samples)) / 44100, talk.samples)
    samples = np.tile(sound, (channels, 1))
    path = write_media(tmp_path / "sound.mkv", talk.frames, samples, sound="pcm_s16le", rate=rate)
    assert usable(prepared(record_of(path))) == ""
    clip = read_clip(tmp_path / "set/clips/s1/sound.safetensors")
    exact = spectrogram.log_mel(talk.samples)
    # Up to 3 kHz every one of these rates has the same sound.
    low = slice(0, 60)
    loud = exact[:, low] > -45
    assert np.median(np.abs(clip.logmel[:, low] - exact[:, low])[loud]) < 1.5


def test_paths_with_spaces_and_letters_of_all_kinds(prepared, tmp_path, talk_file):
    folder = tmp_path / "Ordner mit Lücken, 'und' 口"
    folder.mkdir()
    path = folder / "größe 7%.mp4"
    path.write_bytes(talk_file.read_bytes())
    record = record_of(path, clip_id="s 1/größe 7%", speaker="s 1", sentence="été, oui")
    rows = prepared(record)
    assert usable(rows) == ""
    assert rows.sentence.iloc[0] == "été, oui"
    clip = read_clip(tmp_path / "set" / rows.file.iloc[0])
    assert clip.meta["source"] == str(path)


@pytest.mark.parametrize("align", [None, "", "no numbers here", "0 23750 sil\n23750 0 bin\n"])
def test_broken_or_missing_align(tmp_path, talk_file, align):
    root = tmp_path / "grid"
    (root / "s1").mkdir(parents=True)
    (root / "s1/bbaf2n.mp4").write_bytes(talk_file.read_bytes())
    (root / "align/s1").mkdir(parents=True)
    if align is not None:
        (root / "align/s1/bbaf2n.align").write_text(align)
    records = list_clips("grid", root)
    prepare(records, tmp_path / "set", workers=0, progress=False)
    (row,) = PreparedSet.open(tmp_path / "set").manifest.itertuples()
    assert row.status == "ok"
    assert row.notes.startswith(records[0].note)
    assert f"{FRAMES} of 75 frames" in row.notes
    if align is not None:
        assert "align" in row.notes


def test_real_clips(grid_root, tmp_path):
    chosen = [r for r in list_clips("grid", grid_root) if r.speaker == "s1"][:3]
    done = prepare(chosen, tmp_path / "set", workers=0, progress=False)
    assert (done.ok, done.failed) == (3, 0)
    clip = read_clip(tmp_path / "set/clips" / f"{chosen[0].clip_id}.safetensors")
    assert clip.frames == 75
    # GRID's mouths are 38 to 44 px wide, the crop 1.3 times that.
    assert 45 < clip.box[0, 2] < 62
