"""Anybody: people drawn from wider ranges than the cast, voices and ways of behaving with them.

The people of :mod:`lipkit.talker.people` sit in one studio, as GRID's do. These here come from
everywhere: any skin between the named tones, thin and full lips, other lamps and cameras, heads
that are turned and that move, and faces that rest in different expressions.
"""

from dataclasses import dataclass, replace

import numpy as np

from lipkit.talker.accessories import GLASSES
from lipkit.talker.people import HAIR_STYLES, SKINS, Person, person
from lipkit.talker.speech import Voice

FIRST = 1000
"""Index of the first of these people: beyond the cast, and beyond any corpus of it."""

#                  opening width rounding upper_teeth tuck press tongue
_EXPRESSIONS = {
    "neutral": (0.00, 0.00, 0.00, 0.0, 0, 0.10, 0.2),
    "pressed": (0.00, 0.05, 0.00, 0.0, 0, 0.60, 0.2),
    "lips apart": (0.12, 0.00, 0.05, 0.2, 0, 0.00, 0.3),
    "slight smile": (0.00, 1.10, 0.00, 0.0, 0, 0.20, 0.3),
    "smile with teeth": (0.16, 1.90, 0.00, 0.9, 0, 0.00, 0.5),
    "wide smile with teeth": (0.26, 2.60, 0.00, 1.3, 0, 0.00, 0.5),
}
EXPRESSIONS = {name: np.array(shape) for name, shape in _EXPRESSIONS.items()}
"""What a face does while it says nothing, in the order of ``visemes.CHANNELS``."""
_OFTEN = (0.36, 0.06, 0.20, 0.14, 0.14, 0.10)


@dataclass(frozen=True)
class Manner:
    """How somebody behaves in one clip."""

    rests: tuple[str, str]
    """Expression before the speech, and in pauses and after it."""
    carry: float
    """How much of the second expression stays in the mouth's width while speaking, 0-1."""
    reach: float
    """How far the mouth opens, 1 = as the viseme table says."""
    motion: float
    """How much the head moves, 1 = as in the studio."""

    @property
    def shapes(self) -> tuple[np.ndarray, np.ndarray]:
        """The two expressions as shapes."""
        return EXPRESSIONS[self.rests[0]], EXPRESSIONS[self.rests[1]]


STUDIO = Manner(("neutral", "neutral"), 0.0, 1.0, 1.0)
"""As the cast behaves."""


def anybody(index: int, seed: int = 0) -> Person:
    """The person of that number, from 0; the same for the same ``(index, seed)``."""
    who = person(FIRST + index, seed)
    rng = np.random.default_rng([seed, index, 31])

    def normal(mean: float, spread: float) -> float:
        return float(mean + spread * np.clip(rng.standard_normal(), -2.2, 2.2))

    skin = _skin(rng)
    dark = skin[0] < 160
    hair = np.array(who.hair)
    if dark and hair.max() > 90 and who.age < 50:
        hair = hair * 0.4
    age = float(rng.uniform(18, 85))
    if age > 55 and rng.random() < 0.7:
        hair = np.full(3, rng.uniform(120, 200)) * rng.normal(1, 0.02, 3)
    painted = who.woman and rng.random() < 0.4
    full = float(np.exp(normal(0.1 if dark else -0.05, 0.2)))
    return replace(
        who,
        age=age,
        skin=skin,
        hair=tuple(hair.tolist()),
        hair_style=_style(who, age, rng),
        glasses=str(rng.choice(GLASSES, p=(0.7, 0.1, 0.1, 0.07, 0.03))),
        frame_colour=tuple((rng.uniform(15, 150) * rng.uniform(0.5, 1.2, 3)).tolist()),
        make_up=float(rng.uniform(0.3, 1.0)) if painted else 0.0,
        lipstick=float(rng.uniform(0.2, 1.0)) if who.woman and rng.random() < 0.45 else 0.0,
        iris=(72.0, 44.0, 26.0) if dark else who.iris,
        mouth_width=float(np.clip(normal(43.0, 3.2), 36, 50)),
        upper_lip=float(np.clip(4.6 * full * np.exp(normal(0, 0.18)), 2.4, 8.6)),
        lower_lip=float(np.clip(6.8 * full * np.exp(normal(0, 0.14)), 3.8, 10.5)),
        corner_drop=normal(-0.2, 1.0),
        lip_red=float(rng.uniform(0.15, 0.95)) * (0.6 if dark else 1),
        teeth=float(rng.uniform(0.0, 1.0)),
        chin=normal(1.0, 0.14),
        face_length=normal(1.0, 0.028),
        jaw_width=normal(1.0, 0.05),
        nose_width=who.nose_width * float(np.exp(normal(0, 0.07))),
        mobility=float(np.exp(normal(0.05, 0.2))),
        light=float(rng.uniform(-60, 60)),
        light_height=float(rng.uniform(5, 55)),
        hardness=float(rng.uniform(0.05, 0.95)),
        warmth=normal(0.1, 0.8),
        yaw=normal(0, 7),
        pitch=normal(0, 3.5),
        roll=normal(0, 3.0),
        scale=normal(0.97, 0.06),
        blur=float(rng.uniform(0.3, 1.2)),
        noise=float(rng.uniform(0.4, 3.0)),
    )


