"""A leaderboard: everybody's weights on held-out drawn people.

Each submission is measured on its own, so that a broken one costs itself and no other. The
people are new to every shipped network; whoever wants to be sure that nobody has trained on
them draws them by another ``seed``.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from lipkit.course.held_out import HELD_OUT_PEOPLE, held_out_clips
from lipkit.course.lesson import cache_folder, kept, preparing_code
from lipkit.data.prepare import prepare
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation import EvaluationOptions, evaluate
from lipkit.evaluation.clip_scores import FROZEN
from lipkit.metrics import METRICS
from lipkit.report.tables import ARROWS, write_csv, write_text
from lipkit.weights import WEIGHTS_NAME

FIRST_PERSON = HELD_OUT_PEOPLE[0]
"""This one and all after are in the training of no shipped network."""


@dataclass(frozen=True)
class Place:
    """One line of the board."""

    who: str
    value: float | None
    """Mean over people; None where nothing could be measured."""
    low: float | None = None
    high: float | None = None
    """95 % bootstrap over people."""
    minus_frozen: float | None = None
    """Beside the same people's lips standing still."""
    people: int = 0
    """How many the mean is over: those whose truth can be trusted
    (:mod:`lipkit.evaluation.trust`)."""
    note: str = ""


def leaderboard(
    submissions: Path,
    out: Path,
    metric: str = "lmd",
    people: int = 8,
    seed: int = 0,
    progress: bool = True,
) -> list[Place]:
    """Rank ``submissions/STUDENT/**/weights.safetensors``; write ``leaderboard.md`` and ``.csv``.

    Parameters
    ----------
    submissions
        A folder for each student, with one file of weights in it, wherever it lies.
    out
        Folder of the two tables.
    metric
        One out of :data:`lipkit.metrics.METRICS` that has a better side.
    people
        How many held-out people; their clips are drawn once and kept.
    seed
        Decides faces and sentences.

    Returns
    -------
    list of Place
        Best first; what could not be measured comes last.

    Raises
    ------
    UsageError
        For a metric that cannot rank, or fewer than two people.
    LipkitError
        When the folder has no students.
    """
    if metric not in METRICS or METRICS[metric].better not in ("higher", "lower"):
        ranked = [name for name, about in METRICS.items() if about.better in ("higher", "lower")]
        raise UsageError(f"--metric {metric}: cannot rank; take one of {', '.join(ranked)}")
    if people < 2:
        raise UsageError(f"--people {people}: take at least 2; the interval is over people")
    students = sorted(path for path in submissions.glob("*") if path.is_dir())
    students = [path for path in students if path.resolve() != out.resolve()]
    if not students:
        raise LipkitError(f"{submissions}: has no students; lay it out as STUDENT/{WEIGHTS_NAME}")
    prepared = held_out_set(people, seed)
    places = []
    for student in students:
        places.append(_measured(student, prepared, out / "measured", metric))
        if progress:
            print(line(places[-1]), flush=True)
    sign = -1 if METRICS[metric].better == "higher" else 1
    places.sort(key=lambda p: (p.value is None, sign * (p.value or 0.0), p.who))
    rows = [{"place": rank, **vars(p)} for rank, p in zip(ranks(places), places, strict=True)]
    write_csv(out / "leaderboard.csv", rows)
    write_text(out / "leaderboard.md", markdown(places, metric, people))
    return places


def held_out_set(people: int, seed: int) -> Path:
    """A prepared set of one clip of each of so many held-out people, kept in the course's cache."""
    who = tuple(range(FIRST_PERSON, FIRST_PERSON + people))
    folder = cache_folder() / f"leaderboard-{preparing_code()[:8]}-seed{seed}-people{people}"
    with kept(folder):
        whole = folder / "whole"
        if not whole.is_file():
            records = held_out_clips(folder / "raw", who, seed)
            prepare(records, folder / "prepared", corpus="synthetic", progress=False)
            write_text(whole, f"people {who}\n")
    return folder / "prepared"


def _measured(student: Path, prepared: Path, out: Path, metric: str) -> Place:
    """One submission, in its own evaluation; whatever is wrong with it becomes its note."""
    try:
        found = sorted(student.rglob(WEIGHTS_NAME))
        if len(found) != 1:
            raise LipkitError(f"{len(found)} files {WEIGHTS_NAME}; hand in one")
        (path,) = found
        if path.is_symlink() or not path.is_file():
            raise LipkitError(f"{path.name} is not a plain file")
        options = EvaluationOptions(metrics=(metric,))
        done = evaluate([path], prepared, None, out / student.name, options, 0, progress=False)
        *_, row = done.summary["rows"]
        value = row["metrics"][metric]
        if value["mean"] is None:
            raise LipkitError(f"{metric} has no value: the mouth is found in no frame")
    except LipkitError as fault:
        said = " ".join(str(fault).split()).replace(f"{student}{os.sep}", "")
        return Place(student.name, None, note=said)
    beside = (value.get("minus_frozen") or {}).get("mean")
    averaged = sum(person["averaged"] for person in done.summary["people"])
    return Place(student.name, value["mean"], value["low"], value["high"], beside, averaged)


def ranks(places: list[Place]) -> list[int | None]:
    """1, 2, 2, 4, …: equal values, to three decimals, share a place; None for what has none."""
    found: list[int | None] = []
    for i, place in enumerate(places):
        if place.value is None:
            found.append(None)
        elif i and _shown(place) == _shown(places[i - 1]):
            found.append(found[-1])
        else:
            found.append(i + 1)
    return found


def _shown(place: Place) -> str:
    return "" if place.value is None else f"{place.value:.3f}"


def line(place: Place) -> str:
    """A submission in one line."""
    if place.value is None:
        return f"{place.who}: not measured; {place.note}"
    return f"{place.who}: {place.value:.3f} {_interval(place)}"


def _interval(place: Place) -> str:
    """There is none where only one clip is left."""
    if place.low is None or place.high is None:
        return "no interval"
    return f"[{place.low:.3f}, {place.high:.3f}]"


def markdown(places: list[Place], metric: str, people: int) -> str:
    """The board as a page: the table, then a line for each tie and for what is broken."""
    about, ranked = METRICS[metric], ranks(places)
    head = f"{about.label} {ARROWS[about.better]}"
    lines = [
        f"# Leaderboard: {head}",
        "",
        f"Means over {max(p.people for p in places)} of {people} drawn people on whom no shipped "
        "network was trained: those whose truth can be trusted. With 95 % bootstrap intervals "
        "over people, or over their clips where there is one. Where intervals overlap, a place is "
        "luck.",
        "",
        f"| place | who | {head} | 95 % interval | less {FROZEN} |",
        "|--:|:--|--:|:--|--:|",
    ]
    tied: dict[int, list[str]] = {}
    for rank, place in zip(ranked, places, strict=True):
        if rank is not None:
            tied.setdefault(rank, []).append(place.who)
            beside = "–" if place.minus_frozen is None else f"{place.minus_frozen:+.3f}"
            ends = _interval(place)
            lines.append(f"| {rank} | {place.who} | {place.value:.3f} | {ends} | {beside} |")
    told = [f"* {', '.join(names)} share place {n}." for n, names in tied.items() if names[1:]]
    told += [f"* {line(place)}" for place in places if place.value is None]
    return "\n".join([*lines, *([""] if told else []), *told]) + "\n"
