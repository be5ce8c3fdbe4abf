"""Frames as sound arrives: from a microphone or a pipe, each as soon as it can be drawn.

A frame is drawn when the sound is there that can change it: a network that hears half a second
ahead answers half a second late. :attr:`SpeechStream.latency` says how much that is; what the
stream gives is what :func:`~lipkit.generation.generate_frames` gives of the whole recording. Where
the network hears each recording relative to the level of its speech it differs, less and less,
since that level becomes known as the speech goes on.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import torch

from lipkit.config import COLUMNS_PER_FRAME, FPS, MEL_BANDS, N_FFT, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.data.level import NOTHING, SILENT_DB, SpeechLevel
from lipkit.data.spectrogram import log_mel
from lipkit.data.tensors import to_image_tensor, to_images
from lipkit.errors import UsageError
from lipkit.face.lips import paste_back
from lipkit.generation.identity import LipImage
from lipkit.generation.inference import for_inference
from lipkit.generation.moves import can_move, moves_of
from lipkit.generation.paste import LARGEST_SIDE
from lipkit.generation.redraw import Redrawing
from lipkit.generation.talking import shrunk
from lipkit.weights import Card, Weights
from lipkit.weights.hearing import hear

HEARS = N_FFT // 2
"""Samples beyond a frame's end, at most, that its log-mel depends on: 11.6 ms."""
USUAL = 1 * FPS * COLUMNS_PER_FRAME
"""Columns of speech, a second, as much as which the usual level weighs beside what is heard."""
BELOW_USUAL = 30.0
"""dB below the usual level of speech down to which live sound may be speech."""
PIPE_PIECE = SAMPLES_PER_FRAME // 4
"""Samples read from a pipe at a time: 10 ms."""


class SpeechStream:
    """A face, or its lips, that says a speech while it is spoken.

    ::

        stream = SpeechStream(load_weights("plus"), lips, picture)
        for samples in microphone:
            for frame in stream.feed(samples):
                show(frame)
        for frame in stream.finish():
            show(frame)

    Parameters
    ----------
    weights:
        A generator and its card.
    lips:
        Of :func:`lipkit.generation.find_lips`.
    picture:
        u8 [H, W, 3], in which the lips are to speak; None gives lips alone.
    lookahead:
        Frames after a frame that are waited for; None, or the generator's whole context, gives
        what generation from a file gives. Fewer make the answer faster and the lips worse.
    hop:
        Frames drawn at once: more cost less, and come later.
    largest_side:
        Pixels; a larger picture is shrunk to it.

    Raises
    ------
    UsageError
        For a generator that makes whole windows or hears shifted sound, and for a lookahead or
        a hop out of range.
    """

    def __init__(
        self,
        weights: Weights,
        lips: LipImage,
        picture: np.ndarray | None = None,
        lookahead: int | None = None,
        hop: int = 1,
        largest_side: int = LARGEST_SIDE,
    ) -> None:
        generator, card = weights
        if getattr(generator, "window", 0):
            raise UsageError("these weights make whole windows, not frames one by one; take plus")
        context = generator.context
        lookahead = context if lookahead is None else lookahead
        if not 0 <= lookahead <= context or hop < 1:
            raise UsageError(
                f"lookahead {lookahead}, hop {hop}: lookahead is 0 to {context}, hop 1 or more"
            )
        self._generator, self._context = for_inference(generator), context
        self._lookahead, self._hop = lookahead, hop
        self._device = next(generator.parameters()).device
        self._identity = to_image_tensor(lips.image)[None].to(self._device)
        self._still = None if picture is None else shrunk(picture, lips, largest_side)
        self._drawing = None
        if self._still is not None and can_move(generator):
            self._drawing = Redrawing(*self._still)
        self._columns = ArrivingLogMel(card)
        self._logmel = torch.empty(0, MEL_BANDS)
        self._first = self._drawn = 0

    @property
    def latency(self) -> float:
        """Seconds from the end of a frame's sound until what it depends on has been heard.

        The time that drawing takes comes on top.
        """
        return (self._lookahead + self._hop - 1) / FPS + HEARS / SAMPLE_RATE

    def feed(self, samples: np.ndarray) -> list[np.ndarray]:
        """The frames u8 [H, W, 3] that new sound, f32 [N] of 44,100 per second, makes possible."""
        self._hear(self._columns.feed(samples))
        ready = self._heard - self._lookahead
        return self._draw(ready) if ready - self._drawn >= self._hop else []

    def finish(self) -> list[np.ndarray]:
        """The frames that are left when the speech ends; a begun frame ends in silence."""
        self._hear(self._columns.finish())
        return self._draw(self._heard)

    @property
    def _heard(self) -> int:
        return self._first + len(self._logmel) // COLUMNS_PER_FRAME

    def _hear(self, columns: torch.Tensor) -> None:
        self._logmel = torch.cat([self._logmel, columns])

    @torch.inference_mode()
    def _draw(self, end: int) -> list[np.ndarray]:
        if end <= self._drawn:
            return []
        heard = self._logmel[: (end + self._context - self._first) * COLUMNS_PER_FRAME]
        made = self._frames(heard[None, None].to(self._device), end)
        self._drawn = end
        old = max(0, end - self._context - self._first)
        self._logmel, self._first = self._logmel[old * COLUMNS_PER_FRAME :], self._first + old
        return made

    def _frames(self, heard: torch.Tensor, end: int) -> list[np.ndarray]:
        first, last = self._drawn - self._first, end - self._first
        if can_move(self._generator):
            which = torch.arange(first, last, device=self._device)[None]
            made = self._generator.generate(self._identity, heard, which)
            if self._drawing is not None:
                return [self._drawing.frame(move) for move in moves_of(made, first)]
            return list(to_images(made.video[0]))
        video = self._generator(self._identity, heard)[0][:, first:last]
        lips = list(to_images(video))
        if self._still is None:
            return lips
        picture, box, _ = self._still
        return [paste_back(picture, image, box) for image in lips]


