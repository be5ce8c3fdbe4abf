"""An experiment of one's own: a TOML file that says everything before the first run.

It has the form of one table of ``tables.toml`` and besides the budget, ``[run]``, and the
smallest effects that matter, ``[matters]``. It is the *registration* of its claims: the first
``lipkit experiment FILE`` keeps its text, digest and time in the experiment's folder, and from
then on a file that says anything else is refused there.
"""

import datetime
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.columns import (
    OURS,
    Cell,
    Contrast,
    Experiment,
    experiment,
    metric_names,
    tables,
)
from lipkit.report.tables import write_json
from lipkit.settings import did_you_mean

SUFFIX = ".toml"
REGISTRATION = "registration.json"
"""In the experiment's folder: the table's text, its digest, and when it was registered."""
REFERENCES = ("frozen lips", "mean lips")
"""Rows of every evaluation from which a difference may count."""
_CELL = {"title": str, "set": dict}
_CONTRAST = {"claim": str, "from": str, "to": str, "metrics": list, "side": str}
_RUN = {"preset": str, "steps": int, "seeds": int, "clips": int, "set": dict}
_TABLE = {
    "title": str,
    "full": str,
    "placebo": list,
    "run": dict,
    "matters": dict,
    "cells": dict,
    "contrasts": dict,
}


@dataclass(frozen=True)
class OwnTable:
    """An experiment, its budget, and the text that says so."""

    experiment: Experiment
    preset: str
    steps: int
    seeds: int
    clips: int
    """Measured on so many of each split."""
    settings: Mapping[str, Any]
    """On top of the preset, for all cells."""
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text; any change of it is another registration."""
        return digest(self.text)

    @property
    def metrics(self) -> list[str]:
        """Ours, of good practice, that its contrasts are judged by."""
        families = [name for c in self.experiment.contrasts for name in c.metrics]
        return [metric_names()[name][0] for name in dict.fromkeys(families)]


def digest(text: str) -> str:
    """SHA-256 of a registration, whatever system its lines end by."""
    return hashlib.sha256(text.replace("\r\n", "\n").strip().encode()).hexdigest()


def is_own(name: str) -> bool:
    """Whether an experiment is named by a file of its own."""
    return name.endswith(SUFFIX)


def find_table(name: str) -> Experiment:
    """One of the kit's tables by name, or an own one by its file.

    Raises
    ------
    UsageError
        For a name that no table has.
    LipkitError
        As :func:`read_table`.
    """
    return read_table(Path(name)).experiment if is_own(name) else experiment(name)


def read_table(path: Path) -> OwnTable:
    """Read an own table.

    Raises
    ------
    LipkitError
        When the file cannot be read or does not say what it must; naming the first fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "is not UTF-8"
        raise LipkitError(f"{path}: cannot be read ({reason})") from None
    return parse_table(text, str(path))


