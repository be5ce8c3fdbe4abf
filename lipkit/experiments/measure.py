"""The whole runs on the test splits: every cell, seed and clip, beside the reference rows."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.job import is_whole
from lipkit.experiments.plan import Plan, Run
from lipkit.settings import did_you_mean

FOLDER = "evaluation"


@dataclass(frozen=True)
class Measured:
    """One split."""

    summary: dict[str, Any]
    """Of :func:`lipkit.evaluation.evaluate`, with its notes."""
    clips: dict[tuple[str, str], dict[str, float]] = field(repr=False)
    """(row, metric) -> clip id -> mean over the clip; NaN where there is none."""

    def values(self, rows: Sequence[str], metric: str) -> np.ndarray | None:
        """``[rows, clips]`` of one metric; None when one of the rows was not measured."""
        if not rows or any((row, metric) not in self.clips for row in rows):
            return None
        return np.array([list(self.clips[row, metric].values()) for row in rows])


def require_splits(prepared: str | Path, splits: Sequence[str]) -> None:
    """Make sure that there is something to measure on.

    Raises
    ------
    UsageError
        When no split is named, one twice, or one has no usable clip.
    """
    if not splits:
        raise UsageError("--test-split: names no split")
    opened = PreparedSet.open(prepared)
    for i, split in enumerate(splits):
        if split in splits[:i]:
            raise UsageError(f"--test-split: {split} is named twice")
        opened.clips(split)


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
    """The plan's runs that can be measured."""
    return [run for run in plan.runs if is_whole(run.folder)]


def measure(
    plan: Plan,
    splits: Sequence[str],
    clips: int | None = None,
    metrics: Sequence[str] | None = None,
    raw: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> dict[str, Measured]:
    """Evaluate the whole runs on each split; what was measured before is kept.

    Parameters
    ----------
    clips : on so many of each split, evenly spread.
    metrics, raw, workers : as of :func:`lipkit.evaluation.evaluate`. Without dlib's landmark
        model, metrics that need landmarks are left out, and a note says so.

    Raises
    ------
    LipkitError
        When nothing is whole yet, or as ``evaluate``.
    """
    from lipkit.evaluation import EvaluationOptions, evaluate
    from lipkit.evaluation.retrieval import RETRIEVAL
    from lipkit.metrics import METRICS
    from lipkit.models.catalogue import network_of
    from lipkit.weights import shipped

    runs = whole_runs(plan)
    if plan.runs and not runs:
        raise LipkitError(f"{plan.out}: no run is whole yet; train first (--stage train)")
    chosen, notes = _measurable(choose_metrics(metrics))
    if not any(METRICS[name].points_only for name in chosen):
        runs = [run for run in runs if network_of(run.preset.generator).draws]
    models = [str(run.folder) for run in runs]
    models += [str(shipped.path_of(cell.weights)) for cell in plan.measured if cell.weights]
    searches = any(cell.row == RETRIEVAL for cell in plan.measured)
    found = {}
    for split in splits:
        out = plan.out / FOLDER / split
        options = EvaluationOptions(
            metrics=tuple(chosen),
            most=clips,
            raw=raw,
            retrieval=plan.base.train.train_split if searches else None,
        )
        done = evaluate(models, plan.prepared, split, out, options, workers, progress)
        done.summary["notes"] += notes
        names = list(done.summary["metrics"])
        found[split] = Measured(done.summary, _clip_means(out / "table_clips.csv", names))
    return found


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


def _clip_means(path: Path, metrics: Sequence[str]) -> dict[tuple[str, str], dict[str, float]]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            for metric in metrics:
                value = float(line[metric] or "nan")
                value = value if np.isfinite(value) else float("nan")
                found.setdefault((line["row"], metric), {})[line["clip_id"]] = value
    return found
