"""Which runs an experiment means: cells x seeds, the settings of each, one budget for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lipkit.data.prepared import PreparedSet
from lipkit.errors import UsageError
from lipkit.experiments.columns import Cell, Experiment
from lipkit.experiments.own_tables import find_table
from lipkit.experiments.records import WHOLE, read_json, read_record
from lipkit.files import content
from lipkit.presets import Preset, preset
from lipkit.presets.fit import require_fit, require_training
from lipkit.report.tables import write_json
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
class PlanOptions:
    """What an experiment may be told besides its table, its data and its place.

    >>> PlanOptions(preset="tiny", seeds=2).train_split
    'train'
    """

    preset: str = "paper"
    """What all runs share."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """``{"generator.width": 0.5}``-style settings on top. A cell adds what it is defined by, and
    nothing else: width, batch and optimiser are equal for all."""
    cells: tuple[str, ...] | None = None
    """Names in the order in which they are run; None: all but other readings."""
    seeds: int = 1
    """Each cell is trained with the seeds 0 to ``seeds`` - 1."""
    minutes: float | None = None
    """Budget of each run, wall clock."""
    steps: int | None = None
    """Budget of each run; None takes the preset's."""
    train_split: str = "train"
    variants: Mapping[str, str | Path] = field(default_factory=dict)
    """The same clips prepared in another way: name -> prepared set."""


@dataclass(frozen=True)
class Run:
    """One training run: a cell with a seed."""

    cell: Cell
    seed: int
    preset: Preset
    """With the whole budget."""
    folder: Path
    prepared: Path
    """The set that it is trained on."""
    replaces: str = ""
    """The run that diverged, in whose place this one was begun."""

    @property
    def name(self) -> str:
        """Its folder's name, and its row's in every evaluation."""
        return self.folder.name

    def with_seed(self, seed: int) -> "Run":
        """The same cell with another seed, in place of this run."""
        return replace(
            self,
            seed=seed,
            preset=override(self.preset, {"train.seed": seed}),
            folder=self.folder.with_name(f"{self.cell.name}-seed{seed}"),
            replaces=self.name,
        )


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
    left_out: tuple[Cell, ...] = ()
    """Cells that need a variant of the set which was not given."""

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
        lines += [
            f"  {cell.name:10s} {cell.title} (left out: give --variant {cell.variant}=PREPARED)"
            for cell in self.left_out
        ]
        return "\n".join(lines)

    def _changes(self, cell: Cell) -> str:
        """What tells the cell from the full one."""
        told = [f"{cell.work:g} times the steps"] if cell.work != 1 else []
        told += [f"set {cell.variant}"] if cell.variant else []
        if cell.preset:
            return " ".join([f"preset {cell.preset}", *told])
        full = self.experiment.cells[self.experiment.full].settings
        told += [
            f"{name}={value}" for name, value in cell.settings.items() if full.get(name) != value
        ]
        return " ".join(told) or "everything on"

    def _time(self) -> str:
        if self.base.train.minutes is not None:
            most = self.base.train.minutes * sum(run.cell.work for run in self.runs) / 60
            return f"at most {most:.1f} hours of training, all runs added up"
        records = [record for run in self.runs if (record := read_record(run.folder))]
        seconds = [record["seconds"] for record in records if record["status"] == WHOLE]
        if not seconds:
            return "how long a run takes shows when the first has ended"
        hours = sum(seconds) / len(seconds) * len(self.runs) / 3600
        return f"about {hours:.1f} hours of training, all runs added up, by those that have ended"


