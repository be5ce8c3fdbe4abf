"""Which mixes of losses were trained, and what came of them: an experiment's runs as levels.

A *mix* names a level for each of the four losses: its weight, and its form where the runs
have several.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.columns import experiment
from lipkit.presets import preset
from lipkit.report.tables import read_csv
from lipkit.settings import flat, to_dict

TRUTH, FROZEN = "ground truth", "frozen lips"
LOSSES = {
    "pixel": ("loss.pix.weight", "", {}),
    "perceptual": ("loss.perc.weight", "", {}),
    "correlation": (
        "loss.corr.weight",
        "loss.corr.derivative",
        {True: "derivatives", False: "features"},
    ),
    "GAN": (
        "loss.gen.weight",
        "loss.gen.streams",
        {"two": "2 streams", "frame_difference": "frame diff.", "three": "3 streams"},
    ),
}
"""Loss -> the setting of its weight, that of its form, and the form's values in words."""


class Level(NamedTuple):
    """How a loss takes part."""

    weight: float
    form: str = ""

    @property
    def label(self) -> str:
        """In words, such as ``0.5`` or ``1 · derivatives``; ``off`` for weight 0."""
        return f"{self.weight:g}{' · ' if self.form else ''}{self.form}" if self.weight else "off"

    def distance(self, other: "Level") -> float:
        """0 for equal levels, 1 between on and off, 1/2 between two that are on."""
        if self == other:
            return 0.0
        return 1.0 if 0 in (self.weight, other.weight) else 0.5


Mix = dict[str, Level]


class Interval(NamedTuple):
    """A metric's value and the ends of its 95 % interval; NaN where there is none."""

    value: float
    low: float
    high: float

    def overlaps(self, other: "Interval") -> bool:
        """Whether the intervals have a value in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class MixedRun:
    """One trained mix; its scores are means over its seeds."""

    name: str
    title: str
    mix: Mix
    scores: Mapping[str, Interval]


@dataclass(frozen=True)
class Mixes:
    """All trained mixes of an experiment on one split."""

    split: str
    runs: Sequence[MixedRun]
    references: Mapping[str, Mapping[str, Interval]]
    """``ground truth`` and ``frozen lips`` -> metric -> score."""
    better: Mapping[str, str]
    """Metric -> ``lower``, ``higher`` or ``truth``: nearer to the ground truth's own is better."""

    def levels(self, loss: str) -> list[Level]:
        """All levels at which a loss was trained, off first."""
        forms = list(LOSSES[loss][2].values())
        found = {run.mix[loss] for run in self.runs}
        return sorted(found, key=lambda level: (level.weight, level.form in forms[-1:], level.form))

    def nearest(self, mix: Mix) -> tuple[MixedRun, list[str]]:
        """The run with this mix and an empty list, or the nearest run and how it differs.

        Among several that are equally near, the one with the most losses is taken.

        Raises
        ------
        UsageError
            When a loss is missing, or has a level that no run has.
        """
        for loss in LOSSES:
            known = self.levels(loss)
            if mix.get(loss) not in known:
                names = " or ".join(level.label for level in known)
                raise UsageError(f"{loss}: no run has this level; give {names}")

        def difference(run: MixedRun) -> tuple[float, int]:
            on = sum(level.weight > 0 for level in run.mix.values())
            return sum(run.mix[loss].distance(mix[loss]) for loss in LOSSES), -on

        run = min(self.runs, key=difference)
        different = [
            f"{loss} at {run.mix[loss].label} instead of {mix[loss].label}"
            for loss in LOSSES
            if run.mix[loss] != mix[loss]
        ]
        return run, different

    def best(self, metric: str) -> tuple[MixedRun, list[MixedRun]]:
        """The best run by a metric, and those whose intervals overlap with its own."""

        def badness(run: MixedRun) -> float:
            value = run.scores[metric].value
            if self.better[metric] == "truth":
                value = abs(value - self.references[TRUTH][metric].value)
            else:
                value *= {"lower": 1, "higher": -1}[self.better[metric]]
            return math.inf if math.isnan(value) else value

        first = min(self.runs, key=badness)
        here = first.scores[metric]
        return first, [
            run for run in self.runs if run is not first and run.scores[metric].overlaps(here)
        ]


