"""Which runs an experiment means: cells x seeds, the settings of each, one budget for all."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.columns import Cell, Experiment, experiment
from lipkit.files import TEMPORARY_MARK, replacing
from lipkit.presets import Preset, preset
from lipkit.settings import flat, from_dict, override, to_dict

CLAIM = "experiment.json"
"""Says whose folder it is."""
RUNS = "runs"
MACHINE = {
    f"train.{name}"
    for name in (
        "checkpoint_steps",
        "sample_steps",
        "workers",
        "tensorboard",
        "device",
        "precision",
        "channels_last",
        "compile",
    )
}
"""Settings that a run may change on another machine and still be the same run."""
OWN = {
    "train.seed": "--seeds",
    "train.minutes": "--minutes",
    "train.steps": "--steps",
    "train.train_split": "--train-split",
}
"""Settings that have an option of their own here."""


@dataclass(frozen=True)
class Run:
    """One training run: a cell with a seed."""

    cell: Cell
    seed: int
    preset: Preset
    """With the whole budget."""
    folder: Path

    @property
    def name(self) -> str:
        """Its folder's name, and its row's in every evaluation."""
        return self.folder.name


@dataclass(frozen=True)
class Plan:
    """What will be done, and where."""

    experiment: Experiment
    prepared: Path
    out: Path
    base: Preset
    """What all runs share."""
    runs: tuple[Run, ...]
    """All cells of one seed, then of the next: a queue that is cut off leaves whole tables."""
    measured: tuple[Cell, ...]
    """Cells that are only measured."""

    @property
    def budget(self) -> str:
        """Of each run, in words."""
        train = self.base.train
        steps = f"{train.steps:,} steps"
        if train.minutes is None:
            return steps
        return f"{train.minutes:g} minutes or {steps}, whichever comes first"

    def text(self) -> str:
        """The plan for a reader: runs, settings, budget, and the time they may take."""
        seeds = sorted({run.seed for run in self.runs})
        lines = [
            f"{self.experiment.title}: {len(self.runs)} runs, preset {self.base.name}, seeds "
            f"{', '.join(map(str, seeds)) or '-'}",
            f"trained on {self.prepared}, split {self.base.train.train_split}, windows per step: "
            f"{self.base.train.batch_size}",
            f"budget of each run: {self.budget}; {self._time()}",
        ]
        for cell in dict.fromkeys(run.cell for run in self.runs):
            lines.append(f"  {cell.name:10s} {cell.title}")
            lines.append(f"  {'':10s} {self._changes(cell)}")
        lines += [f"  {cell.name:10s} {cell.title} (not trained)" for cell in self.measured]
        return "\n".join(lines)

    def _changes(self, cell: Cell) -> str:
        """What tells the cell from the full one."""
        if cell.preset:
            return f"preset {cell.preset}"
        full = self.experiment.cells[self.experiment.full].settings
        changed = {k: v for k, v in cell.settings.items() if full.get(k) != v}
        return " ".join(f"{name}={value}" for name, value in changed.items()) or "everything on"

    def _time(self) -> str:
        if self.base.train.minutes is not None:
            most = self.base.train.minutes * len(self.runs) / 60
            return f"at most {most:.1f} hours of training, all runs added up"
        records = [record for run in self.runs if (record := read_record(run.folder))]
        seconds = [record["seconds"] for record in records if record["status"] == WHOLE]
        if not seconds:
            return "how long a run takes shows when the first has ended"
        hours = sum(seconds) / len(seconds) * len(self.runs) / 3600
        return f"about {hours:.1f} hours of training, all runs added up, by those that have ended"


def make_plan(
    name: str,
    prepared: str | Path,
    out: str | Path,
    preset_name: str = "paper",
    settings: dict[str, Any] | None = None,
    cells: Sequence[str] | None = None,
    seeds: int = 1,
    minutes: float | None = None,
    steps: int | None = None,
    train_split: str = "train",
) -> Plan:
    """The runs of an experiment; nothing is written.

    Parameters
    ----------
    name : ``ablation`` or ``comparison``.
    prepared, out : the prepared set; the experiment's folder.
    preset_name, settings : what all runs share, ``{"generator.width": 0.5}``-style settings on
        top. A cell adds what it is defined by, and nothing else: width, batch and optimiser
        are equal for all.
    cells : names in the order in which they are run; default: all but other readings.
    seeds : each cell is trained with the seeds 0 to ``seeds`` - 1.
    minutes, steps : the budget of each run; the preset's steps where none is given.

    Raises
    ------
    UsageError
        For unknown names or settings, a setting that the table itself decides, a base without
        one of the losses that the table switches, or an unknown split.
    """
    table = experiment(name)
    chosen = table.choose(list(cells) if cells is not None else None)
    settings = dict(settings or {})
    for key in settings:
        if key in OWN:
            raise UsageError(f"--set {key}: give {OWN[key]} instead")
        if key in table.forms:
            raise UsageError(f"--set {key}: the {name} decides it, cell by cell; leave it out")
    settings["train.train_split"] = train_split
    settings |= {"train.minutes": minutes} if minutes is not None else {}
    settings |= {"train.steps": steps} if steps is not None else {}
    base = preset(preset_name, settings)
    _require_losses(base, table)
    PreparedSet.open(prepared).clips(train_split)
    out = Path(out)
    runs = []
    for seed in range(seeds):
        for cell in chosen:
            if cell.settings is None:
                continue
            own = base if not cell.preset else _own(cell.preset, base)
            made = _with(own, cell.settings | {"train.seed": seed})
            runs.append(Run(cell, seed, made, out / RUNS / f"{cell.name}-seed{seed}"))
    measured = tuple(cell for cell in chosen if cell.settings is None)
    return Plan(table, Path(prepared), out, base, tuple(runs), measured)


def _own(name: str, base: Preset) -> Preset:
    """A preset of a cell's own, on the same data and within the same minutes."""
    train = base.train
    shared = {"train_split": train.train_split, "minutes": train.minutes, "device": train.device}
    return preset(name, {f"train.{key}": value for key, value in shared.items()})


