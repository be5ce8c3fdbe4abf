"""The two series of a clip that Fig. 3 compares, by named formulas.

Every formula gives one number per step for the sound and one for the lips. Steps are video
frames (40 ms), or the T-1 changes between them; step t of a change belongs to frames t and
t+1 in sound and lips alike, so no formula shifts one against the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipkit.analysis.offsets import OFFSETS, PIECE
from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.clips import PreparedClip
from lipkit.errors import LipkitError, UsageError
from lipkit.face.mouth import mouth_opening
from lipkit.flow.cache import mean_size
from lipkit.flow.farneback import farneback
from lipkit.settings import did_you_mean

MIN_STEPS = PIECE + int(OFFSETS.max())
"""Fewer steps leave less than one 16-step piece at the largest offset."""

Pair = tuple[np.ndarray, np.ndarray]
"""Sound and lip series of a clip, ``[steps]`` each."""


class UnusableClip(LipkitError):
    """A clip from which no series can be taken; the message is the reason."""


class SeriesFormula(Protocol):
    """Anything that makes the two series of a clip.

    A :class:`Formula` is one. So is a trained correlation network in a small class of its
    own: its two embeddings, one number per step, in place of the hand-made series. It is sent
    to other processes (by pickle) unless the analysis is told ``workers=0``.
    """

    name: str
    """The name of its results in tables and files."""
    meaning: str
    """What is compared with what, in a few words."""

    def __call__(self, clip: PreparedClip) -> Pair:
        """Sound and lip series, ``[steps]`` each: equally many steps, one per video frame."""
        ...


@dataclass(frozen=True)
class Formula:
    """How the two series are made of a prepared clip, each by a function of its own.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> mine = Formula("mine", change_size, opening_change, "size of the change, change of opening")
    >>> sound, lips = mine(prepared_clips(clips=2)[0])
    >>> len(sound), len(lips)
    (74, 74)
    """

    name: str
    sound: Callable[[PreparedClip], np.ndarray]
    lips: Callable[[PreparedClip], np.ndarray]
    meaning: str

    def __call__(self, clip: PreparedClip) -> Pair:
        """Sound and lip series."""
        return self.sound(clip), self.lips(clip)


def signed_change(clip: PreparedClip) -> np.ndarray:
    """Mean over the frame's 512 log-mel entries of (next frame - frame), dB, ``[T-1]``.

    The authors' sound series (fact sheet section 4). Rise and fall cancel within a frame.
    """
    return np.diff(level(clip))


def change_size(clip: PreparedClip) -> np.ndarray:
    """Mean over the frame's log-mel entries of abs(next frame - frame), dB, ``[T-1]``."""
    return np.abs(np.diff(_frames_of_sound(clip), axis=0)).mean(axis=(1, 2))


def level(clip: PreparedClip) -> np.ndarray:
    """Mean log-mel of each frame, dB, ``[T]``.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> loudness = level(prepared_clips(clips=2)[0])
    >>> loudness.shape, bool(loudness[0] < loudness.mean())  # it begins with a pause
    ((75,), True)
    """
    return _frames_of_sound(clip).mean(axis=(1, 2))


def motion(clip: PreparedClip) -> np.ndarray:
    """Mean size of the Farneback flow over the 64x64 crop, pixels per frame, ``[T-1]``.

    The authors' lip series (fact sheet section 4).
    """
    return mean_size(farneback(clip.lips))


def opening(clip: PreparedClip) -> np.ndarray:
    """Distance of the inner lips (points 62 and 66), pixels of the 64x64 crop, ``[T]``.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> gap = opening(prepared_clips(clips=2)[0])
    >>> gap.shape, bool(gap.max() > gap[0])  # it begins with the mouth at rest
    ((75,), True)
    """
    return mouth_opening(clip.landmarks) * clip.lips.shape[1] / clip.box[:, 2]


def opening_change(clip: PreparedClip) -> np.ndarray:
    """Opening of the next frame - opening, pixels per frame, ``[T-1]``."""
    return np.diff(opening(clip))


FORMULAS = {
    formula.name: formula
    for formula in (
        Formula(
            "authors", signed_change, motion, "signed mean change of log-mel, size of the flow"
        ),
        Formula(
            "magnitude", change_size, motion, "size of the change of log-mel, size of the flow"
        ),
        Formula("level_opening", level, opening, "log-mel level, mouth opening"),
        Formula("signed_opening", signed_change, opening_change, "change of level, of opening"),
    )
}


