"""What of the claims held: effects between cells, judged by a rule that was fixed before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lipkit.experiments.columns import Contrast
from lipkit.experiments.effects import (
    ODD,
    POWER,
    Effect,
    Spread,
    effect,
    holm_levels,
    pooled_spread,
    run_means,
)

LEVEL = 0.05
HELD, NOT_HELD, TOO_SMALL, UNDECIDED = "held", "not held", "too small to matter", "undecided"
VERDICTS = (HELD, NOT_HELD, TOO_SMALL, UNDECIDED)
RULE = (
    "An effect is the difference of two cells, clip by clip, each cell the mean of its seeds; "
    "where a split has several people, it is the mean over people. Its interval covers other "
    "clips (or people) and other seeds, by Student's t; the spread of seeds is pooled over the "
    f"cells, but for one whose runs differ more than the others' (F test, {ODD:.0%}), and a cell "
    "that varies more counts by its own. All claims of one block, on one split "
    f"and in one convention, keep an error of {LEVEL:.0%} together (Holm), so the intervals are "
    "wider than those of single claims. Held: the interval lies on the claim's side of 0, and the "
    "effect is at least the smallest that matters. Not held: the interval excludes such an effect "
    "on the claim's side, but not one on the other side. Too small to matter: it excludes both. "
    "Undecided: all else. The smallest effect that matters was fixed for each metric before the "
    "runs; where a placebo makes a larger one, that counts. A run that diverged is repeated once "
    "with the next seed, and both are listed."
)


@dataclass(frozen=True)
class CellScores:
    """What the cells of an experiment scored on one split, by one metric after another."""

    values: Mapping[tuple[str, str], np.ndarray]
    """(cell, metric) -> a clip's mean each, ``[seeds, clips]``; one row for what is not trained."""
    trained: frozenset[str]
    """Cells that have seeds."""
    people: Sequence[str]
    """Who speaks in each clip."""
    better: Mapping[str, str]
    """Metric -> ``higher``, ``lower`` or ``truth``."""
    matters: Mapping[str, float] = field(default_factory=dict)
    """Metric -> the smallest effect that matters; 0 where there is none."""
    again: frozenset[str] = frozenset()
    """Those of ``trained`` that are another cell's runs, measured in another way."""

    def spread(self, metric: str) -> Spread | None:
        """Of seeds, pooled over the trained cells, each run once."""
        cells = [
            run_means(values, self.people)
            for (cell, name), values in self.values.items()
            if name == metric and cell in self.trained and cell not in self.again
        ]
        return pooled_spread(cells)

    def effect(self, origin: str, target: str, metric: str) -> Effect | None:
        """From one cell to another; None where it was not measured, or says nothing."""
        pair = [self.values.get((cell, metric)) for cell in (origin, target)]
        if any(values is None for values in pair):
            return None
        trained = origin in self.trained, target in self.trained
        return effect(*pair, self.people, self.spread(metric), trained)


def verdict(found: Effect | None, side: int, matters: float, level: float = LEVEL) -> str:
    """Whether an effect is on a claim's ``side`` of 0 (1 or -1), by :data:`RULE`."""
    if found is None:
        return UNDECIDED
    return verdict_by(found.mean, found.interval(level), side, matters)


def verdict_by(mean: float, interval: tuple[float, float], side: int, matters: float) -> str:
    """As :func:`verdict`, of an effect's mean and its interval, however that was made.

    >>> verdict_by(0.5, (0.3, 0.7), side=1, matters=0.2)
    'held'
    """
    ends = [end * side for end in interval]
    low, high = min(ends), max(ends)
    if low > 0 and mean * side >= matters:
        return HELD
    if high < matters:
        return TOO_SMALL if low > -matters else NOT_HELD
    return UNDECIDED


def judge(
    contrasts: Sequence[Contrast],
    scores: CellScores,
    paper: Mapping[tuple[str, str], float],
    metrics: Mapping[str, Sequence[str]],
    placebos: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """All claims of one block on one split, in one convention: a row for each metric of each.

    Parameters
    ----------
    paper
        (contrast, the paper's metric) -> the paper's difference; none where the paper has no
        number, and then the side is that of the better value.
    metrics
        The paper's metric -> ours, of this convention.
    placebos
        Our metric -> the effect that the placebo made.
    """
    rows, effects = [], []
    for contrast in contrasts:
        for family in contrast.metrics:
            for metric in metrics.get(family, ()):
                printed = paper.get((contrast.name, family))
                side = _side(contrast, printed, scores.better.get(metric, ""))
                ends = (contrast.origin, contrast.target)
                if not side or any((cell, metric) not in scores.values for cell in ends):
                    continue
                placebo = (placebos or {}).get(metric)
                least = max(scores.matters.get(metric, 0.0), abs(placebo or 0.0))
                effects.append(scores.effect(*ends, metric))
                rows.append(
                    {
                        "block": contrast.block,
                        "contrast": contrast.name,
                        "claim": contrast.claim,
                        "from": contrast.origin,
                        "to": contrast.target,
                        "metric": metric,
                        "paper": printed,
                        "side": side,
                        "matters": least,
                        "placebo": placebo,
                        "seeds": _by_seed(scores, contrast, metric),
                    }
                )
    known = [found for found in effects if found is not None]
    levels = iter(holm_levels([found.p for found in known], LEVEL))
    for row, found in zip(rows, effects, strict=True):
        row |= _judged(found, row["side"], row["matters"], next(levels) if found else LEVEL)
    return rows


def _judged(found: Effect | None, side: int, matters: float, level: float) -> dict[str, Any]:
    if found is None:
        nothing = ("difference", "low", "high", "p", "seen", "units")
        return dict.fromkeys(nothing) | {"level": level, "verdict": UNDECIDED}
    low, high = found.interval(level)
    return {
        "difference": found.mean,
        "low": low,
        "high": high,
        "p": found.p,
        "seen": found.seen(level),
        "units": found.units,
        "level": level,
        "verdict": verdict(found, side, matters, level),
    }


def _by_seed(scores: CellScores, contrast: Contrast, metric: str) -> list[float | None]:
    """The differences of runs, first with first; a reference row stands beside every run."""
    origin, target = (
        run_means(scores.values[cell, metric], scores.people)
        for cell in (contrast.origin, contrast.target)
    )
    if contrast.origin not in scores.trained:
        origin = np.repeat(origin[:1], len(target))
    if contrast.target not in scores.trained:
        target = np.repeat(target[:1], len(origin))
    pairs = zip(origin, target, strict=False)
    return [float(b - a) if np.isfinite(b - a) else None for a, b in pairs]


def _side(contrast: Contrast, paper: float | None, better: str) -> int:
    if contrast.side == "" and paper is not None:
        return int(np.sign(paper))
    sign = -1 if contrast.side == "worse" else 1
    return sign * {"lower": -1, "higher": 1}.get(better, 0)


def power_in_words(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each metric: the effect that this budget could have seen, beside what matters."""
    lines = []
    for metric in dict.fromkeys(row["metric"] for row in rows):
        own = [row for row in rows if row["metric"] == metric and row["seen"] is not None]
        if own:
            least, most = (f(row["seen"] for row in own) for f in (min, max))
            matters = max(row["matters"] for row in own)
            lines.append(
                f"{metric}: an effect of {least:.2g} to {most:.2g} would have been found with a "
                f"probability of {POWER:.0%}; {matters:.2g} matters"
            )
    return lines
