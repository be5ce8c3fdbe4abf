"""The claims of an experiment, judged on every test: block by block, beside what nothing makes."""

from collections.abc import Mapping
from typing import Any

from lipkit.experiments.claims import RULE, CellScores, judge, power_in_words
from lipkit.experiments.collect import FORM, paper_values, plain, rows_of
from lipkit.experiments.columns import metric_names
from lipkit.experiments.effects import smallest_that_matters
from lipkit.experiments.measure import Measured
from lipkit.experiments.plan import Plan

CONVENTIONS = ("standard", "paper")


def scores_on(plan: Plan, result: Measured) -> CellScores:
    """What every cell and reference scored on one test."""
    from lipkit.evaluation.clip_scores import REFERENCES

    rows = rows_of(plan, result) | {name: [name] for name in REFERENCES}
    again = frozenset(cell.name for cell in plan.measured if cell.of)
    trained = again | {run.cell.name for run in plan.runs}
    better = {name: about["better"] for name, about in result.summary["metrics"].items()}
    values = {}
    for cell, labels in rows.items():
        for metric in better:
            if (found := result.values(labels, metric)) is not None:
                values[cell, metric] = found
    matters = plan.experiment.matters
    return CellScores(values, trained, result.people, better, matters, again)


def claims(plan: Plan, measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Every claim whose cells were measured, judged on every test, block by block."""
    table, rows, power, luck = plan.experiment, [], {}, []
    for name, result in measured.items():
        scores, corpus = scores_on(plan, result), result.summary["corpus"]
        placebos = _placebos(plan, scores)
        luck += _luck(plan, name, scores, placebos)
        paper = _paper_differences(plan, corpus)
        for block in table.blocks:
            contrasts = [contrast for contrast in table.contrasts if contrast.block == block]
            for convention in CONVENTIONS:
                judged = judge(contrasts, scores, paper, _metrics_of(convention), placebos)
                rows += [{"split": name, **row, **_sure(plan, row)} for row in judged]
                if convention == "standard":
                    power[f"{name}, {block}"] = power_in_words(judged)
    rows = [{key: plain(value) for key, value in row.items()} for row in rows]
    return {"form": FORM, "rule": RULE, "claims": rows, "power": power, "luck": luck}


def _metrics_of(convention: str) -> dict[str, list[str]]:
    """The paper's metric -> ours of one convention."""
    place = CONVENTIONS.index(convention)
    return {name: ours[place : place + 1] for name, ours in metric_names().items()}


def _paper_differences(plan: Plan, corpus: str) -> dict[tuple[str, str], float]:
    """(contrast, the paper's metric) -> the paper's difference, where it printed both ends."""
    found = {}
    for contrast in plan.experiment.contrasts:
        origin, target = (
            paper_values(plan.experiment.cells.get(cell, cell), corpus)
            for cell in (contrast.origin, contrast.target)
        )
        for metric in origin.keys() & target.keys():
            found[contrast.name, metric] = round(target[metric] - origin[metric], 6)
    return found


def _placebos(plan: Plan, scores: CellScores) -> dict[str, float]:
    """Metric -> the effect of what means nothing; empty where that was not measured."""
    if plan.experiment.placebo is None:
        return {}
    found = {name: scores.effect(*plan.experiment.placebo, name) for name in scores.better}
    return {name: own.mean for name, own in found.items() if own is not None}


def _luck(
    plan: Plan, test: str, scores: CellScores, placebos: Mapping[str, float]
) -> list[dict[str, Any]]:
    """What nothing makes, beside what was said to matter: a row for each metric."""
    seeds = len({run.seed for run in plan.runs if not run.replaces})
    rows = []
    for metric, matters in plan.experiment.matters.items():
        spread = scores.spread(metric)
        if metric in scores.better and spread is not None:
            luck = smallest_that_matters(spread, max(1, seeds))
            row = {"split": test, "metric": metric, "matters": matters, "seeds": luck}
            rows.append(row | {"placebo": placebos.get(metric)})
    return [{key: plain(value) for key, value in row.items()} for row in rows]


def _sure(plan: Plan, row: Mapping[str, Any]) -> dict[str, float | None]:
    """How sure it is that the paper's columns are these cells."""
    known = [plan.experiment.cells.get(row[end]) for end in ("from", "to")]
    sure = [cell.confidence for cell in known if cell is not None and cell.confidence is not None]
    return {"confidence": min(sure, default=None)}
