"""GRID: 33 speakers, 1,000 six-word sentences each, in whichever layout it was unpacked.

Cooke, Barker, Cunningham and Shao, JASA 120(5), 2006; CC BY 4.0. Clips of 3 s, 360 x 288,
25 frames/s, sound at 44.1 kHz in the video itself (so a record's ``audio`` is None; the
corpus's separate 25 kHz sound is not needed). Speaker 21 has no video.

A clip is any video with a folder named ``s<number>`` above it: ``s1/bbaf2n.mpg``,
``s1/video/bbaf2n.mpg``, ``video/s1/bbaf2n.mpg``, ``.mp4`` as well. Alignments may lie
beside the videos, under ``align/s1/`` or ``alignments/s1/``, or be absent; see
:mod:`lipkit.corpora.alignments` for how a folder of them finds its speaker.

The transcript comes from the clip's name, which spells it, and is there without any
alignment; word times come from the alignment only.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lipkit.corpora.alignments import (
    AlignmentError,
    AlignmentFolder,
    Match,
    match_folders,
    read_alignment,
    sentence_words,
)
from lipkit.corpora.corpus import Corpus, Published
from lipkit.corpora.record import ClipRecord, Word
from lipkit.corpora.tree import (
    VIDEO_SUFFIXES,
    named_folder,
    natural,
    preferred,
    require_folder,
    walk_files,
)
from lipkit.errors import LipkitError

LOOKED_FOR = "GRID clips such as s1/bbaf2n.mpg, s1/video/bbaf2n.mpg or video/s1/bbaf2n.mpg"
SPEAKER = re.compile(r"s\d+")


@dataclass(frozen=True)
class Tree:
    """The files of a corpus in GRID's layout, before anything is read."""

    root: Path
    videos: dict[str, dict[str, Path]]
    """Speaker -> clip name -> file."""
    alignments: list[AlignmentFolder]


def read(root: str | os.PathLike) -> list[ClipRecord]:
    """Every clip below ``root``, sorted by clip id, ``split`` not yet set.

    A broken, missing or foreign alignment never stops the listing: the clip has no words
    and its ``note`` says why.

    Raises
    ------
    LipkitError
        When ``root`` is not a folder, holds no clip in GRID's layout, or is a synthetic corpus.
    """
    path = require_folder(root, LOOKED_FOR)
    if (path / "synthetic.json").exists():
        raise LipkitError(
            f"{path}: synthetic.json there, so it is not GRID; looked for {LOOKED_FOR}"
        )
    return records(find(path), corpus="grid")


def matches(root: str | os.PathLike) -> list[Match]:
    """Which alignment folder each speaker's words are read from, in order of speakers."""
    found = _match(find(require_folder(root, LOOKED_FOR)))
    return [found[speaker] for speaker in sorted(found, key=natural)]


def find(root: Path) -> Tree:
    """Find videos and alignments below ``root``; two copies of one clip count once."""
    videos: dict[str, dict[str, Path]] = {}
    folders: dict[Path, AlignmentFolder] = {}
    homeless = 0
    for path in walk_files(root):
        suffix = path.suffix.lower()
        named = named_folder(path, root, SPEAKER)
        if suffix == ".align":
            claimed, folder = named or (None, path.parent)
            name = folder.relative_to(root).as_posix()
            entry = folders.setdefault(folder, AlignmentFolder(name, claimed))
            entry.files.setdefault(path.stem, path)
        elif suffix in VIDEO_SUFFIXES and named:
            clips = videos.setdefault(named[0], {})
            clips[path.stem] = preferred(clips.get(path.stem, path), path)
        elif suffix in VIDEO_SUFFIXES:
            homeless += 1
    if not videos:
        found = f"found {homeless} videos, none below a folder named s<number>" * bool(homeless)
        raise LipkitError(f"{root}: {found or 'no video there'}; looked for {LOOKED_FOR}")
    return Tree(root, videos, list(folders.values()))


def records(tree: Tree, corpus: str) -> list[ClipRecord]:
    """The records of a found tree, under the corpus name ``corpus``."""
    matched = _match(tree)
    result = []
    for speaker, clips in tree.videos.items():
        for name, video in clips.items():
            words, note = _words(name, matched[speaker], tree)
            spelt = sentence_words(name)
            result.append(
                ClipRecord(
                    clip_id=f"{speaker}/{name}",
                    speaker=speaker,
                    corpus=corpus,
                    video=video,
                    transcript=" ".join(spelt or [word.text for word in words]) or None,
                    words=words,
                    sentence=name.lower() if spelt else name,
                    note=note,
                )
            )
    return sorted(result, key=lambda record: record.clip_id)


def _match(tree: Tree) -> dict[str, Match]:
    return match_folders(tree.videos, tree.alignments)


def _words(name: str, match: Match, tree: Tree) -> tuple[tuple[Word, ...], str]:
    """The clip's words, and a note on what is wrong or unusual with them."""
    if match.folder is None:
        return (), _why_none(name, match, tree)
    file = match.folder.files.get(name)
    if file is None:
        return (), f"{match.folder.name} has no alignment for this clip"
    try:
        words = read_alignment(file, name)
    except AlignmentError as error:
        return (), f"{file.relative_to(tree.root).as_posix()}: {error.fault}"
    note = f"words re-matched: from {match.folder.name}, which fits this speaker's clips"
    return words, note if match.rematched else ""


def _why_none(name: str, match: Match, tree: Tree) -> str:
    """A fault of the file that should have been the clip's says more than the folder's."""
    for folder in tree.alignments:
        if folder.claimed == match.speaker and name in folder.files:
            file = folder.files[name]
            try:
                read_alignment(file, name)
            except AlignmentError as error:
                return f"{file.relative_to(tree.root).as_posix()}: {error.fault}"
    return f"alignments not used: {match.refused}" if match.refused else ""


CORPUS = Corpus(
    name="grid",
    summary="33 speakers, 1,000 six-word sentences each",
    looked_for=LOOKED_FOR,
    read=read,
    licence="GRID audio-visual sentence corpus (Cooke et al. 2006), CC BY 4.0",
    frames=75,
    test_speakers=("s33",),
    strangers=("s10", "s16", "s25", "s26", "s30", "s31", "s33"),
    published={
        "ground truth": Published(lmd=0.0, cpbd=0.141),
        "Vondrick et al.": Published(2.38, 0.60, 28.45, 0.129),
        "Chung et al.": Published(1.35, 0.74, 29.36, 0.016),
        "full model": Published(1.18, 0.73, 29.89, 0.175),
    },
    times_note="GRID's word times lie 11 ms before its decoded sound, and begin with the closure",
)
"""Frames: fact sheet 1.1 and 1.3; test speaker: 1.1; published rows: poster, Tab. 2, and 9.3."""
