"""``lipkit demo``."""

from pathlib import Path
from typing import Annotated

import typer

from lipkit.cli.options import SeedOption


def demo(
    out: Annotated[Path, typer.Argument(help="Folder of the results.")] = Path("runs/demo"),
    preset: Annotated[
        str | None,
        typer.Option(
            help="Train this preset from nothing, and give its sizes to the notebooks.",
            show_default="paper's model goes on from a third of its training",
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0, help="Training time.")] = 4.0,
    seed: SeedOption = 0,
) -> None:
    """Do everything once, on a small scale.

    Corpus, preparation, training, a talking picture, all notebooks.
    Ends with OUT/index.html. Run again, it keeps the stages that are complete and were made by
    the same code and settings.

    Example: lipkit demo runs/demo --minutes 4
    """
    from lipkit.course.demo import run_demo

    run_demo(out, preset_name=preset, minutes=minutes, seed=seed)
