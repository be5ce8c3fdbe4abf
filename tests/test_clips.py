"""The prepared clip's file and the prepared set's folder."""

import json
import subprocess
import sys

import numpy as np
import pytest
from prepared_sets import noise_clip, write_set
from safetensors import safe_open
from safetensors.numpy import save_file

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import LAYOUT, ClipFile, PreparedClip, read_clip, write_clip
from lipkit.data.manifest import Outcome, is_training, statistics, write_manifest
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError


@pytest.fixture
def clip_path(tmp_path):
    path = tmp_path / "s1" / "clip.safetensors"
    write_clip(path, noise_clip(20))
    return path


def test_a_clip_comes_back_exactly(clip_path):
    wrote, read = noise_clip(20), read_clip(clip_path)
    for name in LAYOUT:
        np.testing.assert_array_equal(getattr(read, name), getattr(wrote, name))
        assert getattr(read, name).dtype == getattr(wrote, name).dtype
    assert read.meta == {"format": "1", "fps": "25", "rate": "44100", **wrote.meta}


def test_a_part_is_the_same_as_the_slice_of_the_whole(clip_path):
    whole, part = read_clip(clip_path), read_clip(clip_path, start=3, frames=5)
    assert part.frames == 5
    np.testing.assert_array_equal(part.lips, whole.lips[3:8])
    np.testing.assert_array_equal(part.logmel, whole.logmel[12:32])
    np.testing.assert_array_equal(part.landmarks, whole.landmarks[3:8])
    np.testing.assert_array_equal(part.box, whole.box[3:8])


@pytest.mark.parametrize(("start", "frames"), [(-1, 2), (0, 0), (18, 3), (20, None)])
def test_frames_that_a_clip_has_not_are_refused(clip_path, start, frames):
    with pytest.raises(LipkitError, match="frames 0 to 19"):
        read_clip(clip_path, start, frames)


def test_any_safetensors_reader_opens_the_file(clip_path):
    wrote = noise_clip(20)
    with safe_open(clip_path, framework="numpy") as file:
        assert set(file.keys()) == set(LAYOUT)
        assert file.metadata()["source"] == wrote.meta["source"]
        for name in LAYOUT:
            np.testing.assert_array_equal(file.get_tensor(name), getattr(wrote, name))


def test_a_file_by_the_safetensors_library_is_read(tmp_path):
    clip = noise_clip(17)
    tensors = {name: getattr(clip, name) for name in LAYOUT}
    save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "1", "source": "there"})
    np.testing.assert_array_equal(read_clip(tmp_path / "x.safetensors", 1, 4).lips, clip.lips[1:5])


def test_equal_clips_give_equal_bytes(tmp_path):
    clip = noise_clip(16)
    clip.meta = {"b": "2", "a": "1", "ä": "3"}
    write_clip(tmp_path / "1", clip)
    clip.meta = {"ä": "3", "a": "1", "b": "2"}
    clip.lips = np.asfortranarray(clip.lips)
    write_clip(tmp_path / "2", clip)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_tensors_are_aligned_to_their_items(clip_path):
    header = json.loads(clip_path.read_bytes()[8:].split(b"}}")[0] + b"}}")
    begin = 8 + int.from_bytes(clip_path.read_bytes()[:8], "little")
    for name, layout in LAYOUT.items():
        offset = begin + header[name]["data_offsets"][0]
        assert offset % np.dtype(layout.dtype).itemsize == 0


@pytest.mark.parametrize("name", list(LAYOUT))
def test_a_clip_of_unequal_lengths_is_not_written(tmp_path, name):
    clip = noise_clip(16)
    setattr(clip, name, getattr(clip, name)[:-1])
    with pytest.raises(LipkitError, match="shape"):
        write_clip(tmp_path / "x", clip)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_clip_is_not_written(tmp_path):
    empty = PreparedClip(**{name: np.empty(layout.whole(0)) for name, layout in LAYOUT.items()})
    with pytest.raises(LipkitError, match="0 frames"):
        write_clip(tmp_path / "x", empty)