def _style(who: Person, age: float, rng: np.random.Generator) -> str:
    """Bald heads are for men, and rare among the young."""
    styles = HAIR_STYLES[4:] if who.woman else (*HAIR_STYLES[:3], "curly")
    if not who.woman and rng.random() < 0.05 + 0.25 * (age > 45):
        return "bald"
    return str(rng.choice(styles))


def _skin(rng: np.random.Generator) -> tuple[float, float, float]:
    """Any tone between two neighbours of the named ones, a little redder or yellower."""
    tones = np.array(list(SKINS.values()), float)
    at = rng.uniform(0, len(tones) - 1)
    low = int(at)
    colour = tones[low] + (at - low) * (tones[min(low + 1, len(tones) - 1)] - tones[low])
    tint = rng.normal(0, 0.025, 3) + rng.normal(0, 0.03)
    return tuple(np.clip(colour * (1 + tint), 30, 245).tolist())


def manner(rng: np.random.Generator) -> Manner:
    """How somebody behaves in one clip, by lot."""
    names = list(EXPRESSIONS)
    before = str(rng.choice(names, p=_OFTEN))
    after = before if rng.random() < 0.6 else str(rng.choice(names, p=_OFTEN))
    return Manner(
        (before, after),
        carry=float(rng.uniform(0, 0.6)),
        reach=float(np.exp(rng.normal(0, 0.12))),
        motion=float(np.exp(rng.normal(0.4, 0.4))),
    )


_LANGUAGES = (
    "gmw/en", "gmw/en", "gmw/en-GB-x-rp", "gmw/en-US", "gmw/en-US", "gmw/en-GB-scotland",
    "gmw/en-US-nyc", "gmw/en-029", "gmw/en-GB-x-gbclan",
)  # fmt: skip
_WOMEN = "f1 f2 f3 f4 Alicia Annie anika aunty belinda shelby steph2 steph3"
_MEN = (
    "m1 m2 m3 m4 m5 m7 m8 Alex Andy Denis Diogo Gene2 Hugo Lee Marco Mario Michael Mike adam "
    "antonio benjamin boris david ed edward grandpa ian john marcelo michel miguel norbert "
    "pablo paul quincy robert sandro travis victor"
)
_HELD_LANGUAGES = ("gmw/en", "gmw/en-GB-x-gbcwmd", "gmw/en-GB-x-rp", "gmw/en-US")
_HELD_WOMEN = "f5 Andrea steph linda grandma"
_HELD_MEN = "m6 max rob Reed pedro gustave"


def voice(rng: np.random.Generator, woman: bool, held: bool = False) -> Voice:
    """An espeak voice by lot: accent, throat, pitch, liveliness and speed.

    ``held`` draws from the throats that no other corpus uses.
    """
    women, men = (_HELD_WOMEN, _HELD_MEN) if held else (_WOMEN, _MEN)
    variant = str(rng.choice((women if woman else men).split()))
    return Voice(
        f"{variant}",
        language=str(rng.choice(_HELD_LANGUAGES if held else _LANGUAGES)),
        variant=variant,
        pitch=int(np.clip(rng.normal(50, 13), 15, 88)),
        range=int(np.clip(rng.normal(52, 16), 15, 95)),
        speed=int(np.clip(rng.normal(150, 20), 105, 205)),
    )
