"""The command line. Every command imports what it needs when it runs, so that help is fast.

Exit codes: 0 done, 1 something failed (one line on stderr says what), 2 typed wrong,
130 interrupted.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lipkit import __version__
from lipkit.errors import LipkitError, UsageError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130

# The base class of all usage faults; typer itself gives it no name.
_TyperFault = typer.BadParameter.__base__.__base__

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a setting; may be repeated."),
]
PresetOption = Annotated[str, typer.Option(help="Named settings: tiny, paper.")]
SeedOption = Annotated[int, typer.Option(help="Same seed, same result.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def run_command(arguments: list[str]) -> int:
    """Run one command; return its exit code. Faults become one line on stderr."""
    try:
        result = app(args=arguments or ["--help"], prog_name="lipkit", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except LipkitError as error:
        print(f"lipkit: {getattr(error, 'screen', error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except _TyperFault as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "lipkit")
        message = " ".join(error.format_message().split())
        print(f"lipkit: {message} (see {command} --help)", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("lipkit: interrupted; run the same command again to continue", file=sys.stderr)
    return code


def assignments(texts: list[str] | None, option: str) -> dict[str, str]:
    """``["a.b=c"]`` as ``{"a.b": "c"}``; a name given twice or without ``=`` is refused."""
    pairs: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{option} {text}: must read {option} name=value")
        if name.strip() in pairs:
            raise UsageError(f"{option} {text}: {name.strip()} is given twice")
        pairs[name.strip()] = value
    return pairs


def _version(show: bool) -> None:
    if show:
        print(f"lipkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show and exit.")
    ] = False,
) -> None:
    """Learn, reproduce and audit 'Lip Movements Generation at a Glance' (ECCV 2018).

    Exit codes: 0 done, 1 something failed, 2 typed wrong.

    Example: lipkit check
    """


@app.command()
def check() -> None:
    """Report what this machine has and lacks.

    OK or FAIL a line, with what to do. Exit code 1 when anything fails.

    Example: lipkit check
    """
    from lipkit.check import check as run_check

    items = run_check()
    for item in items:
        print(item)
    failed = sum(not item.ok for item in items)
    print(f"\n{failed} of {len(items)} items failed" if failed else "\nall is well")
    raise typer.Exit(1 if failed else 0)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="Folder of the corpus.")],
    speakers: Annotated[int, typer.Option(min=1, help="People.")] = 8,
    clips: Annotated[int, typer.Option(min=1, help="Clips a person.")] = 20,
    seed: SeedOption = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one a core")
    ] = None,
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


@app.command()
def prepare(
    corpus: Annotated[str, typer.Argument(help="grid, lrw, ldc or synthetic.")],
    root: Annotated[Path, typer.Argument(help="Where its clips lie.")],
    out: Annotated[Path, typer.Argument(help="Folder of the prepared set.")],
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Splits: paper, seen, unseen, file.", show_default="ROOT/splits/*.txt, else seen"
        ),
    ] = None,
    lists: Annotated[
        Path | None, typer.Option(help="Folder of SPLIT.txt files, a speaker/clip a line.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one a core")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Use a Dask cluster.")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(help="stable or per_frame.", show_default="stable")
    ] = None,
    preset: PresetOption = "paper",
    settings: SetOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 if any clip is unusable.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Prepare a corpus for training.

    Writes the prepared set that everything else reads. Run again, it continues. A clip that
    cannot be used is reported, stands in manifest.csv with its reason, and does not stop the
    rest. Exit code 0 when at least one clip is usable (with --strict: all of them), else 1.

    Example: lipkit prepare grid data/grid data/prepared --protocol seen --workers 8
    """
    from lipkit.commands import prepare_corpus

    values: dict[str, Any] = assignments(settings, "--set")
    if crop is not None:
        values["prepare.crop"] = crop
    if scheduler is not None and workers is not None:
        raise UsageError("--workers and --scheduler exclude each other; give one")
    usable, failed = prepare_corpus(
        corpus, root, out, protocol, lists, workers, scheduler, preset, values, not quiet
    )
    raise typer.Exit(1 if usable == 0 or (strict and failed) else 0)


