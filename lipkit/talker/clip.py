"""One talking clip in memory."""

from dataclasses import dataclass

import numpy as np

from lipkit.corpora.record import Word
from lipkit.talker.crowd import STUDIO
from lipkit.talker.people import Person, person
from lipkit.talker.performance import Performance, perform, perform_speech
from lipkit.talker.recordings import Piece
from lipkit.talker.sentences import Sentence
from lipkit.talker.speech import Phoneme
from lipkit.talker.visemes import lead, visemes_of


@dataclass(frozen=True)
class Talk:
    """A clip with its truth. T frames at 25 frames/s, 44.1 kHz mono; times in seconds."""

    frames: np.ndarray
    """u8 [T, 288, 360, 3] RGB."""
    samples: np.ndarray
    """f32 [T * 1764] in [-1, 1]."""
    phonemes: tuple[Phoneme, ...]
    words: tuple[Word, ...]
    landmarks: np.ndarray
    """f32 [T, 68, 2] pixels (x, y), iBUG order, exact."""
    shapes: np.ndarray
    """f32 [T, channels] in the order of ``visemes.CHANNELS``."""
    person: Person
    text: str
    sentence: str | None

    @property
    def opening(self) -> np.ndarray:
        """Mouth opening, f32 [T] pixels."""
        return opening(self.landmarks)

    @property
    def visemes(self) -> tuple[str, ...]:
        """The (first) viseme of each phoneme."""
        return tuple(visemes_of(p.symbol)[0] for p in self.phonemes)

    @property
    def leads(self) -> tuple[float, ...]:
        """How long before each phoneme sounds the lips are in place, s."""
        return tuple(lead(p) for p in self.phonemes)


def talking_clip(
    person_index: int | Person,
    sentence: Sentence | str,
    seed: int = 0,
    frames: int | None = None,
) -> Talk:
    """Draw a person saying a GRID sentence (or its name) or any English text.

    The same arguments always give the same frames and samples. See
    :func:`lipkit.talker.performance.perform` for the arguments and what is raised.

    >>> talk = talking_clip(0, "hello", frames=40)
    >>> talk.frames.shape, talk.samples.shape, talk.phonemes[1].symbol
    ((40, 288, 360, 3), (70560,), 'h')
    """
    return record(perform(person_index, sentence, seed, frames))


def human_clip(person_index: int | Person, piece: Piece, seed: int = 0) -> Talk:
    """Draw a person of the cast who says what a human being said.

    The pieces that come with the kit are in :mod:`lipkit.talker.voices`, those of your own
    recordings come from :func:`lipkit.talker.recordings.find_pieces`. The clip is as long as the
    speech needs.

    Parameters
    ----------
    person_index
        A person, or an index: then ``person(index, seed)``.
    piece
        What is said, with the times of its phonemes.
    seed
        Everything else that chance decides: motion, blinks, noise.

    Raises
    ------
    LipkitError
        When the recording cannot be read.

    >>> from lipkit.talker.voices import voice
    >>> talk = human_clip(0, voice("woman"))
    >>> talk.text, talk.frames.shape[1:]
    ('let me see how can i begin', (288, 360, 3))
    """
    who = person(person_index, seed) if isinstance(person_index, int) else person_index
    text = " ".join(word.text for word in piece.words) or piece.name
    return record(perform_speech(who, piece.speech(), text, STUDIO, seed))


def record(performance: Performance) -> Talk:
    """Draw all frames of a performance."""
    return Talk(
        frames=np.stack(list(performance.frames())),
        samples=performance.samples,
        phonemes=performance.phonemes,
        words=performance.words,
        landmarks=performance.landmarks(),
        shapes=performance.shapes.astype(np.float32),
        person=performance.person,
        text=performance.text,
        sentence=performance.sentence,
    )


def opening(landmarks: np.ndarray) -> np.ndarray:
    """Distance of the inner lips in the middle (points 62 and 66), [..., 68, 2] -> [...]."""
    return np.linalg.norm(landmarks[..., 66, :] - landmarks[..., 62, :], axis=-1)
