"""One person says one thing: sound, mouth shapes, head motion and blinks, frame by frame.

Nothing here is drawn; :meth:`Performance.frames` does that when asked.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lipkit.config import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.corpora.record import Word
from lipkit.errors import LipkitError
from lipkit.talker import sentences, visemes
from lipkit.talker.camera import STUDIO_CAMERA, Camera, camera
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
    """Everything about a clip but its pixels. T frames at ``fps``; times in seconds."""

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
    camera: Camera = STUDIO_CAMERA

    @property
    def fps(self) -> int:
        """Frames per second."""
        return self.camera.fps

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
            frame = drawn.frame(shape, pose, float(shut), self.seed + 7919 * t, part, canvas)
            yield self.camera.develop(frame, t)

    def at_25(self) -> "Performance":
        """The same at 25 frames/s: of each frame the one that a reader by time stamp takes."""
        if self.fps == FPS:
            return self
        count = round(len(self.shapes) * FPS / self.fps)
        chosen = stamped(count, self.fps)
        waver = self.camera.waver
        return replace(
            self,
            shapes=self.shapes[chosen],
            poses=tuple(self.poses[i] for i in chosen),
            shut=self.shut[chosen],
            camera=replace(
                self.camera, fps=FPS, waver=tuple(waver[i] for i in chosen) if waver else ()
            ),
        )

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
    who: Person,
    speech: Speech,
    text: str,
    manner: Manner,
    seed: int = 0,
    sound: Literal["life", "clean"] = "clean",
    pictures: Literal["life", "clean"] = "clean",
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
    sound
        ``life``: in some room, by some device (:mod:`lipkit.talker.surroundings`).
    pictures
        ``life``: by some camera (:mod:`lipkit.talker.camera`).
    """
    rng = np.random.default_rng([seed, who.seed, zlib.crc32(text.encode()), 1])
    before, after = rng.uniform(0.12, 0.5), rng.uniform(0.12, 0.5)
    # A length that is whole in frames of both rates.
    count = int(np.ceil((before + speech.seconds + after) * 5)) * FPS // 5
    lens = camera(rng, count / FPS) if pictures == "life" else STUDIO_CAMERA
    performance = _enact(who, speech, text, None, count, before, rng, manner, lens)
    if sound == "life":
        performance = replace(performance, samples=somewhere(performance.samples, rng))
    return performance


def _enact(
    who: Person,
    speech: Speech,
    text: str,
    name: str | None,
    count: int,
    begin: float,
    rng: np.random.Generator,
    manner: Manner = STUDIO,
    lens: Camera = STUDIO_CAMERA,
) -> Performance:
    at = round(begin * SAMPLE_RATE)
    samples = _room(rng, count * SAMPLES_PER_FRAME)
    samples[at : at + len(speech.samples)] += speech.samples * rng.uniform(0.55, 0.8)
    begin = at / SAMPLE_RATE
    phonemes = _placed(speech.phonemes, begin, count / FPS)
    spoken = tuple(Word(w.text, w.start + begin, w.end + begin) for w in speech.words)
    frames = count * lens.fps // FPS
    times = (np.arange(frames) + 0.5) / lens.fps
    if manner is STUDIO:
        shapes = visemes.trajectory(phonemes, times)
    else:
        shapes = visemes.trajectory(phonemes, times, manner.shapes, visemes.LIFE)
        shapes = _mannered(shapes, manner)
    shapes = _alive(shapes, rng, lens.fps)
    poses = _motion(rng, frames, lens.fps)
    if manner is not STUDIO:
        poses = _lively(poses, manner, nods(samples, times, rng))
    return Performance(
        person=who,
        text=text,
        sentence=name,
        samples=np.clip(samples, -1, 1).astype(np.float32),
        phonemes=phonemes,
        words=spoken,
        shapes=shapes,
        poses=tuple(Pose(*row) for row in poses.tolist()),
        shut=_blinks(rng, frames, lens.fps),
        seed=int(rng.integers(2**31)),
        camera=lens,
    )


