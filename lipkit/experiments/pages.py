"""Results and claims as Markdown and LaTeX, with all that is needed to read them."""

from collections.abc import Iterable, Mapping
from typing import Any

from lipkit.experiments.collect import beside_paper, table_rows
from lipkit.experiments.columns import BLOCKS
from lipkit.experiments.measure import Measured
from lipkit.experiments.plan import Plan
from lipkit.experiments.records import DIVERGED, WHOLE
from lipkit.experiments.verdicts import CONVENTIONS
from lipkit.report.tables import (
    DIRECTIONS,
    NOTHING,
    digits_of,
    head_of,
    latex_table,
    markdown_table,
    number,
    with_ends,
)


def markdown(
    plan: Plan, measured: Mapping[str, Measured], about: Mapping[str, Any], judged: Mapping
) -> str:
    """Everything in one page."""
    lines = [f"# {plan.experiment.title}", "", _training(plan), ""]
    for name, result in measured.items():
        lines += [f"## {name}", "", _measuring(result), ""]
        for convention in CONVENTIONS:
            heads, rows = _table(plan, result, convention)
            if heads:
                lines += [f"Convention: {convention}", "", *markdown_table(heads, rows, 2), ""]
        notes = [*_unaveraged(result), *result.summary["notes"]]
        lines += [f"- {note}" for note in notes] + [""] * bool(notes)
    lines += ["## Claims", "", *_claims(judged), "", "## Runs", "", *_runs(about), ""]
    lines += [f"- {note}" for note in _notes(plan)]
    return "\n".join(lines) + "\n"


def claims_markdown(plan: Plan, judged: Mapping[str, Any]) -> str:
    """The claims alone."""
    return "\n".join([f"# {plan.experiment.title}: claims", "", *_claims(judged)]) + "\n"


def latex(plan: Plan, measured: Mapping[str, Measured]) -> str:
    """The tables for a paper; needs ``\\usepackage{booktabs}``."""
    lines = [f"% {plan.experiment.title}"]
    for name, result in measured.items():
        for convention in CONVENTIONS:
            heads, rows = _table(plan, result, convention)
            caption = f"{name}, convention {convention}. {_training(plan)} {_measuring(result)}"
            lines += latex_table(heads, rows, caption, 2) if heads else []
    return "\n".join(lines) + "\n"


def _training(plan: Plan) -> str:
    train = plan.base.train
    seeds = len({run.seed for run in plan.runs if not run.replaces})
    windows = train.steps * train.batch_size
    apart = {run.cell.name: run.preset.train for run in plan.runs if run.cell.preset}
    longer = {run.cell.name: run.cell.work for run in plan.runs if run.cell.work != 1}
    work = "".join(f" The cell {name} has {times:g} times that." for name, times in longer.items())
    own = "".join(
        f" The cell {name} has its own preset's budget: {other.steps:,} steps of "
        f"{other.batch_size} windows."
        for name, other in apart.items()
    )
    return (
        f"Equal budget for every run: {plan.budget}, {train.batch_size} windows per step (up to "
        f"{windows:,} windows), preset {plan.base.name}; trained on {train.train_split}, {seeds} "
        f"seed{'s' * (seeds != 1)}.{work}{own}"
    )


def _measuring(result: Measured) -> str:
    summary = result.summary
    return (
        f"{summary['corpus']}, {summary['windows']} windows of {summary['clips']} clips, crop "
        f"{summary['crop']}; mean over seeds, brackets: 95 % bootstrap interval over "
        f"{summary['over']} and seeds, ±: half the range of the seeds. Paper: GRID, other speakers "
        "and crop, single runs."
    )


def _unaveraged(result: Measured) -> Iterable[str]:
    for person in result.summary["people"]:
        if not person["averaged"]:
            yield f"{person['name']}: not averaged; {'; '.join(person['faults'])}"


