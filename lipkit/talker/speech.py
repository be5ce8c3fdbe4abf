"""Speech with the time of every phoneme, from espeak-ng.

espeak-ng (licence GPL-3) is used at run time only, through the library and data that the
``espeakng-loader`` wheel carries; nothing of it is part of this package. Its state is
global, so one lock guards it, and its oscillators keep their phase from one sentence to the
next, so a sentence would sound a little different each time: the library is therefore loaded
afresh for every sentence (about 5 ms), which makes :func:`speak` a pure function.
"""

import _ctypes
import ctypes
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import resample_poly

from lipkit.config import SAMPLE_RATE
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError

SILENCE = "_"
"""Symbol of a pause; espeak's ``_:``, ``_!`` and ``_|`` are pauses too."""


@dataclass(frozen=True)
class Voice:
    """One way of speaking: espeak voice and variant, pitch, its range, speed.

    >>> hurried, slow = Voice("hurried", speed=220), Voice("slow", speed=90)
    >>> speak("hello", hurried).seconds < speak("hello", slow).seconds
    True
    """

    name: str
    language: str = "gmw/en"
    variant: str = "m1"
    pitch: int = 50
    """0-99; 50 is the variant's own."""
    range: int = 50
    """0-99; liveliness of the melody."""
    speed: int = 140
    """Words per minute."""


VOICES = (
    Voice("anna", variant="f2", pitch=52, speed=138),
    Voice("ben", variant="m3", pitch=46, speed=132),
    Voice("chloe", variant="f1", pitch=58, speed=146),
    Voice("david", variant="m1", pitch=50, speed=140),
    Voice("emma", variant="f4", pitch=50, speed=130),
    Voice("frank", variant="m2", pitch=40, speed=126),
    Voice("grace", variant="f3", pitch=56, speed=150),
    Voice("henry", variant="m4", pitch=52, range=62, speed=144),
    Voice("iris", variant="f5", pitch=45, speed=136),
    Voice("jack", variant="m7", pitch=48, speed=152),
    Voice("kate", language="gmw/en-GB-x-rp", variant="f2", pitch=64, range=60, speed=142),
    Voice("liam", language="gmw/en-GB-x-rp", variant="m1", pitch=36, speed=134),
    Voice("mona", variant="Annie", pitch=50, speed=140),
    Voice("noah", language="gmw/en-GB-scotland", variant="m3", pitch=56, speed=138),
    Voice("olga", language="gmw/en-GB-x-rp", variant="f1", pitch=44, range=40, speed=128),
    Voice("paul", variant="m8", pitch=54, speed=148),
)
"""English voices, female and male in turn."""


@dataclass(frozen=True)
class Phoneme:
    """One phoneme (espeak's symbol without its stress mark), seconds from the first sample."""

    symbol: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    """What :func:`speak` returns."""

    samples: np.ndarray
    """f32 [N], mono, 44.1 kHz, in [-1, 1]."""
    phonemes: tuple[Phoneme, ...]
    """Without gaps from the first sound to the end of the samples; pauses are ``_``."""
    words: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.samples) / SAMPLE_RATE


def speak(text: str, voice: Voice | str = VOICES[0]) -> Speech:
    """Say ``text`` in English; the same text and voice always give the same samples.

    Raises
    ------
    LipkitError
        For an unknown voice, text without a word, or when espeak-ng cannot be loaded.

    >>> speech = speak("hello")
    >>> [phoneme.symbol for phoneme in speech.phonemes if phoneme.symbol != "_"][0]
    'h'
    """
    voice = find_voice(voice)
    if not any(c.isalnum() for c in text):
        raise LipkitError(f"text {text!r} holds nothing to say; give at least one word")
    rate, pcm, events = _synthesize(text, voice)
    samples = resample_poly(pcm.astype(np.float64) / 32768, SAMPLE_RATE, rate)
    samples = np.clip(samples, -1, 1).astype(np.float32)
    samples.setflags(write=False)
    seconds = len(pcm) / rate
    phonemes = _phonemes(events, seconds)
    if all(phoneme.symbol == SILENCE for phoneme in phonemes):
        raise LipkitError(f"text {text!r} holds nothing that espeak-ng can say; write it in words")
    return Speech(samples, phonemes, _words(text, events, seconds))


def find_voice(voice: Voice | str) -> Voice:
    """The voice of that name; a :class:`Voice` passes through."""
    if isinstance(voice, Voice):
        return voice
    for known in VOICES:
        if known.name == voice:
            return known
    raise LipkitError(f"voice {voice!r} is unknown; known: {', '.join(v.name for v in VOICES)}")


# The rest speaks espeak-ng's C interface (speak_lib.h).

