"""The paper's tables as data: their cells, what each is trained by, and their claims.

The data is ``tables.toml`` beside this module, which says what its fields mean.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lipkit.errors import UsageError
from lipkit.settings import did_you_mean

FILE = Path(__file__).with_name("tables.toml")


@dataclass(frozen=True, eq=False)
class Cell:
    """One column of Tab. 1 or one row of Tab. 2."""

    name: str
    title: str
    settings: Mapping[str, Any] | None
    """Settings on top of a preset, forms included; None where nothing is trained."""
    column: str = ""
    """The paper's, where it has another name: two readings share one."""
    confidence: float | None = None
    """0 to 1: how sure it is that the paper's column is this (fact sheet 9.2)."""
    default: bool = True
    paper: Mapping[str, float] = field(default_factory=dict)
    """The paper's metric -> its value on GRID."""
    published: str = ""
    """Its row of Tab. 2 in :mod:`lipkit.evaluation.published`."""
    preset: str = ""
    """A preset of its own, in whose place the experiment's would make no sense."""
    weights: str = ""
    """Weights that come with the kit, measured as they are."""
    row: str = ""
    """A row that every evaluation can make without training."""


@dataclass(frozen=True)
class Contrast:
    """A claim of the paper: from one cell to another, these metrics change to its side."""

    name: str
    claim: str
    origin: str
    """The cell, or a row of every evaluation, from which the difference counts."""
    target: str
    metrics: tuple[str, ...]
    """By the paper's names."""


@dataclass(frozen=True)
class Experiment:
    """One table of the paper."""

    name: str
    title: str
    full: str
    """The cell with everything."""
    cells: Mapping[str, Cell]
    contrasts: tuple[Contrast, ...]

    def choose(self, names: list[str] | None = None) -> list[Cell]:
        """The cells ``names`` in that order; by default all that are not alternatives.

        Raises
        ------
        UsageError
            For an unknown or repeated name, or none at all.
        """
        if names is None:
            return [cell for cell in self.cells.values() if cell.default]
        if not names:
            raise UsageError(f"--cells: names no cell; known: {', '.join(self.cells)}")
        for i, name in enumerate(names):
            if name not in self.cells:
                near = did_you_mean(name, self.cells)
                raise UsageError(f"cell {name!r} is not in the {self.name}; {near}")
            if name in names[:i]:
                raise UsageError(f"--cells: {name} is named twice")
        return [self.cells[name] for name in names]

    @property
    def forms(self) -> set[str]:
        """Settings whose value tells cells apart, other than by switching a loss off."""
        values = [pair for c in self.cells.values() for pair in (c.settings or {}).items()]
        return {name for name, value in values if value is False or value != 0}


@cache
def tables() -> dict[str, Experiment]:
    """Both experiments by name."""
    data = _data()
    return {name: _experiment(name, data) for name in ("ablation", "comparison")}


def metric_names() -> dict[str, list[str]]:
    """The paper's metric -> ours: good practice first, then as the released code has it."""
    return _data()["metrics"]


def experiment(name: str) -> Experiment:
    """One of :func:`tables`.

    Raises
    ------
    UsageError
        For another name.
    """
    if name not in tables():
        raise UsageError(f"experiment {name!r} is unknown; {did_you_mean(name, tables())}")
    return tables()[name]


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _experiment(name: str, data: dict[str, Any]) -> Experiment:
    table = data[name]
    cells = {}
    for cell, about in table["cells"].items():
        about = dict(about)
        given = about.pop("set", None)
        forms = {} if "preset" in about else data["form"]
        settings = None if given is None else forms | given
        cells[cell] = Cell(cell, settings=settings, **about)
    contrasts = [
        Contrast(key, c["claim"], c["from"], c["to"], tuple(c["metrics"]))
        for key, c in table["contrasts"].items()
    ]
    return Experiment(name, table["title"], table["full"], cells, tuple(contrasts))
