"""The whole runs on the tests: every cell, seed and clip, beside the reference rows.

One training may serve several tests: several splits of the set that it was trained on, and
splits of other sets, such as unseen drawn people or strangers.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.data.part import part
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.job import is_whole
from lipkit.experiments.plan import Plan, Run
from lipkit.experiments.records import why_failed
from lipkit.settings import did_you_mean

FOLDER = "evaluation"
RUNNING = "running"


@dataclass(frozen=True)
class TestSet:
    """Clips on which runs are measured."""

    __test__ = False  # pytest, it is not one of yours

    name: str
    """Its folder's name, and that of its part of the tables."""
    prepared: Path
    split: str
    is_main: bool = True
    """Whether it is a split of the set that runs were trained on."""


@dataclass(frozen=True)
class MeasureOptions:
    """How runs are measured; see :class:`lipkit.evaluation.EvaluationOptions`."""

    clips: int | None = None
    """On so many of each test, evenly spread."""
    metrics: tuple[str, ...] | None = None
    """Without dlib's landmark model, those that need landmarks are left out, with a note."""
    raw: str | Path | None = None
    workers: int | None = None
    progress: bool = True


@dataclass(frozen=True)
class Measured:
    """One test."""

    summary: dict[str, Any]
    """Of :func:`lipkit.evaluation.evaluate`, with its notes and the rows of all runs."""
    clips: dict[tuple[str, str], dict[str, float]] = field(repr=False)
    """(row, metric) -> clip id -> mean over the clip; NaN where there is none."""
    speakers: dict[str, str] = field(repr=False, default_factory=dict)
    """Clip id -> who speaks, of the clips that are averaged."""

    @property
    def people(self) -> list[str]:
        """Who speaks in each clip of :meth:`values`."""
        return list(self.speakers.values())

    def values(self, rows: Sequence[str], metric: str) -> np.ndarray | None:
        """``[rows, clips]`` of one metric; None when one of the rows was not measured."""
        if not rows or any((row, metric) not in self.clips for row in rows):
            return None
        nothing = float("nan")
        found = [self.clips[row, metric] for row in rows]
        return np.array([[own.get(clip, nothing) for clip in self.speakers] for own in found])


def to_measure(
    prepared: str | Path, splits: Sequence[str], also: Sequence[str] = ()
) -> list[TestSet]:
    """What to measure on.

    Parameters
    ----------
    splits
        Of the set that runs are trained on.
    also
        ``FOLDER:SPLIT``, of other prepared sets.

    Raises
    ------
    UsageError
        When nothing is named, something twice, or a split has no usable clip.
    """
    found = [TestSet(split, Path(prepared), split) for split in splits]
    for text in also:
        folder, split, *_ = part(text)
        taken = split in {test.name for test in found}
        name = f"{folder.name}-{split}" if taken else split
        found.append(TestSet(name, folder, split, is_main=False))
    if not found:
        raise UsageError("--test-split: names no split")
    for i, test in enumerate(found):
        if test.name in {other.name for other in found[:i]}:
            raise UsageError(f"--test-split: {test.name} is named twice")
        PreparedSet.open(test.prepared).clips(test.split)
    return found


def choose_metrics(names: Sequence[str] | None) -> list[str]:
    """Names of metrics, checked; ``all`` stands for all, nothing for those that are fast."""
    from lipkit.metrics import METRICS

    if not names:
        return [name for name, metric in METRICS.items() if not metric.slow]
    if "all" in names:
        return list(METRICS)
    for name in names:
        if name not in METRICS:
            raise UsageError(f"--metric {name}: is unknown; {did_you_mean(name, METRICS)}")
    return list(names)


def whole_runs(plan: Plan) -> list[Run]:
    """The plan's runs that are whole; one that diverged gives way to the run in its place."""
    whole = [run for run in plan.runs if is_whole(run.folder)]
    replaced = {run.replaces for run in whole if run.replaces}
    return [run for run in whole if run.name not in replaced]


def measure(
    plan: Plan, tests: Sequence[TestSet], options: MeasureOptions | None = None
) -> dict[str, Measured]:
    """Evaluate the whole runs on each test, by its name; what was measured before is kept.

    Raises
    ------
    LipkitError
        When nothing is whole yet, or as :func:`lipkit.evaluation.evaluate`.
    """
    from lipkit.metrics import METRICS
    from lipkit.models.catalogue import network_of

    options = options or MeasureOptions()
    runs = whole_runs(plan)
    if plan.runs and not runs:
        why = why_failed(run.folder for run in plan.runs)
        because = f" ({why})" if why else ""
        raise LipkitError(f"{plan.out}: no run is whole yet{because}; train first (--stage train)")
    chosen, notes = _measurable(choose_metrics(options.metrics))
    if not any(METRICS[name].points_only for name in chosen):
        runs = [run for run in runs if network_of(run.preset.generator).draws]
    found = {}
    for test in tests:
        measured = _measured(plan, test, runs, chosen, options)
        measured.summary["notes"] += notes
        found[test.name] = measured
    return found


