"""From the scores of clips to means with intervals: plain numbers and texts."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lipkit import __version__
from lipkit.evaluation.clip_scores import FROZEN
from lipkit.evaluation.published import published_rows
from lipkit.evaluation.scores import ClipScores, Score
from lipkit.evaluation.trust import LIMITS, Person, people_of
from lipkit.metrics import METRICS
from lipkit.report.bootstrap import CONFIDENCE, RESAMPLES, ends, means, times_drawn


def summarise(
    clips: Sequence[ClipScores],
    rows: Mapping[str, Mapping[str, Any]],
    metrics: Sequence[str],
    settings: Mapping[str, Any],
    notes: Sequence[str] = (),
    speakers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The content of the JSON file.

    A person's value is the mean over all frames of all windows of their clips (metrics over
    clips: over clips). With several people a row's value is the mean over **people**, whoever
    has how many clips, and people are drawn anew for its interval; with one person, clips are.
    Windows never are: those of a clip share a face and a sentence. All rows share the draws; so
    ``minus_frozen``, the difference to the frozen lips on the same windows, has an interval of
    its own, usually a much narrower one.

    People whose truth fails :data:`lipkit.evaluation.trust.LIMITS` are listed and not averaged,
    unless nobody would be left.

    Parameters
    ----------
    clips
        The scores.
    rows
        Name -> what is known of a row, in the order of the table.
    metrics
        Their names, in order.
    settings
        Where the scores come from.
    notes
        What a reader must know, a line each.
    speakers
        Clip id -> who speaks; clips without one are of the same person.
    """
    speakers = speakers or {}
    people = people_of(clips, speakers)
    averaged = [person for person in people if not person.faults] or people
    over = "people" if len(averaged) > 1 else "clips"
    names = {person.name for person in averaged}
    kept = [clip for clip in clips if speakers.get(clip.clip_id, "") in names]
    units = _Units(kept, speakers if over == "people" else {c.clip_id: c.clip_id for c in kept})
    units.equal = over == "people"
    draws = times_drawn(len(units.members))
    table = []
    for name, about in rows.items():
        values = {metric: _value(units, name, metric, draws) for metric in metrics}
        if name != FROZEN and FROZEN in rows:
            for metric, value in values.items():
                value["minus_frozen"] = _difference(units, name, metric, draws)
        table.append({"name": name, **about, "metrics": values})
    first = next(iter(rows))
    interval = f"{CONFIDENCE:.0%} bootstrap over {len(units.members)} {over}, {RESAMPLES} resamples"
    return {
        "lipkit": __version__,
        "date": datetime.date.today().isoformat(),
        **settings,
        "clips": len(kept),
        "windows": sum(len(clip.rows[first].windows) for clip in kept),
        "over": over,
        "interval": interval,
        "metrics": {name: _about(name) for name in metrics},
        "rows": table,
        "people": [_person(p, clips, speakers, rows, metrics, p in averaged) for p in people],
        "limits": dict(LIMITS),
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


class _Units:
    """What is drawn anew: people, each counted once, or clips, each by its number of values."""

    equal = False

    def __init__(self, clips: Sequence[ClipScores], unit_of: Mapping[str, str]) -> None:
        self.members: dict[str, list[ClipScores]] = {}
        for clip in clips:
            self.members.setdefault(unit_of.get(clip.clip_id, ""), []).append(clip)

    def sums(
        self, row: str, metric: str, beside: str | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sum and number of each unit's finite values, f64 ``[units]`` twice.

        With another row ``beside``, of the windows alone that it has values for, too.
        """
        totals = []
        for clips in self.members.values():
            pairs = [
                pair
                for clip in clips
                for pair in zip(
                    scores_of(clip, row, metric),
                    scores_of(clip, beside or row, metric),
                    strict=True,
                )
            ]
            scores = [ours for ours, theirs in pairs if ours.finite and theirs.finite]
            count = sum(score.finite for score in scores)
            total = sum(score.mean * score.finite for score in scores)
            if self.equal and count:
                total, count = total / count, 1
            totals.append((total, count))
        sums, counts = np.array(totals, np.float64).T
        return sums, counts

    def scores(self, row: str, metric: str) -> list[Score]:
        every = (clip for clips in self.members.values() for clip in clips)
        return [score for clip in every for score in scores_of(clip, row, metric)]


def _value(units: _Units, row: str, metric: str, draws: np.ndarray) -> dict[str, Any]:
    scores = units.scores(row, metric)
    sums, counts = units.sums(row, metric)
    low, high = _interval(means(draws, sums, counts))
    return {
        "mean": float(sums.sum() / counts.sum()) if counts.sum() else None,
        "low": low,
        "high": high,
        "values": sum(score.finite for score in scores),
        "undefined": sum(score.undefined for score in scores),
        "infinite": sum(score.infinite for score in scores),
    }


def _difference(
    units: _Units, row: str, metric: str, draws: np.ndarray
) -> dict[str, float | None] | None:
    ours = units.sums(row, metric, beside=FROZEN)
    frozen = units.sums(FROZEN, metric, beside=row)
    if not ours[1].sum():
        return None
    low, high = _interval(means(draws, *ours) - means(draws, *frozen))
    mean = ours[0].sum() / ours[1].sum() - frozen[0].sum() / frozen[1].sum()
    return {"mean": float(mean), "low": low, "high": high}


def _interval(resampled: np.ndarray) -> tuple[float | None, float | None]:
    low, high = ends(resampled)
    return (None, None) if low is None else (float(low), float(high))


def _person(
    person: Person,
    clips: Sequence[ClipScores],
    speakers: Mapping[str, str],
    rows: Mapping[str, Any],
    metrics: Sequence[str],
    averaged: bool,
) -> dict[str, Any]:
    """One person's own rows, and how far the measure can be trusted on them."""
    own = [clip for clip in clips if speakers.get(clip.clip_id, "") == person.name]
    units = _Units(own, {})
    found = {row: {metric: units.sums(row, metric) for metric in metrics} for row in rows}
    return {
        "name": person.name,
        "clips": len(own),
        "averaged": averaged,
        "faults": list(person.faults),
        "truth": person.measured,
        "rows": {
            row: {
                metric: float(sums.sum() / counts.sum()) if counts.sum() else None
                for metric, (sums, counts) in values.items()
            }
            for row, values in found.items()
        },
    }


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
