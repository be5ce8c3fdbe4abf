"""A prepared set in one file: `lipkit.data.packed`."""

import contextlib
import runpy
import zipfile

import numpy as np
import pytest
from conftest import REPOSITORY
from training_sets import make_set

from lipkit.data.clips import read_clip
from lipkit.data.packed import COLUMNS, pack, unpack
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError

mix = runpy.run_path(str(REPOSITORY / "data_scripts" / "mix_sets.py"))["main"]


@pytest.fixture
def mixed(tmp_path) -> PreparedSet:
    """Three training clips, of which one is listed three times, and one for validation."""
    one = make_set(tmp_path / "one", {"train": 2, "val": 1}, frames=30)
    two = make_set(tmp_path / "two", {"train": 1}, frames=25)
    out = tmp_path / "mixed"
    assert mix([str(out), f"{one}:train", f"{two}:train*3", f"{one}:val"]) == 0
    return PreparedSet.open(out)


def test_what_was_packed_comes_back_but_for_what_a_jpeg_costs(mixed, tmp_path):
    packed = pack(mixed.folder, tmp_path / "set.zip")
    assert (packed.clips, packed.frames) == (4, 115)
    assert packed.megabytes == pytest.approx((tmp_path / "set.zip").stat().st_size / 1e6)
    back = unpack(tmp_path / "set.zip", tmp_path / "back")
    assert back.settings == mixed.settings
    assert back.statistics == pytest.approx(mixed.statistics)
    names = [name for name in COLUMNS if name != "member"]
    assert back.clips()[names].equals(mixed.clips()[names])
    for file in mixed.clips().file:
        before, after = read_clip(mixed.folder / file), read_clip(back.folder / file)
        for name in ("logmel", "landmarks", "box"):
            assert np.array_equal(getattr(before, name), getattr(after, name))
        assert before.meta == after.meta
        wrong = np.abs(before.lips.astype(float) - after.lips)
        assert 0 < wrong.mean() < 4


def test_a_clip_longer_than_a_jpeg_is_high_comes_back(tmp_path):
    folder = make_set(tmp_path / "set", {"train": 1}, frames=1103)
    pack(folder, tmp_path / "set.zip")
    back = unpack(tmp_path / "set.zip", tmp_path / "back")
    (file,) = back.clips().file
    before, after = read_clip(folder / file), read_clip(back.folder / file)
    wrong = np.abs(before.lips.astype(float) - after.lips).mean((1, 2, 3))
    assert wrong.shape == (1103,)
    assert wrong.max() < 6


def test_the_size_is_kept_and_every_split_is_there(tmp_path):
    folder = make_set(tmp_path / "set", {"train": 30, "val": 2}, frames=40)
    whole = pack(folder, tmp_path / "whole.zip")
    assert whole.clips == 32
    most = whole.megabytes / 3
    part = pack(folder, tmp_path / "part.zip", most)
    assert 0.8 * most < part.megabytes <= most
    assert (tmp_path / "part.zip").stat().st_size <= most * 1e6
    splits = unpack(tmp_path / "part.zip", tmp_path / "back").splits
    assert splits == ["train", "val"]
    pack(folder, tmp_path / "again.zip", most)
    pack(folder, tmp_path / "other.zip", most, seed=1)
    chosen = [
        list(unpack(tmp_path / f"{name}.zip", tmp_path / name).clips().clip_id)
        for name in ("again", "other")
    ]
    assert chosen[0] == list(PreparedSet.open(tmp_path / "back").clips().clip_id)
    assert chosen[0] != chosen[1]


def test_too_small_a_size_is_told(tmp_path):
    folder = make_set(tmp_path / "set", {"train": 2, "val": 1})
    with pytest.raises(UsageError, match=r"small\.zip: 0\.001 MB hold no clip of train, val"):
        pack(folder, tmp_path / "small.zip", 0.001)
    assert not (tmp_path / "small.zip").exists()


def test_a_folder_with_files_is_left_alone(mixed, tmp_path):
    pack(mixed.folder, tmp_path / "set.zip")
    with pytest.raises(UsageError, match="holds files"):
        unpack(tmp_path / "set.zip", mixed.folder)


def rewritten(path, name, text):
    """The archive with another text in one of its files."""
    with zipfile.ZipFile(path) as old:
        files = {one: old.read(one) for one in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for one, data in {**files, name: text}.items():
            new.writestr(one, data)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("0.jpg", b"not a picture", "is not a packed set"),
        ("0.npz", b"PK", "is not a packed set"),
        ("settings.json", b"[]", "is not a packed set"),
        ("settings.json", b'{"colour": 1}', "colour"),
        ("rows.csv", b"clip_id\n../../a\n", "leads out"),
        ("rows.csv", b"a,b\n1,2\n", "is not a packed set"),
        ("rows.csv", b"\xff", "is not a packed set"),
    ],
)
def test_what_is_no_packed_set_is_one_line(mixed, tmp_path, name, text, said):
    path = tmp_path / "set.zip"
    pack(mixed.folder, path)
    rewritten(path, name, text)
    with pytest.raises(LipkitError, match=said) as caught:
        unpack(path, tmp_path / "back")
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mixed", "one", "set.zip", "two"]


def test_a_damaged_byte_is_one_line(mixed, tmp_path):
    pack(mixed.folder, tmp_path / "set.zip")
    whole = (tmp_path / "set.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        begin = archive.getinfo("rows.csv").header_offset + 30 + len("rows.csv")
    for place in (*range(begin, begin + 60, 5), *range(len(whole) - 80, len(whole) - 20, 3)):
        path = tmp_path / "torn.zip"
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with contextlib.suppress(LipkitError):  # anything else would be a traceback
            unpack(path, tmp_path / f"back{place}")


def test_a_file_that_is_not_there_or_no_archive_is_one_line(tmp_path):
    with pytest.raises(LipkitError, match=r"none\.zip: cannot be read"):
        unpack(tmp_path / "none.zip", tmp_path / "a")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(LipkitError, match="is not a packed set"):
        unpack(tmp_path / "text.zip", tmp_path / "a")
