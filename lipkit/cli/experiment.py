"""``lipkit experiment``."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lipkit.cli.options import PresetOption, QuietOption, SetOption, assignments
from lipkit.errors import LipkitError, UsageError
from lipkit.files import owning

STAGES = ("all", "train", "evaluate")


def experiment(
    name: Annotated[
        str,
        typer.Argument(
            help="ablation (Tab. 1), comparison (Tab. 2), faults (ours), or your own FILE.toml."
        ),
    ],
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
    also: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLDER:SPLIT", help="Measure on another set's split too; may be repeated."
        ),
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="NAME=PREPARED",
            help="The same clips prepared in another way, for the cells that ask for it.",
        ),
    ] = None,
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
    """Run one of the paper's tables again, or one of your own.

    Trains every cell with every seed on an equal budget, measures them all on the test splits, and
    writes results.csv, people.csv, results.json, table.md, table.tex, claims.md, curves.csv,
    page.md and strip.png to --out.
    Run again, it keeps complete runs and continues half-trained ones. A run that fails does not
    stop the rest; the exit code is then 1. With several GPUs, --workers runs each on its own.

    FILE.toml is a table of your own: cells, claims, what matters, and the budget. It is registered
    in --out before the first run, and a file that was changed afterwards is refused there.

    Example: lipkit experiment ablation data/prepared --out runs/tab1 --seeds 2 --minutes 60
    """
    from lipkit.experiments.measure import (
        MeasureOptions,
        choose_metrics,
        require_other_windows,
        to_measure,
    )
    from lipkit.experiments.own_tables import is_own, read_table, register
    from lipkit.experiments.plan import PlanOptions, claim, make_plan
    from lipkit.experiments.records import why_failed

    if stage not in STAGES:
        raise UsageError(f"--stage {stage}: must be one of {', '.join(STAGES)}")
    if workers is not None and scheduler is not None:
        raise UsageError("--workers and --scheduler exclude each other; give only one")
    given = assignments(settings, "--set")
    own = read_table(Path(name)) if is_own(name) else None
    if own is not None:
        _leave_to_table(preset != "paper", given, seeds != 1, minutes, steps, clips, metrics)
        preset, given, seeds, steps = own.preset, dict(own.settings), own.seeds, own.steps
        clips, metrics = own.clips, own.metrics
    options = PlanOptions(
        preset=preset,
        settings=given,
        cells=None if cells is None else tuple(_names(cells)),
        seeds=seeds,
        minutes=minutes,
        steps=steps,
        train_split=train_split,
        variants=assignments(variants, "--variant"),
    )
    plan = make_plan(name, prepared, out, options)
    tests = to_measure(prepared, _names(test_split), also or ())
    require_other_windows(plan, tests)
    chosen = choose_metrics(metrics)
    if not quiet or dry_run:
        print(plan.text(), flush=True)
    if dry_run:
        return
    claim(plan)
    if own is not None:
        registered = register(own, out)
        if not quiet:
            print(f"registered {own.digest[:12]}… at {registered}", flush=True)
    failed = []
    if stage != "evaluate":
        from lipkit.experiments.queue import run_all

        with _executor(scheduler) as executor:
            failed = run_all(plan, workers or 1, executor, progress=not quiet)
    if stage != "train":
        from lipkit.course.claims_page import claims_page, write_strip
        from lipkit.experiments.outcome import finish
        from lipkit.experiments.stored import read_results
        from lipkit.report.tables import write_text

        how = MeasureOptions(clips, tuple(chosen), raw, workers, progress=not quiet)
        with owning(out):
            page = finish(plan, tests, how)
            try:
                write_strip(plan)
            except LipkitError as fault:  # without dlib's model a table is whole all the same
                print(f"no strip of frames: {fault}", file=sys.stderr)
            write_text(out / "page.md", claims_page([read_results(name, out)]))
        print(page)
    if failed:
        raise LipkitError(
            f"{out}: {len(failed)} of {len(plan.runs)} runs failed, such as "
            f"{why_failed(run.folder for run in failed)}; run the same again to try them once more"
        )


def _leave_to_table(*given: Any) -> None:
    """Refuse what an own table says itself, so that it is registered and cannot differ."""
    names = ("--preset", "--set", "--seeds", "--minutes", "--steps", "--clips", "--metric")
    for option, value in zip(names, given, strict=True):
        if value:
            raise UsageError(f"{option}: your table decides it; write it there, before the runs")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return contextlib.nullcontext()
    from lipkit.jobs.cluster import dask_executor

    return dask_executor(scheduler)
