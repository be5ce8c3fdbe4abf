"""Measure what is whole, judge it, and write everything beside the runs."""

from collections.abc import Sequence

from lipkit.experiments.collect import curves, person_rows, provenance, result_rows
from lipkit.experiments.measure import MeasureOptions, TestSet, measure
from lipkit.experiments.pages import claims_markdown, latex, markdown
from lipkit.experiments.plan import Plan
from lipkit.experiments.restarts import with_restarts
from lipkit.experiments.verdicts import claims
from lipkit.report.tables import write_csv, write_json, write_text


def finish(plan: Plan, tests: Sequence[TestSet], options: MeasureOptions | None = None) -> str:
    """Write ``results.csv``, ``people.csv``, ``results.json``, ``table.md``, ``table.tex``,
    ``claims.json``, ``claims.md`` and ``curves.csv`` to the plan's folder; return ``table.md``.

    Raises
    ------
    LipkitError
        When no run is whole, or a file cannot be written.
    """
    plan = with_restarts(plan)
    measured = measure(plan, tests, options)
    about, judged = provenance(plan, measured, list(tests)), claims(plan, measured)
    page = markdown(plan, measured, about, judged)
    write_csv(plan.out / "results.csv", result_rows(plan, measured))
    write_csv(plan.out / "people.csv", person_rows(plan, measured))
    write_csv(plan.out / "curves.csv", curves(plan))
    write_json(plan.out / "claims.json", judged)
    write_text(plan.out / "claims.md", claims_markdown(plan, judged))
    write_text(plan.out / "table.tex", latex(plan, measured))
    write_text(plan.out / "table.md", page)
    write_json(plan.out / "results.json", about)
    return page
