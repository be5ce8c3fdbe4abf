"""One notebook over a grid of parameters: every cell of the grid is run, kept and collected.

A sweep's folder holds one executed notebook per cell, ``results.csv`` with what they recorded
(:func:`lipkit.course.records.record`), and a figure for each recorded number. Run again, it skips
whatever is complete and was made by the same parameters, notebook and code.
"""

import hashlib
import itertools
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lipkit.course.kernels import Kernels
from lipkit.course.notebook_page import write_html
from lipkit.course.notebooks import convert_parameters, find_notebook
from lipkit.course.records import Value, read_records
from lipkit.course.runner import is_current, read_provenance, run_notebook
from lipkit.course.unfit import check_values
from lipkit.errors import LipkitError, UsageError
from lipkit.files import owning, remove_leftovers, replacing
from lipkit.jobs.cores import share_of_cores
from lipkit.jobs.pool import Lost, each
from lipkit.report.tables import write_csv

TABLE = "results.csv"
WHOLE, FAILED, OPEN = "whole", "failed", "not run"
_OWN_COLUMNS = ("status", "seconds", "reason", "notebook")


@dataclass(frozen=True)
class Cell:
    """One point of the grid and what came of it."""

    values: dict[str, Any]
    """The parameters that were given, converted: the grid's axes first."""
    notebook: Path
    status: str = OPEN
    seconds: float = 0.0
    reason: str = ""
    records: dict[str, Value] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its parameters in words."""
        return " ".join(f"{name}={_text(value)}" for name, value in self.values.items())


@dataclass(frozen=True)
class Sweep:
    """A sweep that has finished."""

    folder: Path
    cells: tuple[Cell, ...]
    """In the grid's order: the last axis changes fastest."""
    figures: tuple[Path, ...] = ()

    @property
    def failed(self) -> list[Cell]:
        """The cells that did not run to their end."""
        return [cell for cell in self.cells if cell.status != WHOLE]


def run_sweep(
    name: str | Path,
    grid: Mapping[str, Sequence[Any] | str],
    fixed: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    workers: int = 1,
    progress: bool = True,
    html: bool = False,
    folder: Path | None = None,
) -> Sweep:
    """Run the product of a grid's axes; a cell that fails does not stop the others.

    Parameters
    ----------
    name, folder
        The notebook, as for :func:`lipkit.course.runner.run_notebook`.
    grid
        Axis -> its values: a sequence, or text such as ``"1,2"`` (a list among the values
        stands in brackets: ``"[a,b],[c]"``).
    fixed
        Parameters that are the same in every cell.
    out
        The sweep's folder; ``runs/<stem>/sweep`` by default.
    workers
        Notebooks at a time. With more than one, each kernel gets its share of the cores.
    html
        Also write every notebook's page.

    Raises
    ------
    UsageError
        Before anything runs: unknown notebook or parameter, a value that does not fit, an
        axis that has no values, has one twice, or is fixed as well.
    LipkitError
        When the folder cannot be written.
    """
    source = find_notebook(name, folder)
    out = Path(out) if out is not None else Path("runs") / source.stem / "sweep"
    if out.suffix == ".ipynb":
        raise UsageError(f"{out}: a sweep makes many notebooks; give a folder")
    cells = plan(source, grid, fixed or {}, out)
    with owning(out):
        remove_leftovers(out)
        _run_cells(out, cells, source, workers, progress, html)
        remove_leftovers(out)  # of processes that died and whose work was done again
        return Sweep(out, tuple(cells), _draw(out, cells, list(grid)))


def _run_cells(
    out: Path, cells: list[Cell], source: Path, workers: int, progress: bool, html: bool
) -> None:
    """Run what is not whole yet; each cell's result takes its place among ``cells``."""
    waiting = []
    for i, cell in enumerate(cells):
        if is_current(cell.notebook, source, cell.values):
            cells[i] = _kept(cell, html)
        else:
            waiting.append(i)
    if progress:
        print(f"{out}: {len(cells)} cells, {len(cells) - len(waiting)} of them kept", flush=True)
    kernels, executor = Kernels(), ThreadPoolExecutor(workers)
    variables = share_of_cores(workers)

    def run(i: int) -> Cell:
        return _run(cells[i], source, html, variables, kernels)

    try:
        running = each(run, waiting, executor=executor, abandon=kernels.end)
        with closing(running) as results:
            for count, (i, cell) in enumerate(results, start=1):
                if isinstance(cell, Lost):
                    cell = replace(cells[i], status=FAILED, reason=cell.reason)
                cells[i] = cell
                # Written anew each time, so that a killed sweep leaves what it had.
                _write_table(out, cells)
                if progress:
                    said = cell.reason if cell.status == FAILED else f"{cell.seconds:.0f} s"
                    print(f"[{count}/{len(waiting)}] {cell.name}: {said}", flush=True)
    finally:
        executor.shutdown(cancel_futures=True)
    _write_table(out, cells)


