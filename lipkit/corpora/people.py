"""People to test on, of several corpora: a folder with one folder per corpus.

::

    people/grid/s10/bbab8n.mpg
    people/crema-d/1001/1001_DFA_ANG_XX.flv

Each folder is called by its corpus and is read as that corpus. Whoever lies here was never
trained on and never will be: every clip is of the split ``strangers``, and no other protocol
is possible.

The kit's own strangers are declared by their corpora (:attr:`Corpus.strangers`): GRID's s10,
s16, s25, s26, s30, s31 and s33, who is the paper's own test speaker, and CREMA-D's 1001. One who
is not in ``people`` is looked for in the corpus beside it (``people/../grid/s26``).
"""

import os
from collections.abc import Iterable
from pathlib import Path

from lipkit.corpora.corpus import Corpus
from lipkit.corpora.record import ClipRecord
from lipkit.corpora.tree import require_folder
from lipkit.errors import LipkitError

NAME = "people"
LOOKED_FOR = "people to test on, a folder per corpus such as grid/s33 and crema-d/1001"


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root``, and of the declared strangers beside it, sorted by clip id.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder, holds no folder called by a corpus, or one that is not
        that corpus, or when two corpora have a person of the same name.
    """
    path = require_folder(root, LOOKED_FOR)
    folders = {name: path / name for name in _declared() if (path / name).is_dir()}
    if not folders:
        raise LipkitError(f"{path}: no folder named after a corpus there; looked for {LOOKED_FOR}")
    records = [r for name, folder in folders.items() for r in _declared()[name].read(folder)]
    for name, speaker in missing(records):
        beside = path.parent / name / speaker
        if beside.is_dir():
            records += _declared()[name].read(beside)
    _require_distinct(path, records)
    return sorted(records, key=lambda record: record.clip_id)


def missing(records: Iterable[ClipRecord]) -> list[tuple[str, str]]:
    """Corpus and name of each declared stranger of whom there is no clip."""
    there = {(record.corpus, record.speaker) for record in records}
    wanted = ((name, who) for name, corpus in _declared().items() for who in corpus.strangers)
    return [one for one in wanted if one not in there]


def _declared() -> dict[str, Corpus]:
    from lipkit.corpora import CORPORA  # which lists this corpus too

    return {name: corpus for name, corpus in CORPORA.items() if not corpus.test_only}


def _require_distinct(root: Path, records: list[ClipRecord]) -> None:
    corpora: dict[str, str] = {}
    for record in records:
        other = corpora.setdefault(record.speaker, record.corpus)
        if other != record.corpus:
            raise LipkitError(
                f"{root}: both {other} and {record.corpus} have a person called {record.speaker}; "
                "keep them in two folders of people"
            )


CORPUS = Corpus(
    name=NAME,
    summary="people of other corpora who are for testing only",
    looked_for=LOOKED_FOR,
    read=read,
    licence="as each person's corpus says; for testing only",
    test_only=True,
    protocol="strangers",
)
