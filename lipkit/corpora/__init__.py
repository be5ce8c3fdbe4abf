"""Corpora: where the clips of a corpus lie, who speaks, which split.

One module a corpus, each with ``read(root)``; all give the same
:class:`~lipkit.corpora.record.ClipRecord`. Splits are named protocols
(:mod:`lipkit.corpora.splits`).

>>> from lipkit.corpora import list_clips
>>> clips = list_clips("grid", "data/grid", protocol="seen")  # doctest: +SKIP
"""

import os
from pathlib import Path
from types import ModuleType

from lipkit.corpora import grid, ldc, lrw, synthetic
from lipkit.corpora.record import UNKNOWN_SPEAKER, ClipRecord, Word
from lipkit.corpora.splits import PROTOCOLS, Lists, assign, check_leakage
from lipkit.errors import LipkitError, UsageError
from lipkit.settings import did_you_mean

CORPORA: dict[str, ModuleType] = {"grid": grid, "lrw": lrw, "ldc": ldc, "synthetic": synthetic}

__all__ = [
    "CORPORA",
    "PROTOCOLS",
    "UNKNOWN_SPEAKER",
    "ClipRecord",
    "Word",
    "check_leakage",
    "list_clips",
]


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
        ``grid``, ``lrw``, ``ldc`` or ``synthetic``.
    root
        The folder it was unpacked to.
    protocol
        ``paper``, ``seen``, ``unseen`` or ``file``; None leaves ``split`` as the corpus
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
    if corpus not in CORPORA:
        raise UsageError(f"corpus {corpus!r} is unknown; {did_you_mean(corpus, CORPORA)}")
    records = _read(corpus, root)
    if protocol is None:
        if lists is not None:
            raise UsageError("lists are for the protocol 'file'; name it")
        return records
    if protocol == "file" and lists is None:
        lists = Path(root) / "splits"
    return assign(records, corpus, protocol, lists, seed)


def _read(corpus: str, root: str | os.PathLike) -> list[ClipRecord]:
    """The corpus's records; a folder of another corpus is called by its name."""
    try:
        return CORPORA[corpus].read(root)
    except LipkitError as error:
        other = next((name for name in CORPORA if name != corpus and _fits(name, root)), None)
        if other is None:
            raise
        raise LipkitError(f"{error}; this looks like the corpus {other!r}") from error


def _fits(corpus: str, root: str | os.PathLike) -> bool:
    try:
        return bool(CORPORA[corpus].read(root))
    except LipkitError:
        return False
