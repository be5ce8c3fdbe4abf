"""Options that several commands share."""

from typing import Annotated

import typer

from lipkit.errors import UsageError

SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Override a setting; may be repeated."),
]
PresetOption = Annotated[
    str,
    typer.Option(help="Settings: tiny, paper, released, plus, vondrick, chung or landmarks."),
]
SeedOption = Annotated[int, typer.Option(help="Same seed, same result.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
WorkersOption = Annotated[
    int | None, typer.Option(min=1, help="Processes.", show_default="one per core")
]


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
