"""How much larger a metric is in one cell than in another, and how sure that is.

Two things would differ if everything were done again. The **clips** (or the people, where a
split has several): what differs between two cells is taken clip by clip, since a hard clip is
hard for both. And the **seeds**: two runs of equal settings differ. Three seeds say little about
their own spread, so it is pooled over the cells of an experiment; a cell that varies more than
that counts by its own, and one that varies far more is left out of the pool. Student's t does
the rest, with Welch and Satterthwaite's degrees of freedom, so that few people or few seeds make
wide intervals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

ODD = 0.01
"""Level of the F test by which the seeds of a cell differ more than those of the others."""

POWER = 0.8
"""The probability with which an effect must be found to count as one that could be seen."""


@dataclass(frozen=True)
class Spread:
    """How much runs of equal settings differ by one metric.

    >>> import numpy as np
    >>> spread = pooled_spread([np.array([1.0, 1.2]), np.array([2.0, 2.2])])  # two cells, two runs
    >>> round(spread.variance, 3), spread.freedom
    (0.02, 2)
    """

    variance: float
    """Of a run's mean about its cell's."""
    freedom: int
    """Degrees of freedom: runs less cells."""


def pooled_spread(cells: Sequence[np.ndarray]) -> Spread | None:
    """The spread of seeds over several cells, each with the means of its runs ``[seeds]``.

    A cell whose runs differ more than those of the others (:func:`is_odd`, the widest first) is
    left out: pooling takes all for equal, and one that falls apart in another way with each seed
    would make every other cell uncertain. None where no cell has two runs.

    >>> import numpy as np
    >>> spread = pooled_spread([np.array([1.0, 1.2]), np.array([2.0])])  # one cell has two runs
    >>> round(spread.variance, 3), spread.freedom
    (0.02, 1)
    """
    spreads = sorted(filter(None, map(_own_spread, cells)), key=lambda own: own.variance)
    while len(spreads) > 1 and is_odd(spreads[-1], _pooled(spreads[:-1]), len(spreads)):
        spreads.pop()
    return _pooled(spreads) if spreads else None


def is_odd(own: Spread, others: Spread, cells: int = 1) -> bool:
    """Whether a cell's runs differ more than those of others: an F test, at :data:`ODD`.

    ``cells`` is of how many it is the widest, for which the level is divided.
    """
    if others.variance == 0:  # a metric that says nothing of them
        return False
    ratio = own.variance / others.variance
    return bool(stats.f.sf(ratio, own.freedom, others.freedom) < ODD / cells)


def _own_spread(means: np.ndarray) -> Spread | None:
    means = np.asarray(means, np.float64)
    means = means[np.isfinite(means)]
    return Spread(float(means.var(ddof=1)), len(means) - 1) if len(means) > 1 else None


def _pooled(spreads: Sequence[Spread]) -> Spread:
    freedom = sum(own.freedom for own in spreads)
    return Spread(sum(own.variance * own.freedom for own in spreads) / freedom, freedom)


@dataclass(frozen=True)
class Effect:
    """A difference of two cells and its uncertainty."""

    mean: float
    error: float
    """Standard error of the mean."""
    freedom: float
    """Degrees of freedom of Student's t."""
    units: int
    """Clips or people."""

    @property
    def p(self) -> float:
        """Two-sided, of no effect."""
        if self.error == 0:
            return 1.0 if self.mean == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    def interval(self, level: float = 0.05) -> tuple[float, float]:
        """The interval that misses the true effect in ``level`` of all cases."""
        reach = self.error * float(stats.t.isf(level / 2, self.freedom))
        return self.mean - reach, self.mean + reach

    def seen(self, level: float = 0.05) -> float:
        """The size of the effect that would have been found in :data:`POWER` of all cases."""
        t = stats.t
        reach = t.isf(level / 2, self.freedom) + t.isf(1 - POWER, self.freedom)
        return float(self.error * reach)


