"""The human voices that come with the kit."""

import numpy as np
import pytest

from lipkit.errors import LipkitError
from lipkit.talker import human_clip
from lipkit.talker.clip import opening
from lipkit.talker.speech import SILENCE
from lipkit.talker.voices import NAMES, attribution, voice


@pytest.mark.parametrize("name", NAMES)
def test_each_is_whole_and_short(name):
    piece = voice(name)
    length = piece.end - piece.start
    assert 2 < length < 4
    assert piece.how == "aligned"
    assert piece.phonemes[0].start == 0
    assert piece.phonemes[-1].end == pytest.approx(length, abs=0.01)
    assert len(piece.samples()) / 44_100 == pytest.approx(length, abs=0.01)
    assert " ".join(word.text for word in piece.words) == piece.recording.words


def test_they_are_said_where_they_sound():
    """Pauses are quiet, vowels are loud: the times fit the sound."""
    for name in NAMES:
        piece = voice(name)
        sound = piece.speech().samples

        def loudness(symbols, piece=piece, sound=sound):
            parts = [
                sound[round(p.start * 44_100) : round(p.end * 44_100)]
                for p in piece.phonemes
                if p.symbol in symbols
            ]
            return np.sqrt(np.mean(np.concatenate(parts) ** 2))

        assert loudness({"i:", "aI", "oU", "E"}) > 8 * loudness({SILENCE})


def test_a_drawn_person_says_it_and_closes_the_lips():
    talk = human_clip(0, voice("woman"), seed=1)
    gap = opening(talk.landmarks)
    assert talk.text == "let me see how can i begin"
    assert len(talk.samples) == len(talk.frames) * 1764
    for phoneme in talk.phonemes:
        if phoneme.symbol in ("m", "b"):
            assert gap[int(phoneme.start * 25)] < 0.8
    assert gap.max() > 4
    heard = np.abs(talk.samples).reshape(-1, 1764).mean(1)
    assert heard[gap > 3].mean() > 3 * heard[:3].mean()


def test_attribution_names_corpus_and_licence():
    assert "LibriSpeech" in attribution()
    assert "CC BY 4.0" in attribution()


def test_another_name_is_refused():
    with pytest.raises(LipkitError, match="there are: woman, man"):
        voice("child")
