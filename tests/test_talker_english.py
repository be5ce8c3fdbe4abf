"""Everyday English: varied, whole in its sounds, and held-out sentences apart from the others."""

import re
from collections import Counter

import pytest

from lipkit.talker import english
from lipkit.talker.speech import SILENCE, Voice, speak
from lipkit.talker.visemes import PHONEMES


def test_thousands_of_different_sentences():
    said = [english.sentence(i) for i in range(2500)]
    assert len(set(said)) > 2400
    assert all(text[0].isupper() and text[-1] in ".?!" for text in said)
    assert not any("{" in text or "}" in text for text in said)


def test_every_pattern_names_known_lists():
    for pattern in english.PATTERNS:
        for part in pattern.split("{")[1:]:
            kind = part.split("}")[0].split(" ")[-1]
            assert kind in english.WORDS or kind in ("letters", "digits"), pattern


def test_a_word_is_in_no_list_twice():
    for kind, words in english.WORDS.items():
        repeated = [word for word, count in Counter(words).items() if count > 1]
        assert not repeated, kind


def test_a_person_says_the_same_first_sentences_of_more():
    few, many = english.choose(3, 4, seed=1), english.choose(3, 9, seed=1)
    assert many[:4] == few
    assert len(set(many)) == 9
    assert english.choose(4, 4, seed=1) != few


def test_held_out_sentences_are_said_only_where_asked_for():
    usual = {s for i in range(50) for s in english.choose(i, 12, seed=0)}
    held = {s for i in range(50) for s in english.choose(i, 12, seed=7, held=True)}
    assert not any(english.held_out(s) for s in usual)
    assert all(english.held_out(s) for s in held)
    share = sum(english.held_out(english.sentence(i)) for i in range(3000)) / 3000
    assert share == pytest.approx(1 / english.HELD_OUT, abs=0.02)


def test_articles_fit():
    assert english.article("apple") == "an"
    assert english.article("unusual") == "an"
    assert english.article("usual") == "a"
    assert english.article("zebra") == "a"
    said = [english.sentence(number) for number in range(2500)]
    of_two = [re.findall(r"\b(an?) ([a-z]+)", text) for text in said]
    wrong = {found for text in of_two for found in text if found[0] != english.article(found[1])}
    assert wrong <= {("an", "hour")}  # a list has "for an hour"


def test_its_sentences_have_every_english_phoneme():
    voice = Voice("rp", language="gmw/en-GB-x-rp")
    heard = Counter()
    for number in range(150):
        heard.update(p.symbol for p in speak(english.sentence(number), voice).phonemes)
    wanted = (
        "p b t d k g f v T D s z S Z tS dZ m n N l r w j h I E a V U @ i: u: 3: A: eI aI OI aU oU"
    )
    assert not [p for p in wanted.split() if not heard[p]]
    assert not [p for p in heard if p not in PHONEMES]
    assert heard[SILENCE]
