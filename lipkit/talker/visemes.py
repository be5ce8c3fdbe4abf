"""From phonemes to mouth shapes: the viseme table, the anticipation, the blending.

A viseme is what a phoneme looks like. Each has a target for every channel of the mouth and a
weight for every channel: how firmly it insists when neighbours want something else (the
coarticulation model of Cohen and Massaro, 1993: the shape at any time is the mean of all
targets under weights that rise before and fall after each phoneme). The lips lead the sound:
a viseme's weight is full :data:`LEAD` seconds before its phoneme sounds.

The phonemes are those of espeak-ng's English voices; those of other languages are guessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipkit.talker.speech import Phoneme

CHANNELS = ("opening", "width", "rounding", "upper_teeth", "tuck", "press", "tongue")
"""What the mouth can do, in the order of every array of shapes.

opening      0 teeth and lips together .. 1 jaw as low as it goes in speech
width        -1 narrowed .. 0 rest .. 1 corners drawn apart
rounding     0 .. 1 lips pushed forward and round
upper_teeth  0 .. 1 upper lip raised off the upper teeth
tuck         0 .. 1 lower lip drawn in under the upper teeth
press        0 .. 1 lips pressed together
tongue       0 low .. 1 blade at the upper teeth
"""


@dataclass(frozen=True)
class Viseme:
    """One mouth shape: target and weight of each channel, in the order of ``CHANNELS``."""

    name: str
    target: tuple[float, ...]
    weight: tuple[float, ...]
    """0 the neighbours decide .. 4 insists."""


#             opening width rounding upper_teeth tuck press tongue
_SHAPES = {
    "silence": ((0.00, 0.00, 0.00, 0.0, 0, 0.10, 0.2), (1.0, 0.6, 0.6, 0.6, 1, 0.6, 0.4)),
    "bilabial": ((0.00, 0.00, 0.00, 0.0, 0, 0.80, 0.3), (3.0, 0.3, 0.2, 1.0, 1, 4.0, 0.3)),
    "labiodental": ((0.14, 0.10, 0.00, 0.8, 1, 0.00, 0.2), (3.0, 0.5, 0.4, 2.0, 4, 2.0, 0.3)),
    "dental": ((0.24, 0.10, 0.00, 0.3, 0, 0.00, 1.0), (1.2, 0.5, 0.4, 0.6, 1, 1.0, 3.0)),
    "alveolar": ((0.20, 0.20, 0.00, 0.4, 0, 0.00, 0.8), (0.9, 0.4, 0.3, 0.5, 1, 1.0, 2.0)),
    "sibilant": ((0.12, 0.45, 0.00, 0.7, 0, 0.00, 0.5), (1.8, 0.9, 0.5, 1.2, 1, 1.0, 1.5)),
    "postalveolar": ((0.20, -0.35, 0.55, 0.6, 0, 0.00, 0.5), (1.4, 1.3, 1.6, 1.0, 1, 1.0, 1.2)),
    "velar": ((0.30, 0.05, 0.00, 0.2, 0, 0.00, 0.2), (0.5, 0.2, 0.2, 0.2, 1, 1.0, 0.6)),
    "spread": ((0.30, 0.85, 0.00, 0.6, 0, 0.00, 0.5), (1.0, 1.3, 1.0, 0.8, 1, 1.0, 0.6)),
    "mid": ((0.50, 0.25, 0.00, 0.3, 0, 0.00, 0.2), (1.0, 0.8, 0.8, 0.6, 1, 1.0, 0.6)),
    "neutral": ((0.34, 0.00, 0.05, 0.2, 0, 0.00, 0.2), (0.6, 0.4, 0.4, 0.4, 1, 1.0, 0.4)),
    "open": ((0.95, 0.10, 0.00, 0.3, 0, 0.00, 0.1), (1.4, 0.9, 0.9, 0.6, 1, 1.0, 0.6)),
    "open_round": ((0.62, -0.35, 0.55, 0.1, 0, 0.00, 0.1), (1.2, 1.2, 1.4, 0.6, 1, 1.0, 0.6)),
    "close_round": ((0.22, -0.75, 1.00, 0.0, 0, 0.00, 0.2), (1.3, 1.6, 2.2, 0.8, 1, 1.0, 0.5)),
}
VISEMES: dict[str, Viseme] = {name: Viseme(name, t, w) for name, (t, w) in _SHAPES.items()}
"""The fourteen mouth shapes."""

# Opening, width, rounding as one speaker's mouth really moves: measured per class on 449 clips
# of GRID's s1 and on drawn people alike, with the same detector, and brought near one another
# (notebooks/results/drawn_people). Vowels differ less from one another than in the table above.
_LIFE = {
    "labiodental": (0.18, 0.10, 0.00),
    "dental": (0.15, 0.05, 0.00),
    "alveolar": (0.26, 0.15, 0.00),
    "sibilant": (0.20, 0.35, 0.00),
    "postalveolar": (0.20, -0.20, 0.35),
    "velar": (0.48, 0.05, 0.00),
    "spread": (0.30, 0.60, 0.00),
    "mid": (0.62, 0.25, 0.00),
    "neutral": (0.32, 0.00, 0.05),
    "open": (0.66, 0.10, 0.00),
    "open_round": (0.44, -0.20, 0.32),
    "close_round": (0.24, -0.45, 0.60),
}
LIFE: dict[str, Viseme] = {
    name: replace(v, target=(*_LIFE.get(name, v.target[:3]), *v.target[3:]))
    for name, v in VISEMES.items()
}
"""The mouth shapes of anybody: those of :data:`VISEMES` with measured openings and widths."""

LEAD: dict[str, float] = {
    "silence": 0.00,
    "bilabial": 0.08,
    "labiodental": 0.06,
    "dental": 0.05,
    "alveolar": 0.04,
    "sibilant": 0.05,
    "postalveolar": 0.08,
    "velar": 0.03,
    "spread": 0.05,
    "mid": 0.04,
    "neutral": 0.03,
    "open": 0.04,
    "open_round": 0.07,
    "close_round": 0.10,
}
"""Seconds by which each viseme is reached before its phoneme sounds."""

_PHONEMES_OF = {
    "silence": "_",
    "bilabial": "p b m",
    "labiodental": "f v",
    "dental": "T D",
    "alveolar": "t d n l t# t2 t[ n- l#",
    "sibilant": "s z",
    "postalveolar": "S Z tS dZ r r-",
    "velar": "k g N h x ? ;",
    "spread": "i: i I I2 I# j",
    "mid": "E e@",
    "neutral": "@ @2 @5 @- 3 3: a# IR VR",
    "open": "a aa A: A@ V",
    "open_round": "0 O O: O2 O@ o@",
    "close_round": "u: u U w w#",
}
_GLIDES = {
    "aI": ("open", "spread"),
    "aI2": ("open", "spread"),
    "aI3": ("mid", "spread"),
    "aI@": ("open", "neutral"),
    "aU": ("open", "close_round"),
    "eI": ("mid", "spread"),
    "OI": ("open_round", "spread"),
    "oU": ("open_round", "close_round"),
    "i@": ("spread", "neutral"),
    "i@3": ("spread", "neutral"),
    "U@": ("close_round", "neutral"),
    "@L": ("neutral", "alveolar"),
}
PHONEMES: dict[str, tuple[str, ...]] = {
    **{p: (name,) for name, symbols in _PHONEMES_OF.items() for p in symbols.split()},
    **_GLIDES,
}
"""Phoneme -> its viseme, or two for a glide (diphthong or syllabic l)."""

# How phonemes of other languages begin, in espeak's spelling of the phonetic alphabet.
_BEGINNINGS = {
    letter: name
    for name, letters in {
        "bilabial": "pbmB",
        "labiodental": "fvP",
        "dental": "TD",
        "alveolar": "tdnlLrR*",
        "sibilant": "szc",
        "postalveolar": "SZ",
        "velar": "kgNxXGqhHQCJ?",
        "spread": "iIj",
        "mid": "eE",
        "neutral": "@384",
        "open": "aAV&",
        "open_round": "oO0",
        "close_round": "uUyYwW",
    }.items()
    for letter in letters
}


def visemes_of(symbol: str, strict: bool = False) -> tuple[str, ...]:
    """The viseme names of a phoneme.

    One that English lacks is told by its first letter, and neutral where that says nothing;
    ``strict`` raises a KeyError instead.
    """
    if strict or symbol in PHONEMES:
        return PHONEMES[symbol]
    return (_BEGINNINGS.get(symbol[:1], "neutral"),)


def lead(phoneme: Phoneme) -> float:
    """Seconds by which the lips are in place before ``phoneme`` sounds."""
    return LEAD[visemes_of(phoneme.symbol)[0]]


@dataclass(frozen=True)
class Gesture:
    """A viseme with the time during which it is fully wanted."""

    viseme: Viseme
    start: float
    end: float
    closure: bool = False
    """Whether the lips must touch throughout."""


RISE = 0.11
"""Seconds over which a gesture gains its full weight before its start."""
FALL = 0.12
"""Seconds over which it loses it after its end."""
_RELEASE = 0.07
"""Seconds in which lips part again after a closure."""
_SETTLE = 0.16
"""Seconds in which the mouth closes once the sound has ended."""


Rests = tuple[np.ndarray, np.ndarray]
"""The shape of the silent mouth before the speech, and in pauses and after it."""


def gestures(
    phonemes: Sequence[Phoneme],
    rests: Rests | None = None,
    shapes: Mapping[str, Viseme] = VISEMES,
) -> list[Gesture]:
    """The gestures of an utterance, each ``LEAD`` ahead of its sound, rest before and after."""
    if not phonemes:
        return []
    rest, pause = (_resting(shape) for shape in rests or (None, None))
    far = 1e6
    begin = phonemes[0].start - lead(phonemes[0]) - RISE
    result = [Gesture(rest, -far, begin)]
    for p in phonemes:
        names = visemes_of(p.symbol)
        shift = LEAD[names[0]]
        edges = np.linspace(p.start, p.end, len(names) + 1)
        for i, name in enumerate(names):
            start, end = edges[i] - shift, max(edges[i + 1] - shift, edges[i] - shift + 0.02)
            viseme = shapes[name]
            if name == "silence":
                start = min(p.start + _SETTLE, p.end)
                end = p.end
                viseme = rest if p is phonemes[0] else pause
            closure = name == "bilabial"
            if closure:
                end = max(p.start + 0.6 * (p.end - p.start), p.start + 0.02)
            result.append(Gesture(viseme, float(start), float(end), closure))
    settled = phonemes[-1].end + (0.0 if phonemes[-1].symbol == "_" else _SETTLE)
    return [*result, Gesture(pause, settled, far)]


def _resting(shape: np.ndarray | None) -> Viseme:
    silence = VISEMES["silence"]
    return silence if shape is None else replace(silence, target=tuple(np.asarray(shape).tolist()))


def trajectory(
    phonemes: Sequence[Phoneme],
    times: np.ndarray,
    rests: Rests | None = None,
    shapes: Mapping[str, Viseme] = VISEMES,
) -> np.ndarray:
    """The mouth's shape at ``times`` (s) -> f64 [len(times), len(CHANNELS)].

    Before the first phoneme and after the last the mouth rests as ``rests`` says, by default
    closed. During a closure the opening is exactly 0.
    """
    times = np.asarray(times, np.float64)
    planned = gestures(phonemes, rests, shapes)
    silence = VISEMES["silence"]
    numerator = np.zeros((len(times), len(CHANNELS)))
    denominator = np.zeros_like(numerator)
    # A little of the rest shape is always present, so that the mean is defined everywhere.
    planned_with_rest = [(silence, np.full(len(times), 1e-3))]
    planned_with_rest += [(g.viseme, _window(times, g.start, g.end)) for g in planned]
    for viseme, presence in planned_with_rest:
        weight = presence[:, None] * np.array(viseme.weight)
        numerator += weight * np.array(viseme.target)
        denominator += weight
    shape = numerator / denominator
    for g in planned:
        if g.closure:
            closed = _window(times, g.start, g.end, rise=0.07, fall=_RELEASE)
            shape[:, 0] *= 1 - closed
            shape[:, 3] *= 1 - closed
    return shape


def _window(
    times: np.ndarray, start: float, end: float, rise: float = RISE, fall: float = FALL
) -> np.ndarray:
    """1 between start and end, minimum-jerk flanks outside."""
    return minimum_jerk((times - start) / rise + 1) * minimum_jerk((end - times) / fall + 1)


def minimum_jerk(x: np.ndarray) -> np.ndarray:
    """The smoothest step from 0 (x <= 0) to 1 (x >= 1) (Flash and Hogan, 1985)."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)
