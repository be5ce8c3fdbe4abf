"""GRID's word alignments: reading one, and finding out whose a folder of them is.

An alignment is a text file of three columns, ``start end word``, in units of 1/25,000 s
(1,000 units per video frame), with ``sil`` and ``sp`` for silence::

    0 23750 sil
    23750 29500 bin
    29500 34000 blue

The name of a GRID clip spells its sentence, one letter per word: ``bbaf2n`` is "bin blue at
f two now". That redundancy is what makes a wrong alignment visible. It is needed: in the
published archive the folders of several speakers stand under other speakers' names
(``s5`` holds the alignments of ``s6``, and so on), so the name of a folder proves nothing.
No table of corrections is used here; a folder goes to the speaker whose clips it fits.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lipkit.corpora.record import Word
from lipkit.errors import LipkitError

UNITS_PER_SECOND = 25_000
SILENCE = frozenset({"sil", "sp"})

MIN_FIT = 0.25
"""Share of the clips that an alignment folder must fit to be used. Two GRID speakers share
one sentence in 64 by chance, a speaker and its own alignments nearly all."""

_COMMAND = {"b": "bin", "l": "lay", "p": "place", "s": "set"}
_COLOUR = {"b": "blue", "g": "green", "r": "red", "w": "white"}
_PREPOSITION = {"a": "at", "b": "by", "i": "in", "w": "with"}
_LETTER = {letter: letter for letter in "abcdefghijklmnopqrstuvxyz"}
_DIGIT = {
    "z": "zero",
    "1": "one",
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
}
_ADVERB = {"a": "again", "n": "now", "p": "please", "s": "soon"}

GRAMMAR = (_COMMAND, _COLOUR, _PREPOSITION, _LETTER, _DIGIT, _ADVERB)
"""GRID's sentence: for each of the six places, the letter in a clip's name and its word."""


class AlignmentError(LipkitError):
    """An alignment that cannot be used; ``fault`` says why without the file's name."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path}: {fault}; get it again or remove it")
        self.fault = fault


def sentence_words(name: str) -> tuple[str, ...] | None:
    """The six words that a clip's name spells, or None for a name of another kind.

    >>> sentence_words("bbaf2n")
    ('bin', 'blue', 'at', 'f', 'two', 'now')
    """
    letters = name.lower()
    if len(letters) != len(GRAMMAR):
        return None
    words = tuple(place.get(letter) for place, letter in zip(GRAMMAR, letters, strict=True))
    return None if None in words else words


