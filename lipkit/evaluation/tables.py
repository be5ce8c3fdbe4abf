"""A summary as files: JSON, CSV of every window and clip, Markdown and LaTeX tables."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lipkit.evaluation.clip_scores import ClipScores, Score
from lipkit.evaluation.summary import scores_of
from lipkit.files import replacing
from lipkit.metrics import METRICS

ARROWS = {"higher": "↑", "lower": "↓", "truth": "≈"}
"""Which way is better; ``truth``: the nearer to the ground truth's."""
DIGITS = {"dB": 2, "px": 2}
"""Decimals by unit; 3 for the others."""


def write_all(
    json_path: Path,
    summary: Mapping[str, Any],
    clips: Sequence[ClipScores],
    starts: Mapping[str, Sequence[int]],
    identities: Mapping[str, Sequence[int]],
) -> list[Path]:
    """Write everything beside ``json_path``, which comes last; return the files.

    ``table.json`` goes with ``table.md``, ``table.tex``, ``table_windows.csv`` and
    ``table_clips.csv``. Each file is written whole or not at all.

    Raises
    ------
    LipkitError
        When the folder cannot be written.
    """
    stem = json_path.stem
    window_names = [name for name in summary["metrics"] if METRICS[name].over == "window"]
    clip_names = list(summary["metrics"])
    rows = [row["name"] for row in summary["rows"]]
    tables = {
        f"{stem}_windows.csv": _window_rows(clips, rows, window_names, starts, identities),
        f"{stem}_clips.csv": _clip_rows(clips, rows, clip_names),
    }
    written = []
    for name, lines in tables.items():
        written.append(json_path.with_name(name))
        _write_csv(written[-1], lines)
    for suffix, text in ((".md", markdown(summary)), (".tex", latex(summary))):
        written.append(json_path.with_suffix(suffix))
        _write_text(written[-1], text)
    _write_text(
        json_path, json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
    return [*written, json_path]


def _window_rows(clips, rows, metrics, starts, identities) -> Iterable[dict[str, Any]]:
    """A line for each row and window."""
    for row in rows:
        for clip in clips:
            for i, scores in enumerate(clip.rows[row].windows):
                line = {
                    "row": row,
                    "clip_id": clip.clip_id,
                    "start": starts[clip.clip_id][i],
                    "identity_frame": identities[clip.clip_id][i],
                }
                yield line | _cells({name: scores[name] for name in metrics})


def _clip_rows(clips, rows, metrics) -> Iterable[dict[str, Any]]:
    """A line for each row and clip: means over its windows, and the metrics over clips."""
    for row in rows:
        for clip in clips:
            line = {"row": row, "clip_id": clip.clip_id, "fault": clip.fault}
            yield line | _cells({name: _together(scores_of(clip, row, name)) for name in metrics})


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
        lines += [f"## Convention: {convention}", ""]
        lines += ["| | " + " | ".join(_head(summary, name) for name in names) + " |"]
        lines += ["|:--|" + "--:|" * len(names)]
        for title, cells in _table(summary, names):
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
        lines += ["", *(f"- {_meaning(summary, name)}" for name in names), ""]
    lines += [f"- {note}" for note in _footnotes(summary)]
    return "\n".join(lines) + "\n"


def latex(summary: Mapping[str, Any]) -> str:
    """The same as booktabs tables; needs ``\\usepackage{booktabs}``."""
    lines = [f"% {summary['title']}", f"% {_where(summary)}"]
    for convention, names in _by_convention(summary):
        lines += ["\\begin{table}", "\\centering", "\\small"]
        lines += ["\\begin{tabular}{l" + "r" * len(names) + "}", "\\toprule"]
        lines += [" & ".join(["", *(escape_tex(_head(summary, name)) for name in names)]) + " \\\\"]
        lines += ["\\midrule"]
        for title, cells in _table(summary, names):
            lines.append(" & ".join([escape_tex(title), *map(escape_tex, cells)]) + " \\\\")
        caption = escape_tex(f"{_where(summary)} Convention: {convention}.")
        lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{caption}}}", "\\end{table}", ""]
    lines += [f"% {note}" for note in _footnotes(summary)]
    return "\n".join(lines) + "\n"


