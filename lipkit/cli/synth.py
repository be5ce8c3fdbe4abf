"""``lipkit synth``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipkit.cli.options import QuietOption, SeedOption, WorkersOption
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.talker.recordings import Piece


class Sentences(StrEnum):
    """What is said."""

    grid = "grid"
    english = "english"


def synth(
    out: Annotated[Path, typer.Argument(help="Folder of the corpus.")],
    speakers: Annotated[int, typer.Option(min=1, help="People.")] = 8,
    clips: Annotated[int, typer.Option(min=1, help="Clips per person.")] = 20,
    sentences: Annotated[
        Sentences | None,
        typer.Option(help="grid: GRID's 51 words; english: everyday English.", show_default="grid"),
    ] = None,
    speech: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of recordings that half of the clips say; may be repeated."),
    ] = None,
    words: Annotated[
        Path | None, typer.Option(help="Table of what they say (file, speaker, sex, words).")
    ] = None,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Write a prepared set, without videos.")
    ] = False,
    split: Annotated[str, typer.Option(help="Its split.")] = "train",
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Sentences and espeak voices kept for tests.")
    ] = False,
    human: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the clips that say recordings.")
    ] = 0.5,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make the synthetic corpus.

    Talking faces with exact landmarks and phoneme times, in GRID's layout.
    Run again, it continues and keeps the clips that are there.

    Example: lipkit synth data/synthetic --speakers 8 --clips 20
    """
    if prepared:
        from lipkit.data.drawn import plan, write_set

        if sentences == Sentences.grid:
            raise UsageError("--prepared says everyday English; leave out --sentences grid")
        pieces = _pieces(speech, words, workers, quiet)
        jobs = plan(speakers, clips, seed, split, pieces, human, held_out)
        folder = write_set(out, jobs, workers=workers, progress=not quiet)
    elif speech or held_out or sentences == Sentences.english:
        raise UsageError("everyday English and human voices need --prepared; add it")
    else:
        from lipkit.talker import write_corpus

        folder = write_corpus(
            out, speakers=speakers, clips=clips, seed=seed, workers=workers, progress=not quiet
        )
    print(f"{folder}: {speakers} people, {clips} clips each")


def _pieces(
    folders: list[Path] | None, words: Path | None, workers: int | None, quiet: bool
) -> "list[Piece]":
    if not folders:
        if words is not None:
            raise UsageError("--words describes recordings; give --speech their folder")
        return []
    from lipkit.course.lesson import cache_folder
    from lipkit.talker.recordings import find_pieces

    everything = []
    for folder in folders:
        pieces, faults = find_pieces(folder, words, cache_folder() / "heard", workers, not quiet)
        everything += pieces
        if faults:
            print(f"{folder}: {len(faults)} recordings are left out, such as {faults[0]}")
    return everything
