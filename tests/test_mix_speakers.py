"""GRID and the synthetic people as one corpus of links."""

import importlib.util
from pathlib import Path

import pytest

from lipkit.corpora import list_clips

SCRIPT = Path(__file__).parent.parent / "data_scripts" / "mix_speakers.py"


@pytest.fixture
def mix():
    spec = importlib.util.spec_from_file_location("mix_speakers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def roots(tmp_path):
    for root, speaker, clip in [
        ("grid", "s1", "bbaf2n.mpg"),
        ("grid", "s1", "bbaf3s.mpg"),
        ("grid", "s2", "swwp2s.mpg"),
        ("synth", "s1", "lgar8a.mp4"),
    ]:
        (tmp_path / root / speaker).mkdir(parents=True, exist_ok=True)
        (tmp_path / root / speaker / clip).touch()
    lists = {"s1_train": "s1/bbaf2n", "s1_test": "s1/bbaf3s", "others_train": "s2/swwp2s"}
    (tmp_path / "grid" / "splits").mkdir()
    for name, clip in lists.items():
        (tmp_path / "grid" / "splits" / f"{name}.txt").write_text(clip + "\n")
    return [str(tmp_path / name) for name in ("grid", "synth", "mixed")]


def test_all_speakers_stand_in_one_corpus_with_their_splits(mix, roots):
    assert mix(roots) == 0
    assert mix(roots) == 0  # again: what is there stays
    mixed = Path(roots[2])
    records = list_clips("grid", mixed, protocol="file", lists=mixed / "splits")
    assert {record.clip_id: record.split for record in records} == {
        "s1/bbaf2n": "train",
        "s1/bbaf3s": "s1_test",
        "s2/swwp2s": "train",
        "s101/lgar8a": "train",
    }


def test_a_corpus_without_lists_is_refused_in_one_line(mix, roots, capsys):
    assert mix([roots[1], roots[1], roots[2]]) == 2
    assert "has no splits/*.txt" in capsys.readouterr().err


def test_a_taken_name_is_refused_in_one_line(mix, roots, capsys):
    (Path(roots[2]) / "s1").mkdir(parents=True)
    assert mix(roots) == 1
    assert "cannot be made a link" in capsys.readouterr().err
