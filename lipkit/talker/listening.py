"""The phonemes of recorded English speech, with their times.

Known words are aligned to the sound (forced alignment: the one sequence of phonemes is
known, when each begins is sought). Where the words are unknown they are recognised first and
then aligned; a wrongly heard word mostly sounds like the right one, so that its phonemes still
fit. Where nothing can be recognised, a loop over all phonemes is the last resort.

The acoustic model, the dictionary and the language model are those of CMU Sphinx (licence BSD)
that the ``pocketsphinx`` wheel brings along. Words that its dictionary lacks are pronounced by
espeak-ng.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.config import SAMPLE_RATE
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.media.sound import SILENT_DB
from lipkit.talker.speech import SILENCE, VOICES, Phoneme, speak

RATE = 16_000
"""Samples per second that the acoustic model hears."""
FRAME = 0.01
"""Seconds of one of its frames: no time is finer than that."""
VERSION = 3
"""Raised when the same sound gets other times; kept alignments are then made anew."""
_MARGIN = 0.25
"""Seconds of near silence that are laid around the sound: an alignment must end in silence."""
_SCHWA = 0.075
"""Seconds; CMU's ``AH`` is both the schwa and the vowel of "cut": a shorter one is a schwa."""


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


ESPEAK_OF = _pairs(
    "AA=A: AE=a AH=V AO=O: AW=aU AY=aI B=b CH=tS D=d DH=D EH=E ER=3: EY=eI F=f G=g HH=h IH=I "
    "IY=i: JH=dZ K=k L=l M=m N=n NG=N OW=oU OY=OI P=p R=r S=s SH=S T=t TH=T UH=U UW=u: V=v W=w "
    "Y=j Z=z ZH=Z"
)
"""CMU's 39 phonemes in espeak's symbols, which the viseme table knows."""
_CMU_OF = {espeak: cmu for cmu, espeak in ESPEAK_OF.items()} | _pairs(
    "@=AH @2=AH @5=AH @-=AH a#=AH 3=ER IR=ER VR=ER I2=IH I#=IH i=IY e@=EH aa=AE A@=AA 0=AA O=AO "
    "O2=AO O@=AO o@=AO u=UW w#=W r-=R n-=N t#=T t2=T t[=T l#=L ?=T x=K"
)
_SEVERAL = {
    "aI2": "AY", "aI3": "AY", "aI@": "AY ER", "i@": "IY AH", "i@3": "IY ER", "U@": "UH ER",
    "@L": "AH L",
}  # fmt: skip


class Unfit(LipkitError):
    """Known words that cannot be aligned to the sound."""


class Unread(LipkitError):
    """A recording that cannot be read."""


@dataclass(frozen=True)
class Heard:
    """What was heard in a recording; seconds from its first sample."""

    phonemes: tuple[Phoneme, ...]
    """In espeak's symbols, without gaps from 0 to the end; pauses are ``_``."""
    words: tuple[Word, ...]
    how: str
    """``aligned`` (words known), ``recognised`` (words guessed) or ``loop`` (phonemes guessed)."""


def hear(samples: np.ndarray, words: str = "") -> Heard:
    """Find the phonemes of a recording of English.

    Parameters
    ----------
    samples
        f32 [N], mono, 44.1 kHz, in [-1, 1].
    words
        What is said; empty: unknown.

    Raises
    ------
    Unfit
        When known words cannot be aligned to the sound.
    LipkitError
        When ``pocketsphinx`` is not installed.
    """
    return _hear(_pcm(samples), words.lower().split())


def hear_file(path: Path, words: str = "", keep: str | os.PathLike | None = None) -> Heard:
    """:func:`hear` of a sound file, kept in the folder ``keep`` for the next time.

    Raises
    ------
    Unread
        When the file cannot be read, or is silent.
    Unfit, LipkitError
        As :func:`hear`.
    """
    if keep is None:
        return hear(_sound(path), words)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unread(f"{path}: cannot be read: {error.strerror}") from error
    kept = Path(keep) / f"{_key(content, words)}.json"
    found = _read(kept)
    if isinstance(found, Unfit):
        raise found
    if found is not None:
        return found
    try:
        found = hear(_sound(path), words)
    except Unfit as error:
        _write(kept, {"unfit": str(error)})
        raise
    _write(kept, _plain(found))
    return found


def _sound(path: Path) -> np.ndarray:
    from lipkit.media import read_audio

    try:
        samples = read_audio(path)
    except LipkitError as error:
        raise Unread(str(error)) from error
    # Or words would be heard in the noise of the margin.
    if np.abs(samples).max(initial=0) < 10 ** (SILENT_DB / 20):
        raise Unread(f"{path}: is silent (never above {SILENT_DB:g} dB); leave it out")
    return samples


def hear_phonemes(samples: np.ndarray) -> Heard:
    """The phoneme loop alone: which phonemes were said, without any word in mind."""
    pcm = _pcm(samples)
    return _heard(_loop(_within_silence(pcm)), (), len(pcm) / 2 / RATE, "loop")


def _within_silence(pcm: bytes) -> bytes:
    margin = np.random.default_rng(0).normal(0, 8, round(_MARGIN * RATE)).astype("<i2").tobytes()
    return margin + pcm + margin


