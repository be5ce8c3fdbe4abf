"""Speech, sentences and visemes: what the talking face says and when its lips move."""

import re
import threading
from itertools import pairwise

import numpy as np
import pytest

from lipkit.errors import LipkitError
from lipkit.talker import LEAD, PHONEMES, VISEMES, VOICES, Phoneme, Sentence, Voice, speak
from lipkit.talker.sentences import SENTENCES, choose, sentence
from lipkit.talker.visemes import CHANNELS, gestures, trajectory, visemes_of

# Words that between them hold the sounds of English.
PROSE = """
    The quick brown fox jumps over a lazy dog; thirty-three thieves thought of measure, vision
    and azure. Which witch wished for a jar of fresh cherries? Boys enjoy noise. Our hours are
    rare, poor, pure and sure. I hear fear near here; fire, tyre, higher. Little bottles, apples,
    kettles, button, written, mountain. Loch Ness. Yes, you use useful music. Good books should
    look full. Father calms palms. Thought, caught, law, north, more. Bird, nurse, earth, sofa,
    about, button, again. Ring, singer, finger, think. Hello, ahead, human. Women happy cities.
    Cure, tour, obvious, serious, curious, idea, being, royal, loyal, power, shower, alone.
    Uh-oh, better, water, city, atom, eighth, width, hundredth, strengths, texts, glimpsed.
"""
ALPHABET = " ".join("abcdefghijklmnopqrstuvwxyz")
NUMBERS = " ".join(map(str, range(0, 100, 7)))


def test_same_text_and_voice_give_the_same_samples():
    first = speak("bin blue at f two now", VOICES[3])
    speak("place red with w nine please", VOICES[4])
    from lipkit.talker.speech import _synthesize

    _synthesize.cache_clear()
    again = speak("bin blue at f two now", VOICES[3])
    assert np.array_equal(first.samples, again.samples)
    assert first.phonemes == again.phonemes


def test_threads_do_not_disturb_each_other():
    texts = ["lay green by a one soon", "set white in z nine again"] * 3
    alone = [speak(t, VOICES[5]).samples for t in texts]
    from lipkit.talker.speech import _synthesize

    _synthesize.cache_clear()
    together = [None] * len(texts)

    def say(i):
        together[i] = speak(texts[i], VOICES[5]).samples

    threads = [threading.Thread(target=say, args=(i,)) for i in range(len(texts))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_samples_are_mono_float32_at_44100():
    speech = speak("bin blue at f two now")
    assert speech.samples.dtype == np.float32
    assert speech.samples.ndim == 1
    assert 0.1 < np.abs(speech.samples).max() <= 1
    assert 1.0 < speech.seconds < 3.0
    assert speech.seconds == len(speech.samples) / 44_100


def test_voices_are_many_and_all_different():
    assert len(VOICES) >= 12
    assert len({v.name for v in VOICES}) == len(VOICES)
    said = {speak("now", voice).samples.tobytes() for voice in VOICES}
    assert len(said) == len(VOICES)


def test_phonemes_follow_each_other_without_gap():
    speech = speak("bin blue at f two now")
    sounds = [p.symbol for p in speech.phonemes]
    assert sounds[:6] == ["b", "I", "n", "b", "l", "u:"]
    for a, b in pairwise(speech.phonemes):
        assert a.start < a.end == b.start
    assert speech.phonemes[-1].end == pytest.approx(speech.seconds)


def test_phoneme_times_agree_with_the_sound():
    """The s of "see" hisses, its vowel does not."""
    speech = speak("see", VOICES[3])
    power = {}
    for p in speech.phonemes:
        if p.symbol in ("s", "i:"):
            part = speech.samples[int(p.start * 44_100) : int(p.end * 44_100)]
            spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
            high = np.fft.rfftfreq(len(part), 1 / 44_100) > 3500
            power[p.symbol] = spectrum[high].sum() / spectrum.sum()
    assert power["s"] > 0.5 > power["i:"]


def test_words_have_times_in_order():
    words = speak("bin blue at f two now").words
    assert [w.text for w in words] == ["bin", "blue", "at", "f", "two", "now"]
    assert all(w.start < w.end for w in words)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(words))


@pytest.mark.parametrize("text", ["", "   ", "?!", "①", "𝟘"])
def test_text_without_words_is_refused(text):
    with pytest.raises(LipkitError, match=r"nothing (to say|that espeak-ng can say)"):
        speak(text)


def test_unknown_voice_is_refused():
    with pytest.raises(LipkitError, match="unknown"):
        speak("now", "nobody")


def test_every_phoneme_of_the_english_voices_has_a_viseme():
    languages = {v.language for v in VOICES} | {"gmw/en-US"}
    from lipkit.talker import Voice

    heard = set()
    for language in languages:
        for text in (PROSE, ALPHABET, NUMBERS):
            voice = Voice("probe", language=language, speed=300)
            heard |= {p.symbol for p in speak(" ".join(text.split()), voice).phonemes}
    assert len(heard) > 45
    for symbol in heard:
        visemes_of(symbol, strict=True)


def test_unknown_phoneme_is_neutral_unless_strict():
    assert visemes_of("ɮ") == ("neutral",)
    with pytest.raises(KeyError):
        visemes_of("ɮ", strict=True)


def test_viseme_table_is_whole():
    assert set(LEAD) == set(VISEMES)
    assert {name for names in PHONEMES.values() for name in names} == set(VISEMES)
    assert 11 <= len(VISEMES) <= 15
    for viseme in VISEMES.values():
        assert len(viseme.target) == len(viseme.weight) == len(CHANNELS)
    assert VISEMES["silence"].target[0] == VISEMES["bilabial"].target[0] == 0


