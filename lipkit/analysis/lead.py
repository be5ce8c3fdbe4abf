"""By how much the lips lead the sound, for each class of sounds at once.

Averaging the lips around a class's onsets does not answer this: sounds follow each other
faster than lips move, so every average is mostly the neighbours. Instead all sounds are
explained together, by a simple form of the blending of Cohen and Massaro (1993). Each sound
wants the lips in the shape of its class from a lead before it starts until the same lead before
it ends; its presence P rises and falls smoothly around that; and the lips are where those
present at a time pull them:

    y(t) = sum over classes c of  d_c P_c(t; lead_c) s_c  /  sum over c of  d_c P_c(t; lead_c)

Shapes s are found by least squares; leads, and how strongly a class insists (d), by searching
one class after the other. Nothing is known beforehand of shapes, leads or insistence. What is
assumed is how long lips take to form a shape (:data:`RISE`, :data:`FALL`), since "in place"
has no meaning without it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lipkit.config import FPS
from lipkit.report.bootstrap import ends, times_drawn

RISE, FALL = 0.11, 0.12
"""Seconds over which lips form a shape and leave it, as the synthetic talker's do."""
FEATURES = ((62, 66), (51, 57), (48, 54), (60, 64), (51, 62), (57, 66))
"""Pairs of dlib points: inner and outer opening, outer and inner width, both lips' height."""
HELD = frozenset({"bilabial"})
"""Classes whose end is found by itself: closed lips stay closed until the burst, into the
sound, however early they met."""

_LEADS = np.arange(-0.08, 0.2005, 0.02)
_FINE = np.arange(-0.03, 0.0301, 0.01)
_INSISTENCE = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_SWEEPS = 8


@dataclass(frozen=True)
class Sound:
    """One sound, or half a diphthong, in one clip; seconds."""

    shape: str
    """The class whose shape is wanted."""
    group: str
    """The class whose lead applies: for the second half of a diphthong, the first's."""
    start: float
    end: float


@dataclass(frozen=True)
class Lead:
    """What was found for one class."""

    group: str
    seconds: float
    """Positive: the lips are in place before the sound starts."""
    low: float
    high: float
    """95 % interval, clips drawn anew with all other classes held fixed: too narrow for a
    class that hardly moves the lips and so depends on what is found for the others. NaN where
    there is one clip only."""
    count: int
    """How many sounds it was found from."""


