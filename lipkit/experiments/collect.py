"""What the runs and their measurements come to: rows, claims, losses, provenance."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lipkit import __version__
from lipkit.experiments.columns import Cell, metric_names
from lipkit.experiments.effects import run_means
from lipkit.experiments.job import commit
from lipkit.experiments.measure import Measured, TestSet, whole_runs
from lipkit.experiments.plan import Plan, Run, fingerprint
from lipkit.experiments.records import DIVERGED, read_record
from lipkit.experiments.restarts import diverged
from lipkit.report.bootstrap import crossed_means, ends, times_drawn
from lipkit.settings import to_dict

FORM = 2
"""Of the stored results. 1 had one block of claims and verdicts by another rule."""
CURVE_POINTS = 100
"""At most so many points of a run's losses are kept, each the mean over the steps behind it."""
_TIMES = ("step", "seconds", "windows_per_second")


def rows_of(plan: Plan, result: Measured) -> dict[str, list[str]]:
    """Cell -> its rows in this evaluation, whole runs only, by seed.

    A run that another command made whole in the meantime was not measured and has no row.
    """
    measured = {row["name"] for row in result.summary["rows"]}
    rows: dict[str, list[str]] = {}
    for run in whole_runs(plan):
        rows.setdefault(run.cell.name, []).append(run.name)
    for cell in plan.measured:
        if cell.of:
            rows[cell.name] = [f"{name}, batch norm at test" for name in rows.get(cell.of, [])]
        else:
            rows[cell.name] = [cell.weights or cell.row]
    known = {cell: [row for row in labels if row in measured] for cell, labels in rows.items()}
    return {cell: labels for cell, labels in known.items() if labels}


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
    """A row for each test, row of the table, seed and metric, as ``results.csv`` has it."""
    cell_of = _cells_by_row(plan)
    found = []
    for name, result in measured.items():
        summary = result.summary
        for row in summary["rows"]:
            cell, seed = cell_of.get(row["name"], (row["name"], None))
            paper = paper_values(cell, summary["corpus"])
            for metric, value in row["metrics"].items():
                frozen = value.get("minus_frozen") or {}
                found.append(
                    {
                        "split": name,
                        "cell": cell.name if isinstance(cell, Cell) else cell,
                        "seed": seed,
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
                        "over": summary["over"],
                        "left_out": value["undefined"] + value["infinite"],
                    }
                )
    return [{key: plain(value) for key, value in row.items()} for row in found]


def _cells_by_row(plan: Plan) -> dict[str, tuple[Cell, int | None]]:
    """A row of an evaluation -> its cell and seed."""
    found: dict[str, tuple[Cell, int | None]] = {r.name: (r.cell, r.seed) for r in plan.runs}
    for cell in plan.measured:
        if cell.of:
            own = [run for run in plan.runs if run.cell.name == cell.of]
            found |= {f"{run.name}, batch norm at test": (cell, run.seed) for run in own}
        else:
            found[cell.weights or cell.row] = cell, None
    return found


def person_rows(plan: Plan, measured: Mapping[str, Measured]) -> list[dict[str, Any]]:
    """A row for each test, person, row of the table and metric, as ``people.csv`` has it."""
    cell_of = _cells_by_row(plan)
    rows = []
    for name, result in measured.items():
        for person in result.summary["people"]:
            for label, values in person["rows"].items():
                cell, seed = cell_of.get(label, (label, None))
                for metric, value in values.items():
                    rows.append(
                        {
                            "split": name,
                            "person": person["name"],
                            "clips": person["clips"],
                            "averaged": person["averaged"],
                            "cell": cell.name if isinstance(cell, Cell) else cell,
                            "seed": seed,
                            "metric": metric,
                            "value": plain(value),
                        }
                    )
    return rows


def plain(value: Any) -> Any:
    """A value as it is stored: numbers, and those in a list, to five decimals."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    return round(value, 5) if isinstance(value, float) else value


def beside_paper() -> set[str]:
    """The metrics that the paper's numbers may stand beside: LMD as published is a mean over
    points, the rest are as the released code computes them (fact sheet section 8)."""
    printed = {name: ours for name, ours in metric_names().items() if len(ours) > 1}
    return {names[0] if paper == "lmd" else names[1] for paper, names in printed.items()}


def table_rows(plan: Plan, result: Measured) -> list[dict[str, Any]]:
    """The lines of one test's table: references, then cells, each over its seeds."""
    from lipkit.evaluation.clip_scores import REFERENCES

    corpus = result.summary["corpus"]
    rows = [(name, name, name, [name]) for name in REFERENCES]
    of_cell = rows_of(plan, result)
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
        if values:
            table.append({"name": name, "title": title, "values": values, "paper": paper})
    return table


