"""The progress bar of every command: drawn for somebody who watches, silent in a log file."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm

Bar = tqdm
"""What :func:`progress_bar` gives."""


def progress_bar(
    items: Iterable | None = None, desc: str = "", *, shown: bool = True, **options: Any
) -> Bar:
    """A bar on stderr, which is a context manager and, with ``items``, goes through them.

    Parameters
    ----------
    items
        What is gone through; without it the caller calls ``update``.
    shown
        False draws nothing. True draws where somebody watches (:func:`is_watched`).
    options
        Those of ``tqdm.tqdm``: ``total``, ``initial``, ``unit`` and so on.
    """
    return tqdm(items, desc, disable=not (shown and is_watched()), **options)


def is_watched() -> bool:
    """Whether a bar reaches a reader: stderr is a terminal, or this is a notebook's kernel.

    In a file every step of a bar would be kept, one after the other.
    """
    stderr = sys.stderr
    return "ipykernel.iostream" in sys.modules or (stderr is not None and stderr.isatty())


def say(line: str) -> None:
    """A line on stderr that does not break a bar which is being drawn."""
    tqdm.write(line, file=sys.stderr)
