"""The shape of the lips: four curves over x, for any viseme."""

from dataclasses import dataclass

import numpy as np

from lipkit.talker.head import Anatomy
from lipkit.talker.visemes import CHANNELS

JAW_DROP = 12.0
"""Pixels that the lower lip goes down at opening 1."""

SMILE = 1.35
"""Width beyond which a mouth smiles; speech stays below."""


@dataclass(frozen=True)
class Lips:
    """The mouth's measures in one frame, pixels."""

    half: float
    """Half width, corner to middle."""
    raised: float
    """The upper lip's inner edge above the seam."""
    lowered: float
    """The lower lip's inner edge below the seam."""
    jaw: float
    """How far the jaw is down."""
    upper: float
    """Thickness of the red."""
    lower: float
    aperture: float
    """Part of the half width along which the lips part, 0-1."""
    roundness: float
    tuck: float
    press: float
    spread: float
    tongue: float

    @property
    def opening(self) -> float:
        """Distance of the inner lips in the middle (points 62-66)."""
        return self.raised + self.lowered


@dataclass(frozen=True)
class Curves:
    """y of the four lip edges at x, f64 [N] each."""

    x: np.ndarray
    u: np.ndarray
    """x over the half width."""
    upper_outer: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_outer: np.ndarray
    seam: np.ndarray


class LipShape:
    """The lips' geometry of one person."""

    def __init__(self, anatomy: Anatomy, wobble: float = 0.0) -> None:
        """``wobble``: how much lower the right corner hangs than the left, pixels."""
        self.who, self.y, self.wobble = anatomy.who, anatomy.mouth, wobble

    def lips(self, shape: np.ndarray) -> Lips:
        """Measures for one shape (f64 in the order of ``visemes.CHANNELS``)."""
        s = dict(zip(CHANNELS, np.asarray(shape, float).tolist(), strict=True))
        who, opening = self.who, max(s["opening"], 0.0) * self.who.mobility
        lifted = (2.3 * s["upper_teeth"] + 1.0 * opening) * min(1.0, 0.25 + 4 * opening)
        lifted += 0.9 * s["tuck"] * min(1.0, 10 * opening)
        half = 0.5 * who.mouth_width
        half *= 1 + 0.075 * s["width"] - 0.20 * s["rounding"] - 0.045 * opening
        jaw = JAW_DROP * opening * (1 - 0.35 * s["tuck"])
        lowered = 0.92 * jaw * (1 - 0.78 * s["tuck"]) + 0.5 * lifted * (1 - s["tuck"])
        thin = 1 - 0.34 * s["press"] - 0.10 * opening * (1 - s["rounding"]) - 0.06 * s["width"]
        full = thin + 0.16 * s["rounding"]
        return Lips(
            half=half,
            raised=lifted,
            lowered=lowered,
            jaw=jaw,
            upper=who.upper_lip * full,
            lower=who.lower_lip * full * (1 - 0.38 * s["tuck"]),
            aperture=float(np.clip(0.80 + 0.14 * s["width"] - 0.14 * s["rounding"], 0.55, 0.95)),
            roundness=float(np.clip(s["rounding"], 0, 1)),
            tuck=s["tuck"],
            press=s["press"],
            spread=max(s["width"], 0.0),
            tongue=s["tongue"],
        )

    def curves(self, lips: Lips, x: np.ndarray) -> Curves:
        """The lips' edges at ``x``."""
        who = self.who
        u = np.asarray(x, np.float64) / lips.half
        a = np.minimum(np.abs(u), 1.0)
        tubercle = 0.6 * np.exp(-((u / 0.24) ** 2)) - 0.25 * np.exp(-(((a - 0.42) / 0.2) ** 2))
        # A smile (wider than any vowel) lifts the corners.
        lift = 0.5 * lips.spread + 1.6 * max(lips.spread - SMILE, 0.0)
        seam = self.y + who.corner_drop * a**2 - lift * a**2
        seam = seam + tubercle * (1 - 0.6 * lips.roundness) + self.wobble * u * (a < 1)
        inner = np.clip(1 - (a / lips.aperture) ** 2, 0, 1)
        gap_up = inner ** (0.75 - 0.2 * lips.roundness)
        gap_down = inner ** (0.62 - 0.12 * lips.roundness)
        bow = 1 - who.cupid * (
            0.24 * np.exp(-((u / 0.13) ** 2)) - 0.10 * np.exp(-(((a - 0.26) / 0.13) ** 2))
        )
        upper = lips.upper * np.clip(1 - a**1.9, 0, 1) ** 0.95 * bow
        lower = lips.lower * np.clip(1 - a**2.3, 0, 1) ** 0.85
        # Corners follow the jaw a little when it opens.
        sink = 0.22 * lips.lowered * a**1.5
        upper_inner = seam + sink - lips.raised * gap_up
        lower_inner = seam + sink + lips.lowered * gap_down * (1 - 0.10 * a)
        return Curves(
            x, u, upper_inner - upper, upper_inner, lower_inner, lower_inner + lower, seam + sink
        )

    def landmarks(self, lips: Lips) -> np.ndarray:
        """The twenty mouth points of iBUG's order (48-67), f64 [20, 2], head coordinates."""
        outer_u = np.array([0.93, 0.60, 0.19, 0.0])
        inner_u = np.array([0.77, 0.26, 0.0])
        top_u = np.concatenate([-outer_u[:3], outer_u[::-1]])
        top = self.curves(lips, top_u * lips.half)
        bottom_u = np.array([0.62, 0.28, 0.0, -0.28, -0.62])
        bottom = self.curves(lips, bottom_u * lips.half)
        inner_top = self.curves(lips, np.r_[-inner_u, inner_u[1::-1]] * lips.half)
        inner_bottom = self.curves(lips, inner_u[[1, 2, 1]] * [1, 1, -1] * lips.half)
        upper = np.c_[top.x, top.upper_outer]
        upper[[0, -1], 1] = top.seam[[0, -1]]
        within = np.c_[inner_top.x, inner_top.upper_inner]
        within[[0, -1], 1] = inner_top.seam[[0, -1]]
        return np.concatenate(
            [
                upper,
                np.c_[bottom.x, bottom.lower_outer],
                within,
                np.c_[inner_bottom.x, inner_bottom.lower_inner],
            ]
        )
