"""A split of a prepared set, as commands name it: ``FOLDER:SPLIT``."""

import re
from pathlib import Path
from typing import NamedTuple

from lipkit.errors import UsageError

PART = "FOLDER:SPLIT"
"""What commands take that read a split as it is."""
OFTEN = "FOLDER:SPLIT[*TIMES]"
"""What commands take that draw from several splits, some more often than others."""
RENAMED = "FOLDER:SPLIT[=NAME][*TIMES]"
"""What commands take that make a new set of several splits."""

_FORM = re.compile(r"(.+):([^:=*]+)(?:=([^:=*]+))?(?:\*([1-9]\d*))?")


class Part(NamedTuple):
    """A split of a set, as it was asked for."""

    folder: Path
    split: str
    name: str
    """What it is called; the split's own name where no other was given."""
    times: int
    """How often it is taken, 1 or more."""


def part(text: str, form: str = PART) -> Part:
    """Read a text of one of the three forms above.

    Raises
    ------
    UsageError
        When it reads otherwise.

    >>> part("data/grid:s1_train=train*10", RENAMED)[1:]
    ('s1_train', 'train', 10)
    """
    found = _FORM.fullmatch(text)
    folder, split, name, times = found.groups() if found else 4 * (None,)
    if not found or (name and "=" not in form) or (times and "*" not in form):
        raise UsageError(f"{text!r}: expected {form}, such as data/prepared:train")
    return Part(Path(folder), split, name or split, int(times or 1))