def effect(
    origin: np.ndarray,
    target: np.ndarray,
    people: Sequence[str] | None = None,
    spread: Spread | None = None,
    trained: tuple[bool, bool] = (True, True),
) -> Effect | None:
    """``target`` less ``origin``, clip by clip.

    Parameters
    ----------
    origin, target
        ``[seeds, clips]``, a clip's mean each, of the same clips; NaN where there is none. The
        cells need not have the same seeds, or as many.
    people
        Who speaks in each clip. With several people the mean is over people, and people are the
        units; None or one name: clips are.
    spread
        How much runs of equal settings differ; see :func:`pooled_spread`.
    trained
        Whether the cells have seeds at all: frozen lips have none.

    Returns
    -------
    Effect or None
        None where fewer than two units have both values, or a cell is trained and no spread of
        seeds is known.

    >>> import numpy as np
    >>> frozen, model = np.array([[2.0, 2.4, 2.2]]), np.array([[1.5, 1.9, 1.6]])  # of three clips
    >>> found = effect(frozen, model, spread=Spread(0.001, freedom=8), trained=(False, True))
    >>> round(found.mean, 3), found.units, found.p < 0.05
    (-0.533, 3, True)
    """
    change = _over_seeds(target) - _over_seeds(origin)
    units = _over_people(change, people)
    units = units[np.isfinite(units)]
    if len(units) < 2 or (any(trained) and spread is None):
        return None
    parts = [(float(units.var(ddof=1)) / len(units), len(units) - 1)]
    for values, has_seeds in zip((origin, target), trained, strict=True):
        if has_seeds:
            means = run_means(values, people)
            own, counted = _own_spread(means) or spread, spread
            if is_odd(own, spread):
                counted = own
            elif own.variance > spread.variance:
                counted = Spread(own.variance, spread.freedom)
            parts.append((counted.variance / np.isfinite(means).sum(), counted.freedom))
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / freedom for part, freedom in parts)
    # Without any spread the freedom does not matter.
    freedom = variance**2 / below if below > 0 else float(len(units) - 1)
    return Effect(float(units.mean()), float(np.sqrt(variance)), freedom, len(units))


def run_means(values: np.ndarray, people: Sequence[str] | None = None) -> np.ndarray:
    """The mean of each run, ``[seeds, clips]`` -> ``[seeds]``: over people where there are some."""
    rows = [_over_people(np.asarray(row, np.float64), people) for row in values]
    return np.array(
        [row[np.isfinite(row)].mean() if np.isfinite(row).any() else np.nan for row in rows]
    )


def _over_seeds(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    sums, counts = np.where(known, values, 0).sum(axis=0), known.sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _over_people(values: np.ndarray, people: Sequence[str] | None) -> np.ndarray:
    """``[clips]`` -> ``[people]``; as it is where there is one person."""
    names = list(dict.fromkeys(people or ()))
    if len(names) < 2:
        return values
    people = np.asarray(people)
    own = [values[(people == name) & np.isfinite(values)] for name in names]
    return np.array([some.mean() if len(some) else np.nan for some in own])


def holm_levels(ps: Sequence[float], level: float = 0.05) -> list[float]:
    """The level by which each of several tests is judged, so that all together keep ``level``.

    Holm's procedure (1979): the smallest p is held against level / m, the next against
    level / (m - 1), and so on, until one is not below; all that are left are held against that
    one's level.
    """
    found = [level] * len(ps)
    stopped = None
    for rank, i in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        own = level / (len(ps) - rank)
        if stopped is None and ps[i] > own:
            stopped = own
        found[i] = own if stopped is None else stopped
    return found


def smallest_that_matters(
    spread: Spread | None, seeds: int, placebo: float | None = None
) -> float | None:
    """The least difference of two cells that is worth a word, by what nothing makes.

    The larger of what a placebo makes, and of what two cells of equal settings, each the mean
    of ``seeds`` runs, differ by in one case of twenty.

    Parameters
    ----------
    placebo
        The difference that a change without meaning made.
    """
    if spread is None:
        return None if placebo is None else abs(placebo)
    luck = float(stats.t.isf(0.025, spread.freedom)) * np.sqrt(2 * spread.variance / seeds)
    return float(max(luck, abs(placebo or 0.0)))
