"""What the runs and their measurements come to: rows, losses, claims, provenance."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from lipkit import __version__
from lipkit.experiments.claims import RULE, interval, judge
from lipkit.experiments.columns import Cell, metric_names
from lipkit.experiments.job import commit
from lipkit.experiments.measure import Measured, whole_runs
from lipkit.experiments.plan import Plan, fingerprint, read_record
from lipkit.settings import to_dict

CURVE_POINTS = 100
"""At most so many points of a run's losses are kept, each the mean over the steps behind it."""
_TIMES = ("step", "seconds", "windows_per_second")


def rows_of(plan: Plan) -> dict[str, list[str]]:
    """Cell -> its rows in an evaluation, whole runs only, by seed."""
    rows: dict[str, list[str]] = {}
    for run in whole_runs(plan):
        rows.setdefault(run.cell.name, []).append(run.name)
    return rows | {cell.name: [cell.weights or cell.row] for cell in plan.measured}


def paper_values(cell: Cell | str, corpus: str) -> dict[str, float]:
    """What the paper printed for a cell, or for a row of every evaluation, by its metrics.

    Tab. 1 is of GRID alone. For a corpus that Tab. 2 does not have, GRID's values are given:
    for orientation only.
    """
    if isinstance(cell, Cell) and cell.paper:
        return dict(cell.paper)
    from lipkit.evaluation.published import published_rows

    name = cell.published if isinstance(cell, Cell) else cell
    for row in published_rows(corpus) or published_rows("grid"):
        if row["name"] == f"published: {name}":
            return {metric.removesuffix("_paper"): v for metric, v in row["metrics"].items()}
    return {}


