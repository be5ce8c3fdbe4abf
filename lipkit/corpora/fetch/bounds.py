"""How large a download may become: what is declared, and what the disk has room for."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lipkit.corpora.fetch.archives import require_space
from lipkit.errors import LipkitError

RESERVE = 1 << 28
"""Bytes of the disk that a file of unknown size may not take."""

LOOK_EVERY = 1 << 24
"""Bytes between two looks at what is free, for a file of unknown size."""


@dataclass(frozen=True)
class Bound:
    """How large a file may become."""

    size: int | None
    """Bytes that it has, where known."""
    most: int | None
    """Bytes that it may have, where known."""

    def check_announced(self, url: str, total: int | None, part: Path, have: int) -> None:
        """Look at what the server announces before anything is written.

        Parameters
        ----------
        total : bytes of the whole file; None when the server does not say.
        part : where the file is received.
        have : bytes of it that are there.

        Raises
        ------
        LipkitError
            When it is more than may come, or more than the disk has room for.
        """
        if total is not None and self.most is not None and total > self.most:
            self.refuse(url, f"announces {total:,} bytes")
        need = total if self.size is None else self.size
        if need is not None:
            require_space(part.parent, need - have)

    def check_space(self, received: int, new: int, part: Path) -> None:
        """Look now and then at what is free, where nobody knows how much will come.

        Parameters
        ----------
        received : bytes so far.
        new : how many of them are not yet on the disk.

        Raises
        ------
        LipkitError
            When fewer than :data:`RESERVE` bytes would be left.
        """
        if self.size is None and (received - new) // LOOK_EVERY != received // LOOK_EVERY:
            require_space(part.parent, new + RESERVE)

    def is_exceeded(self, received: int) -> bool:
        """Whether ``received`` bytes are more than may come."""
        return self.most is not None and received > self.most

    def refuse(self, url: str, what: str = "sends more") -> NoReturn:
        """Raise the fault of a server that announces or sends too much."""
        raise LipkitError(
            f"{url}: the server {what} where the file has at most {self.most:,} bytes; "
            "try again later or from another address"
        )
