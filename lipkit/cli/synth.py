"""``lipkit synth``."""

from pathlib import Path
from typing import Annotated

import typer

from lipkit.cli.options import QuietOption, SeedOption, WorkersOption


def synth(
    out: Annotated[Path, typer.Argument(help="Folder of the corpus.")],
    speakers: Annotated[int, typer.Option(min=1, help="People.")] = 8,
    clips: Annotated[int, typer.Option(min=1, help="Clips a person.")] = 20,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make the synthetic corpus.

    Talking faces with exact landmarks and phoneme times, in GRID's layout.
    Run again, it continues: clips that are there are kept.

    Example: lipkit synth data/synthetic --speakers 8 --clips 20
    """
    from lipkit.talker import write_corpus

    folder = write_corpus(
        out, speakers=speakers, clips=clips, seed=seed, workers=workers, progress=not quiet
    )
    print(f"{folder}: {speakers} people, {clips} clips each")
