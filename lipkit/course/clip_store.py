"""Prepared clips are kept one by one, so that lessons' sets that share clips prepare them once.

The sets of two lessons differ in how many clips they hold and in how these are split; a clip's
file is the same in all of them.
"""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lipkit import provenance
from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.description import claim
from lipkit.data.manifest import clip_file
from lipkit.files import replacing


def lend(store: Path, folder: Path, records: Sequence[ClipRecord], config: PrepareConfig) -> None:
    """Give a set that is about to be prepared those of its clips that are kept.

    Parameters
    ----------
    store
        Where clips of the same code, settings and landmark model are kept; need not exist.
    folder
        The set, new or begun. What lies in it stays.
    records, config
        What it shall hold, and by which settings.

    Raises
    ------
    UsageError
        When ``folder`` holds something else than such a set.
    """
    known = [(store / _name(record), folder / clip_file(record)) for record in records]
    known = [(kept, path) for kept, path in known if kept.is_file() and not path.exists()]
    if known:
        claim(folder, records[0].corpus, config)
    for kept, path in known:
        _link(kept, path)


def keep(store: Path, folder: Path, records: Sequence[ClipRecord]) -> None:
    """Keep the clips of a prepared set; of one that could not be prepared there is no file."""
    for record in records:
        kept, path = store / _name(record), folder / clip_file(record)
        if path.is_file() and not kept.exists():
            _link(path, kept)


def _name(record: ClipRecord) -> str:
    """Another one for every other recording, or one that has been replaced."""
    files = [file for file in (record.video, record.audio) if file is not None]
    times = [f"{file} {file.stat().st_mtime_ns}" for file in files]
    mark = provenance.digest(record.clip_id, record.speaker, record.corpus, *times)[:24]
    return f"{mark}.safetensors"


def _link(source: Path, target: Path) -> None:
    """One file under two names where the file system can do that, else a copy.

    Nothing writes into a clip's file: a new one takes its place.
    """
    with replacing(target) as temporary, suppress(FileNotFoundError):
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
