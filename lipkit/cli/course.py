"""``lipkit course``."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer


def course(
    folder: Annotated[Path, typer.Argument(help="Your copy: a new folder, or an earlier copy.")],
    update: Annotated[
        bool,
        typer.Option("--update", help="Update the files that you have not changed."),
    ] = False,
    solutions: Annotated[
        bool | None,
        typer.Option(
            "--solutions/--no-solutions",
            help="With the solutions of the exercises; your copy remembers which.",
        ),
    ] = None,
) -> None:
    """Lay a working copy of the course into a folder of yours.

    A file that you have changed is never overwritten: with --update, a newer version is laid
    beside it and named. Assignments are laid without their solutions; those of the lessons'
    exercises are laid unless you say --no-solutions.

    Example: lipkit course my_course
    """
    from lipkit.course.working_copy import lay_course

    laid = lay_course(folder, update, solutions=solutions)
    for file in laid:
        if file.state == "updated":
            print(f"updated {file.path}")
        elif file.beside is not None:
            print(f"kept your {file.path}; the newer version is {file.beside}")
    counts = Counter(file.state for file in laid)
    if newer := 0 if update else counts["newer"]:
        print(f"{newer} files have a newer version; lay it with: lipkit course {folder} --update")
    print(f"{counts['new']} files laid, {len(laid)} in all; open them with: jupyter lab {folder}")
