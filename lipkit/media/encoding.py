"""The streams of a video file that is being written, and what its ending stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType

import av
import numpy as np
import soxr
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from lipkit.config import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.media.timeline import fit

_BT601 = 6
"""The number of SMPTE 170M in FFmpeg's lists of matrices, primaries and transfer curves."""
_ROUNDED = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
SAME_BYTES = {"x264-params": "mbtree=0"}
"""Options of x264 by which the same frames always give the same bytes: its tree of macroblocks
reads memory that nobody wrote, and differs now and then from run to run."""
_OWN_COLOURS = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"


@dataclass(frozen=True)
class Container:
    """What is written under one ending of a name."""

    name: str
    """FFmpeg's."""
    pictures: str = "libx264"
    sound: str = "aac"
    """Empty where there is none."""
    rate: int = SAMPLE_RATE
    """Samples per second of the sound in the file."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def sized(self, frame: np.ndarray) -> np.ndarray:
        """A frame u8 [H, W, 3] of a size that can be written: odd ends are doubled."""
        height, width = frame.shape[:2]
        if self.pictures != "gif" and (height % 2 or width % 2):
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return np.ascontiguousarray(frame)


_INDEX_IN_FRONT = {"movflags": "faststart"}
CONTAINERS = {
    ".mp4": Container("mp4", options=_INDEX_IN_FRONT),
    ".mov": Container("mov", options=_INDEX_IN_FRONT),
    ".mkv": Container("matroska"),
    ".webm": Container("webm", "libvpx-vp9", "libopus", 48_000),
    ".gif": Container("gif", "gif", ""),
}
"""By the ending of a file's name."""


class Pictures:
    """The pictures of a file that is being written."""

    def __init__(
        self, container: "av.container.OutputContainer", form: Container, shape: tuple, crf: int
    ) -> None:
        self._container = container
        self._stream = stream = container.add_stream(
            form.pictures, rate=FPS, options=_options(form.pictures, crf)
        )
        stream.height, stream.width = shape[:2]
        self._palette = None
        if form.pictures == "gif":
            stream.pix_fmt = "pal8"
            self._palette = _palette_graph(*shape[:2])
        else:
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.color_range = ColorRange.MPEG
            context.colorspace = context.color_primaries = context.color_trc = _BT601
        self._reformatter = VideoReformatter()
        self._count = 0

    def add(self, frame: np.ndarray) -> None:
        """Encode a frame u8 [H, W, 3]."""
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if self._palette is None:
            picture = self._reformatter.reformat(
                picture,
                format="yuv420p",
                dst_colorspace=Colorspace.ITU601,
                dst_color_range=ColorRange.MPEG,
                interpolation=_ROUNDED,
                threads=1,
            )
        self._stamp(picture)
        if self._palette is not None:
            self._palette.push(picture)
            picture = self._palette.pull()
            self._stamp(picture)
        self._count += 1
        self._container.mux(self._stream.encode(picture))

    def _stamp(self, picture: av.VideoFrame) -> None:
        picture.pts, picture.time_base = self._count, Fraction(1, FPS)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


def _options(codec: str, crf: int) -> dict[str, str]:
    if codec == "libx264":
        return {"crf": str(crf), "preset": "veryfast", "threads": "1", **SAME_BYTES}
    if codec == "libvpx-vp9":
        # Its scale of quality reaches to 63.
        quality = str(round(crf * 63 / 51))
        fast = {"deadline": "realtime", "cpu-used": "6", "threads": "1"}
        return {"crf": quality, "b": "0"} | fast
    return {}


def _palette_graph(height: int, width: int) -> av.filter.Graph:
    """Finds 256 colours for each picture, and dithers with them."""
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=width, height=height, format="rgb24", time_base=Fraction(1, FPS)
    )
    split, find = graph.add("split"), graph.add("palettegen", "stats_mode=single")
    use, sink = graph.add("paletteuse", "new=1"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(find, 0, 0)
    split.link_to(use, 1, 0)
    find.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph


class SoundTrack:
    """The sound of a file that is being written."""

    def __init__(
        self,
        container: "av.container.OutputContainer",
        form: Container,
        samples: np.ndarray,
        bits: int,
    ) -> None:
        self._container = container
        self._samples = samples
        self._stream = container.add_stream(form.sound, rate=form.rate, layout="mono")
        self._stream.bit_rate = bits
        self._rate = form.rate
        self._resampler = None
        if form.rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(
                SAMPLE_RATE, form.rate, 1, dtype="float32", quality="HQ"
            )
        self._taken = self._written = 0
        self._waiting = np.zeros(0, np.float32)

    def add_until(self, frames: int) -> None:
        """Encode the sound of the first ``frames`` frames, as far as it fills the codec's."""
        end = frames * SAMPLES_PER_FRAME
        self._take(end)
        size = self._stream.codec_context.frame_size or 1024
        while len(self._waiting) >= size:
            self._write(size)

    def finish(self) -> None:
        """Write the rest."""
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self._waiting = np.concatenate([self._waiting, rest])
            total = round(self._taken * self._rate / SAMPLE_RATE)
            self._waiting = fit(self._waiting, total - self._written)
        size = self._stream.codec_context.frame_size or 1024
        while len(self._waiting):
            self._write(min(size, len(self._waiting)))
        self._container.mux(self._stream.encode(None))

    def _take(self, end: int) -> None:
        piece = np.clip(fit(self._samples[self._taken : end], end - self._taken), -1.0, 1.0)
        self._taken = end
        if self._resampler is not None:
            piece = self._resampler.resample_chunk(piece.astype(np.float32))
        self._waiting = np.concatenate([self._waiting, piece])

    def _write(self, count: int) -> None:
        piece, self._waiting = self._waiting[:count], self._waiting[count:]
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(piece[None], np.float32),
            format=_sample_format(self._stream),
            layout="mono",
        )
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts = self._written
        self._written += count
        self._container.mux(self._stream.encode(frame))


def _sample_format(stream: "av.audio.stream.AudioStream") -> str:
    """Opus takes numbers of one channel after the other, AAC channel by channel."""
    return "flt" if stream.codec_context.codec.name == "libopus" else "fltp"
