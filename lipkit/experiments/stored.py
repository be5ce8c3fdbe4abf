"""An experiment's results read back from its folder: scores, verdicts, curves, and words for them.

Where a folder holds no results, what is read is an experiment with nothing measured: the
paper's numbers remain, and :meth:`Stored.missing` says by which command the rest is made.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from lipkit.config.places import RESULTS
from lipkit.errors import LipkitError
from lipkit.experiments.claims import VERDICTS
from lipkit.experiments.collect import FORM, beside_paper, paper_values
from lipkit.experiments.columns import Cell, Contrast, Experiment, metric_names
from lipkit.experiments.own_tables import find_table, is_own
from lipkit.experiments.records import WHOLE
from lipkit.report.tables import read_csv

TRUTH, FROZEN, MEAN = "ground truth", "frozen lips", "mean lips"
SEEN, UNSEEN = "s1_test", "unseen_speaker_test"
"""The splits of the results that come with the kit."""
NORMAL_95 = 1.96


class Score(NamedTuple):
    """A row of the table by one metric."""

    value: float
    """Mean over the seeds."""
    low: float
    high: float
    """From the lowest to the highest end of the seeds' 95 % intervals over clips."""
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class Stored:
    """The results of one experiment; empty where nothing was measured."""

    experiment: Experiment
    folder: Path
    about: Mapping[str, Any]
    """``results.json``: settings, budget, runs, splits, metrics."""
    rows: Sequence[Mapping[str, str]]
    """The lines of ``results.csv``."""
    claims: Sequence[Mapping[str, Any]]
    """The rows of ``claims.json``."""
    curves: Sequence[Mapping[str, Any]]
    """The lines of ``curves.csv``: cell, seed, step, and a number for each loss that was on."""
    judgement: Mapping[str, Any] = field(default_factory=dict)
    """``claims.json``: the claims, their rule, what could be seen, what nothing makes."""
    made_by: str = ""
    """The command that makes such results."""

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def form(self) -> int:
        """Of the stored results: 1 has verdicts by an older rule, and one block of claims."""
        return int(self.judgement.get("form", 1)) if self else FORM

    @property
    def rule(self) -> str:
        """By which the stored verdicts were reached."""
        return self.judgement.get("rule", "")

    def old(self) -> str:
        """One sentence where the results are of an older form; empty where they are not."""
        if self.form >= FORM:
            return ""
        return (
            f"{self.folder.name}: these results are of form {self.form}. Their verdicts follow an "
            "older rule: no correction for the number of claims, no smallest effect that "
            "matters, no placebo. And the correlation loss was ours, not the one that is printed."
        )

    @property
    def splits(self) -> list[str]:
        """In the order of the file."""
        return list(dict.fromkeys(row["split"] for row in self.rows))

    def missing(self) -> str:
        """One sentence with the command that makes the results; empty where they are here."""
        if self:
            return ""
        how = self.made_by or command(self.experiment.name)
        return f"No results are stored here yet. To make them: {how}"

    def budget(self) -> str:
        """How each run was trained, in one sentence.

        Raises
        ------
        LipkitError
            Where nothing was measured.
        """
        if not self:
            raise LipkitError(f"{self.folder}: {self.missing()}")
        train, cells = self.about["settings"]["train"], self.experiment.cells
        whole = [run for run in self.about["runs"] if run["status"] == WHOLE]
        runs = [run for run in whole if not cells[run["cell"]].preset]
        minutes = [run["seconds"] / 60 for run in runs]
        took = f", {min(minutes):.0f} to {max(minutes):.0f} minutes" if minutes else ""
        own = dict.fromkeys(run["cell"] for run in whole if run not in runs)
        return (
            f"{len(runs)} runs of {self.about['budget_of_each_run']['in_words']}{took}; preset "
            f"{self.about['preset']}, {train['batch_size']} windows per step, split "
            f"{self.about['train_split']}"
            + "".join(f"; {name} by the preset {cells[name].preset}" for name in own)
        )

    def measured(self, split: str) -> str:
        """What a split's numbers were taken on; empty where nothing was measured."""
        about = self.about.get("splits", {}).get(split)
        if about is None:
            return ""
        return f"{split}: {about['windows']} windows of {about['clips']} clips of {about['corpus']}"

    def cells(self, split: str) -> list[str]:
        """Names of the rows that were measured on a split, references first."""
        return list(dict.fromkeys(row["cell"] for row in self.rows if row["split"] == split))

    def title(self, cell: str) -> str:
        """What a cell is, in words; a reference row is its own title."""
        known = self.experiment.cells.get(cell)
        return known.title if known else cell

    def score(self, split: str, cell: str, metric: str) -> Score | None:
        """None where it was not measured or no value is finite."""
        found = [
            row
            for row in self.rows
            if (row["split"], row["cell"], row["metric"]) == (split, cell, metric)
        ]
        known = [row for row in found if _number(row["value"]) is not None]
        if not known:
            return None
        seeds = [float(row["value"]) for row in known]
        lows = [_number(row["low"]) for row in known]
        highs = [_number(row["high"]) for row in known]
        ends = [end for end in (*lows, *highs) if end is not None]
        low, high = (min(ends), max(ends)) if ends else (math.nan, math.nan)
        return Score(sum(seeds) / len(seeds), low, high, tuple(seeds))

    def paper(self, cell: str, metric: str) -> float | None:
        """What the paper printed on GRID; None for metrics that it cannot stand beside."""
        if metric not in beside_paper():
            return None
        known: Cell | str = self.experiment.cells.get(cell, cell)
        return paper_values(known, "grid").get(metric.removesuffix("_paper"))

    def paper_difference(self, contrast: Contrast, family: str) -> float | None:
        """The paper's difference by one of its own metrics, such as ``ssim``."""
        ends = [
            paper_values(self.experiment.cells.get(cell, cell), "grid").get(family)
            for cell in (contrast.origin, contrast.target)
        ]
        return None if None in ends else ends[1] - ends[0]

    def judged(
        self, split: str, contrast: str = "", convention: str = "standard"
    ) -> list[Mapping[str, Any]]:
        """Rows of the claims on one split in one convention; of one contrast or all."""
        return [
            row
            for row in self.claims
            if row["split"] == split
            and contrast in ("", row["contrast"])
            and _is_paper(row["metric"]) == (convention == "paper")
        ]

    def seed_differences(self, split: str, metric: str) -> dict[str, float]:
        """Cell -> its second seed's value less its first's, where two were trained."""
        found = {}
        for cell in self.cells(split):
            score = self.score(split, cell, metric)
            if score is not None and len(score.seeds) > 1:
                found[cell] = score.seeds[1] - score.seeds[0]
        return found

    def widest(self, split: str, metric: str) -> str | None:
        """The cell whose seeds differ most: where a run went astray it is this one's."""
        changes = self.seed_differences(split, metric)
        return max(changes, key=lambda cell: abs(changes[cell]), default=None)

    def chance(self, split: str, metric: str, without: str | None = None) -> float | None:
        """A difference that two single runs of one setting reach in one case of twenty.

        1.96 √2 s, with s² the variance of a run about its cell's mean, pooled over the cells
        with two seeds or more, but for the cell ``without``; None where there are none. One
        run that went astray can make nearly all of s².
        """
        squares, freedom = 0.0, 0
        for cell in self.cells(split):
            score = self.score(split, cell, metric)
            if cell != without and score is not None and len(score.seeds) > 1:
                squares += sum((seed - score.value) ** 2 for seed in score.seeds)
                freedom += len(score.seeds) - 1
        return NORMAL_95 * math.sqrt(2 * squares / freedom) if freedom else None


