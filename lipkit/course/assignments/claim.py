"""What a claim of one's own is handed in as, and how it is judged.

The texts come from the folder of ``lipkit experiment FILE.toml``: the registration, the seal
that was set on it before the first run, and the score of every run on every clip. Whoever edits
the registration afterwards breaks the seal. It keeps an honest student honest; who forges all
three texts is found out by running the registration again.
"""

import csv
import datetime
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lipkit.errors import LipkitError
from lipkit.experiments.claims import verdict_by
from lipkit.experiments.measure import FOLDER
from lipkit.experiments.own_tables import (
    OwnTable,
    digest,
    parse_table,
    read_registration,
)
from lipkit.metrics import METRICS
from lipkit.report.bootstrap import crossed_means, ends, times_drawn

LEAST_SEEDS, LEAST_CLIPS = 3, 6
MARK = 16
"""So many digits of a registration's digest are in its seal."""


class Judged(NamedTuple):
    """A claim, judged by its registration."""

    difference: float
    """From the origin to the target, over all seeds and clips."""
    low: float
    high: float
    """95 % bootstrap over clips and seeds."""
    least: float
    """The smallest effect that matters, or the placebo's where that is larger."""
    side: int
    """1 where the claim is that the metric rises, -1 that it falls."""
    verdict: str


def evidence(folder: Path, test: str = "") -> str:
    """The three texts as a Python dictionary, to be pasted into the assignment.

    Parameters
    ----------
    folder
        Of an experiment by an own table, whose runs are measured.
    test
        Which split, where several were measured.

    Raises
    ------
    LipkitError
        Where nothing was registered or measured, or several splits were and none is named.
    """
    kept = read_registration(folder)
    table = claimed(kept["table"])
    tests = sorted(path.parent.name for path in (folder / FOLDER).glob("*/table_clips.csv"))
    if not tests:
        raise LipkitError(f"{folder}: nothing is measured yet; let lipkit experiment finish")
    if (test or len(tests) == 1) and (test or tests[0]) in tests:
        place = folder / FOLDER / (test or tests[0]) / "table_clips.csv"
    else:
        raise LipkitError(f"{folder}: measured on {', '.join(tests)}; name one of them")
    with place.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["row"], {})[row["clip_id"]] = row[table.metrics[0]]
    runs = [name for name in found if name.rpartition("-seed")[0] in table.experiment.cells]
    lines = [",".join(["clip", *runs])]
    for clip in found[runs[0]]:
        values = [found[run][clip] for run in runs]
        lines.append(",".join([clip, *(f"{float(value or 'nan'):.4f}" for value in values)]))
    texts = {
        "registration": kept["table"].strip(),
        "seal": f"{kept['digest'][:MARK]} {kept['registered']}",
        "scores": "\n".join(lines),
    }
    told = [
        f'"{name}": ' + (f"{text!r}," if '"""' in text else f'r"""\n{text}\n""",')
        for name, text in texts.items()
    ]
    return "\n".join(["{", *told, "}"])


def claimed(registration: str) -> OwnTable:
    """The registration of one claim.

    Raises
    ------
    LipkitError
        When it is not a table of your own, claims more or less than one contrast by one metric,
        has no placebo, or too few seeds or clips to say anything.
    """
    table = parse_table(registration)
    about = table.experiment
    if len(about.contrasts) != 1 or len(about.contrasts[0].metrics) != 1:
        raise LipkitError("registration: claim one contrast, by one metric")
    if METRICS[table.metrics[0]].better == "truth":
        raise LipkitError(f"registration: {table.metrics[0]} has no better side; take another")
    contrast = about.contrasts[0]
    if contrast.origin not in about.cells or contrast.target == contrast.origin:
        raise LipkitError("registration: the contrast goes from one cell to another")
    if about.placebo is None or set(about.placebo) == {contrast.origin, contrast.target}:
        raise LipkitError("registration: name a placebo, two cells between which nothing changes")
    for name, given, least in (
        ("seeds", table.seeds, LEAST_SEEDS),
        ("clips", table.clips, LEAST_CLIPS),
    ):
        if given < least:
            raise LipkitError(f"registration: {given} {name} say nothing; take {least} or more")
    return table