def _with(base: Preset, settings: dict[str, Any]) -> Preset:
    return override(base, settings)


def _require_losses(base: Preset, table: Experiment) -> None:
    """A loss that is off in the base cannot be switched off by a cell."""
    values = flat(to_dict(base))
    switched = {
        key
        for cell in table.cells.values()
        for key, value in (cell.settings or {}).items()
        if value == 0 and value is not False
    }
    for key in sorted(switched):
        if not values[key]:
            raise UsageError(
                f"{key} is 0 in preset {base.name}, so the {table.name} would compare equal "
                f"runs; take another preset or --set {key}=…"
            )


def fingerprint(prepared: str | Path) -> dict[str, Any]:
    """What tells one prepared set from another, wherever it lies."""
    description = PreparedSet.open(prepared).description
    return {name: description[name] for name in ("corpus", "settings", "statistics")}


def claim(plan: Plan) -> None:
    """Take the folder for this experiment, or make sure that it is its own already.

    Raises
    ------
    UsageError
        When it holds other files, another experiment, or one of other settings, budget or
        data; naming the first difference.
    """
    path = plan.out / CLAIM
    mine = {
        "experiment": plan.experiment.name,
        "prepared": fingerprint(plan.prepared),
        "settings": to_dict(plan.base),
    }
    if not path.is_file():
        names = _names(plan.out)
        if names:
            raise UsageError(
                f"{plan.out}: holds files ({names[0]}) but no experiment; choose a new or empty "
                "folder"
            )
        _write(path, mine)
        return
    _refuse_difference(path, _read(path), mine)
    for run in plan.runs:
        record = read_record(run.folder)
        if record is not None:
            wanted = {"settings": to_dict(run.preset)}
            _refuse_difference(run.folder, {"settings": record["settings"]}, wanted)


def _refuse_difference(path: Path, found: dict[str, Any], mine: dict[str, Any]) -> None:
    # Through the config: a setting that is newer than the file has its default there.
    found = found | {"settings": to_dict(from_dict(Preset, found["settings"]))}
    before, now = flat(found), flat(mine)
    for key in sorted(before.keys() | now.keys()):
        name = key.removeprefix("settings.")
        if before.get(key) != now.get(key) and name not in MACHINE:
            raise UsageError(
                f"{path}: was made with {name}={before.get(key)}, not {now.get(key)}; give "
                "another --out"
            )


def _names(folder: Path) -> list[str]:
    try:
        entries: Iterable[Path] = folder.iterdir()
        return sorted(p.name for p in entries if not p.name.startswith(TEMPORARY_MARK))
    except (FileNotFoundError, NotADirectoryError):
        return []


RECORD = "run.json"
"""What became of a run."""
WHOLE, FAILED = "whole", "failed"


def read_record(folder: Path) -> dict[str, Any] | None:
    """What became of a run, or None when it has not ended in any way."""
    path = folder / RECORD
    return _read(path) if path.is_file() else None


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Leave what became of a run."""
    _write(folder / RECORD, record)


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise LipkitError(f"{path}: is broken; delete it and run again") from None


def _write(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
