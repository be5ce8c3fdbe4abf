"""What is too large to be read: the limits of one file, checked before memory is taken.

A file of some kilobytes can announce, or unfold into, more pictures than any machine holds.
What a header declares is compared first; what is decoded is counted, because headers lie.
"""

from dataclasses import dataclass
from pathlib import Path

from lipkit.errors import LipkitError
from lipkit.settings import Settings, bounded

SLOWEST_RATE, FASTEST_RATE = 1_000, 768_000
"""Samples per second of sound that is taken for sound."""


class TooLargeError(LipkitError):
    """A file that is beyond a limit, which the message names."""


@dataclass(frozen=True)
class Limits(Settings):
    """The largest file that is read. Every reader takes these as its default."""

    seconds: float = bounded(
        10_800.0, low=0.1, help="longest video or sound, s; three hours by default"
    )
    pixels: int = bounded(
        2**27, low=4096, help="most pixels of one picture; by default 134 million (11,585 squared)"
    )
    gigabytes: float = bounded(
        4.0, low=0.001, help="most memory for one clip whose frames are all held at once, 1e9 bytes"
    )

    def check_seconds(self, path: Path, seconds: float, said: str = "lasts") -> None:
        """Raise TooLargeError for more than ``seconds``."""
        if seconds > self.seconds:
            raise TooLargeError(
                f"{path}: {said} {seconds:,.0f} s where at most {self.seconds:,.0f} are read; "
                "cut it into parts, or add --limit seconds=N"
            )

    def check_pixels(self, path: Path, width: int, height: int) -> None:
        """Raise TooLargeError for a picture of more than ``pixels``."""
        if width * height > self.pixels:
            raise TooLargeError(
                f"{path}: its pictures are {width:,} x {height:,} where at most {self.pixels:,} "
                "pixels are read; make it smaller, or add --limit pixels=N"
            )

    def check_held(self, path: Path, frames: int, width: int, height: int) -> None:
        """Raise TooLargeError when RGB frames that are held at once would fill the memory."""
        needed = 3e-9 * frames * width * height
        if needed > self.gigabytes:
            raise TooLargeError(
                f"{path}: {frames:,} frames of {width:,} x {height:,} would fill {needed:,.1f} GB "
                f"where at most {self.gigabytes:g} are; cut it into parts or make it smaller, "
                "or add --limit gigabytes=N"
            )

    def check_rate(self, path: Path, rate: int) -> None:
        """Raise TooLargeError for sound of an impossible rate, samples per second."""
        if not SLOWEST_RATE <= rate <= FASTEST_RATE:
            raise TooLargeError(
                f"{path}: its sound has {rate:,} samples per second where {SLOWEST_RATE:,} to "
                f"{FASTEST_RATE:,} are read; convert the file again"
            )


DEFAULT = Limits()
