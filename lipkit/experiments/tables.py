"""Results and claims as Markdown and LaTeX, with all that is needed to read them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lipkit.experiments.collect import beside_paper, table_rows
from lipkit.experiments.measure import Measured
from lipkit.experiments.plan import WHOLE, Plan
from lipkit.report.tables import ARROWS, digits_of, escape_tex

CONVENTIONS = ("standard", "paper")


def markdown(
    plan: Plan, measured: Mapping[str, Measured], about: Mapping[str, Any], judged: Mapping
) -> str:
    """Everything in one page."""
    lines = [f"# {plan.experiment.title}", "", _training(plan), ""]
    for split, result in measured.items():
        lines += [f"## {split}", "", _measuring(result), ""]
        for convention in CONVENTIONS:
            heads, rows = _table(plan, result, convention)
            if heads:
                lines += [f"Convention: {convention}", "", *_markdown(heads, rows), ""]
        lines += [f"- {note}" for note in result.summary["notes"]]
        lines += [""] * bool(result.summary["notes"])
    lines += ["## Claims", "", *_claims(judged), "", "## Runs", "", *_runs(about), ""]
    lines += [f"- {note}" for note in _notes(plan)]
    return "\n".join(lines) + "\n"


def claims_markdown(plan: Plan, judged: Mapping[str, Any]) -> str:
    """The claims alone."""
    return "\n".join([f"# {plan.experiment.title}: claims", "", *_claims(judged)]) + "\n"


def latex(plan: Plan, measured: Mapping[str, Measured]) -> str:
    """The tables for a paper; needs ``\\usepackage{booktabs}``."""
    lines = [f"% {plan.experiment.title}"]
    for split, result in measured.items():
        for convention in CONVENTIONS:
            heads, rows = _table(plan, result, convention)
            if not heads:
                continue
            lines += ["\\begin{table}", "\\centering", "\\small"]
            lines += [f"\\begin{{tabular}}{{ll{'r' * (len(heads) - 2)}}}", "\\toprule"]
            lines += [" & ".join(map(escape_tex, heads)) + " \\\\", "\\midrule"]
            lines += [" & ".join(map(escape_tex, row)) + " \\\\" for row in rows]
            caption = f"{split}, convention {convention}. {_training(plan)} {_measuring(result)}"
            lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{escape_tex(caption)}}}"]
            lines += ["\\end{table}", ""]
    return "\n".join(lines) + "\n"


def _training(plan: Plan) -> str:
    train = plan.base.train
    seeds = len({run.seed for run in plan.runs})
    return (
        f"Equal budget for every run: {plan.budget}, {train.batch_size} windows per step, preset "
        f"{plan.base.name}, generator width {plan.base.generator.width:g}; trained on "
        f"{train.train_split}, {seeds} seed{'s' * (seeds != 1)}."
    )


def _measuring(result: Measured) -> str:
    summary = result.summary
    return (
        f"{summary['corpus']}, {summary['windows']} windows of {summary['clips']} clips, crop "
        f"{summary['crop']}; mean over seeds, brackets: 95 % bootstrap interval over clips and "
        "seeds, ±: half the range of the seeds. Paper: GRID, other speakers and crop, single "
        "runs."
    )


def _table(plan: Plan, result: Measured, convention: str) -> tuple[list[str], list[list[str]]]:
    about = result.summary["metrics"]
    names = [name for name in about if about[name]["convention"] == convention]
    if not names:
        return [], []
    heads = ["", ""]
    for name in names:
        unit = f", {about[name]['unit']}" if about[name]["unit"] else ""
        heads.append(f"{about[name]['label']}{unit} {ARROWS[about[name]['better']]}")
        heads += ["paper"] * (name in beside_paper())
    rows = []
    for row in table_rows(plan, result):
        title = row["title"] if row["title"] != row["name"] else ""
        cells = [row["name"], title]
        for name in names:
            digits = digits_of(about[name]["unit"])
            cells.append(_cell(row["values"].get(name), digits))
            if name in beside_paper():
                value = row["paper"].get(name.removesuffix("_paper"))
                cells.append("–" if value is None else f"{value:.{digits}f}")
        rows.append(cells)
    return heads, rows


def _cell(value: Mapping[str, Any] | None, digits: int) -> str:
    if value is None or value["mean"] is None:
        return "∞" if value and value["infinite"] else "–"
    text = f"{value['mean']:.{digits}f}"
    if value["low"] is not None:
        text += f" [{value['low']:.{digits}f}, {value['high']:.{digits}f}]"
    if value["half_range"] is not None:
        text += f" ±{value['half_range']:.{digits}f}"
    return text


def _claims(judged: Mapping[str, Any]) -> list[str]:
    rows = judged["claims"]
    if not rows:
        return ["No contrast has both of its cells."]
    heads = ["claim", "split", "metric", "paper", "ours", "by seed", "verdict", "confidence"]
    cells = []
    for row in rows:
        paper = "–" if row["paper"] is None else f"{row['paper']:+.3f}"
        ours = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        seeds = ", ".join("–" if seed is None else f"{seed:+.3f}" for seed in row["seeds"])
        claim = f"{row['claim']} ({row['from']} → {row['to']})"
        sure = "–" if row["confidence"] is None else f"{row['confidence']:g}"
        verdict = f"**{row['verdict']}**"
        cells.append([claim, row["split"], row["metric"], paper, ours, seeds, verdict, sure])
    return [*_markdown(heads, cells), "", judged["rule"]]


def _runs(about: Mapping[str, Any]) -> list[str]:
    cells = []
    for run in about["runs"]:
        whole = run["status"] == WHOLE
        steps = f"{run['steps']:,}" if whole else "–"
        minutes = f"{run['seconds'] / 60:.1f}" if whole else "–"
        what = [run.get("device", ""), run.get("commit", "")]
        cells.append([run["name"], steps, minutes, *what, run["reason"] or run["status"]])
    return _markdown(["run", "steps", "minutes", "device", "commit", ""], cells)


def _notes(plan: Plan) -> Iterable[str]:
    yield "↑ higher, ↓ lower, ≈ nearer to the ground truth's value is better"
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


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + ":--|" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
