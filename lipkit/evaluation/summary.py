"""From the scores of clips to means with intervals: plain numbers and texts."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lipkit import __version__
from lipkit.evaluation.clip_scores import FROZEN, ClipScores, Score
from lipkit.evaluation.published import published_rows
from lipkit.metrics import METRICS

RESAMPLES = 2000
CONFIDENCE = 0.95


def summarise(
    clips: Sequence[ClipScores],
    rows: Mapping[str, Mapping[str, Any]],
    metrics: Sequence[str],
    settings: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The content of the JSON file.

    Means are over all frames of all windows (metrics over clips: over clips). Intervals are
    bootstrap intervals of :data:`CONFIDENCE`: clips, not windows, are drawn anew
    :data:`RESAMPLES` times, because the windows of a clip share a face and a sentence. All
    rows share the draws; so ``minus_frozen``, the difference to the frozen lips on the same
    windows, has an interval of its own, usually a much narrower one.

    Parameters
    ----------
    clips : the scores.
    rows : name -> what is known of a row, in the order of the table.
    metrics : their names, in order.
    settings : where the scores come from.
    notes : what a reader must know, a line each.
    """
    draws = _draws(len(clips))
    table = []
    for name, about in rows.items():
        values = {metric: _value(clips, name, metric, draws) for metric in metrics}
        if name != FROZEN and FROZEN in rows:
            for metric, value in values.items():
                value["minus_frozen"] = _difference(clips, name, metric, draws)
        table.append({"name": name, **about, "metrics": values})
    first = next(iter(rows))
    return {
        "lipkit": __version__,
        "date": datetime.date.today().isoformat(),
        **settings,
        "clips": len(clips),
        "windows": sum(len(clip.rows[first].windows) for clip in clips),
        "interval": f"{CONFIDENCE:.0%} bootstrap over clips, {RESAMPLES} resamples",
        "metrics": {name: _about(name) for name in metrics},
        "rows": table,
        "published": published_rows(settings["corpus"]),
        "paste_back_lmd": _mean_of([clip.paste_back for clip in clips]),
        "notes": list(notes),
    }


def scores_of(clip: ClipScores, row: str, metric: str) -> list[Score]:
    """The scores of one metric on one clip: one per window, or just one."""
    found = clip.rows[row]
    if METRICS[metric].over == "clip":
        return [found.clip[metric]]
    return [window[metric] for window in found.windows]


def _value(clips: Sequence[ClipScores], row: str, metric: str, draws: np.ndarray) -> dict[str, Any]:
    scores = [score for clip in clips for score in scores_of(clip, row, metric)]
    sums, counts = _sums(clips, row, metric)
    low, high = _interval(_means(sums, counts, draws))
    return {
        "mean": float(sums.sum() / counts.sum()) if counts.sum() else None,
        "low": low,
        "high": high,
        "values": int(counts.sum()),
        "undefined": sum(score.undefined for score in scores),
        "infinite": sum(score.infinite for score in scores),
    }


def _difference(
    clips: Sequence[ClipScores], row: str, metric: str, draws: np.ndarray
) -> dict[str, float] | None:
    ours, frozen = (_sums(clips, name, metric) for name in (row, FROZEN))
    if not ours[1].sum() or not frozen[1].sum():
        return None
    differences = _means(*ours, draws) - _means(*frozen, draws)
    low, high = _interval(differences)
    mean = ours[0].sum() / ours[1].sum() - frozen[0].sum() / frozen[1].sum()
    return {"mean": float(mean), "low": low, "high": high}


def _sums(clips: Sequence[ClipScores], row: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Sum and number of the finite values of each clip."""
    totals = []
    for clip in clips:
        scores = [score for score in scores_of(clip, row, metric) if score.finite]
        totals.append(
            (sum(s.mean * s.finite for s in scores), sum(score.finite for score in scores))
        )
    sums, counts = np.array(totals, np.float64).T
    return sums, counts


def _draws(clips: int) -> np.ndarray:
    """How often each clip is in each resample, ``[RESAMPLES, clips]``; of one clip no draw."""
    if clips == 1:
        return np.empty((0, 1), int)
    generator = np.random.default_rng(0)
    return generator.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES)


def _means(sums: np.ndarray, counts: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mean of each resample; NaN where none of its clips has a value."""
    total = draws @ counts
    return np.where(total > 0, draws @ sums / np.maximum(total, 1), np.nan)


def _interval(means: np.ndarray) -> tuple[float | None, float | None]:
    """None where there is nothing to draw from."""
    means = means[np.isfinite(means)]
    if not len(means):
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def _mean_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _about(name: str) -> dict[str, str]:
    metric = METRICS[name]
    return {
        "label": metric.label,
        "unit": metric.unit,
        "better": metric.better,
        "convention": metric.convention,
        "over": metric.over,
        "meaning": metric.meaning,
    }
