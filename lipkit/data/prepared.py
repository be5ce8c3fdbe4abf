"""A prepared set: the folder that preparation makes and everything later reads.

::

    manifest.csv               one row per clip, usable or not, with the reason if not
    prepare.json               format, corpus, settings, package versions, statistics, counts
    clips/<speaker>/<clip>.safetensors
"""

import importlib.metadata
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import FORMAT
from lipkit.data.manifest import COLUMNS, MANIFEST, Outcome, counts, statistics
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, replacing
from lipkit.settings import from_dict, to_dict

if TYPE_CHECKING:
    import pandas

DESCRIPTION = "prepare.json"
PACKAGES = ("lipkit", "numpy", "av", "librosa", "opencv-python", "dlib", "dlib-bin")
"""Packages whose version may show in a prepared clip."""


@dataclass(frozen=True)
class PreparedSet:
    """An opened prepared set; make one with :meth:`open`."""

    folder: Path
    description: dict[str, Any]
    """The content of prepare.json."""

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "PreparedSet":
        """Open the prepared set in ``folder``.

        Raises
        ------
        LipkitError
            When the folder is no prepared set, was made by another format version, or
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
    def manifest(self) -> "pandas.DataFrame":
        """All clips, sorted by clip id, with the columns :data:`lipkit.data.manifest.COLUMNS`.

        Raises
        ------
        LipkitError
            When manifest.csv cannot be understood.
        """
        import pandas  # here, so that the processes which prepare clips never load it

        path = self.folder / MANIFEST
        try:
            # No guessing of missing values: a clip may well be called "nan".
            table = pandas.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
            table["frames"] = table["frames"].astype(int)
        except (ValueError, KeyError) as error:
            raise LipkitError(f"{path}: cannot be read ({error}); prepare the set again") from None
        missing = [column for column in COLUMNS if column not in table]
        if missing:
            raise LipkitError(f"{path}: has no column {missing[0]!r}; prepare the set again")
        return table

    @property
    def splits(self) -> list[str]:
        """Names of the splits that have usable clips."""
        usable = self.manifest[self.manifest.status == "ok"]
        return sorted(set(usable.split) - {""})

    def clips(self, split: str | None = None, status: str | None = "ok") -> "pandas.DataFrame":
        """The manifest's rows of one split (None: all) and status (None: both).

        Raises
        ------
        LipkitError
            When there is no such clip, naming the splits there are, or when the file of
            a usable clip is gone.
        """
        rows = self.manifest
        if split is not None:
            rows = rows[rows.split == split]
        if status is not None:
            rows = rows[rows.status == status]
        if rows.empty:
            raise self._no_clips(split, status)
        for file in rows.file[rows.status == "ok"]:
            if not (self.folder / file).is_file():
                raise LipkitError(
                    f"{self.folder / file}: listed in {MANIFEST} but missing; "
                    "run the same lipkit prepare again"
                )
        return rows.reset_index(drop=True)

    def _no_clips(self, split: str | None, status: str | None) -> LipkitError:
        kind = {"ok": "usable clip", None: "clip"}.get(status, f"{status} clip")
        if split is None or not self.splits:
            return LipkitError(
                f"{self.folder}: no {kind} in the set; see the reasons in its {MANIFEST}"
            )
        if split in set(self.manifest.split):
            return LipkitError(
                f"{self.folder}: no {kind} in split {split!r}; see the reasons in its {MANIFEST}"
            )
        known = ", ".join(self.splits)
        return UsageError(f"{self.folder}: there is no split {split!r}; its splits: {known}")


def read_description(folder: Path) -> dict[str, Any] | None:
    """The content of prepare.json in ``folder``, or None when there is no such file.

    Raises
    ------
    LipkitError
        When it is not one, or of another format version.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        version = description["format"]
        description["settings"], description["corpus"]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        raise LipkitError(
            f"{path}: not the description of a prepared set; prepare into another folder"
        ) from None
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read: {error.strerror}") from error
    if version != FORMAT:
        raise LipkitError(
            f"{folder}: prepared in format {version}, this version of lipkit has format {FORMAT}; "
            "prepare into another folder"
        )
    return description


def claim(folder: Path, corpus: str, settings: PrepareConfig) -> None:
    """Take ``folder`` for a prepared set, or make sure that it already is this one.

    Raises
    ------
    UsageError
        When it holds other files, another corpus, or clips of other settings.
    LipkitError
        When it cannot be written, or was made by another format version.
    """
    found = read_description(folder)
    if found is None:
        _require_empty(folder)
        _write(folder, _description(folder, corpus, settings))
        return
    wanted = {"corpus": corpus, **to_dict(settings)}
    for name, old in {"corpus": found["corpus"], **found["settings"]}.items():
        if wanted.get(name) != old:
            raise UsageError(
                f"{folder}: was prepared with {name}={old}, not {wanted.get(name)}; "
                f"choose another folder or {name}={old}"
            )


def describe(
    folder: Path,
    corpus: str,
    settings: PrepareConfig,
    clips: Sequence[tuple[ClipRecord, Outcome]],
) -> None:
    """Write prepare.json as of a finished preparation, with statistics and counts."""
    description = _description(folder, corpus, settings)
    _write(folder, description | {"statistics": statistics(clips), "counts": counts(clips)})


def _require_empty(folder: Path) -> None:
    if names := content(folder):
        raise UsageError(
            f"{folder}: holds files ({names[0]}) but no prepared set; choose a new or empty folder"
        )


def _description(folder: Path, corpus: str, settings: PrepareConfig) -> dict[str, Any]:
    earlier = (read_description(folder) or {}).get("versions", {})
    versions = {}
    for package in PACKAGES:
        try:
            now = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        # A set that was continued under another version names both.
        known = earlier.get(package, now).split(", ")
        versions[package] = ", ".join(known if now in known else [*known, now])
    return {
        "format": FORMAT,
        "corpus": corpus,
        "settings": to_dict(settings),
        "versions": versions,
    }


def _write(folder: Path, description: dict[str, Any]) -> None:
    with replacing(folder / DESCRIPTION) as temporary:
        text = json.dumps(description, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