def mouth_features(points: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """Distances of :data:`FEATURES`: points ``[T, 68, 2]`` -> f64 ``[T, 6]``, times ``scale``."""
    first, second = np.transpose(FEATURES)
    lengths = np.linalg.norm(np.asarray(points, np.float64)[:, first] - points[:, second], axis=2)
    return lengths * np.reshape(scale, (-1, 1))


def standardised(features: Sequence[np.ndarray], speakers: Sequence[str]) -> list[np.ndarray]:
    """Features ``[T, F]`` of each clip, with mean 0 and deviation 1 over its speaker's clips."""
    result: list[np.ndarray] = list(features)
    for speaker in set(speakers):
        own = [i for i, name in enumerate(speakers) if name == speaker]
        together = np.concatenate([features[i] for i in own])
        mean, deviation = together.mean(axis=0), np.maximum(together.std(axis=0), 1e-9)
        for i in own:
            result[i] = (features[i] - mean) / deviation
    return result


def fit_leads(
    features: Sequence[np.ndarray],
    sounds: Sequence[Iterable[Sound]],
    held: frozenset[str] = HELD,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Lead]:
    """The lead of every class that is heard, in the order of the names.

    Parameters
    ----------
    features
        For each clip, ``[T, F]`` at 25 frames/s, of comparable size over clips and features.
    sounds
        For each clip, its sounds from beginning to end, silence included.
    held
        Classes whose end is searched for apart from their start.

    Raises
    ------
    ValueError
        When there is no clip, or clips and sounds do not match in number.
    """
    fit = _Fit(features, [list(clip) for clip in sounds], held)
    fit.search()
    return {group: fit.lead(group, resamples, seed) for group in fit.groups}


class _Fit:
    """The search: what is known so far of every class, and how well it explains the lips."""

    def __init__(
        self, features: Sequence[np.ndarray], sounds: list[list[Sound]], held: frozenset[str]
    ) -> None:
        if not sounds or len(features) != len(sounds):
            raise ValueError(f"{len(features)} clips' lips and {len(sounds)} clips' sounds")
        self.lips = np.concatenate(features)
        lengths = [len(clip) for clip in features]
        self.clip = np.repeat(np.arange(len(lengths)), lengths)
        self.starts = np.concatenate([[0], np.cumsum(lengths)])
        self.sounds, self.held = sounds, held
        every = [sound for clip in sounds for sound in clip]
        self.shapes = sorted({sound.shape for sound in every})
        self.groups = sorted({sound.group for sound in every})
        self.counts = {g: sum(s.group == g for s in every) for g in self.groups}
        self.start = dict.fromkeys(self.groups, 0.05)
        self.end = dict(self.start)
        self.insistence = np.ones(len(self.shapes))
        self.weights = np.ones(self.lips.shape[1])
        self._known: dict[tuple, np.ndarray] = {}

    def search(self) -> None:
        """Go through the classes until nothing changes: first coarsely, then finely."""
        for sweep in range(_SWEEPS):
            before = dict(self.start), dict(self.end)
            for group in self.groups:
                self._search_group(group, coarse=sweep < 2)
            # A feature that the sounds explain badly says little about their times.
            self.weights = 1 / np.maximum(self._errors(self._presence()).mean(axis=0), 1e-6)
            if sweep >= 2 and before == (self.start, self.end):
                return

    def lead(self, group: str, resamples: int, seed: int) -> Lead:
        """The lead of one class to the millisecond, with its interval."""
        grid = np.round(self.start[group] + np.arange(-0.12, 0.1201, 0.02), 6)
        others = self._presence(without=group)
        errors = np.stack(
            [
                self._errors(others + self._part(group, t, self._end_for(group, t))) @ self.weights
                for t in grid
            ]
        )
        clips = np.stack([np.bincount(self.clip, weights=row) for row in errors], axis=1)
        drawn = times_drawn(len(clips), resamples, seed) @ clips
        low, high = ends([_minimum(grid, row) for row in drawn])
        low, high = (np.nan, np.nan) if low is None else (low, high)
        best = _minimum(grid, clips.sum(axis=0))
        return Lead(group, best, float(low), float(high), self.counts[group])

    def _search_group(self, group: str, coarse: bool) -> None:
        others = self._presence(without=group)
        grid = _LEADS if coarse else np.round(self.start[group] + _FINE, 6)
        losses = [self._loss(others + self._part(group, t, self._end_for(group, t))) for t in grid]
        self.start[group] = float(grid[np.argmin(losses)])
        if group in self.held:
            grid = _LEADS - 0.1 if coarse else np.round(self.end[group] + _FINE, 6)
            parts = [self._part(group, self.start[group], t) for t in grid]
            self.end[group] = float(grid[np.argmin([self._loss(others + p) for p in parts])])
        else:
            self.end[group] = self.start[group]
        if group in self.shapes:
            at, presence = self.shapes.index(group), self._presence()
            losses = []
            for value in _INSISTENCE:
                self.insistence[at] = value
                losses.append(self._loss(presence))
            self.insistence[at] = _INSISTENCE[int(np.argmin(losses))]

    def _end_for(self, group: str, start: float) -> float:
        return self.end[group] if group in self.held else start

    def _presence(self, without: str | None = None) -> np.ndarray:
        """``[frames, shapes]``: how much each class is present, all clips after each other."""
        total = np.zeros((len(self.lips), len(self.shapes)))
        for group in self.groups:
            if group != without:
                total += self._part(group, self.start[group], self.end[group])
        return total

    def _part(self, group: str, start: float, end: float) -> np.ndarray:
        """The presence of one group's sounds."""
        key = (group, round(float(start), 4), round(float(end), 4))
        if key not in self._known:
            self._known[key] = self._made(*key)
        return self._known[key]

    def _made(self, group: str, start: float, end: float) -> np.ndarray:
        part = np.zeros((len(self.lips), len(self.shapes)))
        for i, clip in enumerate(self.sounds):
            rows = part[self.starts[i] : self.starts[i + 1]]
            times = (np.arange(len(rows)) + 0.5) / FPS
            for sound in clip:
                if sound.group == group:
                    first = sound.start - start
                    last = max(sound.end - end, first + 0.02)
                    rows[:, self.shapes.index(sound.shape)] += presence(times, first, last)
        return part

    def _loss(self, presence: np.ndarray) -> float:
        return float(self._errors(presence).mean(axis=0) @ self.weights)

    def _errors(self, presence: np.ndarray) -> np.ndarray:
        """Squared errors ``[frames, F]`` of the best shapes for this presence."""
        share = presence * self.insistence + 1e-9
        share /= share.sum(axis=1, keepdims=True)
        # The small diagonal keeps two classes that always come together solvable.
        normal = share.T @ share + 1e-3 * np.eye(share.shape[1])
        return (self.lips - share @ np.linalg.solve(normal, share.T @ self.lips)) ** 2


def presence(times: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 from ``start`` to ``end``, smooth flanks of :data:`RISE` before and :data:`FALL` after."""
    return _step((times - start) / RISE + 1) * _step((end - times) / FALL + 1)


def _step(x: np.ndarray) -> np.ndarray:
    """The smoothest step from 0 (x <= 0) to 1 (x >= 1): minimum jerk (Flash and Hogan 1985)."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (10 - 15 * x + 6 * x**2)


def _minimum(grid: np.ndarray, losses: np.ndarray) -> float:
    """Where the parabola through the least value and its neighbours is least."""
    k = int(np.argmin(losses))
    if not 0 < k < len(grid) - 1:
        return float(grid[k])
    left, middle, right = losses[k - 1 : k + 2]
    bend = left - 2 * middle + right
    move = 0.5 * (left - right) / bend if bend > 0 else 0.0
    return float(grid[k] + move * (grid[1] - grid[0]))