def stamped(count: int, fps: int) -> np.ndarray:
    """Which frame of a video at ``fps`` a reader by time stamp takes for each at 25: int."""
    return np.floor((np.arange(count) + 0.5) * fps / FPS + 1e-6).astype(int)


def nods(samples: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far the head is down (degrees) at ``times``: it dips at some of the loudest syllables."""
    step = SAMPLE_RATE // 100
    loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).mean(1)
    loud = np.convolve(loud, np.hanning(15) / np.hanning(15).sum(), "same")
    peaks = [
        i
        for i in range(1, len(loud) - 1)
        if loud[i] == loud[max(i - 20, 0) : i + 21].max() and loud[i] > 0.4 * loud.max()
    ]
    dip, last = np.zeros(len(times)), -100
    for peak in peaks:
        if peak - last < 20:  # a plateau has one peak
            continue
        last = peak
        if rng.random() < 0.55:
            deep, wide = rng.uniform(0.4, 2.4), rng.uniform(0.09, 0.18)
            dip += deep * np.exp(-0.5 * ((times - peak / 100 + 0.03) / wide) ** 2)
    return dip


def _lively(poses: np.ndarray, manner: Manner, dip: np.ndarray) -> np.ndarray:
    """More motion than in the studio, and nods."""
    rest = np.array([0, 0, 0, 0, 0, 1.0])
    poses = rest + (poses - rest) * manner.motion
    poses[:, 4] += dip * manner.motion
    poses[:, 1] += 0.5 * dip * manner.motion
    return poses


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


def _drift(rng: np.random.Generator, count: int, seconds: float, fps: int = FPS) -> np.ndarray:
    """Smooth random motion of unit variance, f64 [count]."""
    width = seconds * fps
    reach = int(3 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    noise = rng.standard_normal(count + 2 * reach)
    return np.convolve(noise, kernel / np.sqrt((kernel**2).sum()), mode="valid")


def _alive(shapes: np.ndarray, rng: np.random.Generator, fps: int = FPS) -> np.ndarray:
    """Small irregularities that no two utterances share; a closed mouth stays closed."""
    moving = shapes.copy()
    count = len(shapes)
    opening = shapes[:, 0]
    moving[:, 0] *= 1 + 0.05 * _drift(rng, count, 0.12, fps) + 0.02 * _drift(rng, count, 0.04, fps)
    moving[:, 1] += (0.05 + 0.06 * (opening > 0.02)) * _drift(rng, count, 0.15, fps)
    moving[:, 5] += 0.05 * _drift(rng, count, 0.4, fps)
    moving[:, 2:6] = np.clip(moving[:, 2:6], 0, 1)
    moving[:, 0] = np.clip(moving[:, 0], 0, 1.1)
    return moving


def _motion(rng: np.random.Generator, count: int, fps: int = FPS) -> np.ndarray:
    """Poses f64 [count, 6]."""
    slow = [_drift(rng, count, s, fps) for s in (0.45, 0.45, 0.5, 0.4, 0.35, 0.6)]
    fast = [_drift(rng, count, 0.12, fps) for _ in range(3)]
    return np.stack(
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


def _blinks(rng: np.random.Generator, count: int, fps: int = FPS) -> np.ndarray:
    """A blink every 1.5 to 5 s: 0.08 s down, 0.16 s up."""
    shut = np.zeros(count)
    profile = np.array([0.5, 1.0, 0.85, 0.5, 0.2])
    if fps != FPS:
        at = np.arange(0, len(profile), FPS / fps)
        profile = np.interp(at, np.arange(len(profile)), profile)
    at = int(rng.uniform(0.3, 4.0) * fps)
    while at < count:
        end = min(at + len(profile), count)
        shut[at:end] = profile[: end - at]
        at += int(rng.uniform(1.5, 5.0) * fps)
    return shut
