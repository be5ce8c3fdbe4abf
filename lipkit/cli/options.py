"""Options that several commands share."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipkit.errors import UsageError
from lipkit.settings import from_dict

if TYPE_CHECKING:
    from lipkit.media import Limits

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a setting; may be repeated."),
]
PresetOption = Annotated[
    str,
    typer.Option(
        help="Settings: paper, mended, released, paper_few_steps, tiny, plus, vondrick, chung or "
        "landmarks."
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Same seed, same result.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes.", show_default="one per core")
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=N",
        help="Largest file that is read: seconds, pixels of a picture, or gigabytes of a clip's "
        "frames; may be repeated.",
        show_default="seconds=10800, pixels=134217728, gigabytes=4",
    ),
]


def read_limits(texts: list[str] | None) -> "Limits":
    """The limits of reading, changed as the option says."""
    from lipkit.media.limits import Limits

    return from_dict(Limits, assignments(texts, "--limit"))


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


def join_options(values: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Settings by ``--set``, and those that were given by an option of their own, if any were.

    Raises
    ------
    UsageError
        When one is given both ways.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name in values:
            raise UsageError(f"--set {name}: is given by its own option, too; give only one")
    return values | given
