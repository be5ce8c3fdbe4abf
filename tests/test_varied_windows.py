"""Varied windows: a few frames of many, their points, and draws that anyone can repeat."""

import numpy as np
import pytest
import torch
from prepared_sets import write_set

from lipkit.config import DataConfig
from lipkit.data.clips import read_clip
from lipkit.data.draws import WindowWeights
from lipkit.data.manifest import MANIFEST
from lipkit.data.varied_windows import VariedWindows
from lipkit.errors import UsageError
from lipkit.face.lips import lip_points
from lipkit.presets import PRESETS, preset
from lipkit.presets.fit import needs_varied_windows, require_fit
from lipkit.training.batches import EpochBatches
from lipkit.training.schedule import rate_factor


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path, [40, 33])


def rename_speakers(folder, *names: str) -> None:
    """Say in the manifest who speaks in each clip."""
    path = folder / MANIFEST
    first, *rows = path.read_text().splitlines()
    for place, name in enumerate(names):
        columns = rows[place].split(",")
        columns[1] = name
        rows[place] = ",".join(columns)
    path.write_text("\n".join([first, *rows, ""]))


def windows(folder, **settings) -> VariedWindows:
    config = DataConfig(**{"window": 24, "rendered": 6, "identity": "any", **settings})
    return VariedWindows(folder, "train", config, mismatched=False)


def test_the_video_holds_pairs_of_neighbours_of_the_window(folder):
    made = windows(folder)
    batch = made.batch([0, 1, 2, 3])
    assert batch["video"].shape == (4, 6, 64, 64, 3)
    assert batch["logmel"].shape == (4, 96, 128)
    for i in range(4):
        start, frames = made.where(i)["start"], batch["frames"][i]
        # A clip's pixels tell their frame.
        assert (batch["video"][i, :, 0, 0, 0] == start + frames).all()
        assert (frames[1::2] == frames[0::2] + 1).all()
        assert frames.min() >= 0
        assert frames.max() < 24
        assert len(set(frames[0::2].tolist())) == 3


def test_points_are_those_of_the_landmarks(folder):
    made = windows(folder)
    batch = made.batch([0, 3])
    for i, index in enumerate((0, 3)):
        where = made.where(index)
        clip = read_clip(folder / "clips" / f"{where['clip_id']}.safetensors")
        points = lip_points(clip.landmarks, clip.box)
        start = where["start"]
        np.testing.assert_array_equal(batch["points"][i], points[start : start + 24])
        np.testing.assert_array_equal(batch["identity_points"][i], points[where["identity_frame"]])


def test_no_number_renders_all(folder):
    assert (windows(folder, rendered=0).batch([1])["frames"][0] == torch.arange(24)).all()


@pytest.mark.parametrize("augmented", [False, True])
def test_draws_depend_on_seed_epoch_and_window_alone(folder, augmented):
    first, second = (windows(folder, augment=augmented) for _ in range(2))
    together, alone = first.batch([0, 2]), second.batch([2])
    for name, tensor in alone.items():
        assert torch.equal(tensor[0], together[name][1]), name
    second.set_epoch(1)
    assert not torch.equal(second.batch([2])["frames"], alone["frames"])


def test_the_mismatched_sound_is_another_voice_too(folder):
    plain, changed = (
        VariedWindows(folder, "train", DataConfig(augment=augmented)).batch([0, 1, 2])
        for augmented in (False, True)
    )
    for name in ("logmel", "mismatched"):
        for before, after in zip(plain[name], changed[name], strict=True):
            assert not torch.equal(before, after), name


def test_balance_gives_rare_speakers_more(folder):
    assert windows(folder).weights is None
    rename_speakers(folder, "s1", "s2")
    made = windows(folder, balance=0.5)
    counts = np.array([3, 2])
    np.testing.assert_array_equal(np.diff(made.weights.ends, prepend=0), counts)
    shares = np.diff(made.weights.cumulated(), prepend=0)
    np.testing.assert_allclose(shares, np.sqrt(counts) / np.sqrt(counts).sum())


def test_the_speaker_is_the_manifests_whatever_the_clip_is_called(folder):
    """As LRW's clips are called by their word, and nobody knows who speaks."""
    rename_speakers(folder, "unknown", "unknown")
    weights = windows(folder, balance=0.5).weights.weights
    assert weights[0] == weights[1]


def test_windows_come_as_often_as_their_weight_says():
    weights = np.array([0.7, 0.2, 0.1] + [0.0] * 997)
    each = WindowWeights(np.arange(1000) + 1, weights)
    sampler = EpochBatches(1000, 100, seed=0, weights=each)
    drawn = np.bincount(np.concatenate(list(sampler)), minlength=1000) / 1000
    np.testing.assert_allclose(drawn, weights, atol=0.05)
    assert list(sampler) == list(EpochBatches(1000, 100, seed=0, weights=each))


def test_the_rate_warms_up_holds_and_cools():
    train = preset("plus", {"train.steps": 100, "train.warmup_steps": 10, "train.cool": 0.4}).train
    factors = [rate_factor(step, train) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:61] == [1.0] * 52
    assert factors[80] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(0.025)
    assert rate_factor(99, preset("paper").train) == 1.0


def test_a_budget_of_minutes_cools_the_rate_too():
    changes = {"train.minutes": 10.0, "train.warmup_steps": 0, "train.cool": 0.4}
    train = preset("plus", changes).train
    assert rate_factor(0, train, minutes=6.0) == pytest.approx(1.0)
    assert rate_factor(0, train, minutes=8.0) == pytest.approx(0.5)
    assert rate_factor(0, train, minutes=11.0) == 0.0
    assert rate_factor(train.steps * 9 // 10, train, minutes=1.0) == pytest.approx(0.25)


def test_who_needs_points_takes_varied_windows():
    varied = [name for name in PRESETS if needs_varied_windows(preset(name))]
    assert varied == ["paper_few_steps", "plus", "landmarks"]


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "paper",
            {"loss.points.weight": 1.0},
            "needs a generator that gives mouth points",
        ),
        (
            "tiny",
            {"data.rendered": 4},
            "architecture=glance cannot take a choice of the frames",
        ),
        ("plus", {"loss.gen.weight": 1.0}, "loss.gen.weight: needs all frames"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(name, changes, said):
    with pytest.raises(UsageError, match=said):
        require_fit(preset(name, changes))
