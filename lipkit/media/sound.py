"""The sound of a source: which track, which channels, and where its pieces lie in time."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from lipkit.errors import LipkitError
from lipkit.media.container import Source
from lipkit.media.limits import DEFAULT, Limits
from lipkit.media.mixing import Moments
from lipkit.media.timeline import JumpError, join, resample, shift

SILENT_DB = -60.0
"""Of full scale; a recording whose loudest 40 ms (rms) are below this holds no speech."""
USUAL_LAYOUTS = {6: "5.1", 8: "7.1"}
"""What so many channels are where a file does not say."""


@dataclass(frozen=True)
class Hearing:
    """How the sound of a file is heard: chosen once, from all of it."""

    track: int = 1
    """The audio track, counted from 1."""
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By the name of a channel layout, each channel's weight, f32 [K]; others are averaged."""
    note: str = ""
    """What is unusual about the choice."""


class Sound:
    """Collects the decoded sound of a source as mono pieces with their times.

    Parameters
    ----------
    source
        Where the pieces come from.
    weights
        How channels are mixed, as in :class:`Hearing`; None decides by what was collected
        when it is asked for.
    """

    def __init__(self, source: Source, weights: Mapping[str, np.ndarray] | None = None) -> None:
        self._source = source
        self._weights = weights
        self._pieces: list[tuple[Fraction | None, np.ndarray, str]] = []
        self._moments: dict[str, Moments] = {}
        self._converter: av.AudioResampler | None = None
        self._form: tuple | None = None
        self._count = 0
        self._begin: Fraction | None = None
        self.rate = 0
        self.loudest = 0.0
        """Mean square of the loudest piece of the loudest channel so far."""

    def add(self, frame: av.VideoFrame | av.AudioFrame) -> None:
        """Take a piece of sound; pictures are ignored."""
        if not isinstance(frame, av.AudioFrame):
            return
        layout = frame.layout
        form = (frame.format.name, layout.name, frame.sample_rate)
        if form != self._form:
            self._source.limits.check_rate(self._source.path, frame.sample_rate)
            self.rate = self.rate or frame.sample_rate
            self._converter = av.AudioResampler("fltp", layout, self.rate)
            self._form = form
        start = None if frame.pts is None else frame.pts * frame.time_base
        converted = [piece.to_ndarray() for piece in self._converter.resample(frame)]
        if not converted:
            return
        samples = np.nan_to_num(np.concatenate(converted, axis=1))
        self.loudest = max(self.loudest, float(np.square(samples).mean(1).max(initial=0)))
        if self._weights is None:
            if layout.name not in self._moments:
                self._moments[layout.name] = Moments(channel_names(layout))
            self._moments[layout.name].add(samples)
            if (samples == samples[:1]).all():
                samples = samples[:1]  # The same on every channel; one is held.
        self._check_length(start, samples.shape[1])
        self._pieces.append((start, samples, layout.name))

    def _check_length(self, start: Fraction | None, count: int) -> None:
        """Neither more sound than the limit, nor a gap that would be filled with more."""
        self._count += count
        limits, path = self._source.limits, self._source.path
        limits.check_seconds(path, self._count / self.rate, "its sound lasts")
        if start is not None:
            begin = self._source.origin
            self._begin = start if self._begin is None else self._begin
            begin = self._begin if begin is None else min(begin, self._begin)
            limits.check_seconds(path, float(start - begin), "its sound lasts")

    @property
    def silent(self) -> bool:
        """Whether nothing is to be heard in all that was collected."""
        return self.loudest < 10 ** (SILENT_DB / 10)

    def weights(self) -> dict[str, np.ndarray]:
        """How the channels of each layout met so far are best mixed."""
        return {layout: moments.weights() for layout, moments in self._moments.items()}

    def take(self) -> list[tuple[Fraction | None, np.ndarray]]:
        """The pieces so far, each with its start in seconds; they are forgotten here."""
        pieces, self._pieces = self._pieces, []
        weights = self.weights() if self._weights is None else self._weights
        return [(start, _mixed(samples, weights.get(name))) for start, samples, name in pieces]

    def forget(self) -> None:
        """Drop the pieces so far; how they are to be mixed stays known."""
        self._pieces = []

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
            start, samples = join(self.take(), self.rate)
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


def listen(
    path: str | os.PathLike,
    track: int | None = None,
    *,
    keep_damaged: bool = False,
    limits: Limits = DEFAULT,
) -> Hearing:
    """Choose how the sound of a file is heard, in one pass over it and constant memory.

    Without ``track`` the first audio track that is not silent is taken; a note says so where
    it is not the first. A single track of one channel is not decoded.

    Raises
    ------
    LipkitError
        As :func:`~lipkit.media.reading.read_audio`.
    """
    first = None
    for number in [track] if track else range(1, _tracks(path, keep_damaged, limits) + 1):
        with Source(path, audio_track=number, keep_damaged=keep_damaged, limits=limits) as source:
            source.require(audio=True)
            if source.audio_tracks == 1 and source.audio.codec_context.channels == 1:
                return Hearing(number)
            sound = Sound(source)
            for frame in source.decode(pictures=False):
                sound.add(frame)
                sound.forget()
            source.check()
            hearing = Hearing(number, sound.weights(), silent_before(number, track))
        if track or not sound.silent:
            return hearing
        first = first or hearing
    return first or Hearing()


def _tracks(path: str | os.PathLike, keep_damaged: bool, limits: Limits) -> int:
    with Source(path, keep_damaged=keep_damaged, limits=limits) as source:
        source.require(audio=True)
        return source.audio_tracks


def silent_before(track: int, asked: int | None = None) -> str:
    """A note on a track that was taken because those before it are silent; else nothing."""
    if asked or track == 1:
        return ""
    silent = "its first audio track is" if track == 2 else f"its first {track - 1} audio tracks are"
    return f"{silent} silent; track {track} is heard"


def channel_names(layout: av.AudioLayout) -> list[str]:
    """FFmpeg's names of a layout's channels; where a file does not say, the usual order's."""
    names = [channel.name for channel in layout.channels]
    usual = USUAL_LAYOUTS.get(len(names))
    if usual and set(names) <= {"NONE", "UNK", ""}:
        return [channel.name for channel in av.AudioLayout(usual).channels]
    return names


def _mixed(samples: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """One channel of several: [K, N] -> [N]."""
    if len(samples) == 1:
        return samples[0]
    if weights is None:
        weights = np.full(len(samples), 1 / len(samples), np.float32)
    return weights @ samples
