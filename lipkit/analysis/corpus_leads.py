"""The lead of the lips in a prepared set, from what its corpus says about the times of sounds."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from lipkit.analysis.closure import BILABIAL_END, BILABIAL_START, Closure, closures
from lipkit.analysis.extraction import chosen_clips, mapped_clip
from lipkit.analysis.lead import Lead, Sound, fit_leads, mouth_features, standardised
from lipkit.config import FPS
from lipkit.corpora import list_clips
from lipkit.corpora.record import ClipRecord
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.report.bootstrap import RESAMPLES, ends
from lipkit.talker.visemes import LEAD, visemes_of

_REST = ("before", "between", "after")
"""Silences form three classes: lips rest differently before, between and after speech."""
LEAST = 5
"""With fewer bilabials no median is given: its interval would mean nothing."""
UNSEEN = frozenset({"dental", "neutral", "velar"})
"""Viseme classes that let their neighbours shape the lips, or are made by the tongue alone:
they move dlib's points less than its noise does, and their leads need the exact points."""


def corpus_leads(
    prepared: PreparedSet,
    raw: str | os.PathLike,
    split: str | None = None,
    speakers: Collection[str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of leads, ms: by viseme class (synthetic), or around bilabials (word times).

    Parameters
    ----------
    raw
        The folder that the set was prepared from.
    split, speakers
        Which clips; None takes all.

    Raises
    ------
    LipkitError
        When ``raw`` does not hold the clips of the set, or has no times for them.
    """
    clips = matched(prepared, raw, split, speakers)
    if prepared.corpus == "synthetic":
        found = {"dlib": viseme_leads(clips), "exact": viseme_leads(clips, exact=True)}
        rows = []
        for group in found["exact"]:
            points = "exact" if group in UNSEEN else "dlib"
            row = {"group": group, "points": points, "documented_ms": _ms(LEAD[group])}
            rows.append(row | _numbers(found[points][group]))
        return rows
    return closure_rows(*all_closures(clips))


def matched(
    prepared: PreparedSet,
    raw: str | os.PathLike,
    split: str | None = None,
    speakers: Collection[str] | None = None,
) -> list[tuple[str, ClipRecord]]:
    """File and raw record of each usable clip of the set whose times ``raw`` knows.

    Raises
    ------
    LipkitError
        When there is none.
    """
    records = {record.clip_id: record for record in list_clips(prepared.corpus, raw)}
    pairs = []
    for row in chosen_clips(prepared, split, speakers).itertuples():
        record = records.get(row.clip_id)
        if record is not None and (record.truth or record.words):
            pairs.append((str(prepared.folder / row.file), record))
    if not pairs:
        raise LipkitError(
            f"{raw}: has no word or phoneme times for the clips of {prepared.folder}; "
            "name the folder that it was prepared from"
        )
    return pairs


def viseme_leads(
    clips: Sequence[tuple[str, ClipRecord]],
    exact: bool = False,
    shift: int = 0,
) -> dict[str, Lead]:
    """Lead of each viseme class of the synthetic corpus (:func:`lipkit.analysis.lead.fit_leads`).

    Parameters
    ----------
    clips
        From :func:`matched`.
    exact
        Take the truth's landmarks in place of dlib's, for the classes :data:`UNSEEN`.
    shift
        Frames by which the sound is taken to come later.

    Raises
    ------
    LipkitError
        When a clip has no truth file, as clips of real people have none.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.course.lesson import synthetic_corpus
    >>> clips = matched(prepared_set(clips=2), synthetic_corpus())
    >>> lead = viseme_leads(clips, exact=True)["bilabial"]
    >>> lead.count, lead.seconds > 0  # the lips are closed before the sound begins
    (3, True)
    """
    features, sounds, speakers = [], [], []
    for file, record in clips:
        if record.truth is None:
            raise LipkitError(f"{record.video}: has no truth file; make the corpus again")
        clip = mapped_clip(file)
        with np.load(record.truth) as truth:
            points = truth["landmarks"] if exact else clip.landmarks
            spoken = sounds_of(truth, shift / FPS)
        features.append(mouth_features(points, clip.lips.shape[1] / clip.box[:, 2]))
        sounds.append(spoken)
        speakers.append(record.speaker)
    leads = fit_leads(standardised(features, speakers), sounds)
    return {group: lead for group, lead in leads.items() if LEAD.get(group)}


def sounds_of(truth: Mapping[str, np.ndarray], delay: float = 0.0) -> list[Sound]:
    """A clip's phonemes as sounds; a diphthong is two shapes with one lead."""
    spoken, last = [], len(truth["symbols"]) - 1
    for i, symbol in enumerate(truth["symbols"]):
        start, end = float(truth["starts"][i]) + delay, float(truth["ends"][i]) + delay
        names = visemes_of(str(symbol))
        if names[0] == "silence":
            rest = _REST[0 if i == 0 else 2 if i == last else 1]
            # Rest goes on beyond the ends of the clip.
            far = 9.0
            start, end = start - far * (i == 0), end + far * (i == last)
            spoken.append(Sound(rest, rest, start, end))
            continue
        edges = np.linspace(start, end, len(names) + 1)
        spoken += [
            Sound(name, names[0], float(a), float(b))
            for name, a, b in zip(names, edges[:-1], edges[1:], strict=True)
        ]
    return spoken


def all_closures(
    clips: Sequence[tuple[str, ClipRecord]],
) -> tuple[list[Closure], list[str]]:
    """The bilabials of all clips, and the words that showed no closure.

    Parameters
    ----------
    clips
        From :func:`matched`; their records need word times.

    Raises
    ------
    LipkitError
        When the file of a prepared clip cannot be read.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.course.lesson import synthetic_corpus
    >>> clips = matched(prepared_set(clips=2), synthetic_corpus())
    >>> found, missed = all_closures(clips)  # one of the two says "bin blue by e three again"
    >>> [closure.word for closure in found], missed
    (['bin', 'blue', 'by'], [])
    """
    found: list[Closure] = []
    missed: list[str] = []
    for file, record in clips:
        own, without = closures(mapped_clip(file), record.words)
        found += own
        missed += without
    return found, missed


def closure_rows(
    found: Sequence[Closure], missed: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, Any]]:
    """Median lead of each word's bilabial with its bootstrap interval, and of groups of words.

    ``lead_ms`` is against the word's edge, ``sound_lead_ms`` against the steepest change of
    the decoded sound; ``quartile_*`` hold the middle half of the bilabials; ``without`` counts
    those that showed no closure. Times are ms, positive when the lips come first. A group with
    fewer than :data:`LEAST` bilabials has no row.

    Parameters
    ----------
    found, missed
        From :func:`all_closures`.
    resamples, seed
        Of the bootstrap over bilabials.

    >>> from lipkit.analysis.closure import Closure
    >>> found = [Closure("blue", 1, lead=0.04, sound_lead=0.05)] * LEAST
    >>> row = closure_rows(found, missed=["blue"])[-1]
    >>> row["group"], row["lead_ms"], row["sound_lead_ms"], row["count"], row["without"]
    ('blue', 40.0, 50.0, 5, 1)
    """
    inside = [word for word in BILABIAL_START if word not in ("bin", "place")]
    groups = {
        "inside the sentence: " + ", ".join(inside): inside,
        "after a pause: bin, place": ["bin", "place"],
        **{word: [word] for word in BILABIAL_START},
        **{f"{word} (at its end)": [word] for word in BILABIAL_END},
    }
    generator = np.random.default_rng(seed)
    rows = []
    for name, words in groups.items():
        own = [closure for closure in found if closure.word in words]
        if len(own) < LEAST:
            continue
        row: dict[str, Any] = {"group": name}
        for prefix, values in (
            ("", [closure.lead for closure in own]),
            ("sound_", [closure.sound_lead for closure in own]),
        ):
            drawn = generator.choice(values, (resamples, len(values)))
            low, high = ends(np.median(drawn, axis=1))
            middle = np.quantile(values, [0.5, 0.25, 0.75])
            row |= {
                f"{prefix}lead_ms": _ms(middle[0]),
                f"{prefix}low_ms": _ms(low),
                f"{prefix}high_ms": _ms(high),
                f"{prefix}quartile_low_ms": _ms(middle[1]),
                f"{prefix}quartile_high_ms": _ms(middle[2]),
            }
        rows.append(row | {"count": len(own), "without": sum(word in words for word in missed)})
    return rows


def _numbers(lead: Lead) -> dict[str, Any]:
    return {
        "lead_ms": _ms(lead.seconds),
        "low_ms": _ms(lead.low),
        "high_ms": _ms(lead.high),
        "count": lead.count,
    }


def _ms(seconds: float) -> float:
    return round(1e3 * float(seconds), 1)
