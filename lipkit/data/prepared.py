"""A prepared set: the folder that preparation makes and everything later reads.

::

    manifest.csv               one row per clip, usable or not, with the reason if not
    prepare.json               format, corpus, settings, package versions, statistics, counts
    clips/<speaker>/<clip>.safetensors
"""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipkit.config import PrepareConfig
from lipkit.data.description import DESCRIPTION, read_description
from lipkit.data.manifest import MANIFEST
from lipkit.data.table import Table, read_table
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import from_dict

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class PreparedSet:
    """An opened prepared set; make one with :meth:`open`.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> prepared = PreparedSet.open(prepared_set(clips=2).folder)
    >>> len(prepared.clips())
    2
    """

    folder: Path
    description: dict[str, Any]
    """The content of prepare.json."""

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "PreparedSet":
        """Open the prepared set in ``folder``.

        Raises
        ------
        LipkitError
            When the folder is not a prepared set, was made by another format version, or
            its preparation did not finish.
        """
        folder = Path(folder)
        description = read_description(folder)
        if description is None:
            raise LipkitError(
                f"{folder}: not a prepared set (it holds no {DESCRIPTION}); "
                "make one with: lipkit prepare CORPUS ROOT OUT"
            )
        if "statistics" not in description or not (folder / MANIFEST).is_file():
            raise LipkitError(
                f"{folder}: its preparation did not finish; run the same lipkit prepare again, "
                "what is done is kept"
            )
        return cls(folder, description)

    @cached_property
    def settings(self) -> PrepareConfig:
        """The settings by which all clips were prepared."""
        return from_dict(PrepareConfig, self.description["settings"])

    @property
    def corpus(self) -> str:
        """The corpus's name, such as ``grid``."""
        return self.description["corpus"]

    @property
    def statistics(self) -> dict[str, float]:
        """``logmel_mean`` and ``logmel_std`` over the training clips, dB."""
        return self.description["statistics"]

    @cached_property
    def table(self) -> Table:
        """All clips, sorted by clip id, in columns.

        Raises
        ------
        LipkitError
            When manifest.csv cannot be understood; see :func:`lipkit.data.table.read_table`.
        """
        return read_table(self.folder / MANIFEST)

    @cached_property
    def manifest(self) -> "pandas.DataFrame":
        """The same as a data frame with the columns :data:`lipkit.data.manifest.COLUMNS`.

        Raises
        ------
        LipkitError
            As :attr:`table`.
        """
        return self.table.frame()

    @property
    def splits(self) -> list[str]:
        """Names of the splits that have usable clips."""
        return [name for name in self.table.take(self.table.ok).texts["split"].used() if name]

    def clips(self, split: str | None = None, status: str | None = "ok") -> "pandas.DataFrame":
        """The manifest's rows of one split (None: all) and status (None: both).

        Raises
        ------
        LipkitError
            When there is no such clip, naming the splits there are, or when the file of
            a usable clip is gone.
        """
        return self.rows(split, status).frame()

    def rows(self, split: str | None = None, status: str | None = "ok") -> Table:
        """The same in columns, for sets of any size.

        Raises
        ------
        LipkitError
            As :meth:`clips`.
        """
        if (split, status) not in self._rows:
            self._rows[split, status] = self._choose(split, status)
        return self._rows[split, status]

    @cached_property
    def _rows(self) -> dict[tuple[str | None, str | None], Table]:
        """What was asked for before: its files need not be looked for again."""
        return {}

    def _choose(self, split: str | None, status: str | None) -> Table:
        chosen = np.ones(len(self.table), bool)
        if split is not None:
            chosen &= self.table.texts["split"].equal(split)
        if status is not None:
            chosen &= self.table.texts["status"].equal(status)
        if not chosen.any():
            raise self._no_clips(split, status)
        rows = self.table.take(chosen)
        if missing := rows.missing_files():
            raise LipkitError(
                f"{self.folder / missing[0]}: listed in {MANIFEST} but missing; "
                "run the same lipkit prepare again"
            )
        return rows

    def _no_clips(self, split: str | None, status: str | None) -> LipkitError:
        kind = {"ok": "usable clip", None: "clip"}.get(status, f"{status} clip")
        if split is None or not self.splits:
            return LipkitError(
                f"{self.folder}: no {kind} in the set; see the reasons in its {MANIFEST}"
            )
        if split in self.table.texts["split"].used():
            return LipkitError(
                f"{self.folder}: no {kind} in split {split!r}; see the reasons in its {MANIFEST}"
            )
        known = ", ".join(self.splits)
        return UsageError(f"{self.folder}: there is no split {split!r}; its splits: {known}")