def test_a_missing_clip_is_one_line(tmp_path):
    with pytest.raises(LipkitError, match=r"gone\.safetensors: no such clip; run lipkit prepare"):
        read_clip(tmp_path / "gone.safetensors")


def test_every_cut_of_a_file_is_noticed(clip_path):
    content = clip_path.read_bytes()
    for size in (0, 1, 7, 8, 100, 400, 2000, len(content) // 2, len(content) - 1):
        clip_path.write_bytes(content[:size])
        with pytest.raises(LipkitError, match="delete it and run lipkit prepare again") as caught:
            ClipFile(clip_path)
        assert "\n" not in str(caught.value)


def test_broken_headers_are_refused_in_one_line(clip_path):
    content = bytearray(clip_path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    refusals = []
    for _ in range(300):
        broken = bytearray(content)
        for at in rng.integers(0, 8 + length, rng.integers(1, 4)):
            broken[at] = rng.integers(256)
        clip_path.write_bytes(broken)
        try:
            ClipFile(clip_path).rows("lips", 0, 1)
        except LipkitError as error:
            refusals.append(str(error))
    assert len(refusals) > 100
    assert not any("\n" in message for message in refusals)


def test_another_format_version_is_refused(tmp_path):
    clip = noise_clip(16)
    clip.meta["format"] = "2"
    write_clip(tmp_path / "x", clip)
    with pytest.raises(LipkitError, match="format 2, this version of lipkit reads format 1"):
        read_clip(tmp_path / "x")


def test_reading_clips_loads_no_media_library():
    code = (
        "import sys, lipkit.data.clips, lipkit.data.prepared, lipkit.data.windows;"
        "import lipkit.data.tensors;"
        "print({'dlib', 'librosa', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_preparing_clips_loads_no_torch():
    code = (
        "import sys, lipkit.data.prepare, lipkit.media, lipkit.data.spectrogram;"
        "import lipkit.face.landmarks, lipkit.face.lips;"
        "print({'torch', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_prepared_set_opens(tmp_path):
    prepared = PreparedSet.open(write_set(tmp_path, [20, 30]))
    assert prepared.settings == PrepareConfig()
    assert prepared.corpus == "grid"
    assert prepared.statistics["logmel_std"] == 20.0
    assert prepared.splits == ["train"]
    assert list(prepared.clips("train").frames) == [20, 30]
    assert read_clip(tmp_path / prepared.clips().file[1]).frames == 30


def test_a_folder_that_is_no_prepared_set_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing here"):
        with pytest.raises(LipkitError, match="not a prepared set"):
            PreparedSet.open(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1}', "\x00"])
def test_a_broken_description_is_refused(tmp_path, content):
    (tmp_path / "prepare.json").write_text(content)
    with pytest.raises(LipkitError, match=r"prepare\.json: not the description"):
        PreparedSet.open(tmp_path)


def test_a_set_of_another_format_version_is_refused(tmp_path):
    write_set(tmp_path, [20])
    path = tmp_path / "prepare.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 7'))
    with pytest.raises(LipkitError, match="prepared in format 7, this version of lipkit has"):
        PreparedSet.open(tmp_path)


def test_an_unfinished_set_is_refused(tmp_path):
    write_set(tmp_path, [20])
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(LipkitError, match="did not finish"):
        PreparedSet.open(tmp_path)


def test_an_unknown_split_names_the_splits_there_are(tmp_path):
    prepared = PreparedSet.open(write_set(tmp_path, [20], split="s1_train"))
    with pytest.raises(LipkitError, match="no split 'train'; its splits: s1_train"):
        prepared.clips("train")


def test_a_split_without_usable_clips_is_named(tmp_path):
    write_set(tmp_path, [20])
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",ok,,", ",failed,no face,"))
    prepared = PreparedSet.open(tmp_path)
    with pytest.raises(LipkitError, match=r"no usable clip in the set; see the reasons"):
        prepared.clips("train")
    assert list(prepared.clips("train", status="failed").reason) == ["no face"]


def test_a_listed_clip_whose_file_is_gone_is_named(tmp_path):
    prepared = PreparedSet.open(write_set(tmp_path, [20, 20]))
    (tmp_path / "clips/s1/c001.safetensors").unlink()
    with pytest.raises(LipkitError, match=r"c001\.safetensors: listed in manifest\.csv but"):
        prepared.clips()


@pytest.mark.parametrize("content", ["", "clip_id\ns1/a\n", "clip_id,frames\ns1/a,many\n"])
def test_a_broken_manifest_is_one_line(tmp_path, content):
    write_set(tmp_path, [20])
    (tmp_path / "manifest.csv").write_text(content)
    with pytest.raises(LipkitError, match=r"manifest\.csv") as caught:
        PreparedSet.open(tmp_path).clips()
    assert "\n" not in str(caught.value)


def test_the_manifest_keeps_awkward_names(tmp_path):
    write_set(tmp_path, [20])
    record = ClipRecord("s1/nan", "NA", "grid", "x", sentence='a "b", é\nc', split=None)
    clips = [(record, Outcome(reason="broken\nin two lines, with a comma"))]
    write_manifest(tmp_path / "manifest.csv", clips)
    row = PreparedSet.open(tmp_path).manifest.iloc[0]
    assert (row.clip_id, row.speaker, row.split) == ("s1/nan", "NA", "")
    assert row.sentence == 'a "b", é c'
    assert row.reason == "broken in two lines, with a comma"
    assert (row.status, row.frames, row.file) == ("failed", 0, "")


def _outcomes(values, splits):
    clips = []
    for i, (logmel, split) in enumerate(zip(values, splits, strict=True)):
        record = ClipRecord(f"s1/{i}", "s1", "grid", "x", split=split)
        sums = float(logmel.sum()), float((logmel**2).sum())
        clips.append((record, Outcome(len(logmel) // 4, "", "", *sums)))
    return clips


def test_statistics_are_those_of_the_training_clips():
    rng = np.random.default_rng(0)
    values = [rng.normal(-40 - 10 * i, 10, (4 * (16 + i), 128)) for i in range(3)]
    found = statistics(_outcomes(values, ["s1_train", "s1_test", "train"]))
    training = np.concatenate([values[0], values[2]])
    assert found["logmel_mean"] == pytest.approx(training.mean(), rel=1e-12)
    assert found["logmel_std"] == pytest.approx(training.std(), rel=1e-9)
    everything = statistics(_outcomes(values, [None, "test", "val"]))
    assert everything["logmel_mean"] == pytest.approx(np.concatenate(values).mean(), rel=1e-12)


def test_statistics_do_not_depend_on_the_order_of_the_clips():
    rng = np.random.default_rng(0)
    values = [rng.normal(0, 10.0 ** rng.integers(-6, 6), (64, 128)) for _ in range(50)]
    clips = _outcomes(values, ["train"] * 50)
    assert statistics(clips) == statistics(clips[::-1]) == statistics(clips[25:] + clips[:25])


def test_statistics_of_nothing_and_of_silence_leave_finite_numbers():
    failed = [(ClipRecord("a", "s", "grid", "x", split="train"), Outcome(reason="no face"))]
    assert statistics(failed) == {"logmel_mean": 0.0, "logmel_std": 1.0}
    silence = _outcomes([np.full((64, 128), -100.0)], ["train"])
    assert statistics(silence) == {"logmel_mean": -100.0, "logmel_std": 1.0}


@pytest.mark.parametrize(
    ("split", "expected"),
    [("train", True), ("s1_train", True), ("strain", False), ("test", False), (None, False)],
)
def test_which_splits_are_for_training(split, expected):
    assert is_training(split) is expected
