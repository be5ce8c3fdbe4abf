"""The synthetic corpus: GRID's layout, with the truth beside.

``synthetic.json`` at the root marks the folder and holds seed, settings and people;
``s1/bbaf2n.mp4`` is a clip, ``align/s1/bbaf2n.align`` its word times and
``truth/s1/bbaf2n.npz`` its exact landmarks and phonemes. Written by
:func:`lipkit.talker.write_corpus`.
"""

import dataclasses
import os

from lipkit.corpora import grid
from lipkit.corpora.corpus import Corpus
from lipkit.corpora.record import ClipRecord
from lipkit.corpora.tree import require_folder
from lipkit.errors import LipkitError

LOOKED_FOR = "a synthetic corpus: synthetic.json and clips such as s1/bbaf2n.mp4"


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root``, sorted by clip id, ``split`` not yet set.

    A clip without its truth file is listed with ``truth`` None and a note.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder, has no ``synthetic.json`` or no clip.
    """
    path = require_folder(root, LOOKED_FOR)
    if not (path / "synthetic.json").is_file():
        raise LipkitError(
            f"{path}: no synthetic.json; looked for {LOOKED_FOR}; make one with lipkit synth"
        )
    return [_with_truth(record, path) for record in grid.records(grid.find(path), "synthetic")]


def _with_truth(record: ClipRecord, root: os.PathLike) -> ClipRecord:
    truth = root / "truth" / f"{record.clip_id}.npz"
    if truth.is_file():
        return dataclasses.replace(record, truth=truth)
    missing = f"truth/{record.clip_id}.npz is missing"
    return dataclasses.replace(record, note="; ".join(filter(None, [record.note, missing])))


CORPUS = Corpus(
    name="synthetic",
    summary="drawn faces that speak, with exact points and phoneme times",
    looked_for=LOOKED_FOR,
    read=read,
    licence="lipkit's synthetic talking face, made by the kit itself",
)
