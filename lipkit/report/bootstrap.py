"""The bootstrap: what would the result have been with other clips, people or seeds?

Units, such as clips, are drawn anew with replacement, and the quantity is computed each time:
the middle 95 % of the values are its interval. What is drawn must be what would differ in a
repetition. Clips of one person share a face, so with several people it is people that are
drawn, with all their clips; and things compared on the same units share their draws.
"""

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95


def times_drawn(units: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each unit is in each resample, int ``[resamples, units]``; rows add up to units.

    A single unit can only be drawn as it is, and there is no resample.
    """
    if units < 2:
        return np.empty((0, units), int)
    generator = np.random.default_rng(seed)
    return generator.multinomial(units, np.full(units, 1 / units), size=resamples)


def means(times: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The mean in each resample, ``[resamples, ...]``; NaN where no value was drawn.

    Parameters
    ----------
    times
        :func:`times_drawn`, ``[resamples, units]``.
    sums, counts
        The sum and the number of each unit's values, ``[units, ...]``.
    """
    total = times @ counts
    return np.where(total > 0, times @ sums / np.maximum(total, 1e-300), np.nan)


def crossed_means(rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean of a table whose rows and columns are both drawn anew, such as seeds and clips.

    A column is drawn for all rows alike: a hard clip is hard for every seed.

    Parameters
    ----------
    rows, columns
        :func:`times_drawn` of as many resamples, ``[resamples, rows]`` and ``[resamples,
        columns]``.
    values
        ``[rows, columns]``; NaN where there is none.

    Returns
    -------
    np.ndarray
        ``[resamples]``; NaN where no value was drawn.
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    sums = ((rows @ filled) * columns).sum(axis=1)
    counts = ((rows @ known.astype(float)) * columns).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1e-300), np.nan)


def ends(
    resampled: np.ndarray, confidence: float = CONFIDENCE
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Lower and upper end of the middle ``confidence`` along the first axis, NaN left out.

    None twice where nothing was drawn.
    """
    resampled = np.asarray(resampled, np.float64)
    if not np.isfinite(resampled).any():
        return None, None
    tail = (1 - confidence) / 2
    quantile = np.nanquantile if np.isnan(resampled).any() else np.quantile
    low, high = quantile(resampled, [tail, 1 - tail], axis=0)
    return low, high
