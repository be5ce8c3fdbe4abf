"""Measure what is whole, judge it, and write everything beside the runs."""

from collections.abc import Sequence
from pathlib import Path

from lipkit.experiments import tables
from lipkit.experiments.collect import claims, curves, provenance, result_rows
from lipkit.experiments.measure import measure
from lipkit.experiments.plan import Plan
from lipkit.files import replacing
from lipkit.report.tables import write_csv, write_json


def report(
    plan: Plan,
    splits: Sequence[str],
    clips: int | None = None,
    metrics: Sequence[str] | None = None,
    raw: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> str:
    """Write ``results.csv``, ``results.json``, ``table.md``, ``table.tex``, ``claims.json``,
    ``claims.md`` and ``curves.csv`` to the plan's folder; return ``table.md``.

    Parameters
    ----------
    splits, clips, metrics, raw, workers : as of :func:`lipkit.experiments.measure.measure`.

    Raises
    ------
    LipkitError
        When no run is whole, or a file cannot be written.
    """
    measured = measure(plan, splits, clips, metrics, raw, workers, progress)
    about, judged = provenance(plan, measured), claims(plan, measured)
    page = tables.markdown(plan, measured, about, judged)
    write_csv(plan.out / "results.csv", result_rows(plan, measured))
    write_csv(plan.out / "curves.csv", curves(plan))
    write_json(plan.out / "claims.json", judged)
    texts = {
        "claims.md": tables.claims_markdown(plan, judged),
        "table.tex": tables.latex(plan, measured),
        "table.md": page,
    }
    for name, text in texts.items():
        with replacing(plan.out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    write_json(plan.out / "results.json", about)
    return page
