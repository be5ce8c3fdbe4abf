"""One person says one thing: sound, mouth shapes, head motion and blinks, frame by frame.

Nothing here is drawn; :meth:`Performance.frames` does that when asked.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lipkit.config import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError
from lipkit.talker import sentences, visemes
from lipkit.talker.crowd import STUDIO, Manner
from lipkit.talker.face import WHOLE, Face, Part, Pose, face
from lipkit.talker.people import Person, person
from lipkit.talker.speech import SILENCE, VOICES, Phoneme, Speech, speak
from lipkit.talker.surroundings import somewhere

GRID_FRAMES = 75
"""A GRID clip lasts 3 s."""
_BEFORE, _AFTER = 0.30, 0.35
"""Least silence around the speech, s."""
_ROOM = 6e-4
"""Standard deviation of the room's noise: about 64 dB under full scale."""


@dataclass(frozen=True)
class Performance:
    """Everything about a clip but its pixels. T frames at 25 frames/s; times in seconds."""

    person: Person
    text: str
    sentence: str | None
    """GRID name, or None for free text."""
    samples: np.ndarray
    """f32 [T * 1764]."""
    phonemes: tuple[Phoneme, ...]
    """From 0 to the end, pauses included."""
    words: tuple[Word, ...]
    shapes: np.ndarray
    """f64 [T, channels] in the order of ``visemes.CHANNELS``."""
    poses: tuple[Pose, ...]
    shut: np.ndarray
    """f64 [T], eyelids: 0 open .. 1 shut."""
    seed: int

    @property
    def face(self) -> Face:
        """The painted face (kept for the process)."""
        return face(self.person)

    def frames(self, part: Part = WHOLE) -> Iterator[np.ndarray]:
        """Draw the frames, u8 [288, 360, 3] each, or some rows and columns of them."""
        drawn = self.face
        canvas = drawn.layers.head.copy()
        for t, (shape, pose, shut) in enumerate(
            zip(self.shapes, self.poses, self.shut, strict=True)
        ):
            yield drawn.frame(shape, pose, float(shut), self.seed + 7919 * t, part, canvas)

    def landmarks(self) -> np.ndarray:
        """Exact iBUG points f32 [T, 68, 2], pixels (x, y)."""
        drawn = self.face
        points = [
            drawn.landmarks(shape, pose, float(shut))
            for shape, pose, shut in zip(self.shapes, self.poses, self.shut, strict=True)
        ]
        return np.array(points, np.float32)


def perform(
    who: Person | int, words: sentences.Sentence | str, seed: int = 0, frames: int | None = None
) -> Performance:
    """Rehearse one clip.

    Parameters
    ----------
    who
        A person, or an index: then ``person(index, seed)``.
    words
        A GRID sentence, its name (``bbaf2n``), or any English text.
    seed
        Everything that chance decides: when speech begins, motion, blinks, noise.
    frames
        Length of the clip; default 75 as in GRID, longer where the words need it.

    Raises
    ------
    LipkitError
        When the words do not fit into ``frames``.
    """
    who = person(who, seed) if isinstance(who, int) else who
    name, text = _read(words)
    rng = np.random.default_rng([seed, who.seed, zlib.crc32(text.encode())])
    voice = VOICES[who.voice]
    speech = speak(text, replace(voice, speed=voice.speed + int(rng.integers(-8, 9))))
    needed = int(np.ceil((_BEFORE + speech.seconds + _AFTER) * FPS))
    count = frames or max(GRID_FRAMES, needed)
    if count < needed:
        raise LipkitError(f"{text!r} needs {needed} frames, not {count}; ask for more or say less")
    slack = count - needed
    # Speech begins anywhere in GRID's habit: early rather than late, never on a frame's edge.
    begin = _BEFORE + rng.uniform(0.0, 0.7) * slack / FPS
    return _enact(who, speech, text, name, count, begin, rng)


def perform_speech(
    who: Person, speech: Speech, text: str, manner: Manner, seed: int = 0
) -> Performance:
    """Rehearse one clip of anybody's voice: the clip is as long as the speech needs.

    Parameters
    ----------
    who
        A person.
    speech
        Sound and phonemes, of espeak or of a human being.
    text
        What is said.
    manner
        Expressions, articulation and motion.
    seed
        Everything else that chance decides.
    """
    rng = np.random.default_rng([seed, who.seed, zlib.crc32(text.encode()), 1])
    before, after = rng.uniform(0.12, 0.5), rng.uniform(0.12, 0.5)
    count = int(np.ceil((before + speech.seconds + after) * FPS))
    return _enact(who, speech, text, None, count, before, rng, manner)


