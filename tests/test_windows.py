"""Windows: what they hold, how they are drawn, what they read."""

import multiprocessing
import os
import pickle

import numpy as np
import pytest
import torch
from prepared_sets import STATISTICS, numbered_clip, write_set
from torch.utils.data import DataLoader

import lipkit.data.windows
from lipkit.config import DataConfig
from lipkit.data.clips import ClipFile, read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import (
    normalise,
    scramble,
    to_image_tensor,
    to_images,
    to_video_tensor,
    unpack,
)
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Clips of 75, 15, 16, 40 and 33 frames; the first two sentences are the same."""
    where = tmp_path_factory.mktemp("prepared")
    return write_set(where, [75, 15, 16, 40, 33], ["a", "a", "b", "a", "c"])


def frames_shown(video: torch.Tensor) -> list[int]:
    """Frame numbers that ``numbered_clip`` painted into pictures [3,T,H,W]."""
    return to_images(video)[..., 0, 0, 0].tolist()


def test_windows_start_every_stride_frames_in_every_clip(folder):
    windows = Windows(folder)
    found = [(w["clip_id"], w["start"]) for w in map(windows.where, range(len(windows)))]
    assert found == [
        *[("s1/c000", start) for start in range(0, 60, 8)],
        ("s1/c002", 0),
        *[("s1/c003", start) for start in (0, 8, 16, 24)],
        *[("s1/c004", start) for start in (0, 8, 16)],
    ]


@pytest.mark.parametrize(("window", "stride"), [(5, 1), (16, 16), (40, 7), (75, 8)])
def test_window_and_stride_follow_the_settings(folder, window, stride):
    windows = Windows(folder, config=DataConfig(window=window, stride=stride), mismatched=False)
    starts = [len(range(0, frames - window + 1, stride)) for frames in (75, 15, 16, 40, 33)]
    assert len(windows) == sum(starts)
    assert windows[0]["video"].shape == (3, window, 64, 64)
    assert windows[0]["logmel"].shape == (1, 4 * window, 128)


def test_a_window_holds_its_frames_and_their_columns(folder):
    windows = Windows(folder)
    for index in range(len(windows)):
        item, where = windows[index], windows.where(index)
        assert item["index"] == index
        assert frames_shown(item["video"]) == list(range(where["start"], where["start"] + 16))
        decibels = item["logmel"] * 20.0 - 40.0
        columns = torch.arange(4 * where["start"], 4 * where["start"] + 64)
        torch.testing.assert_close(decibels[0, :, 0], columns.float(), atol=1e-3, rtol=0)
        assert frames_shown(item["identity"][:, None]) == [where["identity_frame"]]


def test_tensors_have_the_documented_form(folder):
    item = Windows(folder)[3]
    shapes = {name: tuple(tensor.shape) for name, tensor in item.items()}
    assert shapes == {
        "video": (3, 16, 64, 64),
        "logmel": (1, 64, 128),
        "identity": (3, 64, 64),
        "mismatched": (1, 64, 128),
        "index": (),
    }
    for name in ("video", "logmel", "identity", "mismatched"):
        assert item[name].dtype == torch.float32
        assert item[name].is_contiguous()
    assert item["video"].min() >= -1
    assert item["video"].max() <= 1


def test_raw_windows_unpack_to_the_same_tensors(folder):
    plain, raw = Windows(folder, seed=5), Windows(folder, seed=5, raw=True)
    item = raw[4]
    assert item["video"].shape == (16, 64, 64, 3)
    assert item["video"].dtype == torch.uint8
    assert item["logmel"].shape == (64, 128)
    assert item["logmel"].dtype == torch.float16
    for unpacked, expected in (
        (unpack(item, STATISTICS), plain[4]),
        (unpack(raw.batch([1, 4]), STATISTICS), plain.batch([1, 4])),
    ):
        assert unpacked.keys() == expected.keys()
        for name in expected:
            torch.testing.assert_close(unpacked[name], expected[name], rtol=0, atol=0)


def test_pictures_survive_the_way_to_tensors_and_back():
    lips = np.random.default_rng(0).integers(0, 256, (16, 64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_images(to_video_tensor(lips)), lips)
    np.testing.assert_array_equal(to_images(to_video_tensor(lips[None])), lips[None])
    np.testing.assert_array_equal(to_images(to_image_tensor(lips[0])), lips[0])
    np.testing.assert_array_equal(to_images(torch.full((3, 1, 1), 7.0)), np.full((1, 1, 3), 255))
    assert to_image_tensor(lips).shape == (16, 3, 64, 64)


def test_pictures_become_colour_time_height_width():
    lips = np.zeros((16, 64, 64, 3), np.uint8)
    lips[5, 6, 7, 1] = 255
    assert to_video_tensor(lips)[1, 5, 6, 7] == 1
    assert to_video_tensor(lips).sum() == -lips.size + 2


def test_normalised_training_sound_has_mean_0_and_deviation_1():
    logmel = torch.randn(1000, 128) * 20 - 40
    found = normalise(logmel.half(), STATISTICS)
    assert found.dtype == torch.float32
    assert abs(found.mean()) < 0.02
    assert abs(found.std() - 1) < 0.02


def drawn(windows: Windows, name: str, epochs: int = 40) -> list[list]:
    """The draws of ``name`` for each window over many epochs."""
    result = [[] for _ in range(len(windows))]
    for epoch in range(epochs):
        windows.set_epoch(epoch)
        for index, found in enumerate(result):
            found.append(windows.where(index)[name])
    return result


def test_the_identity_frame_lies_outside_the_window(folder):
    windows = Windows(folder, config=DataConfig(identity="outside"))
    frames = {"s1/c000": 75, "s1/c002": 16, "s1/c003": 40, "s1/c004": 33}
    seen = set()
    for index, found in enumerate(drawn(windows, "identity_frame", 300)):
        where = windows.where(index)
        inside = set(range(where["start"], where["start"] + 16))
        if where["clip_id"] == "s1/c002":  # all its frames are in the window
            assert set(found) == inside
        else:
            assert set(found) <= set(range(frames[where["clip_id"]])) - inside
            seen |= {(where["clip_id"], frame) for frame in found}
    assert {frame for clip, frame in seen if clip == "s1/c003"} == set(range(40))


def test_the_authors_identity_rule_takes_any_frame(folder):
    windows = Windows(folder, config=DataConfig(identity="any"))
    found = set(drawn(windows, "identity_frame", 1000)[0])
    assert found == set(range(75))


def test_identity_frames_are_drawn_evenly(folder):
    windows = Windows(folder)
    found = np.bincount(drawn(windows, "identity_frame", 4000)[9], minlength=40)
    assert windows.where(9)["start"] == 0
    assert found[:16].sum() == 0
    expected = 4000 / 24
    # 24 cells: chi-square of 23 degrees of freedom is below 64 but once in 100,000 times.
    assert ((found[16:] - expected) ** 2 / expected).sum() < 64


def test_mismatched_sound_is_of_another_sentence(folder):
    windows = Windows(folder)
    sentence = dict(zip((f"s1/c{i:03d}" for i in range(5)), "aabac", strict=True))
    chosen = drawn(windows, "mismatched_clip_id", 200)
    for index, found in enumerate(chosen):
        own = sentence[windows.where(index)["clip_id"]]
        assert own not in {sentence[clip] for clip in found}
    # Each other window is as likely as any: c002 has 1 window, c000 8, c003 4, c004 3.
    of_c = np.unique([clip for found in chosen[13:] for clip in found], return_counts=True)
    assert list(of_c[0]) == ["s1/c000", "s1/c002", "s1/c003"]
    np.testing.assert_allclose(of_c[1] / of_c[1].sum(), np.array([8, 1, 4]) / 13, atol=0.06)


def test_the_mismatched_sound_is_the_one_that_where_names(folder):
    windows = Windows(folder)
    for index in range(len(windows)):
        where = windows.where(index)
        column = windows[index]["mismatched"][0, 0] * 20 - 40
        torch.testing.assert_close(column[0], torch.tensor(4.0 * where["mismatched_start"]))
        torch.testing.assert_close(
            column[1], torch.tensor(float(where["mismatched_clip_id"][-3:])), atol=1e-4, rtol=0
        )


def test_draws_depend_on_seed_epoch_and_index_alone(folder):
    one, other = Windows(folder, seed=3), Windows(folder, seed=3)
    one.set_epoch(7)
    for epoch in (2, 7):  # by another way
        other.set_epoch(epoch)
    forwards = [one.where(index) for index in range(len(one))]
    backwards = [other.where(index) for index in reversed(range(len(one)))][::-1]
    assert forwards == backwards
    for name, tensor in one[5].items():
        torch.testing.assert_close(tensor, other.batch([8, 5])[name][1], rtol=0, atol=0)
    one.set_epoch(8)
    assert forwards != [one.where(index) for index in range(len(one))]
    another = Windows(folder, seed=4)
    another.set_epoch(7)
    assert forwards != [another.where(index) for index in range(len(one))]


def test_seed_and_epoch_are_not_interchangeable(folder):
    one, other = Windows(folder, seed=1), Windows(folder, seed=2)
    one.set_epoch(2)
    other.set_epoch(1)
    assert [one.where(i) for i in range(16)] != [other.where(i) for i in range(16)]


@pytest.mark.slow
@pytest.mark.parametrize("start_method", ["spawn", "fork"])
def test_loader_processes_give_the_same_windows(folder, start_method):
    if start_method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {start_method} on this system")
    windows = Windows(folder, seed=1)
    windows[0]  # an open map must neither be copied nor be in the way
    loader = DataLoader(
        windows,
        batch_size=5,
        num_workers=2,
        multiprocessing_context=start_method,
        persistent_workers=True,
    )
    for epoch in (0, 1):  # running processes must see the new epoch
        windows.set_epoch(epoch)
        batches = list(loader)
        assert sum(len(batch["index"]) for batch in batches) == len(windows)
        for batch in batches:
            expected = windows.batch(batch["index"].tolist())
            for name in expected:
                torch.testing.assert_close(batch[name], expected[name], rtol=0, atol=0)


def test_windows_can_be_pickled_after_use(folder):
    windows = Windows(folder, seed=2)
    windows.set_epoch(3)
    before = windows[6]
    again = pickle.loads(pickle.dumps(windows))
    assert again.epoch == 3
    for name, tensor in before.items():
        torch.testing.assert_close(again[6][name], tensor, rtol=0, atol=0)


def test_a_window_reads_its_own_rows_only(folder, monkeypatch):
    windows, reads = Windows(folder), []
    rows = ClipFile.rows

    def counting(self, name, start, stop):
        view = rows(self, name, start, stop)
        reads.append((name, view.nbytes))
        return view

    monkeypatch.setattr(ClipFile, "rows", counting)
    windows[0]
    assert sorted(reads) == [
        ("lips", 64 * 64 * 3),  # the identity image
        ("lips", 16 * 64 * 64 * 3),
        ("logmel", 64 * 128 * 2),  # the mismatched sound
        ("logmel", 64 * 128 * 2),
    ]


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="needs Linux's /proc")
def test_a_window_of_a_long_clip_maps_little_of_it(tmp_path):
    folder = write_set(tmp_path, [2000])
    path = folder / "clips/s1/c000.safetensors"
    windows = Windows(folder, mismatched=False)
    windows[100]
    resident, ours = 0, False
    with open("/proc/self/smaps") as maps:
        for line in maps:
            if "-" in line.split(" ")[0]:
                ours = line.rstrip().endswith(path.name)
            elif ours and line.startswith("Rss:"):
                resident += int(line.split()[1]) * 1024
    # A window is 213 kB of 28 MB; the kernel maps up to 2 MB around each touched page.
    assert 0 < resident < path.stat().st_size / 3


def test_few_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(lipkit.data.windows, "open_files_limit", lambda: 3)
    windows = Windows(write_set(tmp_path, [16] * 8), mismatched=False)
    for index in (*range(8), 0, 7):
        assert (
            windows[index]["video"][2, 0, 0, 0]
            == to_image_tensor(numbered_clip(16, index).lips[0])[2, 0, 0]
        )
    assert len(windows._open_files) == 3


def test_open_files_leave_room_for_others():
    assert 16 <= lipkit.data.windows.open_files_limit() <= 4096
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert lipkit.data.windows.open_files_limit() == 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_negative_indices_count_from_the_end(folder):
    windows = Windows(folder)
    assert windows.where(-1) == windows.where(len(windows) - 1)
    assert windows[-1]["index"] == len(windows) - 1
    with pytest.raises(IndexError):
        windows[len(windows)]


def test_an_opened_set_may_be_given(folder):
    assert len(Windows(PreparedSet.open(folder), None)) == len(Windows(folder, "train"))


def test_a_split_of_short_clips_is_refused(tmp_path):
    with pytest.raises(LipkitError, match="no clip of 16 frames"):
        Windows(write_set(tmp_path, [15, 3]))


def test_an_unknown_split_is_refused(folder):
    with pytest.raises(LipkitError, match="its splits: train"):
        Windows(folder, "val")


def test_a_set_of_one_sentence_has_no_mismatched_sound(tmp_path):
    folder = write_set(tmp_path, [30, 30], ["a", "a"])
    with pytest.raises(LipkitError, match="one sentence only"):
        Windows(folder)
    assert "mismatched" not in Windows(folder, mismatched=False)[0]


def test_clips_without_a_sentence_are_each_their_own(tmp_path):
    windows = Windows(write_set(tmp_path, [16, 16], ["", ""]))
    assert windows.where(0)["mismatched_clip_id"] == "s1/c001"
    assert windows.where(1)["mismatched_clip_id"] == "s1/c000"


def test_a_clip_that_is_not_the_listed_one_is_refused(tmp_path):
    folder = write_set(tmp_path, [20, 30])
    os.replace(folder / "clips/s1/c000.safetensors", folder / "clips/s1/c001.safetensors")
    (folder / "clips/s1/c000.safetensors").write_bytes(b"")
    windows = Windows(folder, mismatched=False)
    with pytest.raises(
        LipkitError, match=r"c001\.safetensors: has 20 frames, not the manifest's 30"
    ):
        windows[len(windows) - 1]
    with pytest.raises(LipkitError, match="not a whole prepared clip"):
        windows[0]


@pytest.mark.parametrize("shift", [1, 5, -2])
def test_sound_shift_pairs_each_frame_with_a_later_sound(folder, shift):
    windows = Windows(folder, config=DataConfig(sound_shift=shift))
    lengths = {"s1/c000": 75, "s1/c001": 15, "s1/c002": 16, "s1/c003": 40, "s1/c004": 33}
    for index in range(len(windows)):
        item, where = windows[index], windows.where(index)
        start = where["start"]
        assert frames_shown(item["video"]) == list(range(start, start + 16))
        sound, other = (item[name][0] * 20.0 - 40.0 for name in ("logmel", "mismatched"))
        assert 0 <= start + shift <= lengths[where["clip_id"]] - 16
        torch.testing.assert_close(
            sound[:, 0], 4.0 * (start + shift) + torch.arange(64.0), atol=1e-3, rtol=0
        )
        assert other[0, 0] == pytest.approx(4 * (where["mismatched_start"] + shift), abs=1e-3)
    # As many as fit with their sound: c002 has none left.
    starts = [max(0, (n - abs(shift) - 16) // 8 + 1) for n in lengths.values()]
    assert len(windows) == sum(starts)


def test_a_shift_that_leaves_no_window_is_refused(tmp_path):
    folder = write_set(tmp_path, [16, 17])
    with pytest.raises(LipkitError, match="no clip of 18 frames"):
        Windows(folder, config=DataConfig(sound_shift=2))


def test_scrambled_axes_are_the_authors_refill():
    logmel = np.random.default_rng(0).normal(size=(12, 128)).astype(np.float16)
    expected = np.empty_like(logmel)
    for frame in range(3):
        matrix = logmel[4 * frame : 4 * frame + 4].T  # their (128 bands, 4 columns)
        values = iter(matrix.flatten())  # band by band
        for row in range(4):
            for place in range(128):
                expected[4 * frame + row, place] = next(values)
    np.testing.assert_array_equal(scramble(logmel), expected)
    # Row r holds bands 32 r to 32 r + 31, the four columns of each side by side.
    assert scramble(logmel)[2, 4 * 5 + 3] == logmel[3, 64 + 5]


def test_scrambled_windows_hold_scrambled_sound(folder):
    plain = Windows(folder, raw=True)
    mixed = Windows(folder, config=DataConfig(mel_axes="scrambled"), raw=True)
    for name in ("logmel", "mismatched"):
        expected = scramble(plain[3][name].numpy())
        assert not np.array_equal(expected, plain[3][name].numpy())
        np.testing.assert_array_equal(mixed[3][name].numpy(), expected)


@pytest.mark.parametrize("raw", [True, False])
def test_points_are_the_mouth_in_lip_pixels(folder, raw):
    windows = Windows(folder, raw=raw, points=True)
    index = len(windows) - 1
    item, where = windows[index], windows.where(index)
    clip = read_clip(folder / "clips" / f"{where['clip_id']}.safetensors", where["start"], 16)
    assert item["points"].shape == (16, 20, 2)
    assert item["points"].dtype == torch.float32
    for t in (0, 9, 15):
        for p in (0, 11, 19):
            for axis in range(2):
                offset = clip.landmarks[t, 48 + p, axis] - clip.box[t, axis]
                expected = offset * 64 / clip.box[t, 2] + 31.5
                assert item["points"][t, p, axis] == pytest.approx(expected, abs=1e-3)
    assert "points" not in Windows(folder)[0]
