"""Is there a peak? Null by re-paired clips, chi-square of the histogram."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lipkit.analysis.offsets import Pairing, Pieces
from lipkit.report.bootstrap import CONFIDENCE, ends


@dataclass(frozen=True)
class Band:
    """Middle 95 % of a simulated quantity at each offset.

    >>> import numpy as np
    >>> Band(np.zeros(3), np.ones(3), np.full(3, 2.0)).high.tolist()
    [2.0, 2.0, 2.0]
    """

    low: np.ndarray
    mean: np.ndarray
    high: np.ndarray


def best_offsets(curves: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The offset of the largest r of each clip, ``[clips, offsets]`` -> ``[clips]``.

    The largest, not the largest in size, as the authors count (fact sheet section 4).
    """
    return np.asarray(offsets)[np.nanargmax(curves, axis=1)]


def histogram(best: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Number of clips whose best offset is each of ``offsets`` (Fig. 3 b)."""
    return (np.asarray(best)[:, None] == np.asarray(offsets)).sum(axis=0)


@dataclass(frozen=True)
class Simulation:
    """What chance gives, again and again: one row for each re-pairing."""

    means: np.ndarray
    """``[repairings, offsets]``: mean curves."""
    counts: np.ndarray
    """``[repairings, offsets]``: histograms of best offsets."""


def simulate(pairing: Pairing | Pieces, repairings: int = 1000, seed: int = 0) -> Simulation:
    """Give every sound the lips of another clip, ``repairings`` times over.

    Raises
    ------
    ValueError
        With fewer than two clips, since there is nothing to re-pair, and when no two clips share
        a piece in which sound and lips both change.

    >>> import numpy as np
    >>> from lipkit.analysis.offsets import cut_to_pieces
    >>> series = list(np.random.default_rng(0).normal(size=(4, 60)))  # four clips of 60 steps
    >>> pieces = cut_to_pieces(series, series, np.arange(-3, 4))  # lips that repeat the sound
    >>> chance = simulate(pieces, repairings=10)
    >>> chance.means.shape, bool(pieces.curves.mean(axis=0).max() > chance.means.max())
    ((10, 7), True)
    """
    if pairing.clips < 2:
        raise ValueError("a null by re-pairing needs at least two clips")
    generator = np.random.default_rng(seed)
    means, counts = [], []
    for _ in range(repairings):
        curves = pairing.repaired(derangement(pairing.clips, generator))
        # Two clips may share no piece in which both change.
        whole = curves[np.isfinite(curves).all(axis=1)]
        if not len(whole):
            continue
        means.append(whole.mean(axis=0))
        counts.append(histogram(best_offsets(whole, pairing.offsets), pairing.offsets))
    if not means:
        raise ValueError("no two clips share a piece in which sound and lips both change")
    return Simulation(np.stack(means), np.stack(counts))


def derangement(count: int, generator: np.random.Generator) -> np.ndarray:
    """A random order in which nothing stays in its place: a shuffled cycle.

    >>> import numpy as np
    >>> order = derangement(5, np.random.default_rng(0))
    >>> sorted(order.tolist()), bool((order == np.arange(5)).any())
    ([0, 1, 2, 3, 4], False)
    """
    order = generator.permutation(count)
    partner = np.empty(count, np.int64)
    partner[order] = np.roll(order, 1)
    return partner


def chi_square(counts: np.ndarray, expected: np.ndarray | None = None) -> tuple[float, int, float]:
    """Chi-square of a histogram against equal counts: statistic, degrees of freedom, p.

    ``expected`` (any scale) takes the place of equal counts.

    >>> import numpy as np
    >>> statistic, freedom, p = chi_square(np.array([10, 20, 30]))
    >>> round(statistic, 1), freedom, round(p, 4)
    (10.0, 2, 0.0067)
    """
    counts = np.asarray(counts)
    if expected is not None:
        expected = np.asarray(expected, np.float64) * counts.sum() / np.sum(expected)
    result = stats.chisquare(counts, expected)
    return float(result.statistic), len(counts) - 1, float(result.pvalue)


def simulated_p(simulated: np.ndarray, observed: float) -> float:
    """Share of simulated values that reach the observed one, itself counted among them.

    >>> import numpy as np
    >>> simulated_p(np.arange(99), 98)
    0.02
    """
    return float((1 + np.sum(simulated >= observed)) / (1 + len(simulated)))


def histogram_p(counts: np.ndarray, simulation: Simulation) -> tuple[float, float]:
    """Does the histogram differ from what chance gives? Chi-square and its simulated p.

    Equal counts are not what chance gives: at the largest offsets fewer pieces overlap, r
    scatters more, and more clips have their best there. So the counts are held against the
    null's mean counts, and the statistic against its own distribution under re-pairing.
    """
    # One more clip, spread evenly: an offset that no re-pairing chose must not divide by 0.
    expected = simulation.counts.mean(axis=0) + 1 / simulation.counts.shape[1]
    statistic = chi_square(counts, expected)[0]
    under_null = [chi_square(row, expected)[0] for row in simulation.counts]
    return statistic, simulated_p(np.array(under_null), statistic)


def band(simulated: np.ndarray, confidence: float = CONFIDENCE) -> Band:
    """The middle of simulated values ``[simulations, offsets]`` at each offset.

    >>> import numpy as np
    >>> middle = band(np.linspace(0, 1, 101)[:, None])
    >>> [round(float(values[0]), 3) for values in (middle.low, middle.mean, middle.high)]
    [0.025, 0.5, 0.975]
    """
    low, high = ends(simulated, confidence)
    return Band(low, simulated.mean(axis=0), high)