def plan(
    source: Path,
    grid: Mapping[str, Sequence[Any] | str],
    fixed: Mapping[str, Any],
    out: Path,
) -> list[Cell]:
    """The cells of a grid in order, all values converted; nothing runs.

    Raises
    ------
    UsageError
        As :func:`run_sweep`.
    """
    if twice := sorted(set(grid) & set(fixed)):
        raise UsageError(f"{twice[0]} is given as an axis of the grid and as a fixed value")
    axes = []
    for axis, values in grid.items():
        values = split_values(values) if isinstance(values, str) else list(values)
        if not values:
            raise UsageError(f"{axis}: the grid needs values, such as {axis}=1,2")
        converted = [convert_parameters(source, {axis: value})[axis] for value in values]
        for i, value in enumerate(converted):
            if value in converted[:i]:
                raise UsageError(f"{axis}={_text(value)}: is in the grid twice")
        axes.append([(axis, value) for value in converted])
    given = convert_parameters(source, dict(fixed))
    cells = []
    for point in itertools.product(*axes):
        values = dict(point) | given
        cells.append(Cell(values, out / f"{_stem(values)}.ipynb"))
    check_values(source, [cell.values for cell in cells])
    return cells


def split_values(text: str) -> list[str]:
    """Split text at its commas, except those in brackets: ``"[a,b],[c]"`` is two values."""
    values, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in ")]")
        if letter == "," and depth == 0:
            values.append("")
        else:
            values[-1] += letter
    return [value.strip() for value in values] if text.strip() else []


def _stem(values: Mapping[str, Any]) -> str:
    """A readable file name, made unique by a digest of the exact values."""
    exact = repr(sorted(values.items()))
    words = ",".join(f"{name}={_text(value)}" for name, value in values.items())
    readable = re.sub(r"[^\w.=,+-]+", "-", words)[:80]
    return f"{readable}-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(str, value))}]"
    return str(value)


def _run(
    cell: Cell, source: Path, html: bool, variables: Mapping[str, str], kernels: Kernels
) -> Cell:
    began = time.monotonic()
    # What lies there was made by other code: if this run fails, it must not pass for a result.
    cell.notebook.unlink(missing_ok=True)
    cell.notebook.with_suffix(".html").unlink(missing_ok=True)
    try:
        run_notebook(
            source,
            cell.values,
            cell.notebook,
            progress=False,
            html=html,
            variables=variables,
            kernels=kernels,
        )
        return _collected(cell)
    except LipkitError as error:
        seconds = round(time.monotonic() - began, 1)
        return replace(cell, status=FAILED, seconds=seconds, reason=str(error))


def _kept(cell: Cell, html: bool) -> Cell:
    if html and not cell.notebook.with_suffix(".html").is_file():
        write_html(cell.notebook)
    return _collected(cell)


def _collected(cell: Cell) -> Cell:
    """The cell with what its notebook recorded and how long that took."""
    records, seconds = read_records(cell.notebook), read_provenance(cell.notebook)["seconds"]
    for name in records:
        if name in cell.values or name in _OWN_COLUMNS:
            reason = f"it records {name!r}, which is already a column of the table; rename it"
            return replace(cell, status=FAILED, seconds=seconds, reason=reason)
    return replace(cell, status=WHOLE, seconds=seconds, records=records)


def _write_table(out: Path, cells: Sequence[Cell]) -> None:
    """One row per cell: parameters, results, status; results of cells without them are empty."""
    names = dict.fromkeys(name for cell in cells for name in cell.records)
    rows = []
    for cell in cells:
        row = {name: _text(value) for name, value in cell.values.items()}
        row |= {name: cell.records.get(name, "") for name in names}
        row |= {"status": cell.status, "seconds": cell.seconds, "reason": cell.reason}
        rows.append(row | {"notebook": cell.notebook.name})
    write_csv(out / TABLE, rows)


def _draw(out: Path, cells: Sequence[Cell], axes: Sequence[str]) -> tuple[Path, ...]:
    """A figure for each number that was recorded."""
    from lipkit.plots.style import to_png
    from lipkit.plots.sweep import sweep_figure

    figures = []
    for name in dict.fromkeys(name for cell in cells for name in cell.records):
        points = [
            ({axis: cell.values[axis] for axis in axes}, float(value))
            for cell in cells
            if isinstance(value := cell.records.get(name), (int, float))
        ]
        if not points:
            continue
        path = out / "figures" / f"{name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(to_png(sweep_figure(points, name), scale=2))
        figures.append(path)
    return tuple(figures)
