"""Read pictures and sound of any container at the kit's rates, in step with each other."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lipkit.config import SAMPLES_PER_FRAME
from lipkit.errors import LipkitError
from lipkit.media.container import Source
from lipkit.media.shown import Shown
from lipkit.media.timeline import JumpError, at_steady_rate, fit, join, resample, shift


@dataclass(frozen=True)
class MediaInfo:
    """What a file says about itself."""

    path: Path
    width: int
    """Pixels as read: upright and square; 0 without pictures."""
    height: int
    fps: float
    """Average pictures per second in the file; 0 without pictures."""
    frames: int
    """Pictures in the file: announced, or estimated from duration and rate."""
    duration: float
    """Seconds; of a ``.mpg`` an estimate."""
    sample_rate: int
    """Samples per second in the file; 0 without sound."""
    channels: int
    has_video: bool
    has_audio: bool


@dataclass
class MediaClip:
    """Pictures and the sound that belongs to them."""

    frames: np.ndarray
    """uint8 [T, H, W, 3], RGB, 25 per second."""
    samples: np.ndarray
    """float32 [T * 1764], mono, 44,100 per second, in [-1, 1]."""
    damage: str = ""
    """What is wrong with the file, if it was read with ``keep_damaged``; else empty."""


def probe(path: str | os.PathLike) -> MediaInfo:
    """Look at a file's streams; at most the first picture is decoded.

    A damaged file is described as far as it can be opened.

    Raises
    ------
    LipkitError
        When it is no readable recording, or has neither pictures nor sound.
    """
    with Source(path, keep_damaged=True) as source:
        video, audio = source.video, source.audio
        if video is None and audio is None:
            raise LipkitError(f"{source.path}: has neither pictures nor sound; check what it is")
        fps = float(video.average_rate or video.guessed_rate or 0) if video else 0.0
        height, width = (0, 0) if video is None else (video.height, video.width)
        if first := next(source.decode(sound=False), None):
            height, width = Shown(source.pixel).size(first)
        return MediaInfo(
            path=source.path,
            width=width,
            height=height,
            fps=fps,
            frames=(video.frames or round(source.duration * fps)) if video else 0,
            duration=source.duration,
            sample_rate=audio.sample_rate if audio else 0,
            channels=audio.channels if audio else 0,
            has_video=video is not None,
            has_audio=audio is not None,
        )


def iter_video(path: str | os.PathLike, *, keep_damaged: bool = False) -> Iterator[np.ndarray]:
    """Yield the pictures of :func:`read_video` one by one, in constant memory.

    Raises
    ------
    LipkitError
        As :func:`read_video`; damage other than a missing end is raised after the pictures.
    """
    with Source(path, keep_damaged=keep_damaged) as source:
        source.require(video=True)
        yield from _pictures(source, source.decode(sound=False))
        source.check()


def read_video(path: str | os.PathLike, *, keep_damaged: bool = False) -> np.ndarray:
    """Read all pictures of a file at 25 frames per second.

    Frame t covers [t/25, (t+1)/25) s from the first picture's time stamp and shows the
    picture that is on screen in the middle of that time
    (:func:`~lipkit.media.timeline.at_steady_rate`). Pictures are as a player
    shows them (:mod:`~lipkit.media.shown`): turned and mirrored as the file says, pixels
    made square, high dynamic range (HLG, PQ) brought to ordinary colours.

    Parameters
    ----------
    path
        A file of any container and codec that FFmpeg reads.
    keep_damaged
        Return what could be decoded of a damaged or cut-off file instead of raising.

    Returns
    -------
    uint8 [T, H, W, 3], RGB.

    Raises
    ------
    DamagedError
        When the file is cut off or broken. A cut-off file never passes as a shorter clip.
    LipkitError
        When it is missing, a folder, empty, no recording, has no video stream, no
        picture can be decoded, or its time stamps jump.
    """
    return np.stack(list(iter_video(path, keep_damaged=keep_damaged)))


def read_audio(path: str | os.PathLike, *, keep_damaged: bool = False) -> np.ndarray:
    """Read the sound of a video or sound file as 44,100 mono samples per second.

    Sample k is the sound at k/44100 s from the first picture's time stamp (from the
    first sample's in a sound file): sound that starts late is preceded by silence, sound
    from before the first picture is cut, gaps are silence, and the delay that an encoder
    declares (AAC, MP3, Opus) is removed. Channels are mixed.

    Returns
    -------
    float32 [N] in [-1, 1].

    Raises
    ------
    LipkitError
        As :func:`read_video`, with "no audio stream" and "no sound can be decoded".
    """
    with Source(path, keep_damaged=keep_damaged) as source:
        source.require(audio=True)
        sound = Sound(source)
        for frame in source.decode(pictures=False):
            sound.add(frame)
        samples = sound.samples()
        source.check()
        return samples


def read_clip(
    video: str | os.PathLike,
    audio: str | os.PathLike | None = None,
    *,
    keep_damaged: bool = False,
) -> MediaClip:
    """Read pictures and sound in one pass, cut or padded to the same length.

    GRID: the published ``.mpg`` files give pictures and sound the same first time stamp,
    0, and time stamps are what is used here. In every one of 138 files the first 481
    decoded samples are silent: the delay of MPEG-1 layer II, for which their encoder did
    not allow. So GRID's sound, in copies encoded again too, lies 11 ms (a quarter of a
    frame) after what the encoder was given and after the corpus's word times. It ends at
    2.978 s; the last 22 ms of the 75th frame are silence.

    Parameters
    ----------
    video
        A file with pictures.
    audio
        A separate sound file whose first sample belongs to the first picture; by default
        the sound in ``video``.
    keep_damaged
        Keep what could be decoded; :attr:`MediaClip.damage` then says what is wrong.

    Raises
    ------
    LipkitError
        As :func:`read_video` and :func:`read_audio`.
    """
    with Source(video, keep_damaged=keep_damaged) as source:
        source.require(video=True, audio=audio is None)
        sound = Sound(source)
        decoded = source.decode(sound=audio is None)
        frames = np.stack(list(_pictures(source, sound.taken_from(decoded))))
        samples = read_audio(audio, keep_damaged=keep_damaged) if audio else sound.samples()
        source.check()
        return MediaClip(frames, fit(samples, len(frames) * SAMPLES_PER_FRAME), source.damage)


def _pictures(source: Source, decoded: Iterator) -> Iterator[np.ndarray]:
    """Pictures at 25 frames per second as RGB arrays; only those shown are converted."""
    convert = Shown(source.pixel)
    count = 0
    try:
        for picture in at_steady_rate(_shown(source, decoded)):
            yield convert(picture)
            count += 1
    except JumpError as error:
        raise LipkitError(f"{source.path}: {error}; convert the file again") from None
    if not count:
        source.check()
        raise LipkitError(f"{source.path}: no picture can be decoded; get the file again")


def _shown(source: Source, decoded: Iterator) -> Iterator[tuple[Fraction, Fraction, av.VideoFrame]]:
    """Each picture with the time it appears and how long it stays, in seconds."""
    rate = source.video.average_rate or source.video.guessed_rate or Fraction(25)
    start = None
    for frame in decoded:
        if not isinstance(frame, av.VideoFrame):
            continue
        if frame.pts is not None:
            start = frame.pts * frame.time_base
        else:  # Raw streams have no time stamps.
            start = Fraction(0) if start is None else start + 1 / rate
        duration = frame.duration * frame.time_base if frame.duration else 1 / rate
        yield start, duration, frame


class Sound:
    """Collects the decoded sound of a source as mono pieces with their times."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pieces: list[tuple[Fraction | None, np.ndarray]] = []
        self._mixer: av.AudioResampler | None = None
        self._form: tuple | None = None
        self.rate = 0

    def add(self, frame: av.VideoFrame | av.AudioFrame) -> None:
        """Take a piece of sound; pictures are ignored."""
        if not isinstance(frame, av.AudioFrame):
            return
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self.rate = self.rate or frame.sample_rate
            # To whole numbers, because FFmpeg then mixes with weights that sum to 1; to
            # floats it would make the same voice on two channels 3 dB louder.
            self._mixer = av.AudioResampler("s32", "mono", self.rate)
            self._form = form
        start = None if frame.pts is None else frame.pts * frame.time_base
        mixed = [piece.to_ndarray()[0] for piece in self._mixer.resample(frame)]
        if mixed:
            whole = np.concatenate(mixed)
            self._pieces.append((start, whole.astype(np.float32) / np.float32(2**31)))

    def take(self) -> list[tuple[Fraction | None, np.ndarray]]:
        """The pieces so far, each with its start in seconds; they are forgotten here."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def taken_from(self, decoded: Iterator) -> Iterator:
        """Pass everything on, keeping the sound."""
        for frame in decoded:
            self.add(frame)
            yield frame

    def samples(self) -> np.ndarray:
        """All sound so far at 44,100 samples per second, time 0 at sample 0."""
        if not self._pieces:
            raise self.missing()
        try:
            start, samples = join(self._pieces, self.rate)
        except JumpError as error:
            raise self.jumping(error) from None
        origin = start if self._source.origin is None else self._source.origin
        placed = shift(resample(samples, self.rate), start - origin)
        # Decoders of lossy sound overshoot full scale a little.
        return np.clip(placed, -1.0, 1.0)

    def missing(self) -> LipkitError:
        """What is wrong with a source that gave no sound."""
        self._source.check()
        return LipkitError(f"{self._source.path}: no sound can be decoded; get the file again")

    def jumping(self, error: JumpError) -> LipkitError:
        """What is wrong with a source whose time stamps jump."""
        return LipkitError(f"{self._source.path}: {error}; convert the file again")
