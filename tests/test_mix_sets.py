"""Prepared sets side by side: `data_scripts/mix_sets.py`."""

import runpy

import numpy as np
import pytest
from conftest import REPOSITORY
from training_sets import make_set

from lipkit.config import DataConfig
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows

main = runpy.run_path(str(REPOSITORY / "data_scripts" / "mix_sets.py"))["main"]


@pytest.fixture
def sets(tmp_path):
    one = make_set(tmp_path / "one", {"train": 2, "val": 1})
    two = make_set(tmp_path / "two", {"a_train": 1, "test": 1}, corpus="lrw")
    return one, two


def test_two_sets_become_one(sets, tmp_path):
    one, two = sets
    out = tmp_path / "many"
    mine = tmp_path / "many.part" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("x")
    assert main([str(out), f"{one}:train", f"{two}:a_train=train*3", f"{one}:val"]) == 0
    assert mine.read_text() == "x"
    mixed = PreparedSet.open(out)
    assert mixed.splits == ["train", "val"]
    train = mixed.clips("train")
    assert list(train.clip_id) == [
        "one-s1/train0",
        "one-s1/train1",
        "two-s1/a_train0",
        "two-s1/a_train0-1",
        "two-s1/a_train0-2",
    ]
    assert set(train.speaker) == {"one-s1", "two-s1"}
    clips = [read_clip(out / file) for file in train.file]
    levels = np.concatenate([clip.logmel for clip in clips]).astype(np.float64)
    assert mixed.statistics["logmel_mean"] == pytest.approx(levels.mean())
    assert mixed.statistics["logmel_std"] == pytest.approx(levels.std())
    windows = Windows(mixed, "train", DataConfig(window=4, stride=4))
    assert len(windows) == 5 * 3


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["{one}"], "expected FOLDER:SPLIT"),
        (["{one}:nobody"], "nobody"),
        (["{one}:train", "{one}:train=more"], "would be there twice"),
        (["{other}:train", "{one}:train"], "prepared by other settings"),
    ],
)
def test_what_cannot_be_mixed_is_one_line(sets, tmp_path, parts, said, capsys):
    other = make_set(tmp_path / "other", {"train": 1}, crop="per_frame")
    given = [text.format(one=sets[0], other=other) for text in parts]
    assert main([str(tmp_path / "out"), *given]) != 0
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_with_files_is_left_alone(sets, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    assert main([str(tmp_path / "out"), f"{sets[0]}:train"]) != 0
    assert "holds files" in capsys.readouterr().err
    assert (tmp_path / "out" / "mine.txt").read_text() == "x"