def _table(plan: Plan, result: Measured, convention: str) -> tuple[list[str], list[list[str]]]:
    about = result.summary["metrics"]
    names = [name for name in about if about[name]["convention"] == convention]
    if not names:
        return [], []
    heads = ["", ""]
    for name in names:
        told = (about[name][key] for key in ("label", "unit", "better"))
        heads += [head_of(*told)] + ["paper"] * (name in beside_paper())
    rows = []
    for row in table_rows(plan, result):
        cells = [row["name"], row["title"] if row["title"] != row["name"] else ""]
        for name in names:
            digits = digits_of(about[name]["unit"])
            cells.append(_cell(row["values"].get(name), digits))
            if name in beside_paper():
                cells.append(number(row["paper"].get(name.removesuffix("_paper")), digits))
        rows.append(cells)
    return heads, rows


def _cell(value: Mapping[str, Any] | None, digits: int) -> str:
    if value is None or value["mean"] is None:
        return "∞" if value and value["infinite"] else NOTHING
    text = with_ends(value["mean"], value["low"], value["high"], digits)
    return text + ("" if value["half_range"] is None else f" ±{value['half_range']:.{digits}f}")


def _claims(judged: Mapping[str, Any]) -> list[str]:
    if not judged["claims"]:
        return ["No contrast has both of its cells."]
    lines = []
    for block, title in BLOCKS.items():
        rows = [row for row in judged["claims"] if row["block"] == block]
        if rows:
            lines += [f"**{title}**", "", *_block(rows), ""]
    lines += [judged["rule"], ""]
    if judged["luck"]:
        lines += ["What nothing makes, beside what was said to matter:", "", *_luck(judged), ""]
    for place, said in judged["power"].items():
        lines += [f"- {place}: {line}" for line in said]
    return lines


def _block(rows: list[Mapping[str, Any]]) -> list[str]:
    heads = ["claim", "test", "metric", "verdict", "paper", "ours", "matters", "could be seen"]
    heads += ["placebo", "by seed", "confidence"]
    cells = []
    for row in rows:
        seeds = ", ".join(number(seed, 3, "+") for seed in row["seeds"])
        cells.append(
            [
                f"{row['claim']} ({row['from']} → {row['to']})",
                row["split"],
                row["metric"],
                f"**{row['verdict']}**",
                number(row["paper"], 3, "+"),
                with_ends(row["difference"], row["low"], row["high"], 3, "+"),
                number(row["matters"], 3),
                number(row["seen"], 3),
                number(row["placebo"], 3, "+"),
                seeds or NOTHING,
                NOTHING if row["confidence"] is None else f"{row['confidence']:g}",
            ]
        )
    return markdown_table(heads, cells, 4)


def _luck(judged: Mapping[str, Any]) -> list[str]:
    heads = ["test", "metric", "matters", "equal settings, 1 in 20", "placebo"]
    rows = [
        [
            row["split"],
            row["metric"],
            number(row["matters"], 3),
            number(row["seeds"], 3),
            number(row["placebo"], 3, "+"),
        ]
        for row in judged["luck"]
    ]
    return markdown_table(heads, rows, 2)


def _runs(about: Mapping[str, Any]) -> list[str]:
    cells = []
    for run in about["runs"]:
        trained = run["status"] in (WHOLE, DIVERGED) and run.get("steps")
        steps = f"{run['steps']:,}" if trained else NOTHING
        minutes = f"{run['seconds'] / 60:.1f}" if trained else NOTHING
        change = run.get("change_at_end")
        what = [NOTHING if change is None else f"{change:+.1%}"]
        what += [run.get("device", ""), run.get("commit", "")]
        said = [run["reason"] or run["status"]]
        said += [f"in place of {run['replaces']}"] if run.get("replaces") else []
        cells.append([run["name"], steps, minutes, *what, ", ".join(said)])
    heads = ["run", "steps", "minutes", "at the end", "device", "commit", ""]
    return markdown_table(heads, cells)


def _notes(plan: Plan) -> Iterable[str]:
    yield DIRECTIONS
    yield (
        "at the end: by how much the training loss (pixel loss, else objective) changed from the "
        "last but one fifth of the steps to the last; a run that still falls has not levelled off"
    )
    for cell in dict.fromkeys(run.cell for run in plan.runs):
        if cell.confidence not in (None, 1):
            column = cell.column or cell.name
            yield (
                f"{cell.name}: that the paper's column ({column}) is this is a reading of a "
                f"damaged table, confidence {cell.confidence:g}"
            )
    for cell in plan.measured:
        if cell.weights:
            yield f"{cell.name}: {cell.title}"