def make_plan(
    name: str, prepared: str | Path, out: str | Path, options: PlanOptions | None = None
) -> Plan:
    """The runs of an experiment; nothing is written.

    Parameters
    ----------
    name
        One of :func:`lipkit.experiments.columns.tables`, or the file of an own table
        (:mod:`lipkit.experiments.own_tables`).
    prepared, out
        The prepared set; the experiment's folder.
    options
        Preset and settings, cells, seeds, budget.

    Raises
    ------
    UsageError
        For unknown names or settings, a setting that the table itself decides, a base without
        one of the losses that the table switches, a cell whose settings do not go together, or
        an unknown split.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> prepared = prepared_set(clips=4, held_out=1)
    >>> options = PlanOptions(preset="tiny", cells=("a", "b"), seeds=2, steps=100)
    >>> plan = make_plan("ablation", prepared.folder, "runs/ablation", options)
    >>> [run.name for run in plan.runs], plan.budget
    (['a-seed0', 'b-seed0', 'a-seed1', 'b-seed1'], '100 steps')
    """
    options = options or PlanOptions()
    table = find_table(name)
    chosen = table.choose(None if options.cells is None else list(options.cells))
    base = _base(table, options)
    _require_losses(base, table)
    sets = {"": Path(prepared)} | {key: Path(path) for key, path in options.variants.items()}
    for key in options.variants:
        if key not in {cell.variant for cell in table.cells.values()}:
            raise UsageError(f"--variant {key}: no cell of the {name} is prepared that way")
    for path in sets.values():
        PreparedSet.open(path).clips(options.train_split)
    out, runs = Path(out), []
    given = [cell for cell in chosen if cell.variant in sets]
    for seed in range(options.seeds):
        for cell in given:
            if cell.settings is not None:
                folder = out / RUNS / f"{cell.name}-seed{seed}"
                made = _preset_of(cell, base, seed)
                require_fit(made)  # said before the first run trains, not when its turn comes
                runs.append(Run(cell, seed, made, folder, sets[cell.variant]))
    measured = tuple(cell for cell in given if cell.settings is None)
    left_out = tuple(cell for cell in chosen if cell not in given)
    return Plan(table, Path(prepared), out, base, tuple(runs), measured, left_out)


def _base(table: Experiment, options: PlanOptions) -> Preset:
    settings = dict(options.settings)
    require_training(settings)
    for key in settings:
        if key in OWN:
            raise UsageError(f"--set {key}: give {OWN[key]} instead")
        if key in table.forms:
            raise UsageError(
                f"--set {key}: the {table.name} decides it, cell by cell; leave it out"
            )
    settings["train.train_split"] = options.train_split
    settings |= {"train.minutes": options.minutes} if options.minutes is not None else {}
    settings |= {"train.steps": options.steps} if options.steps is not None else {}
    return preset(options.preset, settings)


def _preset_of(cell: Cell, base: Preset, seed: int) -> Preset:
    for key in cell.settings or {}:
        if key in OWN:
            raise UsageError(
                f"cell {cell.name}: sets {key}, which is the same for every cell; leave it out"
            )
    own = base if not cell.preset else _own(cell.preset, base)
    budget = {"train.seed": seed}
    if cell.work != 1:
        budget["train.steps"] = round(own.train.steps * cell.work)
        if own.train.minutes is not None:
            budget["train.minutes"] = own.train.minutes * cell.work
    return override(own, {**cell.settings, **budget})


def _own(name: str, base: Preset) -> Preset:
    """A preset of a cell's own, on the same data, within the same minutes, on this machine."""
    told = flat(to_dict(base))
    shared = ("train.train_split", "train.minutes", *MACHINE)
    return preset(name, {key: told[key] for key in sorted(shared)})


def _require_losses(base: Preset, table: Experiment) -> None:
    """A loss that is off in the base cannot be switched off by a cell."""
    values = flat(to_dict(base))
    switched = {
        key
        for cell in table.cells.values()
        for key, value in (cell.settings or {}).items()
        if value == 0 and value is not False and key.startswith("loss.")
    }
    for key in sorted(switched):
        if not values.get(key, 1):  # an unknown name is refused with the cell that has it
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
        names = content(plan.out)
        if names:
            raise UsageError(
                f"{plan.out}: holds files ({names[0]}) but no experiment; choose a new or empty "
                "folder"
            )
        write_json(path, mine)
        return
    _refuse_difference(path, read_json(path), mine)
    for run in plan.runs:
        record = read_record(run.folder)
        if record is not None:
            wanted = {"settings": to_dict(run.preset), "prepared": fingerprint(run.prepared)}
            found = {name: record[name] for name in wanted if name in record}
            _refuse_difference(run.folder, wanted | found, wanted)


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
