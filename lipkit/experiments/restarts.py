"""A run that diverged: known by a rule, repeated once with the next seed, never hidden.

A run has diverged when a loss or a weight was no longer finite, or when its error on the
validation clips is more than :data:`ASTRAY` times the least of its cell. A cell that is bad with
every seed has not diverged: that is what the cell does. Where the repetition goes astray as
well, it counts: then that, too, is what the cell does.
"""

from dataclasses import replace

from lipkit.experiments.plan import Plan, Run
from lipkit.experiments.records import DIVERGED, WHOLE, read_record

ASTRAY = 2.0
_ERRORS = ("val_l1", "val_lmd")
"""What a run's record calls its error on the validation clips."""


def with_restarts(plan: Plan) -> Plan:
    """The plan with one run more for each that diverged, by what the records say now."""
    runs = list(plan.runs)
    for run in diverged(plan):
        taken = [other.seed for other in runs if other.cell is run.cell]
        runs.append(run.with_seed(max(taken) + 1))
    return replace(plan, runs=tuple(runs))


def diverged(plan: Plan) -> list[Run]:
    """The planned runs that went astray, in their order; those in their place do not count."""
    planned = [run for run in plan.runs if not run.replaces]
    return [run for run in planned if _has_diverged(run, planned)]


def _has_diverged(run: Run, planned: list[Run]) -> bool:
    record = read_record(run.folder)
    if record is None or record["status"] != WHOLE:
        return record is not None and record["status"] == DIVERGED
    own = _error(run)
    others = [_error(other) for other in planned if other.cell is run.cell and other is not run]
    others = [error for error in others if error is not None]
    return own is not None and bool(others) and own > ASTRAY * min(others)


def _error(run: Run) -> float | None:
    record = read_record(run.folder)
    if record is None or record["status"] != WHOLE:
        return None
    known = record.get("metrics") or {}
    return next((known[name] for name in _ERRORS if name in known), None)
