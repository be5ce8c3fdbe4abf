"""The manifest as it is read: checked row by row, kept in columns.

Half a million rows are read in a second and kept in some tens of megabytes, for no row
is a Python object. This is the one place that reads the file.
"""

import os
import warnings
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipkit.data.columns import Coded, Texts
from lipkit.data.manifest import COLUMNS, prepared_file
from lipkit.errors import LipkitError
from lipkit.files import is_relative

if TYPE_CHECKING:
    import pandas

CODED = ("speaker", "corpus", "split", "sentence", "status", "reason", "notes")
"""Columns whose texts repeat."""
_ROWS = 1 << 14
"""Rows that are Python objects at a time."""


@dataclass
class Table:
    """Rows of a manifest, in columns."""

    path: Path
    """The manifest."""
    ids: Texts = field(default_factory=Texts)
    frames: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """int32 ``[rows]``."""
    texts: dict[str, Coded] = field(default_factory=lambda: {name: Coded() for name in CODED})
    """The columns :data:`CODED`."""
    is_sorted: bool = True
    """Whether the ids rise from row to row, as far as they have been read."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ok(self) -> np.ndarray:
        """bool ``[rows]``: which clips can be used."""
        return self.texts["status"].equal("ok")

    def take(self, chosen: np.ndarray) -> "Table":
        """The rows for which ``chosen``, bool ``[rows]``, is true."""
        if chosen.all():
            return self
        texts = {name: column.take(chosen) for name, column in self.texts.items()}
        ids, frames = self.ids.take(chosen), self.frames[chosen]
        return Table(self.path, ids, frames, texts, self.is_sorted)

    def file(self, row: int) -> str:
        """Where the file of a usable row lies below the prepared set."""
        return prepared_file(self.ids[row])

    def missing_files(self) -> list[str]:
        """Files of usable rows that are not there; one listing per folder, no look at each."""
        usable = self.ids if self.ok.all() else self.ids.take(self.ok)
        missing, listed, names = [], None, set()
        for clip_id in usable if self.is_sorted else sorted(usable):
            place, _, name = prepared_file(clip_id).rpartition("/")
            if place != listed:
                listed, names = place, _names(self.path.parent / place)
            if name not in names:
                missing.append(f"{place}/{name}")
        return missing

    def frame(self) -> "pandas.DataFrame":
        """The rows as a data frame with the manifest's columns."""
        import pandas  # here, so that the processes which prepare clips never load it

        columns = {name: column.objects() for name, column in self.texts.items()}
        columns["clip_id"] = np.array([*self.ids, ""], object)[:-1]
        columns["frames"] = self.frames.astype(np.int64)
        files = [
            prepared_file(clip_id) if usable else ""
            for clip_id, usable in zip(self.ids, self.ok.tolist(), strict=True)
        ]
        columns["file"] = np.array([*files, ""], object)[:-1]
        return pandas.DataFrame({name: columns[name] for name in COLUMNS})


def read_table(path: str | os.PathLike) -> Table:
    """Read a manifest and check every row.

    Raises
    ------
    LipkitError
        When it is missing, is no CSV file in UTF-8, lacks a column, or has a row that cannot
        be true: a clip listed twice, an id that leads out of the set, another clip's file,
        a number of frames that no clip has, a status without its reason.
    """
    import pandas  # here, so that the processes which prepare clips never load it

    path = Path(path)
    table = Table(path)
    options = {"dtype": object, "chunksize": _ROWS, "encoding": "utf-8-sig", "index_col": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            # No guessing of missing values: a clip may well be called "nan".
            with pandas.read_csv(path, **options, na_filter=False) as parts:
                for part in parts:
                    _append(part, table)
    except FileNotFoundError:
        raise LipkitError(f"{path}: there is no such file; prepare the set again") from None
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, OverflowError, pandas.errors.ParserWarning) as fault:
        text = " ".join(str(fault).split())
        raise LipkitError(f"{path}: cannot be read ({text}); prepare the set again") from None
    return table


def _append(part: "pandas.DataFrame", table: Table) -> None:
    missing = [column for column in COLUMNS if column not in part]
    if missing:
        raise ValueError(f"it has no column {missing[0]!r}")
    ids, files = part["clip_id"].tolist(), part["file"].tolist()
    coded = {name: _coded(part[name]) for name in (*CODED, "frames")}
    if not _is_all_well(ids, files, {name: names for name, (names, _) in coded.items()}):
        texts = [part[name].tolist() for name in ("frames", "status", "reason")]
        for number, row in enumerate(zip(ids, files, *texts, strict=True), len(table) + 2):
            if fault := _fault(*row):
                raise ValueError(f"row {number}: {fault}")
    _check_order(ids, table)
    table.ids.extend(ids)
    names, codes = coded.pop("frames")
    table.frames = np.concatenate([table.frames, np.array(list(map(int, names)), np.int32)[codes]])
    for name, (names, codes) in coded.items():
        table.texts[name].extend(names, codes)


def _coded(column: "pandas.Series") -> tuple[list[str], np.ndarray]:
    """The different texts of a column, and which of them each row holds."""
    codes, names = column.factorize()
    return names.tolist(), codes


def _is_all_well(ids: list[str], files: list[str], names: dict[str, list[str]]) -> bool:
    """Whether all clips are usable and no row has a fault: one look at all of them together."""
    return (
        names["status"] == ["ok"]
        and names["reason"] == [""]
        and all(is_count(text) and text != "0" for text in names["frames"])
        and all(map(is_plain, ids))
        and [f"clips/{clip_id}.safetensors" for clip_id in ids] == files
    )


def _fault(clip_id: str, file: str, frames: str, status: str, reason: str) -> str:
    usable, own = status == "ok", prepared_file(clip_id)
    if not is_plain(clip_id):
        return f"{clip_id!r} is not a clip id"
    if not usable and status != "failed":
        return f"its status is {status!r}, not ok or failed"
    if not is_count(frames) or (usable and int(frames) == 0):
        return f"{frames!r} is not a number of frames"
    if file != own and (usable or file):
        return f"{file!r} is not the file of {clip_id!r}"
    if usable == bool(reason):
        return f"its status is {status}, its reason {reason!r}"
    return ""


def is_count(text: str) -> bool:
    """Whether ``text`` is a number of frames that a clip can have, or 0."""
    # isdecimal alone takes the digits of every script.
    return text.isascii() and text.isdecimal() and len(text) <= 9


def is_plain(clip_id: str) -> bool:
    """Whether a clip id has the form ``speaker/name`` or a like one that stays in the set."""
    suspect = ".." in clip_id or "\\" in clip_id or ":" in clip_id or "\n" in clip_id
    if suspect or clip_id[:1] in ("", "/") or "\0" in clip_id:
        return "\n" not in clip_id and is_relative(clip_id)
    return True


def _check_order(ids: list[str], table: Table) -> None:
    """ValueError for a clip that was listed before.

    A manifest is written in the order of its ids, so a look at the neighbour tells. Only
    one that was edited needs a look at all of them.
    """
    if not ids:
        return
    last = table.ids[-1] if len(table) else ""
    if last < ids[0] and all(a < b for a, b in pairwise(ids)) and table.is_sorted:
        return
    table.is_sorted = False
    seen = set(table.ids)
    for clip_id in ids:
        if clip_id in seen:
            raise ValueError(f"{clip_id!r} is listed twice; delete one of the two rows")
        seen.add(clip_id)


def _names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