def read_mixes(path: str | Path, split: str = "") -> Mixes:
    """Read the runs of ``lipkit experiment`` from its ``results.csv``.

    Weights come from ``results.json`` beside it or, without one, from the paper. A run's
    interval spans those of its seeds.

    Parameters
    ----------
    path
        The file.
    split
        Empty takes the first split in the file.

    Raises
    ------
    LipkitError
        When the file is missing or is not such a table.
    UsageError
        For a split that it does not have.

    >>> from lipkit.config.places import RESULTS
    >>> mixes = read_mixes(RESULTS / "ablation" / "results.csv")
    >>> [level.weight > 0 for level in mixes.levels("perceptual")]
    [False, True]
    """
    path = Path(path)
    columns = ("split", "cell", "metric", "better", "value", "low", "high")
    rows = read_csv(path, columns, (), ("value", "low", "high"))
    splits = list(dict.fromkeys(row["split"] for row in rows))
    split = split or splits[0]
    if split not in splits:
        raise UsageError(f"{path}: there is no split {split!r}; its splits: {', '.join(splits)}")
    rows = [row for row in rows if row["split"] == split]
    scores: dict[str, dict[str, list[Interval]]] = {}
    for row in rows:
        values = Interval(*(float(row[key] or "nan") for key in ("value", "low", "high")))
        scores.setdefault(row["cell"], {}).setdefault(row["metric"], []).append(values)
    together = {
        cell: {metric: _together(seeds) for metric, seeds in found.items()}
        for cell, found in scores.items()
    }
    base, name = _base(path.with_name("results.json"))
    cells = experiment(name).cells
    runs: list[MixedRun] = []
    for cell, found in together.items():
        if cell in cells and cells[cell].settings is not None:
            try:
                mix = _mix(base | dict(cells[cell].settings))
            except (KeyError, TypeError, ValueError):
                raise _unclear(path.with_name("results.json")) from None
            # Of cells that differ by something else alone, such as a placebo, the first counts.
            if mix not in [run.mix for run in runs]:
                runs.append(MixedRun(cell, cells[cell].title, mix, found))
    missing = [name for name in (TRUTH, FROZEN) if name not in together]
    if missing or not runs:
        what = missing[0] if missing else "a trained cell"
        raise LipkitError(f"{path}: has no row for {what}; give the results of lipkit experiment")
    references = {name: together[name] for name in (TRUTH, FROZEN)}
    return Mixes(split, runs, references, {row["metric"]: row["better"] for row in rows})


def _together(seeds: Sequence[Interval]) -> Interval:
    known = [seed for seed in seeds if not math.isnan(seed.value)]
    if not known:
        return Interval(math.nan, math.nan, math.nan)
    value = sum(seed.value for seed in known) / len(known)
    return Interval(value, min(s.low for s in known), max(s.high for s in known))


def _base(about: Path) -> tuple[dict[str, Any], str]:
    """Settings that all runs share, by dotted name, and the experiment's name."""
    if not about.is_file():
        return flat(to_dict(preset("paper"))), "ablation"
    try:
        found = json.loads(about.read_text(encoding="utf-8"))
        return flat(found["settings"]), found["experiment"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unclear(about) from None


def _unclear(about: Path) -> LipkitError:
    return LipkitError(f"{about}: does not say what was run; run lipkit experiment again")


def _mix(settings: Mapping[str, Any]) -> Mix:
    mix = {}
    for loss, (weight, form, words) in LOSSES.items():
        on = float(settings[weight])
        mix[loss] = Level(on, words[settings[form]] if form and on else "")
    return mix
