"""Videos as cameras leave them: H.264 in MP4 or MPEG-1 as GRID's, 25 or 30 frames/s."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from lipkit.config import SAMPLE_RATE
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.media.container import file_url
from lipkit.media.encoding import SAME_BYTES
from lipkit.talker.camera import Camera, codec_options

SUFFIXES = {"": ".mp4", "libx264": ".mp4", "mpeg1video": ".mpg"}
"""Codec -> the suffix of its files. An uncompressed camera's is H.264 without visible loss."""
_LOSSLESS = 16
"""H.264's rate factor for a camera that does not compress."""


def film(path: Path, frames: Iterable[np.ndarray], samples: np.ndarray, how: Camera) -> None:
    """Write frames u8 [H, W, 3] (even sizes) and samples f32 [N] at 44.1 kHz to ``path``.

    Raises
    ------
    LipkitError
        When the file cannot be written.
    """
    mpeg = how.codec == "mpeg1video"
    lossless = {"crf": str(_LOSSLESS), "preset": "veryfast", **SAME_BYTES}
    options = codec_options(how) if how.codec else lossless
    with replacing(path) as temporary:
        try:
            with av.open(file_url(temporary), "w", format="mpeg" if mpeg else "mp4") as container:
                video = container.add_stream(how.codec or "libx264", rate=how.fps)
                video.pix_fmt, video.options = "yuv420p", options
                video.codec_context.thread_count = 1
                sound = container.add_stream("mp2" if mpeg else "aac", rate=SAMPLE_RATE)
                sound.layout = "mono"
                sound.bit_rate = 128_000
                for number, frame in enumerate(frames):
                    if number == 0:
                        video.height, video.width = frame.shape[:2]
                    picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                    picture.pts = number
                    container.mux(video.encode(picture))
                container.mux(video.encode(None))
                _sound(container, sound, samples)
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise LipkitError(f"{path}: cannot be encoded: {error.strerror}") from error


def _sound(container, stream, samples: np.ndarray) -> None:
    step = 1152
    for at in range(0, len(samples), step):
        part = np.asarray(samples[at : at + step], np.float32)[None]
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="flt", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, at
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
