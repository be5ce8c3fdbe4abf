"""A summary as files: JSON, CSV of every window and clip, Markdown and LaTeX tables."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lipkit.evaluation.scores import ClipScores, Score
from lipkit.evaluation.split import SplitClip
from lipkit.evaluation.summary import scores_of
from lipkit.evaluation.trust import RULE
from lipkit.metrics import METRICS
from lipkit.report.tables import (
    DIRECTIONS,
    digits_of,
    head_of,
    latex_table,
    markdown_table,
    number,
    with_ends,
    write_csv,
    write_json,
    write_text,
)


def write_all(
    json_path: Path,
    summary: Mapping[str, Any],
    scores: Sequence[ClipScores],
    clips: Sequence[SplitClip],
) -> list[Path]:
    """Write everything beside ``json_path``, which comes last; return the files.

    ``table.json`` goes with ``table.md``, ``table.tex``, ``table_windows.csv`` and
    ``table_clips.csv``. Each file is written whole or not at all.

    Parameters
    ----------
    summary
        Of :func:`lipkit.evaluation.summary.summarise`.
    scores, clips
        Of the same clips, in the same order.

    Raises
    ------
    LipkitError
        When the folder cannot be written.
    """
    pairs = list(zip(scores, clips, strict=True))
    rows = [row["name"] for row in summary["rows"]]
    windows = json_path.with_name(f"{json_path.stem}_windows.csv")
    by_clip = json_path.with_name(f"{json_path.stem}_clips.csv")
    over_windows = [name for name in summary["metrics"] if METRICS[name].over == "window"]
    write_csv(windows, _window_rows(pairs, rows, over_windows))
    write_csv(by_clip, _clip_rows(pairs, rows, list(summary["metrics"])))
    page, tex = json_path.with_suffix(".md"), json_path.with_suffix(".tex")
    write_text(page, markdown(summary))
    write_text(tex, latex(summary))
    write_json(json_path, summary)
    return [windows, by_clip, page, tex, json_path]


def _window_rows(pairs, rows, metrics) -> Iterable[dict[str, Any]]:
    """A line for each row and window."""
    for row in rows:
        for scores, clip in pairs:
            for i, window in enumerate(scores.rows[row].windows):
                line = {
                    "row": row,
                    "clip_id": clip.clip_id,
                    "start": clip.starts[i],
                    "identity_frame": clip.identities[i],
                }
                yield line | _cells({name: window[name] for name in metrics})


def _clip_rows(pairs, rows, metrics) -> Iterable[dict[str, Any]]:
    """A line for each row and clip: means over its windows, and the metrics over clips."""
    for row in rows:
        for scores, clip in pairs:
            line = {"row": row, "clip_id": clip.clip_id, "speaker": clip.speaker}
            line["fault"] = scores.fault
            yield line | _cells({name: _together(scores_of(scores, row, name)) for name in metrics})


def _together(scores: Sequence[Score]) -> Score:
    finite = sum(score.finite for score in scores)
    total = sum(score.mean * score.finite for score in scores if score.finite)
    return Score(
        total / finite if finite else None,
        finite,
        sum(score.undefined for score in scores),
        sum(score.infinite for score in scores),
    )


def _cells(scores: Mapping[str, Score]) -> dict[str, Any]:
    """The value (``inf`` where all are infinite, else empty) and how many were left out."""
    cells: dict[str, Any] = {}
    for name, score in scores.items():
        nothing = "inf" if score.infinite else ""
        cells[name] = nothing if score.mean is None else round(score.mean, 5)
        cells[f"{name}_left_out"] = score.undefined + score.infinite
    return cells


def markdown(summary: Mapping[str, Any]) -> str:
    """The tables, one for each convention, with all that is needed to read them."""
    lines = [f"# {summary['title']}", "", _where(summary), ""]
    for convention, names in _by_convention(summary):
        heads = ["", *(_head(summary, name) for name in names)]
        lines += [f"## Convention: {convention}", ""]
        lines += markdown_table(heads, _table(summary, names))
        lines += ["", *(f"- {_meaning(summary, name)}" for name in names), ""]
    if len(summary["people"]) > 1:
        lines += ["## Person by person", "", *_people(summary), ""]
        lines += ["How far the measure can be trusted, by the truth itself:", ""]
        lines += [*_trust(summary), "", RULE, ""]
    lines += [f"- {note}" for note in _footnotes(summary)]
    return "\n".join(lines) + "\n"


def latex(summary: Mapping[str, Any]) -> str:
    """The same as booktabs tables; needs ``\\usepackage{booktabs}``."""
    lines = [f"% {summary['title']}", f"% {_where(summary)}"]
    for convention, names in _by_convention(summary):
        heads = ["", *(_head(summary, name) for name in names)]
        caption = f"{_where(summary)} Convention: {convention}."
        lines += latex_table(heads, _table(summary, names), caption)
    lines += [f"% {note}" for note in _footnotes(summary)]
    return "\n".join(lines) + "\n"


def _by_convention(summary: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    about = summary["metrics"]
    grouped = [
        (convention, [name for name in about if about[name]["convention"] == convention])
        for convention in ("standard", "paper")
    ]
    return [(convention, names) for convention, names in grouped if names]


def _table(summary: Mapping[str, Any], names: Sequence[str]) -> list[list[str]]:
    rows = [
        [row["name"], *(_cell(row["metrics"][name], _digits(summary, name)) for name in names)]
        for row in summary["rows"]
    ]
    for row in summary["published"]:
        if row["metrics"].keys() & set(names):
            known = row["metrics"]
            rows.append([row["name"], *(number(known.get(n), _digits(summary, n)) for n in names)])
    return rows


def _cell(value: Mapping[str, Any], digits: int) -> str:
    if value["mean"] is None and value["infinite"]:
        return "∞"
    return with_ends(value["mean"], value["low"], value["high"], digits)


def _people(summary: Mapping[str, Any]) -> list[str]:
    """A line for each person and row, by the standard convention."""
    names = dict(_by_convention(summary)).get("standard") or list(summary["metrics"])
    heads = ["person", "clips", "", *(_head(summary, name) for name in names)]
    lines = []
    for person in sorted(summary["people"], key=lambda person: not person["averaged"]):
        name = person["name"] + ("" if person["averaged"] else ", not averaged")
        for row in summary["rows"]:
            values = person["rows"][row["name"]]
            cells = [number(values[metric], _digits(summary, metric)) for metric in names]
            lines.append([name, str(person["clips"]), row["name"], *cells])
    return markdown_table(heads, lines, texts=3)


def _trust(summary: Mapping[str, Any]) -> list[str]:
    heads = ["person", "", "Sync-C, truth", "Sync-C, frozen", "jitter, px", "implausible"]
    lines = []
    for person in summary["people"]:
        told = person["truth"]
        lines.append(
            [
                person["name"],
                "; ".join(person["faults"]) or "averaged",
                number(told["sync"], 3),
                number(told["sync_frozen"], 3),
                number(told["jitter"], 2),
                "–" if told["implausible"] is None else f"{told['implausible']:.1%}",
            ]
        )
    return markdown_table(heads, lines, texts=2)


def _digits(summary: Mapping[str, Any], name: str) -> int:
    return digits_of(summary["metrics"][name]["unit"])


def _head(summary: Mapping[str, Any], name: str) -> str:
    about = summary["metrics"][name]
    return head_of(about["label"], about["unit"], about["better"])


def _meaning(summary: Mapping[str, Any], name: str) -> str:
    about = summary["metrics"][name]
    return f"{about['label']} (`{name}`): {about['meaning']}"


def _where(summary: Mapping[str, Any]) -> str:
    people = len(summary["people"])
    whose = f" of {people} people" if people > 1 else ""
    averaged = "; means are over people" if summary["over"] == "people" else ""
    return (
        f"{summary['corpus']}, split {summary['split']}: {summary['windows']} windows of "
        f"{summary['window']} frames, {summary['clips']} clips{whose}{averaged}; brackets: "
        f"{summary['interval']}; identity frames by seed {summary['seed']}."
    )


def _footnotes(summary: Mapping[str, Any]) -> list[str]:
    notes = [DIRECTIONS]
    for person in summary["people"]:
        if person["faults"]:
            name = person["name"] or "these clips"
            what = (
                "averaged all the same, as nobody else is left"
                if person["averaged"]
                else ("listed and not averaged")
            )
            notes.append(f"{name}: the measure fails on the truth itself, so {what}")
    for row in summary["rows"]:
        notes += _about_row(row)
        for name, value in row["metrics"].items():
            label = summary["metrics"][name]["label"]
            if value["undefined"]:
                notes.append(
                    f"{row['name']}, {label}: {value['undefined']} of "
                    f"{value['undefined'] + value['values'] + value['infinite']} values could not "
                    "be measured and are left out"
                )
            if value["infinite"]:
                notes.append(
                    f"{row['name']}, {label}: {value['infinite']} values are infinite (equal "
                    "pictures) and are not averaged in"
                )
    if summary["paste_back_lmd"] is not None:
        notes.append(
            f"pasting back alone moves the landmarks: LMD {summary['paste_back_lmd']:.2f} px "
            "between the untouched frames and the true lips pasted back into them"
        )
    if any(row["metrics"].keys() & summary["metrics"].keys() for row in summary["published"]):
        notes.append(
            "published rows (poster, Tab. 2) are of other speakers, another crop and single runs"
        )
    return [*notes, *summary["notes"]]


def _about_row(row: Mapping[str, Any]) -> Iterable[str]:
    """Where a row comes from, for a model or a search."""
    if row["kind"] == "model":
        yield (
            f"{row['name']}: trained on {row['corpus']}, split {row['train_split']}, preset "
            f"{row['preset']}, seed {row['train_seed']}, {row['step']} steps; one run, so no "
            "spread over seeds"
        )
        if not row.get("draws", True):
            yield (
                f"{row['name']}: predicts mouth points, told those of the identity image; it "
                "draws nothing"
            )
    if row["kind"] == "retrieval":
        whose = " of the same speaker" if row["same_speaker"] else ""
        yield (
            f"{row['name']}: the lips filmed with the nearest sound among "
            f"{row['searched_windows']} windows{whose} ({row['searched_clips']} clips of split "
            f"{row['searched_split']}); blind to the identity image"
        )
