"""The experiments as data: their cells, what each is trained by, and their claims.

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
PAPER, OURS, FAULTS = "paper", "ours", "faults"
BLOCKS = {
    PAPER: "What the paper claims, with the paper's own losses",
    OURS: "What we claim of our own",
    FAULTS: "What the faults of the released code cost",
}
"""Claims are told apart by whose they are; each block keeps its own error."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One column of Tab. 1, one row of Tab. 2, or one of ours beside them."""

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
    work: float = 1.0
    """How many times the steps of the others it gets, so that it takes as long as they do."""
    variant: str = ""
    """Trained and measured on the same clips prepared in another way, by this name."""
    of: str = ""
    """The cell whose runs it measures in another way."""
    batch_norm: str = "running"
    """Whose statistics batch norm takes when it is measured."""


@dataclass(frozen=True)
class Contrast:
    """A claim: from one cell to another, these metrics change to one side."""

    name: str
    claim: str
    origin: str
    """The cell, or a row of every evaluation, from which the difference counts."""
    target: str
    metrics: tuple[str, ...]
    """By the paper's names."""
    block: str = PAPER
    """Whose claim it is, out of :data:`BLOCKS`."""
    side: str = ""
    """``better`` or ``worse`` values; empty: the side of the paper's difference, where there is
    one, else that of better values."""


@dataclass(frozen=True)
class Experiment:
    """One table of the paper, or one of ours."""

    name: str
    title: str
    full: str
    """The cell with everything."""
    cells: Mapping[str, Cell]
    contrasts: tuple[Contrast, ...]
    matters: Mapping[str, float] = field(default_factory=dict)
    """Our metric -> the smallest effect that matters, fixed before the runs."""
    placebo: tuple[str, str] | None = None
    """From one cell to another whose difference means nothing."""

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

    @property
    def blocks(self) -> list[str]:
        """The blocks of its claims, in order."""
        return list(dict.fromkeys(contrast.block for contrast in self.contrasts))


@cache
def tables() -> dict[str, Experiment]:
    """All experiments by name."""
    data = _data()
    return {name: _experiment(name, data) for name, table in data.items() if "cells" in table}


def metric_names() -> dict[str, list[str]]:
    """The paper's metric -> ours: good practice first, then as the released code has it.

    Metrics that the paper does not have stand for themselves.
    """
    return _data()["metrics"]


def experiment(name: str) -> Experiment:
    """One of :func:`tables`.

    Raises
    ------
    UsageError
        For another name.

    >>> experiment("ablation").name
    'ablation'
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
        forms = {} if "preset" in about else table.get("form", data["form"])
        settings = None if given is None else forms | given
        cells[cell] = Cell(cell, settings=settings, **about)
    contrasts = []
    for key, about in table["contrasts"].items():
        about = dict(about)
        ends = about.pop("from"), about.pop("to")
        metrics = tuple(about.pop("metrics"))
        contrasts.append(Contrast(key, about.pop("claim"), *ends, metrics, **about))
    placebo = tuple(table["placebo"]) if "placebo" in table else None
    matters = data["matters"]
    return Experiment(
        name, table["title"], table["full"], cells, tuple(contrasts), matters, placebo
    )