class ArrivingLogMel:
    """The log-mel of sound that arrives in pieces, as ``LogMel`` has it of the whole.

    A network that hears each recording relative to the level of its speech is an exception: that
    level is known only at the end, so what has been heard so far stands for it.

    Raises
    ------
    UsageError
        When the generator was trained on shifted sound.
    """

    def __init__(self, card: Card) -> None:
        if card.preset.data.sound_shift:
            raise UsageError("these weights hear shifted sound, which cannot arrive; take plus")
        self._card = card
        self._samples = np.zeros(0, np.float32)
        self._begun = False
        """Whether the first frame of ``_samples`` was heard before, and is here for its end."""
        self._level = None
        """Of the speech so far, for a network that hears it relative to that. The noise of a room
        in which nobody speaks yet is not taken for speech."""
        if card.preset.data.level == "recording":
            floor = np.mean(card.level) - BELOW_USUAL if card.level else SILENT_DB
            self._level = SpeechLevel(max(SILENT_DB, floor))

    def feed(self, samples: np.ndarray) -> torch.Tensor:
        """f32 [4n, 128] of the n frames that are now complete."""
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        return self._columns(max(0, len(self._samples) - HEARS) // SAMPLES_PER_FRAME)

    def finish(self) -> torch.Tensor:
        """f32 [4n, 128] of the frames that are left, the last padded with silence."""
        self._samples = np.pad(self._samples, (0, -len(self._samples) % SAMPLES_PER_FRAME))
        return self._columns(len(self._samples) // SAMPLES_PER_FRAME)

    def _columns(self, frames: int) -> torch.Tensor:
        done = int(self._begun)
        if frames <= done:
            return torch.empty(0, MEL_BANDS)
        end = frames * SAMPLES_PER_FRAME
        columns = log_mel(self._samples[: end + HEARS])
        columns = columns[done * COLUMNS_PER_FRAME : frames * COLUMNS_PER_FRAME]
        self._samples = self._samples[end - SAMPLES_PER_FRAME :]
        self._begun = True
        if self._level is None:
            return hear(columns, self._card, NOTHING, lift=True)
        heard = []
        for frame in np.split(columns, len(columns) // COLUMNS_PER_FRAME):
            self._level.add(frame)
            heard.append(hear(frame, self._card, self._level_so_far(self._level), lift=True))
        return torch.cat(heard)

    def _level_so_far(self, level: SpeechLevel) -> np.ndarray:
        """[128] dB: the usual level of the training, as if heard for a second before, and what has
        been heard since."""
        usual, spoken = np.float32(self._card.level), level.spoken
        if not (spoken and len(usual)):
            return level.bands if spoken else usual
        return (USUAL * usual + spoken * level.bands) / (USUAL + spoken)


def pipe_pieces(pipe: BinaryIO) -> Iterator[np.ndarray]:
    """Raw sound from a pipe, f32 [N] in [-1, 1], as it arrives and until the pipe is closed.

    The pipe carries 16-bit little-endian mono samples, 44,100 per second, without a header, as
    ``ffmpeg -f pulse -i default -f s16le -ac 1 -ar 44100 -`` and ``arecord -t raw -f S16_LE
    -r 44100`` write them; read it as ``sys.stdin.buffer``.
    """
    read = getattr(pipe, "read1", pipe.read)
    rest = b""
    while data := read(2 * PIPE_PIECE):
        data = rest + data
        whole = len(data) // 2 * 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768
