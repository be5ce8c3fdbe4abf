"""``lipkit assignments``."""

from pathlib import Path
from typing import Annotated

import typer

from lipkit.cli.options import QuietOption

app = typer.Typer(rich_markup_mode=None)

Names = Annotated[
    list[str] | None, typer.Argument(help="Which assignments.", show_default="all of them")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


@app.callback(invoke_without_command=True)
def assignments(context: typer.Context) -> None:
    """Hand out assignments, and grade what comes back.

    Example: lipkit assignments release handout fusion_by_hand
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def release(
    out: Annotated[Path, typer.Argument(help="Folder of the student versions.")],
    names: Names = None,
    force: ForceOption = False,
) -> None:
    """Make the student versions, without solutions or hidden tests.

    nbgrader is not needed; its generate_assignment makes the same cells.

    Example: lipkit assignments release handout fusion_by_hand judges
    """
    from lipkit.course.assignments.release import release

    for path in release(out, names or (), force):
        print(path)


@app.command()
def grade(
    submissions: Annotated[Path, typer.Argument(help="Folder with STUDENT/NAME.ipynb.")],
    out: Annotated[Path, typer.Argument(help="Folder of points.csv and executed notebooks.")],
    names: Names = None,
    quiet: QuietOption = False,
) -> None:
    """Grade submissions, without nbgrader.

    Puts the tests back, hidden ones included, runs each notebook and counts. Answers in
    words are left to you. This runs what was handed in, under limits of time, memory, output
    and network, but as you: it can read and change your files, and can cheat if it sets out
    to. Grade where that can do no harm; notebooks/teachers/README.md says what is stopped.

    Example: lipkit assignments grade submitted graded
    """
    from lipkit.course.assignments.grade import TABLE, grade_folder

    grade_folder(submissions, out, names or (), progress=not quiet)
    print(out / TABLE)


@app.command()
def course(
    out: Annotated[Path, typer.Argument(help="Course folder for nbgrader.")],
    names: Names = None,
    force: ForceOption = False,
) -> None:
    """Make a course folder for nbgrader: sources and settings.

    Example: lipkit assignments course speech101
    """
    from lipkit.course.assignments.course import write_course

    for path in write_course(out, names or (), force):
        print(path)


@app.command()
def evidence(
    folder: Annotated[Path, typer.Argument(help="Folder of lipkit experiment FILE.toml.")],
    split: Annotated[
        str, typer.Option(help="Which, if several were measured.", show_default="the only one")
    ] = "",
) -> None:
    """Print what to hand in for a claim of your own.

    The registration, its seal, and the score of every run on every clip, as a dictionary to be
    pasted into the assignment.

    Example: lipkit assignments evidence runs/claim
    """
    from lipkit.course.assignments.claim import evidence

    print(evidence(folder, split))


@app.command()
def leaderboard(
    submissions: Annotated[Path, typer.Argument(help="Folder with STUDENT/weights.safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder of leaderboard.md and leaderboard.csv.")],
    metric: Annotated[str, typer.Option(help="By which to rank.")] = "lmd",
    people: Annotated[int, typer.Option(min=2, help="How many held-out people.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Decides faces and sentences.")] = 0,
    quiet: QuietOption = False,
) -> None:
    """Rank weights on drawn people new to every shipped network.

    Each submission is measured on its own; a broken one gets a line that says why. Reading
    weights runs no code of the student's.

    Example: lipkit assignments leaderboard submitted --out board --metric ssim
    """
    from lipkit.course.assignments.leaderboard import leaderboard

    leaderboard(submissions, out, metric, people, seed, progress=not quiet)
    print(out / "leaderboard.md")
