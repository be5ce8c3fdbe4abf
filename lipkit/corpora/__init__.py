"""Corpora: where the clips of a corpus lie, who speaks, which split.

One module per corpus, each of which ends in a :class:`~lipkit.corpora.corpus.Corpus` and
gives the same :class:`~lipkit.corpora.record.ClipRecord`. Splits are named protocols
(:mod:`lipkit.corpora.splits`). To add a corpus, write its module and list it in
:data:`CORPORA`.

>>> from lipkit.corpora import list_clips
>>> clips = list_clips("grid", "data/grid", protocol="seen")  # doctest: +SKIP
"""

import os
from collections.abc import Iterable
from pathlib import Path

from lipkit.corpora import crema_d, grid, ldc, lrw, people, synthetic
from lipkit.corpora.corpus import Corpus, Published
from lipkit.corpora.record import UNKNOWN_SPEAKER, ClipRecord, Word
from lipkit.corpora.splits import PROTOCOLS, Lists, assign, check_leakage
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import did_you_mean

_MODULES = (grid, lrw, ldc, crema_d, synthetic, people)

CORPORA: dict[str, Corpus] = {module.CORPUS.name: module.CORPUS for module in _MODULES}
"""All corpora by name."""

__all__ = [
    "CORPORA",
    "PROTOCOLS",
    "UNKNOWN_SPEAKER",
    "ClipRecord",
    "Corpus",
    "Published",
    "Word",
    "check_leakage",
    "corpus_table",
    "data_licence",
    "find_corpus",
    "list_clips",
]


def find_corpus(name: str) -> Corpus:
    """The corpus called ``name``.

    Raises
    ------
    UsageError
        When there is none, with the nearest name.
    """
    if name not in CORPORA:
        raise UsageError(f"corpus {name!r} is unknown; {did_you_mean(name, CORPORA)}")
    return CORPORA[name]


def data_licence(names: Iterable[str]) -> str:
    """The licences by which data of these corpora may be used, for the card of weights."""
    known = (CORPORA[name].licence if name in CORPORA else f"{name}: unknown" for name in names)
    return "; ".join(dict.fromkeys(known)) or "unknown"


def corpus_table() -> str:
    """All corpora as a Markdown table: what they are, their frames, people and licence."""
    rows = [("corpus", "what it is", "frames", "paper's test", "strangers", "licence")]
    rows.append(("---",) * len(rows[0]))
    for corpus in CORPORA.values():
        people = (", ".join(corpus.test_speakers), ", ".join(corpus.strangers))
        about = (f"`{corpus.name}`", corpus.summary, str(corpus.frames or ""))
        rows.append((*about, *people, corpus.licence))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def list_clips(
    corpus: str,
    root: str | os.PathLike,
    protocol: str | None = None,
    lists: Lists | None = None,
    seed: int = 0,
) -> list[ClipRecord]:
    """Every clip of a corpus, sorted by clip id, with its split.

    Parameters
    ----------
    corpus
        A name in :data:`CORPORA`.
    root
        The folder it was unpacked to.
    protocol
        A name in :data:`PROTOCOLS`; None leaves ``split`` as the corpus
        gives it (LRW's official splits; elsewhere None). A clip that a protocol leaves out
        stays in the list with ``split`` None.
    lists
        For ``file``: a folder of ``<split>.txt`` lists or a mapping; by default the folder
        ``splits`` below ``root``.
    seed
        Chooses which sentences and speakers are held out.

    Raises
    ------
    LipkitError
        For an unknown corpus or protocol, a folder that does not hold that corpus, and a
        corpus that cannot be split that way.
    """
    found = find_corpus(corpus)
    records = _read(found, root)
    if protocol is None:
        if lists is not None:
            raise UsageError("lists are for the protocol 'file'; name it")
        return records
    if protocol == "file" and lists is None:
        lists = Path(root) / "splits"
    return assign(records, found, protocol, lists, seed)


def _read(corpus: Corpus, root: str | os.PathLike) -> list[ClipRecord]:
    """The corpus's records; a folder of another corpus is called by its name."""
    try:
        return corpus.read(root)
    except LipkitError as error:
        others = (other for other in CORPORA.values() if other is not corpus)
        other = next((other for other in others if _fits(other, root)), None)
        if other is None:
            raise
        raise LipkitError(f"{error}; this looks like the corpus {other.name!r}") from error


def _fits(corpus: Corpus, root: str | os.PathLike) -> bool:
    try:
        return bool(corpus.read(root))
    except LipkitError:
        return False