def result_rows(plan: Plan, measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """A row for each split, row of the table, seed and metric, as ``results.csv`` has it."""
    runs = {run.name: run for run in plan.runs}
    found = []
    for split, result in measured.items():
        summary = result.summary
        for row in summary["rows"]:
            run = runs.get(row["name"])
            cell = run.cell if run else row["name"]
            paper = paper_values(cell, summary["corpus"])
            for metric, value in row["metrics"].items():
                frozen = value.get("minus_frozen") or {}
                found.append(
                    {
                        "split": split,
                        "cell": run.cell.name if run else row["name"],
                        "seed": run.seed if run else None,
                        "metric": metric,
                        "convention": summary["metrics"][metric]["convention"],
                        "unit": summary["metrics"][metric]["unit"],
                        "better": summary["metrics"][metric]["better"],
                        "value": value["mean"],
                        "low": value["low"],
                        "high": value["high"],
                        "minus_frozen": frozen.get("mean"),
                        "minus_frozen_low": frozen.get("low"),
                        "minus_frozen_high": frozen.get("high"),
                        "paper": paper.get(metric.removesuffix("_paper"))
                        if metric in beside_paper()
                        else None,
                        "windows": summary["windows"],
                        "clips": summary["clips"],
                        "left_out": value["undefined"] + value["infinite"],
                    }
                )
    return [{key: _rounded(value) for key, value in row.items()} for row in found]


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


def beside_paper() -> set[str]:
    """The metrics that the paper's numbers may stand beside: LMD as published is a mean over
    points, the rest are as the released code computes them (fact sheet section 8)."""
    return {names[0] if paper == "lmd" else names[1] for paper, names in metric_names().items()}


def table_rows(plan: Plan, result: Measured) -> list[dict[str, Any]]:
    """The lines of one split's table: references, then cells, each over its seeds."""
    from lipkit.evaluation.clip_scores import REFERENCES

    corpus = result.summary["corpus"]
    rows = [(name, name, name, [name]) for name in REFERENCES]
    of_cell = rows_of(plan)
    cells = {cell.name: cell for cell in (*(run.cell for run in plan.runs), *plan.measured)}
    rows += [(n, c.title, c, of_cell[n]) for n, c in cells.items() if n in of_cell]
    table = []
    for name, title, cell, labels in rows:
        values = {}
        for metric in result.summary["metrics"]:
            scores = result.values(labels, metric)
            if scores is not None:
                values[metric] = _together(result, labels, metric, scores)
        paper = paper_values(cell, corpus)
        table.append({"name": name, "title": title, "values": values, "paper": paper})
    return table


def _together(
    result: Measured, labels: list[str], metric: str, scores: np.ndarray
) -> dict[str, Any]:
    """Mean over seeds, its interval over clips and seeds, and half the seeds' range."""
    found = [row["metrics"][metric] for row in result.summary["rows"] if row["name"] in set(labels)]
    means = [value["mean"] for value in found if value["mean"] is not None]
    if not means:
        return {"mean": None, "infinite": found[0]["infinite"], "seeds": len(labels)}
    low, high = interval(scores) if scores.shape[1] > 1 else (None, None)
    half = (max(means) - min(means)) / 2 if len(means) > 1 else None
    mean = sum(means) / len(means)
    return {"mean": mean, "low": low, "high": high, "half_range": half, "seeds": len(means)}


def claims(plan: Plan, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Every contrast whose cells were measured, judged on every split."""
    names, rows = metric_names(), []
    whole: dict[str, dict[int, str]] = {}
    for run in whole_runs(plan):
        whole.setdefault(run.cell.name, {})[run.seed] = run.name
    for split, result in measured.items():
        corpus = result.summary["corpus"]
        better = {name: about["better"] for name, about in result.summary["metrics"].items()}
        for contrast in plan.experiment.contrasts:
            pairs = _paired(contrast.origin, contrast.target, whole)
            scores, paper = {}, {}
            for cell, labels in pairs.items():
                for metric in better:
                    if (values := result.values(labels, metric)) is not None:
                        scores[cell, metric] = values
            origin, target = (
                paper_values(plan.experiment.cells.get(cell, cell), corpus)
                for cell in (contrast.origin, contrast.target)
            )
            for metric in origin.keys() & target.keys():
                paper[metric] = round(target[metric] - origin[metric], 6)
            measurable = {
                family: [name for name in names[family] if name in better]
                for family in contrast.metrics
            }
            ends = (contrast.origin, contrast.target)
            known = [plan.experiment.cells[cell] for cell in ends if cell in plan.experiment.cells]
            sure = [cell.confidence for cell in known if cell.confidence is not None]
            for row in judge(contrast, scores, paper, measurable, better):
                row |= {"seeds": [_rounded(seed) for seed in row["seeds"]]}
                row = {"split": split, **row, "confidence": min(sure, default=None)}
                rows.append({key: _rounded(value) for key, value in row.items()})
    return {"rule": RULE, "claims": rows}


def _paired(origin: str, target: str, whole: dict[str, dict[int, str]]) -> dict[str, list[str]]:
    """Rows of both cells for the seeds that both have; a reference row is every seed's."""
    seeds = sorted(set(whole.get(target, {})))
    if origin not in whole:
        return {origin: [origin] * len(seeds), target: [whole[target][s] for s in seeds]}
    seeds = [seed for seed in seeds if seed in whole[origin]]
    return {cell: [whole[cell][seed] for seed in seeds] for cell in (origin, target) if seeds}


def curves(plan: Plan) -> list[dict[str, Any]]:
    """The losses of every whole run, thinned: one row a point."""
    from lipkit.training.run_folder import read_log

    rows = []
    for run in whole_runs(plan):
        log = read_log(run.folder)
        for part in np.array_split(np.arange(len(log)), min(CURVE_POINTS, len(log))):
            some = [log[i] for i in part]
            losses = {
                name: float(f"{np.mean([row[name] for row in some]):.5g}")
                for name in some[0]
                if name not in _TIMES
            }
            last = {"step": some[-1]["step"], "seconds": round(some[-1]["seconds"], 1)}
            rows.append({"cell": run.cell.name, "seed": run.seed, **last, **losses})
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


def provenance(plan: Plan, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Where every number comes from."""
    from lipkit.provenance import environment, made_by

    return {
        "experiment": plan.experiment.name,
        "title": plan.experiment.title,
        "date": datetime.date.today().isoformat(),
        "lipkit": __version__,
        "measured_by": {"commit": commit(), "code": made_by("lipkit.evaluation"), **environment()},
        "preset": plan.base.name,
        "settings": to_dict(plan.base),
        "budget_of_each_run": {
            "steps": plan.base.train.steps,
            "minutes": plan.base.train.minutes,
            "in_words": plan.budget,
        },
        "prepared": fingerprint(plan.prepared),
        "train_split": plan.base.train.train_split,
        "runs": [_run(run) for run in plan.runs],
        "splits": {
            split: {
                name: result.summary[name]
                for name in ("corpus", "crop", "windows", "clips", "seed", "interval", "notes")
            }
            for split, result in measured.items()
        },
        "metrics": next(iter(measured.values())).summary["metrics"],
    }


def _run(run) -> dict[str, Any]:
    record = read_record(run.folder) or {"status": "not run", "reason": ""}
    kept = {k: v for k, v in record.items() if k not in ("cell", "seed", "settings", "prepared")}
    changes = dict(run.cell.settings)
    return {"name": run.name, "cell": run.cell.name, "seed": run.seed, "set": changes, **kept}
