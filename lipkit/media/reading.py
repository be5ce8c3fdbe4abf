"""Read pictures and sound of any container at the kit's rates, in step with each other."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lipkit.config import FPS, SAMPLES_PER_FRAME
from lipkit.errors import LipkitError
from lipkit.media.container import Source
from lipkit.media.limits import DEFAULT, Limits
from lipkit.media.shown import Shown
from lipkit.media.sound import Sound, silent_before
from lipkit.media.timeline import JumpError, at_steady_rate, fit


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
    audio_tracks: int
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
    note: str = ""
    """What is unusual about how it was read, such as which audio track was heard."""


def probe(path: str | os.PathLike, *, limits: Limits = DEFAULT) -> MediaInfo:
    """Look at a file's streams; at most the first picture is decoded.

    A damaged file is described as far as it can be opened.

    Raises
    ------
    LipkitError
        When it is not a readable recording, or has neither pictures nor sound.
    """
    with Source(path, keep_damaged=True, limits=limits) as source:
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
            audio_tracks=source.audio_tracks,
            has_video=video is not None,
            has_audio=audio is not None,
        )


def iter_video(
    path: str | os.PathLike, *, keep_damaged: bool = False, limits: Limits = DEFAULT
) -> Iterator[np.ndarray]:
    """Yield the pictures of :func:`read_video` one by one, in constant memory.

    Raises
    ------
    LipkitError
        As :func:`read_video`; damage other than a missing end is raised after the pictures.
    """
    with Source(path, keep_damaged=keep_damaged, limits=limits) as source:
        source.require(video=True)
        yield from _pictures(source, source.decode(sound=False))
        source.check()


def read_video(
    path: str | os.PathLike, *, keep_damaged: bool = False, limits: Limits = DEFAULT
) -> np.ndarray:
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
    limits
        What is too large; ``gigabytes`` bounds the frames that are returned.

    Returns
    -------
    uint8 [T, H, W, 3], RGB.

    Raises
    ------
    DamagedError
        When the file is cut off or broken. A cut-off file never passes as a shorter clip.
    TooLargeError
        When it is, or declares to be, beyond ``limits``.
    LipkitError
        When it is missing, a folder, empty, no recording, has no video stream, no
        picture can be decoded, or its time stamps jump.
    """
    with Source(path, keep_damaged=keep_damaged, limits=limits) as source:
        source.require(video=True)
        frames = _held(source, _pictures(source, source.decode(sound=False)))
        source.check()
        return frames


def read_audio(
    path: str | os.PathLike,
    *,
    track: int | None = None,
    keep_damaged: bool = False,
    limits: Limits = DEFAULT,
) -> np.ndarray:
    """Read the sound of a video or sound file as 44,100 mono samples per second.

    Sample k is the sound at k/44100 s from the first picture's time stamp (from the
    first sample's in a sound file): sound that starts late is preceded by silence, sound
    from before the first picture is cut, gaps are silence, and the delay that an encoder
    declares (AAC, MP3, Opus) is removed. Channels are mixed so that a voice keeps its level
    (:mod:`~lipkit.media.mixing`).

    Parameters
    ----------
    path
        A file of any container and codec that FFmpeg reads.
    track
        Which audio track, counted from 1; None is the first that is not silent.
    keep_damaged, limits
        As in :func:`read_video`.

    Returns
    -------
    float32 [N] in [-1, 1].

    Raises
    ------
    LipkitError
        As :func:`read_video`, with "no audio stream" and "no sound can be decoded".
    """
    return _read_sound(path, track, keep_damaged, limits)[0]


def read_clip(
    video: str | os.PathLike,
    audio: str | os.PathLike | None = None,
    *,
    keep_damaged: bool = False,
    limits: Limits = DEFAULT,
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
    limits
        As in :func:`read_video`.

    Raises
    ------
    LipkitError
        As :func:`read_video` and :func:`read_audio`.
    """
    note = ""
    with Source(video, keep_damaged=keep_damaged, limits=limits) as source:
        source.require(video=True, audio=audio is None)
        sound = Sound(source)
        decoded = source.decode(sound=audio is None)
        frames = _held(source, _pictures(source, sound.taken_from(decoded)))
        if audio:
            samples, note = _read_sound(audio, None, keep_damaged, limits)
        elif sound.silent and source.audio_tracks > 1:
            samples, note = _read_sound(video, None, keep_damaged, limits)
        else:
            samples = sound.samples()
        source.check()
        samples = fit(samples, len(frames) * SAMPLES_PER_FRAME)
        return MediaClip(frames, samples, source.damage, note)


def _read_sound(
    path: str | os.PathLike, track: int | None, keep_damaged: bool, limits: Limits
) -> tuple[np.ndarray, str]:
    """The samples of a track, or of the first that is not silent, and a note on the choice."""
    number, first = track or 1, None
    while True:
        with Source(path, audio_track=number, keep_damaged=keep_damaged, limits=limits) as source:
            source.require(audio=True)
            sound = Sound(source)
            for frame in source.decode(pictures=False):
                sound.add(frame)
            samples = sound.samples()
            source.check()
            last = number == source.audio_tracks
            notes = [silent_before(number, track), source.note]
        if track or not sound.silent:
            return samples, "; ".join(filter(None, notes))
        first = samples if first is None else first
        if last:
            return first, ""
        number += 1


def _held(source: Source, pictures: Iterator[np.ndarray]) -> np.ndarray:
    """All pictures in one array, which grows where the file did not say how many they are."""
    frames, count = None, 0
    for picture in pictures:
        height, width = picture.shape[:2]
        if frames is None:
            declared = max(1, round(source.video_duration * FPS) + 1)
            source.limits.check_held(source.path, declared, width, height)
            frames = np.empty((declared, *picture.shape), np.uint8)
        elif count == len(frames):
            source.limits.check_held(source.path, count + 1, width, height)
            frames = np.concatenate([frames, np.empty_like(frames[: count // 2 + 1])])
        frames[count] = picture
        count += 1
    return frames[:count]


def _pictures(source: Source, decoded: Iterator) -> Iterator[np.ndarray]:
    """Pictures at 25 frames per second as RGB arrays; only those shown are converted."""
    show = Shown(source.pixel)
    count = 0
    try:
        for picture in at_steady_rate(_shown(source, decoded)):
            yield show(picture)
            count += 1
            source.limits.check_seconds(source.path, count / FPS)
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
