"""Short recordings of every kind, whole."""

import io
from fractions import Fraction

import av
import numpy as np
from media_files import write_events

RECORDINGS = {
    "a.mp4": ("libx264", "aac"),
    "a.mov": ("mpeg4", "pcm_s16le"),
    "a.mkv": ("ffv1", "flac"),
    "a.webm": ("libvpx", "libopus"),
    "a.avi": ("mjpeg", "pcm_s16le"),
    "a.mpg": ("mpeg1video", "mp2"),
    "a.ts": ("libx264", "aac"),
    "a.wav": (None, "pcm_s16le"),
    "a.mp3": (None, "libmp3lame"),
    "a.m4a": (None, "aac"),
    "a.flac": (None, "flac"),
    "a.ogg": (None, "libopus"),
    "a.gif": ("gif", None),
}


def whole(folder, name):
    """The bytes of a short recording, header and all."""
    video, audio = RECORDINGS[name]
    if video == "gif":
        return _gif()
    path = folder / name
    rate = 48000 if audio == "libopus" else 44100
    write_events(path, video, audio, rate=rate, events=(0.5,), size=(64, 48))
    return path.read_bytes()


def _gif() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for index in range(10):
            grey = np.full((48, 64, 3), 20 * index, np.uint8)
            picture = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="rgb8")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return file.getvalue()