@app.command()
def analyse(
    prepared: Annotated[Path, typer.Argument(help="A prepared set.")],
    out: Annotated[Path, typer.Option(help="Folder of the tables and figures.")],
    formulas: Annotated[
        list[str] | None,
        typer.Option(
            "--formula",
            help="authors, magnitude, level_opening, signed_opening; may be repeated.",
            show_default="all",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="One split.", show_default="all clips")] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option("--speaker", help="May be repeated.", show_default="all"),
    ] = None,
    shift: Annotated[int, typer.Option(help="Frames by which the sound is moved later.")] = 0,
    reach: Annotated[int, typer.Option(min=1, max=60, help="Largest offset, frames.")] = 15,
    repairings: Annotated[int, typer.Option(min=200, help="Re-pairings for the null.")] = 1000,
    raw: Annotated[
        Path | None,
        typer.Option(help="The raw corpus: also measure the lead of the lips by its times."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps the flow for the next time.")
    ] = None,
    seed: SeedOption = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one a core")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Correlate the change of the sound with the motion of the lips (Fig. 3).

    Writes curves.csv, best_offsets.csv, clips.csv, summary.json and figures: r at each
    offset with its interval, the histogram of best offsets, and beside both what chance
    gives. A positive offset means that the lips come later than the sound.

    Example: lipkit analyse data/prepared --out runs/fig3 --formula magnitude
    """
    from lipkit.analysis.series import FORMULAS, find_formula
    from lipkit.commands import analyse_prepared

    chosen = list(dict.fromkeys(formulas or FORMULAS))
    for name in chosen:
        find_formula(name)
    analyse_prepared(
        prepared,
        out,
        chosen,
        split,
        speakers,
        raw,
        cache,
        reach,
        shift=shift,
        repairings=repairings,
        seed=seed,
        workers=workers,
        progress=not quiet,
    )


@app.command()
def train(
    prepared: Annotated[Path, typer.Argument(help="A prepared set.")],
    out: Annotated[Path, typer.Option(help="Folder of the run.")],
    preset: PresetOption = "paper",
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0, help="Wall-clock budget.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    train_split: Annotated[
        str | None, typer.Option(help="Split to train on.", show_default="train")
    ] = None,
    settings: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train the generator.

    Writes settings, losses, sample strips, checkpoints and the final weights to --out.

    Example: lipkit train data/prepared --preset tiny --out runs/first --minutes 3
    """
    from lipkit.commands import train_run

    values: dict[str, Any] = assignments(settings, "--set")
    options = {"train.minutes": minutes, "train.steps": steps, "train.train_split": train_split}
    values |= {name: value for name, value in options.items() if value is not None}
    train_run(prepared, out, preset, values, resume, not quiet)


@app.command()
def generate(
    identity: Annotated[Path, typer.Option(help="A picture of a face.")],
    audio: Annotated[Path, typer.Option(help="Speech: any sound or video file.")],
    out: Annotated[Path, typer.Option(help="The video to write (.mp4).")],
    weights: Annotated[Path | None, typer.Option(help="Weights, or the folder of a run.")] = None,
    paste_back: Annotated[
        bool, typer.Option("--paste-back", help="Put the lips back into the face.")
    ] = False,
    lips_only: Annotated[
        bool, typer.Option("--lips-only", help="The picture shows lips alone.")
    ] = False,
    landmark_model: Annotated[
        Path | None, typer.Option(help="dlib's 68-point model, if it is not found.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Make a face say a speech.

    One picture and one recording give a video with sound.

    Use it only on faces whose owners consent, and say that the video is synthetic.

    Example: lipkit generate --identity face.jpg --audio talk.wav --out lips.mp4 --weights RUN
    """
    from lipkit.commands import generate_video

    generate_video(
        identity,
        audio,
        out,
        weights=weights,
        paste_back=paste_back,
        lips_only=lips_only,
        landmark_model=landmark_model,
        progress=not quiet,
    )


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="Its path, name, or the name's beginning.")],
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="NAME=VALUE", help="A parameter; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The executed notebook.", show_default="runs/NAME/NAME.ipynb"),
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Also write it as a page.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List its parameters and stop.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Run a notebook with other parameters.

    A misspelt parameter or an unfit value is refused before anything runs. The notebook
    itself is never changed.

    Example: lipkit run 01 -p seed=1 --html
    """
    from lipkit.notebooks import find_notebook, read_parameters
    from lipkit.runner import run_notebook

    if show:
        for parameter in read_parameters(find_notebook(notebook)).values():
            kind = getattr(parameter.type, "__name__", str(parameter.type))
            kind = (
                str(parameter.type).removeprefix("typing.") if "[" in str(parameter.type) else kind
            )
            print(f"{parameter.name}: {kind} = {parameter.default!r}  # {parameter.help}")
        return
    values = assignments(parameters, "-p")
    executed = run_notebook(notebook, values, out, progress=not quiet, html=html)
    print(executed)


@app.command()
def demo(
    out: Annotated[Path, typer.Argument(help="Folder of the results.")] = Path("runs/demo"),
    preset: PresetOption = "tiny",
    minutes: Annotated[float, typer.Option(min=0, help="Training time.")] = 4.0,
    seed: SeedOption = 0,
) -> None:
    """Do everything once, in small.

    Corpus, preparation, training, a talking picture, all notebooks.
    Ends with OUT/index.html. Run again, it keeps the stages that are whole and were made by
    the same code and settings.

    Example: lipkit demo runs/demo --preset tiny
    """
    from lipkit.demo import run_demo

    run_demo(out, preset_name=preset, minutes=minutes, seed=seed)