def _by_convention(summary: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    about = summary["metrics"]
    grouped = [
        (convention, [name for name in about if about[name]["convention"] == convention])
        for convention in ("standard", "paper")
    ]
    return [(convention, names) for convention, names in grouped if names]


def _table(summary: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, list[str]]]:
    rows = [
        (row["name"], [_cell(row["metrics"][name], _digits(summary, name)) for name in names])
        for row in summary["rows"]
    ]
    for row in summary["published"]:
        if row["metrics"].keys() & set(names):
            values = [row["metrics"].get(name) for name in names]
            rows.append(
                (
                    row["name"],
                    [
                        "–" if value is None else f"{value:.{_digits(summary, name)}f}"
                        for name, value in zip(names, values, strict=True)
                    ],
                )
            )
    return rows


def _cell(value: Mapping[str, Any], digits: int) -> str:
    if value["mean"] is None:
        return "∞" if value["infinite"] else "–"
    text = f"{value['mean']:.{digits}f}"
    if value["low"] is not None:
        text += f" [{value['low']:.{digits}f}, {value['high']:.{digits}f}]"
    return text


def _digits(summary: Mapping[str, Any], name: str) -> int:
    return DIGITS.get(summary["metrics"][name]["unit"], 3)


def _head(summary: Mapping[str, Any], name: str) -> str:
    about = summary["metrics"][name]
    unit = f", {about['unit']}" if about["unit"] else ""
    return f"{about['label']}{unit} {ARROWS[about['better']]}"


def _meaning(summary: Mapping[str, Any], name: str) -> str:
    about = summary["metrics"][name]
    return f"{about['label']} (`{name}`): {about['meaning']}"


def _where(summary: Mapping[str, Any]) -> str:
    return (
        f"{summary['corpus']}, split {summary['split']}: {summary['windows']} windows of "
        f"{summary['window']} frames, {summary['clips']} clips; brackets: {summary['interval']}; "
        f"identity frames by seed {summary['seed']}."
    )


def _footnotes(summary: Mapping[str, Any]) -> list[str]:
    notes = ["↑ higher, ↓ lower, ≈ nearer to the ground truth's value is better"]
    for row in summary["rows"]:
        if row["kind"] == "model":
            trained = f"trained on {row['corpus']}, split {row['train_split']}"
            notes.append(
                f"{row['name']}: {trained}, preset {row['preset']}, seed {row['train_seed']}, "
                f"{row['step']} steps; one run, so no spread over seeds"
            )
            if not row.get("draws", True):
                notes.append(
                    f"{row['name']}: predicts mouth points, told those of the identity image; it "
                    "draws nothing"
                )
        if row["kind"] == "retrieval":
            whose = " of the same speaker" if row["same_speaker"] else ""
            notes.append(
                f"{row['name']}: the lips filmed with the nearest sound among "
                f"{row['searched_windows']} windows{whose} ({row['searched_clips']} clips of split "
                f"{row['searched_split']}); blind to the identity image"
            )
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


_TEX = {
    "\\": "\\textbackslash{}",
    "&": "\\&",
    "%": "\\%",
    "_": "\\_",
    "#": "\\#",
    "$": "\\$",
    "{": "\\{",
    "}": "\\}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "↑": "$\\uparrow$",
    "↓": "$\\downarrow$",
    "≈": "$\\approx$",
    "∞": "$\\infty$",
    "–": "--",
    "±": "$\\pm$",
    "→": "$\\rightarrow$",
}


def escape_tex(text: str) -> str:
    """Text as LaTeX prints it, our arrows and signs included."""
    return "".join(_TEX.get(letter, letter) for letter in text)


def _write_csv(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    lines = list(lines)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
