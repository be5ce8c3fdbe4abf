"""``lipkit experiment``."""

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from lipkit.cli.options import PresetOption, QuietOption, SetOption, assignments
from lipkit.errors import UsageError

STAGES = ("all", "train", "evaluate")


def experiment(
    name: Annotated[str, typer.Argument(help="ablation (Tab. 1) or comparison (Tab. 2).")],
    prepared: Annotated[Path, typer.Argument(help="A prepared set.")],
    out: Annotated[Path, typer.Option(help="Folder of the experiment.")],
    preset: PresetOption = "paper",
    cells: Annotated[
        str | None, typer.Option(metavar="A,B", help="Which, in this order.", show_default="all")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each cell.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Budget of each run, wall clock.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Budget of each run, steps.", show_default="the preset's"),
    ] = None,
    train_split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    test_split: Annotated[str, typer.Option(metavar="A,B", help="Splits to measure on.")] = "test",
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Measure on this many of each split.", show_default="all"),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", help="May be repeated; 'all' takes slow ones too.", show_default="all fast"
        ),
    ] = None,
    raw: Annotated[
        Path | None, typer.Option(help="The raw corpus, if it has moved since it was prepared.")
    ] = None,
    stage: Annotated[
        str, typer.Option(help="train, evaluate (the complete runs), or all.")
    ] = "all",
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Runs at a time; measuring processes.", show_default="1; cores"),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Train on a Dask cluster.")
    ] = None,
    settings: SetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Run one of the paper's tables again.

    Trains every cell with every seed on an equal budget, measures them all on the test splits, and
    writes results.csv, results.json, table.md, table.tex, claims.md and curves.csv to --out.
    Run again, it keeps complete runs and continues half-trained ones. A run that fails does not
    stop the rest; the exit code is then 1. With several GPUs, --workers runs each on its own.

    Example: lipkit experiment ablation data/prepared --out runs/tab1 --seeds 2 --minutes 60
    """
    from lipkit.experiments.plan import make_plan

    if stage not in STAGES:
        raise UsageError(f"--stage {stage}: must be one of {', '.join(STAGES)}")
    if workers is not None and scheduler is not None:
        raise UsageError("--workers and --scheduler exclude each other; give only one")
    plan = make_plan(
        name,
        prepared,
        out,
        preset,
        assignments(settings, "--set"),
        None if cells is None else _names(cells),
        seeds,
        minutes,
        steps,
        train_split,
    )
    splits = _names(test_split)
    from lipkit.experiments.measure import choose_metrics, require_splits

    require_splits(prepared, splits)
    chosen = choose_metrics(metrics)
    if not quiet or dry_run:
        print(plan.text(), flush=True)
    if dry_run:
        return
    from lipkit.experiments.plan import claim

    claim(plan)
    failed = []
    if stage != "evaluate":
        from lipkit.experiments.queue import run_all

        with _executor(scheduler) as executor:
            failed = run_all(plan, workers or 1, executor, progress=not quiet)
    if stage != "train":
        from lipkit.experiments.report import report

        print(report(plan, splits, clips, chosen, raw, workers, progress=not quiet))
    raise typer.Exit(1 if failed else 0)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return contextlib.nullcontext()
    from lipkit.jobs.cluster import dask_executor

    return dask_executor(scheduler)
