"""What mouths do per class of phonemes, and what sentences sound like: the measures themselves."""

import csv

import numpy as np
import pytest

from lipkit.analysis.articulation import marks, table
from lipkit.analysis.drawn_people import real_clips, write_table
from lipkit.analysis.phonetics import sounds
from lipkit.errors import LipkitError
from lipkit.talker import perform, person
from lipkit.talker.speech import Phoneme


def mouth(gap: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Landmarks [T, 68, 2] with that opening and width, pixels."""
    points = np.zeros((len(gap), 68, 2), np.float32)
    points[:, 54, 0] = width
    points[:, 66, 1] = gap
    return points


SPOKEN = [
    Phoneme("_", 0.0, 1.0),
    Phoneme("b", 1.0, 1.12),
    Phoneme("a", 1.12, 1.4),
    Phoneme("_", 1.4, 2.4),
]


def test_openings_are_in_mouth_widths_at_rest():
    gap, width = np.full(60, 4.0), np.full(60, 40.0)
    gap[24:27] = 0.0  # closed before and while the b sounds
    gap[29:33], width[29:33] = 10.0, 36.0
    b, a = marks(mouth(gap, width), SPOKEN)
    assert (b.viseme, a.viseme) == ("bilabial", "open")
    assert b.opening == 0
    assert b.width == pytest.approx(1.0)
    assert a.opening == pytest.approx(0.25)
    assert a.width == pytest.approx(0.9)
    # Twice as large a picture gives the same numbers.
    assert marks(2 * mouth(gap, width), SPOKEN) == [b, a]


def test_a_drawn_mouth_does_what_its_visemes_say():
    found = []
    for seed in range(3):
        said = perform(person(seed), "pwbm5p", seed=seed)
        found.append(marks(said.landmarks(), said.phonemes))
    rows = table(found)
    assert rows["bilabial"]["opening"] < 0.02
    assert rows["open"]["opening"] > rows["spread"]["opening"] > rows["bilabial"]["opening"]
    assert rows["close_round"]["width"] < 0.9 < rows["spread"]["width"]
    assert rows["open"]["opening_p10"] <= rows["open"]["opening"] <= rows["open"]["opening_p90"]


def test_sounds_are_counted_where_they_stand():
    found = sounds(["Bob may sing.", "Bob may sing."])
    assert found.sentences == 2
    assert found.words == {"bob": 2, "may": 2, "sing": 2}
    assert found.phonemes["b"] == 4
    assert (found.first["b"], found.last["b"]) == (2, 2)
    assert found.last["N"] == 2
    assert found.diphones["I", "N"] == 2
    assert found.diphones["b", "m"] == 2


def test_a_table_is_read_back(tmp_path):
    write_table(tmp_path / "t.csv", [{"a": 1, "b": 0.123456}, {"a": 2, "b": float("nan")}])
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"a": "1", "b": "0.1235"}, {"a": "2", "b": "nan"}]


def test_a_grid_without_the_split_is_named(tmp_path):
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "bbaf2n.mpg").write_bytes(b"")
    with pytest.raises(LipkitError):
        next(iter(real_clips(tmp_path)))
