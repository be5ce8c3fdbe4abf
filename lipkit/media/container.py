"""Open a media file, decode its first picture and sound streams, and notice damage."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.stream import Disposition

from lipkit.errors import LipkitError, UsageError
from lipkit.media.completeness import is_mp4, missing_bytes
from lipkit.media.given import require_file
from lipkit.media.limits import DEFAULT, Limits
from lipkit.media.pictures import heif_kind

# Formats FFmpeg sees in things that are not recordings: text, single pictures, playlists.
_NOT_RECORDINGS = {"tty", "bin", "xbin", "idf", "adf", "image2", "concat", "hls", "dash"}
# Sound without a container: a tag at its end cannot be decoded and does no harm.
_BARE_SOUND = {"mp3", "aac", "ac3"}
_LOST_SOUND = Fraction(1, 10)
"""Seconds of undecodable bare sound that are taken for harmless."""
_UNHEARD = Fraction(1, 50)
"""Seconds of bare sound that may be missing without a note."""
_COUNTING_HEADERS, _LONGEST_HEADER = (b"Xing", b"Info", b"VBRI"), 2048
"""What stands before the sound of an MP3 that says how long it is, and within how many bytes."""
# Tags that are no UTF-8 refuse no file: PyAV takes them by itself from version 19 on.
_ANY_TAGS = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "ignore"}


class DamagedError(LipkitError):
    """The file is cut off or its data are broken."""


class Source:
    """One open media file.

    Use it as a context manager. Decoding runs in one thread, because the kit handles
    many files in parallel processes.

    Parameters
    ----------
    path
        A file of any container and codec that FFmpeg reads.
    audio_track
        Which of several audio tracks is read, counted from 1.
    keep_damaged
        Go on with what can be decoded of a damaged file.
    limits
        What is too large; what the header declares is compared here.

    Raises
    ------
    DamagedError
        When the end of the file is missing (later damage is raised by :meth:`check`).
    TooLargeError
        When it declares more than ``limits`` allow.
    LipkitError
        When the path is missing, a folder, empty, unreadable, or no recording, or has no
        such audio track.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        audio_track: int = 1,
        keep_damaged: bool = False,
        limits: Limits = DEFAULT,
    ) -> None:
        self.path = Path(path)
        self.limits = limits
        self._keep_damaged = keep_damaged
        self._container = _open(self.path)
        self.video = next(iter(_readable(self._container.streams.video)), None)
        sounds = _readable(self._container.streams.audio)
        self.audio_tracks = len(sounds)
        """How many audio tracks there are."""
        self.audio = sounds[audio_track - 1] if 0 < audio_track <= len(sounds) else None
        try:
            self._check_declared(audio_track)
        except LipkitError:
            self._container.close()
            raise
        self.origin: Fraction | None = None
        """Time stamp, s, of the first picture, once it has been decoded."""
        self.damage = ""
        """The first sign of damage, known in full after decoding; empty for a whole file."""
        self._lost = self._decoded = Fraction(0)
        self._promised: Fraction | None = None
        if missing := missing_bytes(self.path):
            self._note(f"at least {missing:,} bytes are missing at its end")
            self.check()

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *error: object) -> None:
        self._container.close()

    def _check_declared(self, audio_track: int) -> None:
        if self.audio is None and audio_track != 1:
            raise UsageError(
                f"{self.path}: has no audio track {audio_track}; it has {self.audio_tracks}"
            )
        # The length that a WAV declares is not to be believed where it came through a pipe.
        if self._container.format.name != "wav":
            self.limits.check_seconds(self.path, self.duration)
        if self.video is not None:
            context = self.video.codec_context
            self.limits.check_pixels(self.path, context.width, context.height)
            # A picture may be larger than the header says; its decoder refuses it then.
            context.options = {"max_pixels": str(self.limits.pixels)}

    @property
    def duration(self) -> float:
        """Announced or estimated length of the whole recording, s; 0 when unknown."""
        return (self._container.duration or 0) / av.time_base

    @property
    def video_duration(self) -> float:
        """Announced length of the pictures alone, s; that of the whole where it is not said."""
        stream = self.video
        if stream is None or not stream.duration or not stream.time_base:
            return self.duration
        return float(stream.duration * stream.time_base)

    @property
    def pixel(self) -> Fraction | None:
        """Width of the video's pixels over their height; None when it is not said."""
        if self.video is None:
            return None
        return self.video.sample_aspect_ratio or self.video.codec_context.sample_aspect_ratio

    def require(self, *, video: bool = False, audio: bool = False) -> None:
        """Raise LipkitError when a wanted stream is not there."""
        if video and self.video is None:
            raise LipkitError(f"{self.path}: has no video stream; give a file with pictures")
        if audio and self.audio is None:
            raise LipkitError(
                f"{self.path}: has no audio stream; give a file with sound or a separate sound file"
            )

    def decode(
        self, *, pictures: bool = True, sound: bool = True
    ) -> Iterator[av.VideoFrame | av.AudioFrame]:
        """Yield decoded pictures and pieces of sound in the file's order.

        Without ``pictures`` only the first picture is decoded (and yielded), because its
        time stamp is the origin of time. What cannot be decoded is left out and noted in
        :attr:`damage`.
        """
        streams = [s for s in (self.video, self.audio) if s is not None]
        for stream in streams:
            stream.codec_context.thread_count = 1
        bare = self._container.format.name in _BARE_SOUND
        time = lost_now = Fraction(0)
        for packet in self._packets(streams):
            length = (packet.duration or 0) * packet.time_base
            if packet.pts is not None:
                time = packet.pts * packet.time_base
            # Of a WAV the lengths have been looked at; FFmpeg believes every one.
            if packet.is_corrupt and self._container.format.name != "wav":
                self._note(f"data are missing near {float(time):.2f} s")
            if not self._is_wanted(packet.stream, pictures, sound):
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if bare and packet.stream is self.audio:
                    lost_now += length
                    if self._lost + lost_now <= _LOST_SOUND:
                        continue
                self._note(f"data cannot be decoded near {float(time):.2f} s")
                continue
            if bare and frames:
                # What cannot be decoded at the very end is a tag, not sound.
                self._lost, lost_now = self._lost + lost_now, Fraction(0)
                self._hear(packet, frames)
            for frame in frames:
                if packet.stream is self.video:
                    self._see(frame)
                yield frame

    def _is_wanted(self, stream: "av.stream.Stream", pictures: bool, sound: bool) -> bool:
        if stream is self.audio:
            return sound
        return pictures or self.origin is None

    def _packets(self, streams: list) -> Iterator[av.Packet]:
        try:
            yield from self._container.demux(*streams)
        except av.FFmpegError as error:
            self._note(f"reading stops early ({_reason(error)})")
        except IndexError:
            # PyAV has no place for a stream that begins after the file was opened.
            self._note("reading stops early (a stream begins that its head does not name)")

    def _hear(self, packet: av.Packet, frames: list[av.AudioFrame]) -> None:
        """Count bare sound, to compare it with what its header promises."""
        if not self._decoded and packet.pos:
            with open(self.path, "rb") as file:
                file.seek(max(0, packet.pos - _LONGEST_HEADER))
                head = file.read(min(packet.pos, _LONGEST_HEADER))
            if any(mark in head for mark in _COUNTING_HEADERS) and self.audio.duration:
                self._promised = self.audio.duration * self.audio.time_base
        self._decoded += sum(Fraction(f.samples, f.sample_rate) for f in frames)

    @property
    def note(self) -> str:
        """What a listener should know of the sound that was decoded; empty for a whole file."""
        missing = max(self._lost, (self._promised or 0) - self._decoded)
        if missing <= _UNHEARD:
            return ""
        return f"{float(missing):.2f} s of its sound are damaged or missing; the rest is heard"

    def _see(self, picture: av.VideoFrame) -> None:
        if picture.is_corrupt:
            self._note("a picture is incomplete")
        if self.origin is None:
            self.origin = (picture.pts or 0) * picture.time_base

    def _note(self, damage: str) -> None:
        self.damage = self.damage or damage

    def check(self) -> None:
        """Raise DamagedError when damage was met, unless it is to be kept."""
        if self.damage and not self._keep_damaged:
            self._container.close()
            raise DamagedError(
                f"{self.path}: is damaged or cut off: {self.damage}; get the file again"
            )


