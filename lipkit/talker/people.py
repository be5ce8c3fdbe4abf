"""Who speaks: everything that makes one drawn person differ from another.

The first :data:`KNOWN_PEOPLE` are cast by hand so that they are clearly different; later ones
are drawn by lot from the same ranges. Lengths are pixels of a 360x288 frame.
"""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Red, green, blue, 0-255, as a camera sees it under white light."""

KNOWN_PEOPLE = 24

SKINS: dict[str, Colour] = {
    "porcelain": (222, 190, 170),
    "fair": (218, 180, 152),
    "rosy": (214, 168, 144),
    "beige": (214, 170, 140),
    "olive": (198, 154, 116),
    "honey": (196, 146, 106),
    "tan": (180, 130, 94),
    "brown": (150, 103, 74),
    "umber": (124, 86, 62),
    "deep": (100, 72, 54),
}
HAIRS: dict[str, Colour] = {
    "black": (30, 26, 26),
    "espresso": (48, 34, 27),
    "brown": (78, 54, 38),
    "chestnut": (98, 58, 36),
    "auburn": (112, 62, 40),
    "copper": (146, 84, 48),
    "sand": (150, 116, 76),
    "blond": (174, 144, 102),
    "grey": (140, 136, 132),
    "white": (190, 186, 180),
}
EYES: dict[str, Colour] = {
    "brown": (72, 44, 26),
    "dark": (44, 28, 20),
    "hazel": (106, 82, 46),
    "green": (90, 100, 74),
    "blue": (88, 108, 126),
    "grey": (112, 122, 128),
}
BACKDROPS: dict[str, Colour] = {
    "blue": (58, 150, 196),
    "teal": (70, 140, 140),
    "grey": (150, 152, 154),
    "stone": (168, 160, 148),
    "sage": (136, 152, 128),
    "slate": (92, 104, 120),
    "cream": (204, 194, 172),
    "plum": (112, 92, 112),
}
HAIR_STYLES = ("crop", "side", "buzz", "bald", "long", "bob", "curly", "bun", "fringe", "wavy")
BEARDS = ("none", "stubble", "moustache", "goatee", "full")


@dataclass(frozen=True)
class Person:
    """One person. Lengths in pixels of the frame, angles in degrees, the rest as noted."""

    index: int
    seed: int
    woman: bool
    age: float
    """Years; lines, grey and sagging follow."""
    skin: Colour
    hair: Colour
    iris: Colour
    hair_style: str
    beard: str
    face_width: float
    """Relative, 1 = average; likewise the next five."""
    jaw_width: float
    face_length: float
    chin: float
    nose_width: float
    nose_length: float
    eye_size: float
    eye_gap: float
    brow_weight: float
    brow_lift: float
    """Pixels up."""
    cheek: float
    mouth_width: float
    """Corner to corner at rest, 38-48."""
    upper_lip: float
    """Thickness of the red of the upper lip in its middle."""
    lower_lip: float
    cupid: float
    """Depth of the cupid's bow, 0-1."""
    corner_drop: float
    """How far the corners lie below the middle of the seam; negative: above."""
    lip_red: float
    """0 the skin's own colour .. 1 strongly red."""
    lipstick: float
    """0-1."""
    lip_gloss: float
    freckles: float
    moles: int
    teeth: float
    """0 yellowish .. 1 white."""
    mobility: float
    """How much this person moves the mouth; 1 = average."""
    light: float
    """Degrees from which the main light comes: negative from the left of the picture."""
    light_height: float
    hardness: float
    """0 diffuse .. 1 hard light."""
    warmth: float
    """-1 cold .. 1 warm light."""
    yaw: float
    pitch: float
    roll: float
    scale: float
    shift: tuple[float, float]
    backdrop: Colour
    clothes: Colour
    collar: str
    blur: float
    """Standard deviation of the camera's blur, pixels."""
    noise: float
    """Standard deviation of its noise, grey levels."""
    voice: int
    """Index into ``speech.VOICES``."""
    glasses: str = "none"
    """One of ``accessories.GLASSES``."""
    frame_colour: Colour = (30.0, 28.0, 28.0)
    """Of the glasses."""
    make_up: float = 0.0
    """Eye shadow and rouge, 0-1."""


# Sex, age, skin, hair, eyes, style, beard, backdrop: one line a person.
_CAST = """
f 27 fair      chestnut long    none      blue   blue
m 34 beige     brown    crop    stubble   brown  blue
f 42 umber     black    curly   none      dark   teal
m 29 deep      black    buzz    goatee    dark   grey
f 58 rosy      grey     bob     none      grey   stone
m 47 olive     espresso side    full      hazel  blue
f 23 honey     black    fringe  none      brown  sage
m 63 fair      white    bald    none      blue   slate
f 36 porcelain copper   wavy    none      green  blue
m 25 tan       black    crop    none      dark   cream
f 31 brown     espresso bun     none      brown  blue
m 39 rosy      sand     side    full      blue   grey
f 49 beige     blond    bob     none      hazel  plum
m 52 brown     grey     buzz    moustache brown  blue
f 21 olive     espresso long    none      green  cream
m 22 porcelain copper   crop    none      green  teal
f 67 fair      white    curly   none      blue   blue
m 44 honey     black    side    moustache dark   sage
f 33 deep      black    bun     none      dark   stone
m 36 umber     black    bald    full      dark   blue
f 28 tan       brown    wavy    none      hazel  slate
m 57 beige     grey     side    stubble   grey   cream
f 39 rosy      auburn   fringe  none      grey   grey
m 31 fair      blond    crop    goatee    blue   blue
"""


