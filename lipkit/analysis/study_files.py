"""A study as files: tables for other programs, a summary for people."""

import datetime
import os
from collections import Counter
from pathlib import Path
from typing import Any

from lipkit import __version__
from lipkit.analysis.series import FORMULAS
from lipkit.analysis.study import FormulaResult, Study
from lipkit.report.tables import write_csv, write_json

CONVENTION = (
    "a positive offset d compares the sound at step t with the lips at step t + d: "
    "a peak at d > 0 means that the lips come later than the sound"
)


def write_study(study: Study, out: str | os.PathLike, prepared: str = "PREPARED") -> list[Path]:
    """Write ``curves.csv``, ``best_offsets.csv``, ``clips.csv`` and ``summary.json``.

    Each file is written whole or not at all; summary.json comes last.

    Raises
    ------
    LipkitError
        When the folder cannot be written.
    """
    out = Path(out)
    tables = {
        "curves.csv": curve_rows(study),
        "best_offsets.csv": best_rows(study),
        "clips.csv": clip_rows(study),
    }
    for name, rows in tables.items():
        write_csv(out / name, rows)
    write_json(out / "summary.json", summary(study, prepared))
    return [out / name for name in (*tables, "summary.json")]


def curve_rows(study: Study) -> list[dict[str, Any]]:
    """A row for each formula and offset: mean r and counts, each with its interval and null."""
    rows = []
    for result in study.results.values():
        for k, offset in enumerate(study.offsets):
            row = {"formula": result.name, "offset": int(offset)}
            for name, band in (("r", result.interval), ("null_r", result.null)):
                row |= {
                    name: band.mean[k],
                    f"{name}_low": band.low[k],
                    f"{name}_high": band.high[k],
                }
            counts = result.null_counts
            row |= {
                "clips_best": int(result.counts[k]),
                "null_clips": counts.mean[k],
                "null_clips_low": counts.low[k],
                "null_clips_high": counts.high[k],
            }
            rows.append({key: _rounded(value) for key, value in row.items()})
    return rows


def best_rows(study: Study) -> list[dict[str, Any]]:
    """A row for each formula and usable clip: its best offset, r there and at offset 0."""
    zero = [k for k, offset in enumerate(study.offsets) if offset == 0]
    speakers = {clip.clip_id: clip.speaker for clip in study.usable}
    return [
        {
            "formula": result.name,
            "clip_id": clip_id,
            "speaker": speakers[clip_id],
            "best_offset": int(best),
            "r_best": _rounded(curve.max()),
            "r_at_0": _rounded(curve[zero[0]]) if zero else "",
        }
        for result in study.results.values()
        for clip_id, best, curve in zip(result.clip_ids, result.best, result.curves, strict=True)
    ]


def clip_rows(study: Study) -> list[dict[str, Any]]:
    """A row for each clip: whether it was used, and if not, why."""
    return [
        {
            "clip_id": clip.clip_id,
            "speaker": clip.speaker,
            "split": clip.split,
            "frames": clip.frames,
            "status": "unusable" if clip.reason else "ok",
            "reason": clip.reason,
        }
        for clip in study.clips
    ]


def summary(study: Study, prepared: str = "PREPARED") -> dict[str, Any]:
    """What the study says, with where it comes from; plain numbers and texts."""
    return {
        "convention": CONVENTION,
        "command": command(study, prepared),
        "lipkit": __version__,
        "date": datetime.date.today().isoformat(),
        "settings": study.settings
        | {"offsets": [int(study.offsets[0]), int(study.offsets[-1])], "piece_steps": 16},
        "clips": {
            "used": len(study.usable),
            "unusable": len(study.unusable),
            "speakers": dict(sorted(Counter(clip.speaker for clip in study.usable).items())),
            "reasons": dict(Counter(_kind(clip.reason) for clip in study.unusable)),
        },
        "formulas": {name: _formula(result) for name, result in study.results.items()},
    }


def command(study: Study, prepared: str = "PREPARED") -> str:
    """What to type to get these tables; settings left at their defaults are not named."""
    asked = study.settings
    words = ["lipkit analyse", prepared, "--out DIR"]
    if tuple(study.results) != tuple(FORMULAS):
        words += [f"--formula {name}" for name in study.results]
    words += [f"--split {asked['split']}"] if asked["split"] else []
    words += [f"--speaker {name}" for name in asked["speakers"] or ()]
    words += [f"--reach {int(study.offsets[-1])}"]
    words += [f"--{name} {asked[name]}" for name in ("shift", "repairings", "seed")]
    return " ".join(words)


def _formula(result: FormulaResult) -> dict[str, Any]:
    at = {int(offset): k for k, offset in enumerate(result.offsets)}
    statistic, freedom, p = result.chi_square
    null_statistic, null_p = result.histogram_p
    return {
        "meaning": result.meaning,
        "peak": _value(result, at[result.peak]) | {"interval_offset": list(result.peak_interval)},
        "highest_above_null": _value(result, at[result.excess]) | {"p": _rounded(result.peak_p)},
        "farthest_from_null": _value(result, at[result.deviation])
        | {"p": _rounded(result.deviation_p)},
        "at_0": _value(result, at[0]) if 0 in at else None,
        "histogram": {
            "counts": result.counts.tolist(),
            # Below 5 the p of chi-square is not to be trusted.
            "clips_an_offset": _rounded(len(result.clip_ids) / len(result.offsets)),
            "against_equal_counts": {
                "chi_square": _rounded(statistic),
                "freedom": freedom,
                "p": float(f"{p:.3g}"),
            },
            "against_null": {
                "chi_square": _rounded(null_statistic),
                "p_by_repairing": _rounded(null_p),
            },
        },
    }


def _value(result: FormulaResult, k: int) -> dict[str, Any]:
    return {
        "offset": int(result.offsets[k]),
        "r": _rounded(result.mean[k]),
        "interval": [_rounded(result.interval.low[k]), _rounded(result.interval.high[k])],
        "null": [_rounded(result.null.low[k]), _rounded(result.null.high[k])],
    }


def _kind(reason: str) -> str:
    """A reason without the file it names, so that the same fault of two clips is one."""
    head, _, rest = reason.partition(": ")
    if head == "not prepared" and ": " in rest:
        return f"{head}: {rest.partition(': ')[2]}"
    return reason


def _rounded(value: Any) -> Any:
    return round(float(value), 4) if hasattr(value, "dtype") or isinstance(value, float) else value
