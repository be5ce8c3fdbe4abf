"""Write MP4 (H.264 and AAC) and WAV, whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from lipkit.config import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.media.container import file_url
from lipkit.media.timeline import fit

AAC_BITS = 128_000
_BT601 = 6
"""The number of SMPTE 170M in FFmpeg's lists of matrices, primaries and transfer curves."""
_ROUNDED = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None = None,
    *,
    crf: int = 18,
    audio_bits: int = AAC_BITS,
) -> Path:
    """Write an MP4 that browsers play: H.264 (yuv420p), AAC, index in front.

    Read again, it has the same number of frames and its sound at the same samples.
    Memory does not grow with the number of frames.

    Parameters
    ----------
    path
        Ends in ``.mp4``. It appears when it is whole; on failure what was there stays.
    frames
        uint8 [H, W, 3] each, RGB, 25 per second; any iterable. H.264 needs even sizes: an
        odd last row or column is doubled.
    samples
        float32 [N], mono, 44,100 per second, in [-1, 1]; cut, or padded with silence, to
        the frames' length. None writes no sound. Anything may stand for the array that
        gives one where it is sliced, such as sound that is read as it is needed.
    crf
        Quality: 0 (lossless) to 51; 18 is visually lossless.
    audio_bits
        AAC's bits per second.

    Returns
    -------
    ``path``.

    Raises
    ------
    LipkitError
        When there is no frame, a frame or the sound has another shape or type, or the
        file cannot be written.
    """
    path = _checked(path, ".mp4")
    if isinstance(samples, np.ndarray | list | tuple):
        samples = _checked_samples(path, samples)
    with replacing(path) as temporary:
        try:
            _encode(path, temporary, frames, samples, crf, audio_bits)
        except av.FFmpegError as error:
            # System faults (full disk, no permission) are explained by `replacing`.
            if isinstance(error, OSError):
                raise
            raise LipkitError(f"{path}: cannot be encoded: {error.strerror}") from error
    return path


def write_audio(
    path: str | os.PathLike,
    samples: np.ndarray,
    sample_format: Literal["int16", "float32"] = "int16",
) -> Path:
    """Write a mono WAV of 44,100 samples per second.

    ``int16`` rounds to 1/32768 and clips to [-1, 1); ``float32`` keeps every bit.

    Raises
    ------
    LipkitError
        When the name does not end in ``.wav``, the samples are not float [N], or the
        file cannot be written.
    """
    from scipy.io import wavfile

    path = _checked(path, ".wav")
    samples = _checked_samples(path, samples)
    if sample_format == "int16":
        samples = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    elif sample_format != "float32":
        raise LipkitError(f"{path}: sample format {sample_format!r} is not int16 or float32")
    with replacing(path) as temporary:
        wavfile.write(temporary, SAMPLE_RATE, samples)
    return path


def _checked(path: str | os.PathLike, suffix: str) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise LipkitError(f"{path}: must end in {suffix}; choose such a name")
    return path


def _checked_samples(path: Path, samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        form = f"{samples.dtype} {list(samples.shape)}"
        raise LipkitError(f"{path}: the sound is {form}; give float32 [N] in [-1, 1]")
    if not np.isfinite(samples).all():
        raise LipkitError(f"{path}: the sound has samples that are not numbers; repair it")
    return samples.astype(np.float32)


def _encode(
    path: Path,
    temporary: Path,
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None,
    crf: int,
    audio_bits: int,
) -> None:
    video = sound = None
    with av.open(
        file_url(temporary), "w", format="mp4", options={"movflags": "faststart"}
    ) as container:
        for count, frame in enumerate(frames):
            frame = _even(_checked_frame(path, frame))
            if video is None:
                shape = frame.shape
                video = _Pictures(container, frame.shape, crf)
                if samples is not None:
                    sound = _Sound(container, samples, audio_bits)
            elif frame.shape != shape:
                raise LipkitError(
                    f"{path}: frame {count} is {frame.shape[1]}x{frame.shape[0]} pixels, the first "
                    f"{shape[1]}x{shape[0]}; give frames of one size"
                )
            video.add(frame)
            if sound is not None:
                sound.add_until(count + 1)
        if video is None:
            raise LipkitError(f"{path}: there is no frame to write; give at least one")
        for stream in filter(None, (video, sound)):
            stream.finish()


class _Pictures:
    """The H.264 stream of a file that is being written."""

    def __init__(self, container: "av.container.OutputContainer", shape: tuple, crf: int) -> None:
        self._container = container
        # One thread, and not x264's tree of macroblocks, which differs from run to run: the
        # same frames then give the same bytes.
        options = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
        options["x264-params"] = "mbtree=0"
        self._stream = stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.height, stream.width = shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        self._reformatter = VideoReformatter()
        self._count = 0

    def add(self, frame: np.ndarray) -> None:
        picture = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(frame, format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            interpolation=_ROUNDED,
            threads=1,
        )
        picture.pts = self._count
        picture.time_base = 1 / self._stream.codec_context.framerate
        self._count += 1
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


class _Sound:
    """The AAC stream of a file that is being written."""

    def __init__(
        self, container: "av.container.OutputContainer", samples: np.ndarray, bits: int
    ) -> None:
        self._container = container
        self._samples = samples
        self._stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        self._stream.bit_rate = bits
        self._done = 0
        self._end = 0

    def add_until(self, frames: int) -> None:
        """Encode the sound of the first ``frames`` frames, as far as it fills AAC frames."""
        self._end = frames * SAMPLES_PER_FRAME
        size = self._stream.codec_context.frame_size or 1024
        while self._done + size <= self._end:
            self._add(size)

    def finish(self) -> None:
        if self._done < self._end:
            self._add(self._end - self._done)
        self._container.mux(self._stream.encode(None))

    def _add(self, count: int) -> None:
        piece = fit(self._samples[self._done : self._done + count], count)
        frame = av.AudioFrame.from_ndarray(
            np.clip(piece, -1.0, 1.0)[None], format="fltp", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._done
        self._done += count
        self._container.mux(self._stream.encode(frame))


def _checked_frame(path: Path, frame: np.ndarray) -> np.ndarray:
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        form = f"{frame.dtype} {list(frame.shape)}"
        raise LipkitError(f"{path}: a frame is {form}; give uint8 [H, W, 3]")
    return frame


def _even(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)