def person(index: int, seed: int = 0) -> Person:
    """The person of that number (from 0); the same for the same ``(index, seed)``.

    Skin, hair and beard of the first 24 do not depend on ``seed``; their measures do.

    >>> person(3) == person(3)
    True
    """
    rng = np.random.default_rng([seed, index, 7])
    lines = _CAST.strip().splitlines()
    cast = lines[index].split() if index < len(lines) else _draw_lots(rng)
    return _measure(index, rng, *cast)


def _draw_lots(rng: np.random.Generator) -> list[str]:
    woman = rng.random() < 0.5
    age = int(rng.integers(20, 70))
    skin = str(rng.choice(list(SKINS)))
    # Brown skin goes with dark hair and eyes, as it mostly does.
    light = SKINS[skin][0] > 200
    hair = rng.choice(list(HAIRS)[: 8 if light else 3])
    if age > 50 and rng.random() < 0.6:
        hair = rng.choice(["grey", "white"])
    return [
        "f" if woman else "m",
        str(age),
        skin,
        str(hair),
        str(rng.choice(HAIR_STYLES[4:] if woman else HAIR_STYLES[:4])),
        "none" if woman else str(rng.choice(BEARDS)),
        str(rng.choice(list(EYES)[: 6 if light else 3])),
        str(rng.choice(list(BACKDROPS))),
    ]


def _measure(index, rng, sex, age, skin, hair, style, beard, iris, backdrop) -> Person:
    woman = sex == "f"
    dark = SKINS[skin][0] < 160

    def normal(mean: float, spread: float) -> float:
        return float(mean + spread * np.clip(rng.standard_normal(), -1.8, 1.8))

    def shade(colour: Colour) -> Colour:
        return tuple(np.clip(np.array(colour) * rng.normal(1, 0.02, 3), 0, 255).tolist())

    clothes = rng.uniform(20, 190) * rng.uniform(0.6, 1.1, 3)
    return Person(
        index=index,
        seed=int(rng.integers(2**31)),
        woman=woman,
        age=float(age),
        skin=shade(SKINS[skin]),
        hair=shade(HAIRS[hair]),
        iris=EYES[iris],
        hair_style=style,
        beard=beard,
        face_width=normal(0.99 if woman else 1.01, 0.025),
        jaw_width=normal(0.97 if woman else 1.03, 0.03),
        face_length=normal(0.98 if woman else 1.01, 0.02),
        chin=normal(0.95 if woman else 1.05, 0.08),
        nose_width=normal(0.95 if woman else 1.08, 0.07) * (1.14 if dark else 1),
        nose_length=normal(1.0, 0.03),
        eye_size=normal(1.07 if woman else 0.98, 0.04),
        eye_gap=normal(1.0, 0.03),
        brow_weight=normal(0.75 if woman else 1.15, 0.15),
        brow_lift=normal(1.5 if woman else 0.0, 1.0),
        cheek=normal(1.1 if woman else 0.9, 0.25),
        mouth_width=float(np.clip(normal(42.0 if woman else 44.0, 2.0), 38, 48)),
        upper_lip=normal(4.9 if woman else 4.1, 0.6) * (1.45 if dark else 1),
        lower_lip=normal(7.0 if woman else 6.2, 0.7) * (1.3 if dark else 1),
        cupid=float(rng.uniform(0.4, 1.0)),
        corner_drop=normal(-0.5, 0.6),
        lip_red=float(rng.uniform(0.45, 0.85)) * (0.6 if dark else 1),
        lipstick=float(rng.uniform(0.3, 0.8)) if woman and rng.random() < 0.45 else 0.0,
        lip_gloss=float(rng.uniform(0.3, 0.9)),
        freckles=float(rng.uniform(0.4, 1)) if hair in ("copper", "auburn") else 0.0,
        moles=int(rng.integers(0, 4)),
        teeth=float(rng.uniform(0.2, 0.9)),
        mobility=normal(1.0, 0.08),
        light=float(rng.uniform(-38, 38)),
        light_height=float(rng.uniform(22, 42)),
        hardness=float(rng.uniform(0.25, 0.8)),
        warmth=normal(0.1, 0.4),
        yaw=normal(0, 5),
        pitch=normal(0, 2.0),
        roll=normal(0, 1.5),
        scale=normal(1.0, 0.025),
        shift=(normal(0, 7), normal(0, 4)),
        backdrop=shade(BACKDROPS[backdrop]),
        clothes=tuple(np.clip(clothes, 12, 235).tolist()),
        collar=str(rng.choice(["crew", "vee", "shirt"])),
        blur=float(rng.uniform(0.35, 0.75)),
        noise=float(rng.uniform(0.8, 2.0)),
        voice=_voice(index, woman),
    )


def _voice(index: int, woman: bool) -> int:
    # speech.VOICES holds female and male voices in turn.
    return (index // 2 * 2 + (0 if woman else 1)) % 16
