"""Comparing heard phonemes with true ones."""

import math

import pytest

from lipkit.analysis.heard_times import pair, summary, word_errors
from lipkit.corpora.record import Word
from lipkit.talker.speech import Phoneme


def row(text: str, step: float = 0.1, shift: float = 0.0) -> list[Phoneme]:
    return [
        Phoneme(s, i * step + shift, (i + 1) * step + shift) for i, s in enumerate(text.split())
    ]


def test_the_same_heard_late_is_an_error_of_that_much():
    pairs = pair(row("_ b a m u: _"), row("_ b a m u: _", shift=0.02))
    assert [p.viseme for p in pairs] == ["bilabial", "open", "bilabial", "close_round"]
    assert all(p.heard == p.viseme for p in pairs)
    assert all(p.error == pytest.approx(0.02) for p in pairs)


def test_one_left_out_and_one_put_in_do_not_shift_the_others():
    true, found = row("b a m u: s"), row("b a m u: s")
    del found[1]
    found.insert(3, Phoneme("f", 0.36, 0.38))
    pairs = pair(true, found)
    assert [p.heard for p in pairs] == ["bilabial", "", "bilabial", "close_round", "sibilant"]
    assert math.isnan(pairs[1].error)
    assert all(abs(p.error) < 1e-9 for p in pairs if p.heard)


def test_another_class_is_heard_in_its_place():
    pairs = pair(row("b a m"), row("b a f"))
    assert pairs[2].heard == "labiodental"
    found = summary(pairs)
    assert found["all"] == pytest.approx(
        {"count": 3, "as_its_class": 2 / 3, "median_s": 0, "p90_s": 0}
    )
    assert found["bilabial"]["as_its_class"] == pytest.approx(0.5)


def test_nothing_heard_is_nothing_found():
    assert [p.heard for p in pair(row("b a"), [])] == ["", ""]
    assert pair([], row("b a")) == []


def test_words_are_compared_where_they_agree():
    true = [Word("Bin", 0.1, 0.3), Word("blue", 0.3, 0.6)]
    found = [Word("bin", 0.12, 0.3), Word("blue", 0.31, 0.55)]
    assert word_errors(true, found) == pytest.approx([0.02, 0, 0.01, -0.05])
    assert word_errors(true, found[:1]) == []