def sealed(registration: str, seal: str) -> datetime.datetime:
    """When the registration was sealed.

    Raises
    ------
    LipkitError
        When the seal is not of this text, or of no time until now.
    """
    mark, _, when = seal.strip().partition(" ")
    if mark != digest(registration)[:MARK]:
        raise LipkitError("seal: is of another registration; it was changed after the first run")
    try:
        moment = datetime.datetime.fromisoformat(when)
    except ValueError:
        raise LipkitError(f"seal: {when!r} is not a time") from None
    if moment.tzinfo is None or moment > datetime.datetime.now(datetime.UTC):
        raise LipkitError(f"seal: {when} is not a time that has passed, with its zone")
    return moment


def scores_of(registration: str, scores: str) -> dict[str, np.ndarray]:
    """Cell -> ``[seeds, clips]``, as many of each as the registration promised.

    Raises
    ------
    LipkitError
        When a run or a clip is missing, or one too many, or a score is not a number.
    """
    table = claimed(registration)
    if not scores.strip():
        raise LipkitError("scores: hold no table")
    (_, *runs), *lines = filter(None, csv.reader(io.StringIO(scores.strip())))
    if len({clip for clip, *_ in lines}) != len(lines) or len(lines) != table.clips:
        raise LipkitError(f"scores: {len(lines)} clips, but {table.clips} were registered")
    try:
        values = np.array([own for _, *own in lines], np.float64).T  # [runs, clips]
    except ValueError:
        values = np.empty((0, 0))
    if values.shape != (len(runs), len(lines)) or not np.isfinite(values).all():
        raise LipkitError("scores: not every run has a number for every clip")
    found = {}
    for cell in table.experiment.cells:
        own = [i for i, run in enumerate(runs) if run.rpartition("-seed")[0] == cell]
        if len(own) != table.seeds:
            raise LipkitError(
                f"scores: {len(own)} runs of {cell}, but {table.seeds} were registered"
            )
        found[cell] = values[own]
    return found


def interval(
    origin: Sequence[Sequence[float]], target: Sequence[Sequence[float]], seed: int = 0
) -> tuple[float, float]:
    """95 % bootstrap of ``target`` less ``origin``, ``[seeds, clips]`` each.

    Clips are drawn once for both cells, since a hard clip is hard for both; seeds for each cell.

    >>> low, high = interval([[0, 0], [0, 0]], [[1, 1], [3, 3]])
    >>> (float(low), float(high))
    (1.0, 3.0)
    """
    origin, target = np.asarray(origin, np.float64), np.asarray(target, np.float64)
    columns = times_drawn(origin.shape[1], seed=seed)
    means = [
        crossed_means(times_drawn(len(values), seed=seed + 1 + i), columns, values)
        for i, values in enumerate((origin, target))
    ]
    low, high = ends(means[1] - means[0])
    return float(low), float(high)


def judge(registration: str, scores: str) -> Judged:
    """The claim's verdict by the rule of :mod:`lipkit.experiments.claims`.

    Raises
    ------
    LipkitError
        As :func:`scores_of`.
    """
    table, found = claimed(registration), scores_of(registration, scores)
    (contrast,), (metric,) = table.experiment.contrasts, table.metrics
    origin, target = found[contrast.origin], found[contrast.target]
    difference = float(target.mean() - origin.mean())
    placebo = [found[cell].mean() for cell in table.experiment.placebo]
    least = max(table.experiment.matters[metric], abs(float(placebo[1] - placebo[0])))
    side = 1 if METRICS[metric].better == "higher" else -1
    side *= 1 if contrast.side == "better" else -1
    both = interval(origin, target)
    verdict = verdict_by(difference, both, side, least)
    return Judged(difference, *both, least, side, verdict)
