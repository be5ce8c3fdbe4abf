"""What of the paper's claims held: differences between cells, their intervals, a stated rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipkit.experiments.columns import Contrast

RESAMPLES = 4000
CONFIDENCE = 0.95
HELD, NOT_HELD, UNDECIDED = "held", "not held", "undecided"
RULE = (
    "The difference is that of the two cells with the same seed on the same clips; its 95 % "
    "interval comes from drawing clips and seeds anew, clips paired. Held: the interval lies "
    "wholly on the paper's side of 0, and so does the difference of every seed. Not held: both "
    "lie wholly on the other side. Undecided: all else, and whatever has one seed only. Few "
    "seeds show the spread of training too small."
)


@dataclass(frozen=True)
class Difference:
    """How much larger a metric is in one cell than in another."""

    mean: float
    low: float
    high: float
    seeds: tuple[float, ...]
    """Of each seed; NaN where no clip has both values."""


def difference(origin: np.ndarray, target: np.ndarray) -> Difference | None:
    """``target`` - ``origin``, paired by seed and clip.

    Parameters
    ----------
    origin, target : ``[seeds, clips]``, a clip's mean each; NaN where there is none.

    Returns
    -------
    Difference or None
        None where no clip has both values.
    """
    change = np.asarray(target, np.float64) - np.asarray(origin, np.float64)
    known = np.isfinite(change)
    if not known.any():
        return None
    low, high = interval(change)
    counts = known.sum(axis=1)
    sums = np.where(known, change, 0).sum(axis=1)
    seeds = [s / n if n else float("nan") for s, n in zip(sums, counts, strict=True)]
    return Difference(float(change[known].mean()), low, high, tuple(map(float, seeds)))


def interval(values: np.ndarray) -> tuple[float, float]:
    """The bootstrap interval of the mean of ``[seeds, clips]``, NaN left out.

    A resample draws seeds and clips with replacement; its clips are the same for all its
    seeds, because a hard clip is hard for every model.
    """
    seeds, clips = values.shape
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    generator = np.random.default_rng(0)
    seed_counts = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES)
    clip_counts = generator.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES)
    sums = ((seed_counts @ filled) * clip_counts).sum(axis=1)
    counts = ((seed_counts @ known) * clip_counts).sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def verdict(found: Difference, side: int) -> str:
    """Whether a difference is on the paper's ``side`` of 0 (1 or -1), by :data:`RULE`."""
    if sum(np.isfinite(found.seeds)) < 2:
        return UNDECIDED
    for name, sign in ((HELD, side), (NOT_HELD, -side)):
        inside = min(found.low * sign, found.high * sign) > 0
        if inside and all(seed * sign > 0 for seed in found.seeds if np.isfinite(seed)):
            return name
    return UNDECIDED


def judge(
    contrast: Contrast,
    scores: Mapping[str, np.ndarray],
    paper: Mapping[str, float],
    metrics: Mapping[str, Sequence[str]],
    better: Mapping[str, str],
) -> list[dict[str, Any]]:
    """One contrast on one split: a row for each of its metrics in each convention.

    Parameters
    ----------
    scores : of each cell and metric, ``(cell, metric) -> [seeds, clips]``, seeds in the same
        order for both cells.
    paper : the paper's difference, by its metric; none where the paper has no number, and
        then the side is that of the better value.
    metrics : the paper's metric -> ours.
    better : our metric -> ``higher``, ``lower`` or ``truth``.
    """
    rows = []
    for family in contrast.metrics:
        for metric in metrics[family]:
            pair = [scores.get((cell, metric)) for cell in (contrast.origin, contrast.target)]
            if any(values is None for values in pair):
                continue
            side = _side(paper.get(family), better[metric])
            found = difference(*pair) if side else None
            if found is None:
                continue
            rows.append(
                {
                    "contrast": contrast.name,
                    "claim": contrast.claim,
                    "from": contrast.origin,
                    "to": contrast.target,
                    "metric": metric,
                    "paper": paper.get(family),
                    "side": side,
                    "difference": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "seeds": [None if np.isnan(seed) else seed for seed in found.seeds],
                    "verdict": verdict(found, side),
                }
            )
    return rows


def _side(paper: float | None, better: str) -> int:
    if paper is not None:
        return int(np.sign(paper))
    return {"lower": -1, "higher": 1}.get(better, 0)
