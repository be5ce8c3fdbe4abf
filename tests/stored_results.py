"""A folder as ``lipkit experiment`` leaves it, with made-up numbers."""

from pathlib import Path

import numpy as np

from lipkit.experiments.claims import RULE, CellScores, judge
from lipkit.experiments.collect import FORM, beside_paper, paper_values
from lipkit.experiments.columns import Cell, experiment, metric_names
from lipkit.metrics import METRICS
from lipkit.presets import preset
from lipkit.report.tables import write_csv, write_json
from lipkit.settings import to_dict

SPLITS = ("s1_test", "unseen_speaker_test")
MEASURED = ("lmd", "ssim", "psnr", "cpbd", "motion", "opening", "sync_confidence")
MEASURED += ("ssim_paper", "psnr_paper", "cpbd_paper")
REFERENCES = {
    "ground truth": {"lmd": 0.0, "ssim": 1.0, "psnr": np.nan, "cpbd": 0.29, "motion": 1.0},
    "frozen lips": {"lmd": 1.6, "ssim": 0.74, "psnr": 27.6, "cpbd": 0.285, "motion": 0.0},
    "mean lips": {"lmd": 1.36, "ssim": 0.85, "psnr": 30.4, "cpbd": 0.15, "motion": 0.0},
}
OTHERS = {"motion": 0.5, "opening": 0.6, "sync_confidence": 0.2}
CLIPS, SEED_SPREAD, CLIP_SPREAD = 12, 0.02, 0.05


def write_folder(out: Path, name: str = "ablation", seeds: int = 2, splits=SPLITS) -> Path:
    """results.csv, results.json, claims.json and curves.csv; trained cells lie near the paper's."""
    table, rng, rows, judged = experiment(name), np.random.default_rng(0), [], []
    cells = {name: cell for name, cell in table.cells.items() if cell.default}
    for split in splits:
        scores = {}
        for row in (*REFERENCES, *cells):
            cell: Cell | str = cells.get(row, row)
            trained = isinstance(cell, Cell) and cell.settings is not None
            for metric in MEASURED:
                mean = _mean(cell, metric)
                changes = rng.normal(0, SEED_SPREAD, (seeds if trained else 1, 1))
                if not isinstance(cell, Cell):
                    changes[:] = 0
                clips = mean + changes + rng.normal(0, CLIP_SPREAD, CLIPS)
                if mean == 0 or np.isnan(mean):
                    clips[:] = mean
                scores[row, metric] = clips
                rows += _rows(split, row, metric, clips, trained, cell)
        judged += _judged(table, cells, scores, split)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(out / "results.csv", rows)
    told = {"form": FORM, "rule": RULE, "claims": judged, "power": {}, "luck": []}
    write_json(out / "claims.json", told)
    write_csv(out / "curves.csv", _curves(cells, seeds, rng))
    runs = [
        {"name": f"{c}-seed{s}", "cell": c, "seed": s, "status": "whole", "seconds": 60.0 * (3 + s)}
        for s in range(seeds)
        for c, cell in cells.items()
        if cell.settings is not None
    ]
    about = {
        "experiment": name,
        "title": table.title,
        "preset": "tiny",
        "settings": to_dict(preset("tiny")),
        "budget_of_each_run": {"steps": 300, "minutes": None, "in_words": "300 steps"},
        "train_split": "s1_train",
        "runs": runs,
        "splits": {s: {"corpus": "grid", "windows": 96, "clips": CLIPS} for s in splits},
        "metrics": {m: {"better": METRICS[m].better} for m in MEASURED},
    }
    write_json(out / "results.json", about)
    return out


def _judged(table, cells, scores, split):
    """The claims of one split by the rule, as ``lipkit experiment`` judges them."""
    better = {metric: METRICS[metric].better for metric in MEASURED}
    trained = frozenset(name for name, cell in cells.items() if cell.settings is not None)
    every = CellScores(scores, trained, [""] * CLIPS, better, table.matters)
    paper = {}
    for contrast in table.contrasts:
        ends = [
            paper_values(table.cells.get(c, c), "grid") for c in (contrast.origin, contrast.target)
        ]
        for metric in ends[0].keys() & ends[1].keys():
            paper[contrast.name, metric] = ends[1][metric] - ends[0][metric]
    for block in table.blocks:
        contrasts = [c for c in table.contrasts if c.block == block]
        for place in (0, 1):
            names = {
                f: [m for m in ours[place : place + 1] if m in better]
                for f, ours in metric_names().items()
            }
            for row in judge(contrasts, every, paper, names):
                yield {"split": split, **row, "confidence": 0.75}


def _mean(cell, metric: str) -> float:
    family = metric.removesuffix("_paper")
    if isinstance(cell, str) and cell in REFERENCES:
        return REFERENCES[cell].get(family, 0.1)
    usual = OTHERS | REFERENCES["mean lips"]
    return paper_values(cell, "grid").get(family, usual.get(metric, usual.get(family)))


def _rows(split, row, metric, clips, trained, cell):
    for seed, values in enumerate(clips):
        value = None if np.isnan(values).any() else values.mean()
        half = None if value is None else 1.96 * values.std() / np.sqrt(len(values))
        frozen = None if value is None else value - _mean("frozen lips", metric)
        yield {
            "split": split,
            "cell": row,
            "seed": seed if trained else None,
            "metric": metric,
            "convention": METRICS[metric].convention,
            "unit": METRICS[metric].unit,
            "better": METRICS[metric].better,
            "value": value,
            "low": None if value is None else value - half,
            "high": None if value is None else value + half,
            "minus_frozen": frozen,
            "minus_frozen_low": None if frozen is None else frozen - half,
            "minus_frozen_high": None if frozen is None else frozen + half,
            "paper": paper_values(cell, "grid").get(metric.removesuffix("_paper"))
            if metric in beside_paper()
            else None,
            "windows": 96,
            "clips": len(values),
        }


def _curves(cells, seeds, rng):
    rows = []
    for name, cell in cells.items():
        changes = cell.settings
        if changes is None or cell.preset:
            continue
        for seed in range(seeds):
            for step in range(3, 301, 3):
                fall = 0.4 * np.exp(-step / 60) + 0.05
                losses = {
                    "pix": fall if changes.get("loss.pix.weight") != 0 else None,
                    "gen": 0.8 + 0.2 * fall if changes.get("loss.gen.weight") != 0 else None,
                }
                noisy = {k: v and round(v * rng.uniform(0.9, 1.1), 4) for k, v in losses.items()}
                rows.append({"cell": name, "seed": seed, "step": step, "seconds": step, **noisy})
    return rows