def _together(
    result: Measured, labels: list[str], metric: str, scores: np.ndarray
) -> dict[str, Any]:
    """Mean over seeds, its interval over clips or people and seeds, and half the seeds' range."""
    found = [row["metrics"][metric] for row in result.summary["rows"] if row["name"] in set(labels)]
    means = [value["mean"] for value in found if value["mean"] is not None]
    if not means:
        return {"mean": None, "infinite": found[0]["infinite"], "seeds": len(labels)}
    units = _by_unit(scores, result.people)
    low, high = None, None
    if units.shape[1] > 1:
        seeds = times_drawn(len(units)) if len(units) > 1 else np.ones((1, 1), int)
        columns = times_drawn(units.shape[1], seed=1)
        seeds = np.broadcast_to(seeds, (len(columns), len(units)))
        low, high = ends(crossed_means(seeds, columns, units))
    half = (max(means) - min(means)) / 2 if len(means) > 1 else None
    mean = sum(means) / len(means)
    ends_ = {"low": None, "high": None} if low is None else {"low": float(low), "high": float(high)}
    return {"mean": mean, **ends_, "half_range": half, "seeds": len(means)}


def _by_unit(scores: np.ndarray, people: list[str]) -> np.ndarray:
    """``[seeds, clips]`` -> ``[seeds, people]`` where there are several people."""
    names = list(dict.fromkeys(people))
    if len(names) < 2:
        return scores
    columns = [run_means(scores[:, np.array(people) == name]) for name in names]
    return np.stack(columns, axis=1)


def curves(plan: Plan) -> list[dict[str, Any]]:
    """The losses of every whole run, thinned: one row per point."""
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


def change_at_end(log: Sequence[Mapping[str, float]]) -> float | None:
    """By which share the training loss still fell (negative) at the end of a run.

    The mean over the last fifth of the steps against that over the fifth before; of the pixel
    loss where it is on, else of the objective. None for a run of fewer than ten steps.
    """
    if len(log) < 10:
        return None
    name = "pix" if "pix" in log[0] else "loss"
    fifth = len(log) // 5
    before, after = (
        np.mean([row[name] for row in part]) for part in (log[-2 * fifth : -fifth], log[-fifth:])
    )
    return float(after / before - 1) if before else None


def provenance(
    plan: Plan, measured: Mapping[str, Measured], tests: list[TestSet]
) -> dict[str, Any]:
    """Where every number comes from."""
    from lipkit.provenance import environment, made_by

    astray = {run.name for run in diverged(plan)}
    return {
        "form": FORM,
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
            "windows": plan.base.train.steps * plan.base.train.batch_size,
            "in_words": plan.budget,
        },
        "prepared": fingerprint(plan.prepared),
        "train_split": plan.base.train.train_split,
        "runs": [_run(run, run.name in astray) for run in plan.runs],
        "splits": {
            test.name: {
                "prepared": fingerprint(test.prepared),
                "split": test.split,
                **{
                    name: measured[test.name].summary[name]
                    for name in ("corpus", "crop", "windows", "clips", "seed", "over", "interval")
                },
                "people": [
                    {key: person[key] for key in ("name", "clips", "averaged", "faults", "truth")}
                    for person in measured[test.name].summary["people"]
                ],
                "notes": measured[test.name].summary["notes"],
            }
            for test in tests
        },
        "metrics": next(iter(measured.values())).summary["metrics"],
    }


def _run(run: Run, astray: bool) -> dict[str, Any]:
    from lipkit.training.run_folder import read_log

    record = read_record(run.folder) or {"status": "not run", "reason": ""}
    kept = {k: v for k, v in record.items() if k not in ("cell", "seed", "settings", "prepared")}
    told = {"name": run.name, "cell": run.cell.name, "seed": run.seed}
    told |= {"set": dict(run.cell.settings), "replaces": run.replaces, **kept}
    told["change_at_end"] = plain(change_at_end(read_log(run.folder)))
    return told | ({"status": DIVERGED} if astray else {})
