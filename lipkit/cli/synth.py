"""``lipkit synth``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipkit.cli.options import QuietOption, SeedOption, WorkersOption
from lipkit.errors import LipkitError, UsageError
from lipkit.files import owning

if TYPE_CHECKING:
    from lipkit.talker.recordings import Piece
    from lipkit.talker.takes import Lines


class Sentences(StrEnum):
    """What espeak says."""

    grid = "grid"
    english = "english"


class Quality(StrEnum):
    """How something is recorded."""

    life = "life"
    clean = "clean"


def synth(
    out: Annotated[Path, typer.Argument(help="Folder of the corpus.")],
    speakers: Annotated[int, typer.Option(min=1, help="People.")] = 8,
    clips: Annotated[int, typer.Option(min=1, help="Clips per person.")] = 20,
    sentences: Annotated[
        Sentences | None,
        typer.Option(help="grid: GRID's 51 words; english: everyday English.", show_default="grid"),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="A text file instead: one sentence per line.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Its language, espeak-ng's code such as de or fr.")
    ] = None,
    speech: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of recordings that people say; may be repeated."),
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option(help="Table of the recordings.", show_default="index.tsv in or above it"),
    ] = None,
    human: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of clips with a recording.", show_default="0.5"),
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Sentences and espeak voices kept for tests.")
    ] = False,
    sound: Annotated[
        Quality | None,
        typer.Option(help="life: rooms, telephones, noise, codecs.", show_default="life"),
    ] = None,
    camera: Annotated[
        Quality | None,
        typer.Option(help="life: 25 or 30 frames/s, compression.", show_default="life"),
    ] = None,
    prepared: Annotated[
        bool, typer.Option("--prepared", help="Write a prepared set, without videos.")
    ] = False,
    split: Annotated[
        str | None, typer.Option(help="Split of the prepared set.", show_default="train")
    ] = None,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make the synthetic corpus.

    Talking faces with exact landmarks and phoneme times, in GRID's layout. Without options, a
    cast in a studio says GRID's sentences; with any of --sentences to --prepared, other people
    say anything, in voices of espeak-ng or of human beings, wherever they are.
    Run again, it continues: clips that are there are kept.

    Example: lipkit synth data/synthetic --speakers 8 --clips 20

    Example: lipkit synth data/anybody --sentences english --speech voices --prepared
    """
    anything = (sentences, text, language, speech, words, human, sound, camera)
    if any(option is not None for option in anything) or held_out or prepared or split:
        _check(sentences, text, language, speech, words, human, prepared, split)
        from lipkit.talker.takes import Manners, plan

        manners = Manners(
            sound=(sound or Quality.life).value,
            camera=(camera or Quality.life).value,
            language=language or "",
            held=held_out,
        )
        lines = _lines(sentences, text, seed)
        pieces = _pieces(speech, words, workers, quiet)
        share = 0.5 if human is None else human
        takes = plan(speakers, clips, seed, lines, pieces, share, manners)
        if prepared:
            from lipkit.data.drawn import write_set

            folder = write_set(out, takes, split or "train", workers=workers, progress=not quiet)
        else:
            from lipkit.talker.corpus import write_takes

            with owning(out):
                folder = write_takes(out, takes, workers=workers, progress=not quiet)
    else:
        from lipkit.talker import write_corpus

        with owning(out):
            folder = write_corpus(
                out, speakers=speakers, clips=clips, seed=seed, workers=workers, progress=not quiet
            )
    print(f"{folder}: {speakers} people, {clips} clips each")


def _check(sentences, text, language, speech, words, human, prepared, split) -> None:
    """Refuse an option that would have no effect."""
    if sentences and text:
        raise UsageError("--text says other sentences than --sentences; give one of them")
    if language and not text:
        raise UsageError("--language is that of a text; give it with --text FILE")
    for name, value in (("--words", words), ("--human", human)):
        if value is not None and not speech:
            raise UsageError(f"{name} is about recordings; give their folder with --speech")
    if split and not prepared:
        raise UsageError("--split names the split of a prepared set; add --prepared")


def _lines(sentences: Sentences | None, text: Path | None, seed: int) -> "Lines | None":
    from lipkit.talker.takes import file_lines, grid_lines

    if text is not None:
        try:
            return file_lines(text.read_text(encoding="utf-8-sig"), str(text), seed)
        except UnicodeDecodeError:
            raise LipkitError(f"{text}: is not a UTF-8 text; save it as one") from None
        except OSError as error:
            raise LipkitError(f"{text}: cannot be read: {error.strerror}") from None
    return grid_lines(seed) if sentences == Sentences.grid else None


def _pieces(
    folders: list[Path] | None, words: Path | None, workers: int | None, quiet: bool
) -> "list[Piece]":
    if not folders:
        return []
    from lipkit.course.lesson import cache_folder
    from lipkit.talker.recordings import find_pieces

    everything = []
    for folder in folders:
        pieces, faults = find_pieces(folder, words, cache_folder() / "heard", workers, not quiet)
        everything += pieces
        if faults:
            print(f"{folder}: {len(faults)} recordings are left out, such as {faults[0]}")
    if not everything:
        raise LipkitError(f"{folders[0]}: no recording there can be said; see the lines above")
    return everything