def file_url(path: Path) -> str:
    """``path`` as FFmpeg's file protocol takes it; a colon in a name is not a protocol then."""
    return f"file:{path}"


def _open(path: Path) -> "av.container.InputContainer":
    require_file(path)
    if kind := heif_kind(_head(path)):
        raise LipkitError(f"{path}: is a still picture ({kind}); give a video or sound file")
    try:
        # Only files: a playlist must not make the kit fetch from a network.
        container = av.open(file_url(path), options={"protocol_whitelist": "file"}, **_ANY_TAGS)
    except (av.FFmpegError, OSError) as error:
        if missing_bytes(path) or is_mp4(_head(path)):
            raise DamagedError(
                f"{path}: is damaged or cut off: it cannot be opened; get the file again"
            ) from None
        raise LipkitError(
            f"{path}: is not a video or sound file ({_reason(error)}); check what it is"
        ) from None
    name = container.format.name
    if _NOT_RECORDINGS.intersection(name.split(",")) or name.endswith("_pipe"):
        container.close()
        raise LipkitError(
            f"{path}: is text, a playlist or a still picture; give a video or sound file"
        )
    return container


def _readable(streams: tuple) -> list["av.stream.Stream"]:
    """The streams that can be decoded and are not the cover picture of a sound file."""
    return [
        stream
        for stream in streams
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(64)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()
