"""What a command prints to: closed, full or broken streams, and locales without all letters."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

PLAIN = "lipkit-plain"
_SIGNS = {
    "↑": "^",
    "↓": "v",
    "≈": "~",
    "∞": "inf",
    "–": "-",
    "−": "-",
    "…": "...",
    "±": "+-",
    "→": "->",
}


def _plainly(fault: UnicodeError) -> tuple[str, int]:
    """What is written for letters that a stream cannot show."""
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    letters = fault.object[fault.start : fault.end]
    return "".join(_SIGNS.get(letter, "?") for letter in letters), fault.end


codecs.register_error(PLAIN, _plainly)


def show_all_letters() -> None:
    """In a locale without arrows and dashes a table is printed with plain signs."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=PLAIN)


def open_closed() -> None:
    """Give the process the standard streams that it was started without (``2>&-``).

    Else the next file that is opened takes the number of the missing one, and what a library
    complains of in C is written into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


class _Stream:
    """A stream that stands for another."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Forgiving(_Stream):
    """For remarks and bars: what cannot be written is dropped, and the work goes on."""

    def write(self, text: str) -> int:
        """Write, or drop."""
        try:
            return self._stream.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Flush, or let it be."""
        with suppress(OSError):
            self._stream.flush()


class Watched(_Stream):
    """For results: remembers why they could not be written."""

    fault: OSError | None = None

    def write(self, text: str) -> int:
        """Write."""
        with self._watching():
            return self._stream.write(text)

    def flush(self) -> None:
        """Flush."""
        with self._watching():
            self._stream.flush()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.fault = error
            raise


def leave_output() -> None:
    """Let what is still to be written to standard output vanish, so that Python can end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