_RETRIEVAL = 2
_PHONEME_EVENTS, _DONT_EXIT = 0x0001, 0x8000
_RATE, _PITCH, _RANGE, _WORD_GAP = 1, 3, 4, 7
_POSITION_CHARACTER, _UTF8 = 1, 1
_LIST_END, _WORD, _PHONEME = 0, 1, 7
_SEED = 1


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_lock = threading.Lock()


@dataclass(frozen=True)
class _Mark:
    """One event: kind, position in the text (from 0) or symbol, seconds."""

    kind: int
    seconds: float
    position: int
    length: int
    symbol: str


@lru_cache(maxsize=256)
def _synthesize(text: str, voice: Voice) -> tuple[int, np.ndarray, tuple[_Mark, ...]]:
    pieces: list[np.ndarray] = []
    marks: list[_Mark] = []

    def collect(samples, count, events):
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type != _LIST_END:
            e = events[i]
            symbol = e.name.decode("utf-8", "replace") if e.type == _PHONEME else ""
            if e.type in (_WORD, _PHONEME):
                at = e.audio_position / 1000
                marks.append(_Mark(e.type, at, e.text_position - 1, e.length, symbol))
            i += 1
        return 0

    callback = _Callback(collect)
    with _lock:
        library = _load()
        try:
            rate = _start(library, voice)
            library.espeak_SetSynthCallback(callback)
            data = text.encode()
            failed = library.espeak_Synth(
                data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None
            )
            if failed:
                raise LipkitError(f"espeak-ng could not say {text!r} (code {failed})")
        finally:
            library.espeak_Terminate()
            _unload(library)
    if not pieces:
        raise LipkitError(f"espeak-ng made no sound of {text!r}; give it English words")
    return rate, np.concatenate(pieces), tuple(marks)


def _load() -> ctypes.CDLL:
    try:
        import espeakng_loader

        return ctypes.CDLL(str(espeakng_loader.get_library_path()))
    except (ImportError, OSError) as error:
        remedy = "install it with: pip install espeakng-loader"
        raise LipkitError(f"espeak-ng cannot be loaded ({error}); {remedy}") from error


def _unload(library: ctypes.CDLL) -> None:
    free = _ctypes.FreeLibrary if sys.platform == "win32" else _ctypes.dlclose
    free(library._handle)


def _start(library: ctypes.CDLL, voice: Voice) -> int:
    """Initialise; return the sampling rate."""
    import espeakng_loader

    data = str(espeakng_loader.get_data_path()).encode()
    rate = library.espeak_Initialize(_RETRIEVAL, 0, data, _PHONEME_EVENTS | _DONT_EXIT)
    if rate <= 0:
        raise LipkitError(
            f"{data.decode()}: espeak-ng cannot read its data; reinstall espeakng-loader"
        )
    # Breath and whisper draw random numbers.
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    name = f"{voice.language}+{voice.variant}"
    if library.espeak_SetVoiceByName(name.encode()) != 0:
        raise LipkitError(
            f"espeak-ng has no voice {name!r}; choose another language (such as de) or variant"
        )
    for parameter, value in ((_RATE, voice.speed), (_PITCH, voice.pitch), (_RANGE, voice.range)):
        library.espeak_SetParameter(parameter, value, 0)
    return rate


def _phonemes(marks: tuple[_Mark, ...], seconds: float) -> tuple[Phoneme, ...]:
    # "(fr)" says that another language's voice goes on, and is not a sound.
    spoken = [m for m in marks if m.kind == _PHONEME and not m.symbol.startswith("(")]
    found = [(bare(m.symbol), m.seconds) for m in spoken]
    ends = [at for _, at in found[1:]] + [seconds]
    return tuple(
        Phoneme(symbol, start, end)
        for (symbol, start), end in zip(found, ends, strict=True)
        if end > start
    )


def bare(symbol: str) -> str:
    """A phoneme symbol without stress marks; every pause becomes ``_``."""
    symbol = symbol.strip("',%=")
    return SILENCE if symbol.startswith(SILENCE) or not symbol else symbol


def _words(text: str, marks: tuple[_Mark, ...], seconds: float) -> tuple[Word, ...]:
    """Words as written, from first to last phoneme.

    A word event comes up to 30 ms before the word's first phoneme (in the pause between),
    so a word starts at the first phoneme that is not before its event.
    """
    events = [m for m in marks if m.kind == _WORD]
    sounds = _phonemes(marks, seconds)
    words = []
    for i, event in enumerate(events):
        until = events[i + 1].seconds if i + 1 < len(events) else seconds
        own = [p for p in sounds if event.seconds <= p.start < until and p.symbol != SILENCE]
        if own:
            spelling = text[event.position : event.position + event.length]
            words.append(Word(spelling, own[0].start, own[-1].end))
    return tuple(words)