def _said(*sounds: tuple[str, float]) -> list[Phoneme]:
    at, result = 0.5, [Phoneme("_", 0.0, 0.5)]
    for symbol, seconds in sounds:
        result.append(Phoneme(symbol, at, at + seconds))
        at += seconds
    return [*result, Phoneme("_", at, at + 0.8)]


@pytest.mark.parametrize("sound", ["p", "b", "m"])
def test_lips_close_before_the_sound_of_a_bilabial(sound):
    spoken = _said(("A:", 0.25), (sound, 0.06), ("A:", 0.25))
    begins = spoken[2].start
    times = np.arange(0, 2, 0.001)
    opening = trajectory(spoken, times)[:, 0]
    closed = times[opening < 1e-9]
    within = closed[(closed > spoken[1].start) & (closed < spoken[3].end)]
    assert within[0] == pytest.approx(begins - LEAD["bilabial"], abs=0.003)
    assert within[-1] > begins
    assert opening[np.searchsorted(times, begins - LEAD["bilabial"] - 0.06)] > 0.2
    assert opening[np.searchsorted(times, spoken[3].end - 0.08)] > 0.3


@pytest.mark.parametrize("sound", [p for p, names in PHONEMES.items() if names[0] != "silence"])
def test_gesture_of_every_phoneme_leads_its_sound(sound):
    spoken = _said((sound, 0.12))
    planned = [g for g in gestures(spoken) if g.viseme.name == visemes_of(sound)[0]]
    expected = spoken[1].start - LEAD[visemes_of(sound)[0]]
    assert any(g.start == pytest.approx(expected) for g in planned)


def test_mouth_rests_closed_in_silence():
    spoken = _said(("a", 0.2), ("t", 0.05))
    times = np.arange(0, 1.5, 0.01)
    opening = trajectory(spoken, times)[:, 0]
    assert opening[times < 0.3].max() < 1e-3
    assert opening[times > 1.05].max() < 1e-3
    assert opening.max() > 0.4


def test_trajectory_is_smooth_and_in_range():
    times = np.arange(0, 2, 0.002)
    shape = trajectory(speak("place blue by m five now").phonemes, times)
    assert np.abs(np.diff(shape, axis=0)).max() < 0.08
    for column, name in enumerate(CHANNELS):
        low = -1 if name == "width" else 0
        assert shape[:, column].min() >= low - 1e-9
        assert shape[:, column].max() <= 1 + 1e-9


def test_neighbours_shape_a_consonant():
    """The k of "key" is spread, that of "coo" is rounded."""
    key, coo = (_said(("k", 0.09), (vowel, 0.25)) for vowel in ("i:", "u:"))
    at = np.array([0.53])
    assert trajectory(key, at)[0, 1] > 0.2
    assert trajectory(coo, at)[0, 1] < -0.2
    assert trajectory(coo, at)[0, 2] > 0.4


def test_grid_names_and_words_agree():
    assert Sentence("bbaf2n").text == "bin blue at f two now"
    assert Sentence("swwzza").words == ("set", "white", "with", "z", "zero", "again")
    assert len({sentence(n).name for n in range(0, SENTENCES, 97)}) == len(range(0, SENTENCES, 97))


@pytest.mark.parametrize("name", ["", "bbaf2", "bbaw2n", "bbaf0n", "bbaf2nn", "BBAF2N"])
def test_what_is_no_sentence_is_refused(name):
    with pytest.raises(LipkitError, match=re.escape("is no GRID sentence")):
        Sentence(name)


def test_sentences_of_a_speaker_differ_and_some_are_shared():
    lists = [choose(speaker, 30, seed=4) for speaker in range(3)]
    assert all(len(set(said)) == 30 for said in lists)
    assert set(lists[0]) & set(lists[1])
    assert len(set(lists[0]) & set(lists[1])) < 10
    assert choose(1, 10, seed=4) == lists[1][:10]
    assert choose(1, 10, seed=5) != lists[1][:10]


OTHERS = {
    "de": ("Zwölf Boxkämpfer jagen Viktor", {"ts", "W"}),
    "fr": ("Un bon vin blanc, une peur bleue", {"y"}),
    "pl": ("Zażółć gęślą jaźń", {"Z;"}),
}


@pytest.mark.parametrize("language", list(OTHERS))
def test_other_languages_move_the_mouth(language):
    text, lacking = OTHERS[language]
    said = speak(text, Voice("x", language=language))
    symbols = {p.symbol for p in said.phonemes}
    assert lacking & symbols
    assert not [s for s in symbols if s.startswith("(")]
    shapes = {visemes_of(s)[0] for s in symbols}
    assert len(shapes) > 5
    times = np.arange(0, said.seconds, 0.04)
    assert np.ptp(trajectory(said.phonemes, times)[:, 0]) > 0.3


def test_phonemes_that_english_lacks_are_told_by_their_beginning():
    expected = {"y:": "close_round", "pF": "bilabial", "o:": "open_round", "n^": "alveolar"}
    assert {s: visemes_of(s)[0] for s in expected} == expected
    assert visemes_of("ɮ") == ("neutral",)


def test_a_language_that_espeak_lacks_is_named():
    with pytest.raises(LipkitError, match=r"no voice 'xx\+m1'; choose another language"):
        speak("hello", Voice("x", language="xx"))