def parse_table(text: str, where: str = "registration.toml") -> OwnTable:
    """As :func:`read_table`, of a text; ``where`` names it in messages.

    >>> parse_table("title = 3")
    Traceback (most recent call last):
    lipkit.errors.LipkitError: registration.toml: title = 3: must be a text
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise LipkitError(f"{where}: is not TOML ({fault})") from None
    name = Path(where).stem
    if name in tables():
        raise LipkitError(f"{where}: {name} is a table of the kit; give the file another name")
    _require(data, _TABLE, where, ("full", "placebo"))
    for cell, about in data["cells"].items():
        if not re.fullmatch(r"\w[\w.-]*", cell):  # nor is it then a reference row's name
            raise LipkitError(
                f"{where}: cells.{cell}: must be named by letters, digits, dots, dashes and "
                "underscores, since its runs' folders are named after it"
            )
        _require(about, _CELL, f"{where}: cells.{cell}", ("set",))
    cells = {c: Cell(c, about["title"], about.get("set", {})) for c, about in data["cells"].items()}
    contrasts = []
    for key, about in data["contrasts"].items():
        _require(about, _CONTRAST, f"{where}: contrasts.{key}")
        ends = about["from"], about["to"]
        _known(ends, (*cells, *REFERENCES), f"{where}: contrasts.{key}")
        _known(about["metrics"], metric_names(), f"{where}: contrasts.{key}.metrics")
        _known([about["side"]], ("better", "worse"), f"{where}: contrasts.{key}.side")
        metrics = tuple(about["metrics"])
        contrasts.append(Contrast(key, about["claim"], *ends, metrics, OURS, about["side"]))
    if not contrasts:
        raise LipkitError(f"{where}: contrasts: claims nothing; say from which cell to which")
    full = data.get("full", contrasts[0].target)
    _known([full], cells, f"{where}: full")
    placebo = tuple(data.get("placebo", ())) or None
    if placebo is not None:
        _known(placebo, cells, f"{where}: placebo")
        if len(placebo) != 2:
            raise LipkitError(f"{where}: placebo: names two cells, from which to which")
    run = data["run"]
    _require(run, _RUN, f"{where}: run", ("set",))
    for key in ("steps", "seeds", "clips"):
        if run[key] < 1:
            raise LipkitError(f"{where}: run.{key} = {run[key]}: must be at least 1")
    title, matters = data["title"], data["matters"]
    made = Experiment(name, title, full, cells, tuple(contrasts), matters, placebo)
    budget = (run["preset"], run["steps"], run["seeds"], run["clips"], run.get("set", {}))
    table = OwnTable(made, *budget, text)
    for metric in table.metrics:
        least = matters.get(metric)
        if isinstance(least, bool) or not isinstance(least, int | float) or not least > 0:
            raise LipkitError(f"{where}: matters.{metric}: must be a number above 0; it is judged")
    return table


def register(table: OwnTable, out: Path) -> str:
    """Keep the table in the experiment's folder, before its first run; the time of that.

    Raises
    ------
    UsageError
        When the folder was begun by a table that said something else.
    """
    from lipkit.experiments.plan import RUNS

    path = out / REGISTRATION
    if not path.is_file():
        if (out / RUNS).is_dir():
            raise UsageError(f"{out}: holds runs, but {REGISTRATION} is gone; give another --out")
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_json(path, {"digest": table.digest, "registered": now, "table": table.text})
        return now
    found = read_registration(out)
    if found["digest"] != table.digest:
        raise UsageError(
            f"{path}: another table was registered here on {found['registered']}, before its runs; "
            "restore the file, or begin again with another --out"
        )
    return found["registered"]


def read_registration(out: Path) -> dict[str, str]:
    """``digest``, ``registered`` and ``table`` of an experiment's folder.

    Raises
    ------
    LipkitError
        When there is no registration, or it is broken.
    """
    path = out / REGISTRATION
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(found[key]) for key in ("digest", "registered", "table")}
    except OSError:
        raise LipkitError(f"{path}: no such file; run lipkit experiment FILE.toml first") from None
    except (ValueError, KeyError, TypeError):
        raise LipkitError(f"{path}: is broken; begin again with another --out") from None


def _require(
    found: Any, wanted: Mapping[str, type], where: str, optional: tuple[str, ...] = ()
) -> None:
    """Every key that is wanted, of its kind, and no other."""
    kinds = {str: "a text", int: "a whole number", dict: "a table", list: "a list"}
    if not isinstance(found, dict):
        raise LipkitError(f"{where}: must be a table")
    for key in found:
        if key not in wanted:
            raise LipkitError(f"{where}: {key} is unknown; {did_you_mean(key, wanted)}")
    for key, kind in wanted.items():
        if key not in found:
            if key not in optional:
                raise LipkitError(f"{where}: {key} is missing; it must be {kinds[kind]}")
        elif not isinstance(found[key], kind) or isinstance(found[key], bool):
            raise LipkitError(f"{where}: {key} = {found[key]!r}: must be {kinds[kind]}")


def _known(names: Any, known: Any, where: str) -> None:
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise LipkitError(f"{where}: {name!r} is unknown; {did_you_mean(str(name), known)}")