def read_results(name: str, folder: str | Path = "") -> Stored:
    """The results of ``lipkit experiment NAME`` in a folder, or none where it holds none.

    Parameters
    ----------
    name
        ``ablation`` or ``comparison``, or the file of an own table.
    folder
        Empty takes those that come with the course.

    Raises
    ------
    UsageError
        For an unknown experiment.
    LipkitError
        When a folder that was named does not exist, or its files are broken or of another
        experiment.

    >>> len(read_results("ablation").rows) > 0
    True
    """
    table = find_table(name)
    place = Path(folder).expanduser() if folder else RESULTS / name
    if not (place / "results.csv").is_file():
        if folder:
            raise LipkitError(f"{place}: holds no results.csv; make it by: {command(name)}")
        return Stored(table, place, {}, (), (), (), made_by=command(name))
    about = _read_json(
        place / "results.json", {"experiment": str, "settings": dict, "runs": list, "splits": dict}
    )
    if about["experiment"] != table.name:
        held = about["experiment"]
        raise LipkitError(f"{place}: holds results of the {held}, not the {table.name}")
    columns = ("split", "cell", "seed", "metric", "value")
    rows = read_csv(place / "results.csv", columns, ("seed",), ("value", "low", "high"))
    judgement = _read_json(place / "claims.json", {"claims": list})
    columns = ("cell", "seed", "step")
    path = place / "curves.csv"
    counts = ("seed", "step")
    # Empty where nothing was trained: a table of rows that are only measured.
    trained = path.is_file() and path.stat().st_size > 0
    curves = read_csv(path, columns, counts, None, filled=counts) if trained else []
    curves = [{key: _typed(key, value) for key, value in row.items()} for row in curves]
    return Stored(table, place, about, rows, judgement["claims"], curves, judgement, command(name))


