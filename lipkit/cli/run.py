"""``lipkit run``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipkit.cli.options import QuietOption, assignments
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.course.sweep import Sweep


def run(
    notebook: Annotated[str, typer.Argument(help="Its path, name, or the name's beginning.")],
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="A parameter; may be repeated."),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="NAME=A,B",
            help="One axis of a sweep; give several for their product.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="How many notebooks of a sweep run at once.", show_default="1"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The executed notebook; of a sweep, its folder.",
            show_default="runs/NAME/NAME.ipynb, or runs/NAME/sweep",
        ),
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Also write it as a page.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List its parameters and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Run a notebook with other parameters, or over a grid of them.

    A misspelt parameter or an unsuitable value is refused before anything runs. The notebook
    itself is never changed.

    With --grid, every combination is run; one that fails does not stop the rest. What the
    notebooks recorded goes to OUT/results.csv and OUT/figures. Run again, it skips what is
    complete and was made by the same parameters, notebook and code.

    Example: lipkit run 01 -p clips=4 --grid seed=0,1,2 --workers 2
    """
    from lipkit.course.notebooks import find_notebook, read_parameters
    from lipkit.course.runner import run_notebook

    if show:
        for parameter in read_parameters(find_notebook(notebook)).values():
            print(parameter)
        return
    values = assignments(parameters, "-p")
    axes = assignments(grid, "--grid")
    if axes:
        from lipkit.course.sweep import run_sweep

        sweep = run_sweep(notebook, axes, values, out, workers or 1, not quiet, html)
        _report(sweep)
        raise typer.Exit(1 if sweep.failed else 0)
    if workers is not None:
        raise UsageError("--workers is for sweeps; give an axis too, such as --grid seed=0,1,2")
    print(run_notebook(notebook, values, out, progress=not quiet, html=html))


def _report(sweep: "Sweep") -> None:
    from lipkit.course.sweep import TABLE

    for path in (sweep.folder / TABLE, *sweep.figures):
        print(path)
    if sweep.failed:
        print(
            f"{len(sweep.failed)} of {len(sweep.cells)} cells failed, as the table says; "
            "run the same command again to try them once more"
        )