def read_alignment(path: Path, name: str | None = None) -> tuple[Word, ...]:
    """The words of one ``.align`` file with their times in seconds, silences left out.

    With ``name``, the words must be those that the clip's name spells (names outside
    GRID's grammar are not held against it).

    Raises
    ------
    AlignmentError
        For a file that cannot be read, is binary or empty, has a line that is not
        ``start end word`` or runs backwards in time, or says other words than ``name``.
    """
    rows = [_row(path, number, line) for number, line in _lines(path)]
    for (_, previous_end, _), (start, _, word) in itertools.pairwise(rows):
        if start < previous_end:
            raise AlignmentError(path, f"{word!r} starts before the word ahead of it ends")
    words = tuple(
        Word(text, start / UNITS_PER_SECOND, end / UNITS_PER_SECOND)
        for start, end, text in rows
        if text not in SILENCE
    )
    if not words:
        raise AlignmentError(path, "holds no word")
    expected = sentence_words(name) if name else None
    said = tuple(word.text for word in words)
    if expected and said != expected:
        raise AlignmentError(path, f"says {' '.join(said)!r}, the clip's name {name!r} does not")
    return words


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise AlignmentError(path, "is not a text file") from None
    except OSError as error:
        raise AlignmentError(path, f"cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise AlignmentError(path, "is not a text file")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise AlignmentError(path, "is empty")
    return lines


def _row(path: Path, number: int, line: str) -> tuple[float, float, str]:
    columns = line.split()
    if len(columns) != 3:
        raise AlignmentError(
            path, f"line {number} has {len(columns)} columns, not three: start end word"
        )
    try:
        start, end = float(columns[0]), float(columns[1])
    except ValueError:
        raise AlignmentError(path, f"line {number}: the times are not numbers") from None
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0:
        raise AlignmentError(path, f"line {number}: the times are not times in a clip")
    if end < start:
        raise AlignmentError(path, f"line {number} ends before it starts")
    return start, end, columns[2].lower()


@dataclass(frozen=True)
class AlignmentFolder:
    """The alignments of one speaker, whoever that is."""

    name: str
    """Where it lies below the corpus's root, e.g. ``align/s5``."""
    claimed: str | None
    """The speaker that the folder's name claims."""
    files: dict[str, Path] = field(repr=False, default_factory=dict)
    """Clip name -> file."""


@dataclass(frozen=True)
class Match:
    """Which alignment folder a speaker's words are read from, and why."""

    speaker: str
    folder: AlignmentFolder | None
    fitting: int
    """Clips of the speaker that the folder (or the best refused one) fits."""
    clips: int
    refused: str = ""
    """Why no folder is used, when there was one to consider."""

    @property
    def rematched(self) -> bool:
        """Whether the words come from a folder that stands under another speaker's name."""
        return self.folder is not None and self.folder.claimed not in (None, self.speaker)

    def __str__(self) -> str:
        if self.folder is None:
            return f"{self.speaker}: no alignments{': ' * bool(self.refused)}{self.refused}"
        whose = ", which stands under another speaker's name" if self.rematched else ""
        fits = f"fits {self.fitting} of {self.clips} clips"
        return f"{self.speaker}: {self.folder.name} {fits}{whose}"


def match_folders(
    clips: Mapping[str, Collection[str]], folders: Sequence[AlignmentFolder]
) -> dict[str, Match]:
    """Give each speaker at most one alignment folder, and each folder at most one speaker.

    A folder fits a clip when it has a file of the clip's name whose words do not contradict
    that name. The assignment with the most fitting clips in all is taken; a folder's own
    name only breaks ties. A folder that fits fewer than :data:`MIN_FIT` is not used, nor is
    one of several misnamed folders that fit equally well, as happens for a speaker of whom
    there is one clip.

    Parameters
    ----------
    clips
        Speaker -> names of the clips there are.
    folders
        The alignment folders found.

    Returns
    -------
    A match for every speaker; ``refused`` is empty where no folder came into question.
    """
    speakers = sorted(clips)
    fitting = _count_fitting(clips, folders)
    chosen = _assign(speakers, clips, folders, fitting)
    taken = {folder.name for folder in chosen.values()}
    matches = {}
    for speaker in speakers:
        folder = chosen.get(speaker)
        count, total = fitting.get((speaker, folder.name), 0) if folder else 0, len(clips[speaker])
        rivals = [
            other.name
            for other in folders
            if folder
            and folder.claimed != speaker
            and other.name not in taken
            and fitting[speaker, other.name] == count
        ]
        if rivals:
            refused = f"{folder.name} and {rivals[0]} fit {count} of {total} clips equally well"
            matches[speaker] = Match(speaker, None, count, total, refused)
        elif folder:
            matches[speaker] = Match(speaker, folder, count, total)
        else:
            matches[speaker] = _refusal(speaker, total, folders, fitting)
    return matches


def _assign(
    speakers: list[str],
    clips: Mapping[str, Collection[str]],
    folders: Sequence[AlignmentFolder],
    fitting: dict[tuple[str, str], int],
) -> dict[str, AlignmentFolder]:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    value = np.zeros((len(speakers), len(folders)))
    for row, speaker in enumerate(speakers):
        for column, folder in enumerate(folders):
            count = fitting[speaker, folder.name]
            if count and count >= MIN_FIT * min(len(clips[speaker]), len(folder.files)):
                value[row, column] = count + 0.5 * (folder.claimed == speaker)
    pairs = zip(*linear_sum_assignment(value, maximize=True), strict=True)
    return {speakers[row]: folders[column] for row, column in pairs if value[row, column] > 0}


def _refusal(
    speaker: str,
    total: int,
    folders: Sequence[AlignmentFolder],
    fitting: dict[tuple[str, str], int],
) -> Match:
    for folder in folders:
        if folder.claimed == speaker:
            count = fitting[speaker, folder.name]
            return Match(
                speaker, None, count, total, f"{folder.name} fits {count} of {total} clips"
            )
    return Match(speaker, None, 0, total)


def _count_fitting(
    clips: Mapping[str, Collection[str]], folders: Sequence[AlignmentFolder]
) -> dict[tuple[str, str], int]:
    """Clips of each speaker that each folder fits; every file is read at most once."""
    known = set().union(*clips.values())
    counts = {}
    for folder in folders:
        good = {
            name
            for name, file in folder.files.items()
            if name in known and not _contradicts(file, name)
        }
        for speaker, names in clips.items():
            counts[speaker, folder.name] = len(good.intersection(names))
    return counts


def _contradicts(path: Path, name: str) -> bool:
    """Whether the file says other words than the clip's name; a broken file says nothing."""
    try:
        said = tuple(word.text for word in read_alignment(path))
    except AlignmentError:
        return False
    return sentence_words(name) not in (None, said)
