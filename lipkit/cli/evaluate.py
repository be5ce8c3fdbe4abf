"""``lipkit evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from lipkit.cli.options import QuietOption, SeedOption, WorkersOption


def evaluate(
    models_and_set: Annotated[
        list[str],
        typer.Argument(
            metavar="[RUN_OR_WEIGHTS]... PREPARED",
            help="Runs, weights or names of weights, then the prepared set.",
        ),
    ],
    split: Annotated[str, typer.Option(help="Split to measure on.")],
    out: Annotated[Path, typer.Option(help="A folder, or the JSON file in it.")],
    raw: Annotated[
        Path | None, typer.Option(help="The raw corpus, if it has moved since it was prepared.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", help="May be repeated; 'all' takes slow ones too.", show_default="all fast"
        ),
    ] = None,
    landmark_model: Annotated[
        Path | None, typer.Option(help="dlib's 68-point model, if it is not found.")
    ] = None,
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Measure on this many, evenly spread.", show_default="all"),
    ] = None,
    retrieval: Annotated[
        str | None,
        typer.Option(
            metavar="[SET:]SPLIT",
            help="Add a row: the lips of the nearest sound in the split, of another set if named.",
        ),
    ] = None,
    same_speaker: Annotated[
        bool, typer.Option("--same-speaker", help="Retrieve from the same speaker only.")
    ] = False,
    batch_norm: Annotated[
        str,
        typer.Option(help="Its statistics: running, batch (at test, the authors'), or both."),
    ] = "running",
    articulation: Annotated[
        list[float] | None,
        typer.Option(help="Add a row for each model: its lips go so many times as far."),
    ] = None,
    other_sound: Annotated[
        bool,
        typer.Option(
            "--other-sound", help="Add a row for each model: it hears another clip's sound."
        ),
    ] = False,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Measure models on a split.

    Writes a table as JSON, Markdown and LaTeX and the scores of every window and clip as
    CSV, always beside the ground truth and frozen lips. Brackets are 95 % intervals, over
    people where there are several, over clips otherwise. Run again, it continues; if a model
    or a metric is added, only that is measured.

    Example: lipkit evaluate runs/first data/prepared --split test --out runs/table.json
    """
    from lipkit.evaluation import EvaluationOptions
    from lipkit.evaluation import evaluate as run_evaluation
    from lipkit.evaluation.score_tables import markdown
    from lipkit.metrics import METRICS

    *models, prepared = models_and_set
    if metrics and "all" in metrics:
        metrics = list(METRICS)
    options = EvaluationOptions(
        metrics=tuple(metrics) if metrics else None,
        seed=seed,
        most=clips,
        raw=raw,
        landmark_model=landmark_model,
        retrieval=retrieval,
        same_speaker=same_speaker,
        batch_norm=batch_norm,
        articulation=tuple(articulation or ()),
        other_sound=other_sound,
    )
    done = run_evaluation(models, prepared, split, out, options, workers, progress=not quiet)
    print(markdown(done.summary))
    seconds = f"generated in {done.generating:.0f} s, measured in {done.measuring:.0f} s"
    print(f"{done.files[-1]}: {seconds}")