def find_formula(name: str) -> Formula:
    """The formula of that name.

    Raises
    ------
    UsageError
        When there is none.
    """
    if name not in FORMULAS:
        raise UsageError(f"formula {name!r} is unknown; {did_you_mean(name, FORMULAS)}")
    return FORMULAS[name]


def series(clip: PreparedClip, formula: SeriesFormula, min_steps: int = MIN_STEPS) -> Pair:
    """Sound and lip series of a clip, f64 ``[steps]`` each, equally long.

    Raises
    ------
    UnusableClip
        When the clip is too short, or its sound or its lips never change.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> sound, lips = series(prepared_clips(clips=2)[0], FORMULAS["level_opening"])
    >>> sound.shape, lips.shape
    ((75,), (75,))
    """
    return all_series(clip, [formula], min_steps=min_steps)[formula.name]


def all_series(
    clip: PreparedClip,
    formulas: Sequence[SeriesFormula],
    known: Mapping[Callable, np.ndarray] | None = None,
    shift: int = 0,
    min_steps: int = MIN_STEPS,
) -> dict[str, Pair]:
    """:func:`series` by several formulas; what they share is computed once.

    Parameters
    ----------
    known
        Series that need not be computed, by the function that would: ``{motion: [T-1]}``.
    shift
        Frames by which the sound is moved later against the lips (negative: earlier); the
        ends that then have no partner are cut off.
    min_steps
        A clip that leaves fewer steps is too short.

    Raises
    ------
    UnusableClip
        As for :func:`series`; a clip that one formula cannot use is used by none.

    >>> from lipkit.course.assignments.data import prepared_clips  # drawn once, then kept
    >>> both = [FORMULAS["level_opening"], FORMULAS["signed_opening"]]
    >>> pairs = all_series(prepared_clips(clips=2)[0], both)  # of a clip of 75 frames
    >>> {name: (len(sound), len(lips)) for name, (sound, lips) in pairs.items()}
    {'level_opening': (75, 75), 'signed_opening': (74, 74)}
    """
    values = dict(known or {})

    def once(function: Callable[[PreparedClip], np.ndarray]) -> np.ndarray:
        if function not in values:
            values[function] = function(clip)
        return values[function]

    if clip.frames - 1 - abs(shift) < min_steps:
        needed = min_steps + 1 + abs(shift)
        raise UnusableClip(f"too short: {clip.frames} frames, {needed} are needed")
    found = {}
    for formula in formulas:
        if isinstance(formula, Formula):
            sound, lips = once(formula.sound), once(formula.lips)
        else:
            sound, lips = formula(clip)
        pair = np.asarray(sound, np.float64), np.asarray(lips, np.float64)
        found[formula.name] = _checked(formula, _moved(*pair, shift), min_steps)
    return found


def _moved(sound: np.ndarray, lips: np.ndarray, shift: int) -> Pair:
    if sound.ndim != 1 or sound.shape != lips.shape:
        raise ValueError(
            f"two series of equally many steps are needed, not {sound.shape} and {lips.shape}"
        )
    if shift > 0:
        return sound[:-shift], lips[shift:]
    return sound[-shift:], lips[: len(lips) + shift]


def _checked(formula: SeriesFormula, pair: Pair, min_steps: int) -> Pair:
    for name, values in zip(("sound", "lips"), pair, strict=True):
        if not np.isfinite(values).all():
            raise UnusableClip(f"its {name} series by {formula.name} is not finite")
        if len(values) < min_steps:
            raise UnusableClip(
                f"too short: {len(values)} steps by {formula.name}, {min_steps} are needed"
            )
        if np.ptp(values) < 1e-6:
            raise UnusableClip(
                "silent: its sound never changes"
                if name == "sound"
                else "still: its lips never move"
            )
    return pair


def _frames_of_sound(clip: PreparedClip) -> np.ndarray:
    """``[T, 4, 128]``; the stored half floats are too coarse for sums of 512."""
    return clip.logmel.astype(np.float64).reshape(clip.frames, COLUMNS_PER_FRAME, -1)