def _hear(pcm: bytes, words: list[str]) -> Heard:
    seconds = len(pcm) / 2 / RATE
    pcm = _within_silence(pcm)
    if words:
        aligned = _align(pcm, words)
        if aligned is None:
            raise Unfit(f"{' '.join(words)!r} cannot be aligned to the sound; mend the words")
        return _heard(*aligned, seconds, "aligned")
    guessed = _recognise(pcm)
    aligned = _align(pcm, guessed) if guessed else None
    if aligned:
        return _heard(*aligned, seconds, "recognised")
    return _heard(_loop(pcm), (), seconds, "loop")


Timed = tuple[tuple[str, float, float], ...]


def _align(pcm: bytes, words: list[str]) -> tuple[Timed, tuple[Word, ...]] | None:
    """Phonemes (CMU's symbols) and words with their times, or None where they do not fit."""
    decoder = _aligner()
    for word in words:
        if decoder.lookup_word(word) is None:
            decoder.add_word(word, pronunciation(word), True)
    try:
        decoder.set_align_text(" ".join(words))
        _listen(decoder, pcm)
        decoder.set_alignment()
        _listen(decoder, pcm)
        found = decoder.get_alignment()
    except RuntimeError:
        return None
    if found is None:
        return None
    phones, spoken = [], []
    for word in found:
        for phone in word:
            phones.append((phone.name, phone.start * FRAME, (phone.start + phone.duration) * FRAME))
        name = word.name.split("(")[0]
        if name in words:
            spoken.append(Word(name, word.start * FRAME, (word.start + word.duration) * FRAME))
    return (tuple(phones), tuple(spoken)) if spoken else None


def _recognise(pcm: bytes) -> list[str]:
    decoder = _recogniser()
    _listen(decoder, pcm)
    found = decoder.hyp()
    return found.hypstr.split() if found else []


def _loop(pcm: bytes) -> Timed:
    decoder = _phoneme_loop()
    _listen(decoder, pcm)
    return tuple((s.word, s.start_frame * FRAME, (s.end_frame + 1) * FRAME) for s in decoder.seg())


def _listen(decoder: Any, pcm: bytes) -> None:
    # Otherwise what was heard before decides, now and then, whether words can be aligned.
    decoder.reinit_feat()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def _heard(phones: Timed, words: tuple[Word, ...], seconds: float, how: str) -> Heard:
    """Without gaps: each phoneme lasts until the next begins, neighbouring pauses are one."""

    def moved(time: float) -> float:
        return min(max(time - _MARGIN, 0.0), seconds)

    words = tuple(Word(w.text, moved(w.start), moved(w.end)) for w in words)
    starts: list[tuple[str, float]] = [(SILENCE, 0.0)]
    for name, start, end in phones:
        symbol = ESPEAK_OF.get(name, SILENCE)
        if symbol == "V" and end - start < _SCHWA:
            symbol = "@"
        if symbol == SILENCE == starts[-1][0]:
            continue
        starts.append((symbol, moved(start)))
    ends = [start for _, start in starts[1:]] + [seconds]
    phonemes = tuple(
        Phoneme(symbol, start, end)
        for (symbol, start), end in zip(starts, ends, strict=True)
        if end > start
    )
    return Heard(phonemes, words, how)


@cache
def pronunciation(word: str) -> str:
    """A word in CMU's phonemes as espeak-ng says it, for words that the dictionary lacks."""
    phones = []
    for phoneme in speak(word.replace("'", ""), VOICES[0]).phonemes:
        if phoneme.symbol in _SEVERAL:
            phones += _SEVERAL[phoneme.symbol].split()
        elif phoneme.symbol in _CMU_OF:
            phones.append(_CMU_OF[phoneme.symbol])
    return " ".join(phones) or "AH"


def _sphinx() -> Any:
    try:
        import pocketsphinx
    except ImportError as error:
        raise LipkitError(
            "human voices need pocketsphinx, which finds out when each sound is said; "
            "install it with: pip install 'lipkit[speech]'"
        ) from error
    return pocketsphinx


@cache
def _aligner() -> Any:
    return _sphinx().Decoder(lm=None, loglevel="FATAL")


@cache
def _recogniser() -> Any:
    return _sphinx().Decoder(loglevel="FATAL")


@cache
def _phoneme_loop() -> Any:
    sphinx = _sphinx()
    model = sphinx.get_model_path("en-us/en-us-phone.lm.bin")
    return sphinx.Decoder(allphone=model, lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL")


def _pcm(samples: np.ndarray) -> bytes:
    import soxr

    heard = soxr.resample(np.asarray(samples, np.float32), SAMPLE_RATE, RATE)
    peak = max(float(np.abs(heard).max(initial=0)), 1e-6)
    return (heard * (0.7 / peak) * 32767).astype("<i2").tobytes()


def _key(content: bytes, words: str) -> str:
    return hashlib.sha256(f"{VERSION} {words} ".encode() + content).hexdigest()[:24]


def _write(path: Path, what: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(what), encoding="utf-8")


def _plain(heard: Heard) -> dict[str, Any]:
    return {
        "how": heard.how,
        "phonemes": [[p.symbol, p.start, p.end] for p in heard.phonemes],
        "words": [[w.text, w.start, w.end] for w in heard.words],
    }


def _read(path: Path) -> Heard | Unfit | None:
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        if "unfit" in text:
            return Unfit(text["unfit"])
        return Heard(
            tuple(Phoneme(*row) for row in text["phonemes"]),
            tuple(Word(*row) for row in text["words"]),
            text["how"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
