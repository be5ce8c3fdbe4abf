"""One broken input: make it, read it, and say how that ended."""

import shutil
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

from fuzz.readers import READERS
from lipkit.errors import LipkitError

READ, REFUSED = "read", "refused"
PATIENCE = 60
"""Seconds after which a reader counts as hanging."""


class Bench:
    """A folder in which readers find what belongs to a broken file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wholes: dict[str, tuple[Path, Path]] = {}

    def whole(self, name: str) -> tuple[Path, Path]:
        """The folder of something whole, and the file in it that is to be broken."""
        if name not in self._wholes:
            home = self.folder / "whole" / name
            home.mkdir(parents=True)
            self._wholes[name] = home, READERS[name].whole(home)
        return self._wholes[name]

    def broken(self, name: str, number: int, seed: int) -> bytes:
        """The ``number``-th broken input of a reader: the same at every call."""
        rng = np.random.default_rng([seed, zlib.crc32(name.encode()), number])
        return READERS[name].broken(self.whole(name)[1].read_bytes(), rng)

    def attempt(self, name: str, content: bytes) -> str:
        """Let the reader read; :data:`READ`, :data:`REFUSED`, or what is wrong, in one line."""
        home, file = self.whole(name)
        place = Path(tempfile.mkdtemp(dir=self.folder))
        began = time.process_time()
        try:
            work = place / "work"
            shutil.copytree(home, work)
            target = work / file.relative_to(home)
            target.write_bytes(content)
            READERS[name].read(target)
            end = READ
        except LipkitError as error:
            end = "a refusal of several lines" if "\n" in str(error) else REFUSED
        except Exception as error:
            end = f"{type(error).__name__}: {' '.join(str(error).split())[:200]} {_where(error)}"
        finally:
            shutil.rmtree(place, ignore_errors=True)
        took = time.process_time() - began
        return end if took < PATIENCE / 2 else f"{end}, after {took:.0f} s of the processor"


def _where(error: BaseException) -> str:
    """The last line of lipkit's own that the exception passed."""
    found, step = "", error.__traceback__
    while step is not None:
        name = Path(step.tb_frame.f_code.co_filename)
        if "lipkit" in name.parts:
            found = f"({name.name}:{step.tb_lineno})"
        step = step.tb_next
    return found
