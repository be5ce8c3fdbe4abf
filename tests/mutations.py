"""Files that are whole, and broken versions of them, for tests that nothing is left uncaught."""

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
INTERESTING = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF)


def whole(folder, name):
    """The bytes of a short recording, header and all."""
    video, audio = RECORDINGS[name]
    if video == "gif":
        return _gif()
    path = folder / name
    write_events(path, video, audio, events=(0.5,), size=(64, 48))
    return path.read_bytes()


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A broken copy: bytes and whole fields changed, parts cut, doubled or moved.

    Half of the changes fall into the first kilobyte or the last, where headers are.
    """
    broken = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        kind, at = rng.integers(8), _place(len(broken), rng)
        if kind < 3:
            broken[at] = rng.choice(INTERESTING) if kind else rng.integers(256)
        elif kind < 5:
            width = int(rng.choice([2, 4, 8]))
            value = int(rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1]))
            order = "big" if rng.integers(2) else "little"
            broken[at : at + width] = (value % 2 ** (8 * width)).to_bytes(width, order)
        elif kind == 5:
            del broken[at : at + int(rng.integers(1, 200))]
        elif kind == 6:
            part = broken[at : at + int(rng.integers(1, 200))]
            place = _place(len(broken), rng)
            broken[place:place] = part
        else:
            size = int(rng.integers(1, 60))
            broken[at : at + size] = rng.bytes(size)
        if len(broken) < 16:
            break
    return bytes(broken)


def _place(size: int, rng: np.random.Generator) -> int:
    where, near = rng.integers(4), min(size, 1024)
    if where == 0:
        return int(rng.integers(near))
    if where == 1:
        return int(size - 1 - rng.integers(near))
    return int(rng.integers(size))


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