def command(name: str) -> str:
    """The command by which results are made, for GRID prepared in data/prepared.

    An own table, named by its file, decides preset, steps and seeds itself.
    """
    if is_own(name):
        return f"lipkit experiment {name} data/prepared --out runs/{Path(name).stem}"
    return (
        f"lipkit experiment {name} data/prepared --out runs/{name} --preset tiny --seeds 2 "
        f"--steps 300 --train-split s1_train --test-split {SEEN},{UNSEEN} --clips 44 "
        "--set loss.corr.weight=0.01 --set loss.perc.weight=0.003 --set loss.gen.weight=0.01 "
        "--set train.cool=0.4"
    )


def overall(rows: Sequence[Mapping[str, Any]]) -> str:
    """One verdict for a contrast by several metrics; where they disagree, how many say what.

    >>> overall([{"verdict": "held"}, {"verdict": "held"}])
    'held'
    >>> overall([{"verdict": "held"}, {"verdict": "undecided"}])
    'held by 1, undecided by 1 of 2 metrics'
    """
    counts = Counter(row["verdict"] for row in rows)
    if not counts:
        return "not measured"
    if len(counts) == 1:
        return next(iter(counts))
    said = [f"{v} by {counts[v]}" for v in VERDICTS if counts[v]]
    return f"{', '.join(said)} of {len(rows)} metrics"


def in_words(row: Mapping[str, Any]) -> str:
    """One verdict with the numbers that say so, the difference of every seed among them.

    >>> row = {"metric": "ssim", "difference": 0.02, "low": 0.01, "high": 0.03}
    >>> in_words(row | {"seeds": [0.018, 0.022], "paper": None, "verdict": "held"})
    'ssim +0.02 [+0.01, +0.03], by seed +0.018, +0.022: held'
    """
    if row["difference"] is None:
        return f"{row['metric']} has no interval, for want of seeds or clips: {row['verdict']}"
    paper = "" if row["paper"] is None else f", paper {row['paper']:+.3g}"
    ends = f"[{row['low']:+.3g}, {row['high']:+.3g}]"
    seeds = ", ".join(f"{seed:+.3g}" for seed in row["seeds"] if seed is not None)
    return (
        f"{row['metric']} {row['difference']:+.3g} {ends}, by seed {seeds}{paper}: {row['verdict']}"
    )


def families() -> dict[str, str]:
    """Our metric, of either convention -> the paper's own name for it."""
    return {ours: family for family, names in metric_names().items() for ours in names}


def _is_paper(metric: str) -> bool:
    from lipkit.metrics import METRICS

    return METRICS[metric].convention == "paper"


def _number(text: str | None) -> float | None:
    if text in (None, ""):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _typed(key: str, value: str) -> Any:
    if key == "cell":
        return value
    return int(value) if key in ("seed", "step") else _number(value)


def _read_json(path: Path, wanted: Mapping[str, type]) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise LipkitError(f"{path}: cannot be read ({_reason(fault)})") from None
    if not isinstance(found, dict) or not _fits(found, wanted):
        raise LipkitError(f"{path}: was not written by lipkit experiment; run it again")
    return found


def _fits(found: Mapping[str, Any], wanted: Mapping[str, type]) -> bool:
    """Whether all parts are there and of their kind; what is in lists are objects."""
    return all(
        isinstance(found.get(name), kind)
        and (kind is not list or all(isinstance(part, dict) for part in found[name]))
        for name, kind in wanted.items()
    )


def _reason(fault: Exception) -> str:
    return getattr(fault, "strerror", None) or type(fault).__name__