def _measured(
    plan: Plan, test: TestSet, runs: Sequence[Run], metrics: list[str], options: MeasureOptions
) -> Measured:
    """One test: the runs on its set, then those of other sets and those measured otherwise."""
    from lipkit.evaluation.retrieval import RETRIEVAL
    from lipkit.weights import shipped

    models = [str(run.folder) for run in runs if run.prepared == plan.prepared]
    models += [str(shipped.path_of(cell.weights)) for cell in plan.measured if cell.weights]
    searched = None
    if any(cell.row == RETRIEVAL for cell in plan.measured):
        split = plan.base.train.train_split
        searched = split if test.is_main else f"{plan.prepared}:{split}"
    out = plan.out / FOLDER / test.name
    whole = _evaluated(models, test, out, metrics, options, retrieval=searched)
    others = []
    if test.is_main:
        for variant in dict.fromkeys(r.cell.variant for r in runs if r.prepared != plan.prepared):
            own = [run for run in runs if run.cell.variant == variant]
            place = TestSet(f"{test.name}, {variant}", own[0].prepared, test.split)
            folders = [str(run.folder) for run in own]
            others.append(_evaluated(folders, place, out / variant, metrics, options))
    for cell in plan.measured:
        if cell.of:
            own = [str(run.folder) for run in runs if run.cell.name == cell.of]
            way = cell.batch_norm
            others.append(_evaluated(own, test, out / cell.name, metrics, options, batch_norm=way))
    for other in others:
        whole = _joined(whole, other)
    return whole


def _evaluated(
    models: Sequence[str],
    test: TestSet,
    out: Path,
    metrics: list[str],
    options: MeasureOptions,
    retrieval: str | None = None,
    batch_norm: str = RUNNING,
) -> Measured:
    from lipkit.evaluation import EvaluationOptions, evaluate

    told = EvaluationOptions(
        metrics=tuple(metrics),
        most=options.clips,
        raw=options.raw if test.is_main else None,
        retrieval=retrieval,
        batch_norm=batch_norm,
    )
    done = evaluate(models, test.prepared, test.split, out, told, options.workers, options.progress)
    clips, speakers = _clip_means(out / "table_clips.csv", list(done.summary["metrics"]))
    averaged = {person["name"] for person in done.summary["people"] if person["averaged"]}
    kept = {clip: name for clip, name in speakers.items() if name in averaged}
    return Measured(done.summary, clips, kept)


def _joined(whole: Measured, other: Measured) -> Measured:
    """One test with the rows of another evaluation of the same clips."""
    known = {row["name"] for row in whole.summary["rows"]}
    more = [row for row in other.summary["rows"] if row["name"] not in known]
    averaged, theirs = (
        [person["name"] for person in of.summary["people"] if person["averaged"]]
        for of in (whole, other)
    )
    if averaged != theirs:
        more = [_over(averaged, row, other.summary["people"]) for row in more]
    summary = whole.summary | {"rows": [*whole.summary["rows"], *more]}
    clips = {key: values for key, values in other.clips.items() if key[0] not in known}
    return Measured(summary, whole.clips | clips, whole.speakers)


def _over(names: Sequence[str], row: dict[str, Any], people: Sequence[dict]) -> dict[str, Any]:
    """A row whose means are over these people instead of those whom its own evaluation averaged."""
    own = [person["rows"][row["name"]] for person in people if person["name"] in names]
    metrics = {}
    for metric, value in row["metrics"].items():
        found = [rows[metric] for rows in own if rows[metric] is not None]
        mean = float(np.mean(found)) if found else None
        metrics[metric] = value | {"mean": mean, "low": None, "high": None}
    return row | {"metrics": metrics}


def require_other_windows(plan: Plan, tests: Sequence[TestSet]) -> None:
    """Refuse a test on the windows that retrieval searches: each would find itself.

    Raises
    ------
    UsageError
        Naming the test.
    """
    from lipkit.evaluation.retrieval import RETRIEVAL

    searched = plan.base.train.train_split
    if any(cell.row == RETRIEVAL for cell in plan.measured):
        for test in tests:
            if test.is_main and test.split == searched:
                raise UsageError(
                    f"--test-split {searched}: retrieval searches the training split, so each "
                    "window would find itself; name another"
                )


def _measurable(names: list[str]) -> tuple[list[str], list[str]]:
    from lipkit.face.landmarks import find_landmark_model
    from lipkit.metrics import METRICS

    needing = [name for name in names if METRICS[name].needs]
    if not needing:
        return names, []
    try:
        find_landmark_model()
        return names, []
    except LipkitError as fault:
        left = [name for name in names if name not in needing]
        return left, [f"{', '.join(METRICS[name].label for name in needing)}: left out; {fault}"]


def _clip_means(
    path: Path, metrics: Sequence[str]
) -> tuple[dict[tuple[str, str], dict[str, float]], dict[str, str]]:
    """(row, metric) -> clip id -> mean; and clip id -> who speaks."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    speakers: dict[str, str] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            speakers[line["clip_id"]] = line["speaker"]
            for metric in metrics:
                value = float(line[metric] or "nan")
                value = value if np.isfinite(value) else float("nan")
                found.setdefault((line["row"], metric), {})[line["clip_id"]] = value
    return found, speakers
