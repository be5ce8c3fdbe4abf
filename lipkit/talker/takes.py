"""What a corpus of anybody's faces consists of: takes, each one person saying one thing.

A take is a line of a plan. It is small, can be sent to another process, and says everything
that its clip depends on; :func:`rehearse` makes a performance of it.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from lipkit.errors import LipkitError, UsageError
from lipkit.talker import crowd, english, sentences
from lipkit.talker.performance import Performance, perform_speech
from lipkit.talker.recordings import Piece
from lipkit.talker.speech import speak

VERSION = 3
"""Raised when the same take gives another clip."""


@dataclass(frozen=True)
class Manners:
    """What all takes of a corpus have in common."""

    sound: Literal["life", "clean"] = "life"
    """life: rooms, microphones, telephones, noise, codecs, levels; clean: a quiet studio."""
    camera: Literal["life", "clean"] = "life"
    """life: 25 or 30 frames/s, lamps that waver, compression; clean: as drawn, 25 frames/s."""
    language: str = ""
    """espeak-ng's code of the language of the text, such as ``de``; empty: English accents."""
    held: bool = False
    """Whether espeak's held-out voices speak."""


@dataclass(frozen=True)
class Take:
    """One clip to make."""

    person: int
    """Index of the person in the crowd of ``seed``."""
    number: int
    """Which of the person's clips."""
    seed: int
    text: str
    """What espeak says, or what is known to be said in ``piece``."""
    manners: Manners
    piece: Piece | None = None

    @property
    def speaker(self) -> str:
        """The person's name in the corpus; above all of GRID's, so that sets can be joined."""
        return f"s{crowd.FIRST + 1 + self.person}"

    @property
    def sentence(self) -> str:
        """What identifies what is said, across speakers."""
        return self.piece.name if self.piece else self.text.lower()

    @property
    def name(self) -> str:
        """The clip's name: number, ``h`` (human) or ``e`` (espeak), a digest of what is said."""
        digest = hashlib.sha256(self.sentence.encode()).hexdigest()[:6]
        return f"{self.number:02d}{'h' if self.piece else 'e'}{digest}"

    @property
    def times(self) -> str:
        """How the phonemes' times were got: ``exact``, or as the piece says."""
        return self.piece.how if self.piece else "exact"

    @property
    def key(self) -> str:
        """All that the clip depends on, in one line."""
        own = [VERSION, self.person, self.number, self.seed, self.text, asdict(self.manners)]
        if self.piece:
            own += [self.piece.name, self.piece.start, self.piece.end]
        return json.dumps(own, sort_keys=True)


Lines = Callable[[int, int], Sequence[str]]
"""(person, count) -> so many different sentences for that person."""


def english_lines(seed: int, held: bool = False) -> Lines:
    """Everyday English."""
    return lambda person, count: english.choose(person, count, seed, held)


def grid_lines(seed: int) -> Lines:
    """GRID's grammar."""
    return lambda person, count: [s.text for s in sentences.choose(person, count, seed)]


def file_lines(text: str, where: str, seed: int) -> Lines:
    """The lines of a text, shuffled for each person.

    Raises
    ------
    LipkitError
        When there is no line with a word.
    """
    lines = [line.strip() for line in text.splitlines() if any(c.isalnum() for c in line)]
    if not lines:
        raise LipkitError(f"{where}: holds no line to say; write one sentence per line")

    def choose(person: int, count: int) -> list[str]:
        rng = np.random.default_rng([seed, person, 22])
        rounds = -(-count // len(lines))
        return [lines[i] for _ in range(rounds) for i in rng.permutation(len(lines))][:count]

    return choose


def plan(
    people: int,
    clips: int,
    seed: int,
    lines: Lines | None = None,
    pieces: Sequence[Piece] = (),
    human: float = 0.5,
    manners: Manners = Manners(),
) -> list[Take]:
    """Every take of a corpus: ``clips`` of each of ``people``.

    Parameters
    ----------
    lines
        What espeak says; default: everyday English, held out as ``manners`` say.
    pieces
        Of human voices; a woman gets women's, as far as the sex is known. Each is said once
        before any is said twice, and a face has few voices.
    human
        Share of the clips that are human, where there are pieces.

    Raises
    ------
    UsageError
        When a number is below its least, or ``human`` is less than one clip of each person.
    """
    for name, value, least in (("speakers", people, 1), ("clips", clips, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"{name}={value}: must be at least {least}")
    lines = lines or english_lines(seed, manners.held)
    human = human if pieces else 0.0
    own = {woman: _order(pieces, woman, seed) for woman in (True, False)}
    taken = {True: 0, False: 0}
    takes = []
    for index in range(people):
        woman = crowd.anybody(index, seed).woman
        mine = own[woman] or own[not woman]
        said = iter(lines(index, clips))
        for number in range(clips):
            if mine and int((number + 1) * human + 1e-9) > int(number * human + 1e-9):
                piece = mine[taken[woman] % len(mine)]
                taken[woman] += 1
                text = " ".join(word.text for word in piece.words) or piece.name
                takes.append(Take(index, number, seed, text, manners, piece))
            else:
                takes.append(Take(index, number, seed, next(said), manners))
    if human and not any(take.piece for take in takes):
        raise UsageError(
            f"human={human:g}: of each person's {clips} clip{'s' * (clips != 1)} that is less than "
            "one, so nobody would say a recording; ask for more clips or a larger share"
        )
    return takes


def _order(pieces: Sequence[Piece], woman: bool, seed: int) -> list[Piece]:
    """A woman's or a man's pieces, speaker by speaker, the speakers shuffled."""
    fitting = [p for p in pieces if p.recording.sex in ("", "f" if woman else "m")]
    speakers = sorted({p.recording.speaker for p in fitting})
    shuffled = np.random.default_rng([seed, woman, 51]).permutation(speakers).tolist()
    place = {speaker: i for i, speaker in enumerate(shuffled)}
    return sorted(fitting, key=lambda p: (place[p.recording.speaker], p.name))


def rehearse(take: Take) -> tuple[Performance, str]:
    """The performance of a take, and the voice's name.

    Raises
    ------
    LipkitError
        When espeak cannot say the text, or the recording cannot be read.
    """
    who = crowd.anybody(take.person, take.seed)
    rng = np.random.default_rng([take.seed, take.person, take.number, 52])
    manner = crowd.manner(rng)
    if take.piece is None:
        voice = crowd.voice(rng, who.woman, take.manners.held)
        if take.manners.language:
            voice = replace(voice, language=take.manners.language)
        speech, name = speak(take.text, voice), f"espeak {voice.language}+{voice.variant}"
    else:
        speech, name = take.piece.speech(), f"human {take.piece.recording.speaker}"
    seed = take.seed + 1000 * take.number
    performance = perform_speech(
        who, speech, take.text, manner, seed, take.manners.sound, take.manners.camera
    )
    return performance, name