def _enact(
    who: Person,
    speech: Speech,
    text: str,
    name: str | None,
    count: int,
    begin: float,
    rng: np.random.Generator,
    manner: Manner = STUDIO,
) -> Performance:
    at = round(begin * SAMPLE_RATE)
    samples = _room(rng, count * SAMPLES_PER_FRAME)
    samples[at : at + len(speech.samples)] += speech.samples * rng.uniform(0.55, 0.8)
    begin = at / SAMPLE_RATE
    phonemes = _placed(speech.phonemes, begin, count / FPS)
    spoken = tuple(Word(w.text, w.start + begin, w.end + begin) for w in speech.words)
    times = (np.arange(count) + 0.5) / FPS
    rests = None if manner is STUDIO else manner.shapes
    shapes = visemes.trajectory(phonemes, times, rests)
    if manner is not STUDIO:
        shapes = _mannered(shapes, manner)
        samples = somewhere(samples, rng)
    return Performance(
        person=who,
        text=text,
        sentence=name,
        samples=np.clip(samples, -1, 1).astype(np.float32),
        phonemes=phonemes,
        words=spoken,
        shapes=_alive(shapes, rng),
        poses=_motion(rng, count, manner.motion),
        shut=_blinks(rng, count),
        seed=int(rng.integers(2**31)),
    )


def _mannered(shapes: np.ndarray, manner: Manner) -> np.ndarray:
    """One's own reach, and a smile that speech does not quite wipe off."""
    shapes = shapes.copy()
    shapes[:, 0] *= manner.reach
    smile = manner.carry * max(manner.shapes[1][1], 0.0)
    shapes[:, 1] += smile * np.clip(1 - np.abs(shapes[:, 1]) / 2.6, 0, 1) * (1 - shapes[:, 2])
    return shapes


def _read(words: sentences.Sentence | str) -> tuple[str | None, str]:
    """(GRID name or None, text)."""
    if isinstance(words, sentences.Sentence):
        return words.name, words.text
    try:
        found = sentences.Sentence(words)
    except LipkitError:
        return None, words
    return found.name, found.text


def _placed(phonemes: tuple[Phoneme, ...], begin: float, end: float) -> tuple[Phoneme, ...]:
    """Phonemes in clip time, with one pause before and one after."""
    moved = [Phoneme(p.symbol, p.start + begin, p.end + begin) for p in phonemes]
    while moved and moved[-1].symbol == SILENCE:
        moved.pop()
    while moved and moved[0].symbol == SILENCE:
        moved.pop(0)
    first, last = moved[0].start, moved[-1].end
    return (Phoneme(SILENCE, 0.0, first), *moved, Phoneme(SILENCE, last, end))


def _room(rng: np.random.Generator, count: int) -> np.ndarray:
    """Noise of a quiet room, falling with frequency, f64 [count]."""
    white = rng.standard_normal(count)
    smooth = np.convolve(white, np.ones(24) / 24**0.5, mode="same")
    return _ROOM * (0.35 * white + 0.94 * smooth)


def _drift(rng: np.random.Generator, count: int, seconds: float) -> np.ndarray:
    """Smooth random motion of unit variance, f64 [count]."""
    width = seconds * FPS
    reach = int(3 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    noise = rng.standard_normal(count + 2 * reach)
    return np.convolve(noise, kernel / np.sqrt((kernel**2).sum()), mode="valid")


def _alive(shapes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Small irregularities that no two utterances share; a closed mouth stays closed."""
    moving = shapes.copy()
    count = len(shapes)
    opening = shapes[:, 0]
    moving[:, 0] *= 1 + 0.05 * _drift(rng, count, 0.12) + 0.02 * _drift(rng, count, 0.04)
    moving[:, 1] += (0.05 + 0.06 * (opening > 0.02)) * _drift(rng, count, 0.15)
    moving[:, 5] += 0.05 * _drift(rng, count, 0.4)
    moving[:, 2:6] = np.clip(moving[:, 2:6], 0, 1)
    moving[:, 0] = np.clip(moving[:, 0], 0, 1.1)
    return moving


def _motion(rng: np.random.Generator, count: int, much: float = 1.0) -> tuple[Pose, ...]:
    slow = [_drift(rng, count, s) for s in (0.45, 0.45, 0.5, 0.4, 0.35, 0.6)]
    fast = [_drift(rng, count, 0.12) for _ in range(3)]
    rows = np.stack(
        [
            1.2 * slow[0] + 0.12 * fast[0],
            0.8 * slow[1] + 0.12 * fast[1],
            0.6 * slow[2],
            1.3 * slow[3] + 0.15 * fast[2],
            1.0 * slow[4],
            1 + 0.004 * slow[5],
        ],
        axis=1,
    )
    rest = np.array([0, 0, 0, 0, 0, 1.0])
    rows = rest + (rows - rest) * much if much != 1 else rows
    return tuple(Pose(*row) for row in rows.tolist())


def _blinks(rng: np.random.Generator, count: int) -> np.ndarray:
    """A blink every 1.5 to 5 s: 0.08 s down, 0.16 s up."""
    shut = np.zeros(count)
    profile = np.array([0.5, 1.0, 0.85, 0.5, 0.2])
    at = int(rng.uniform(0.3, 4.0) * FPS)
    while at < count:
        end = min(at + len(profile), count)
        shut[at:end] = profile[: end - at]
        at += int(rng.uniform(1.5, 5.0) * FPS)
    return shut
