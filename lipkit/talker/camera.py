"""Cameras from life: frame rates, lamps that waver, colours, and what compression leaves.

A performance is drawn as an ideal camera in a studio would see it. :func:`camera` draws lots
for another one; :meth:`Camera.develop` changes its frames, :func:`compressed` encodes and
decodes them as a video file would.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from lipkit.config import FPS

Codec = Literal["", "libx264", "mpeg1video"]
_DECODERS = {"libx264": "h264", "mpeg1video": "mpeg1video"}


@dataclass(frozen=True)
class Camera:
    """One camera and its lamp."""

    fps: int = FPS
    codec: Codec = ""
    """Empty: frames as they are."""
    quality: int = 18
    """H.264's constant rate factor, or MPEG-1's quantiser (1-31); higher is worse."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    waver: tuple[float, ...] = ()
    """The light in each frame; empty: steady."""

    def develop(self, frame: np.ndarray, t: int) -> np.ndarray:
        """Frame ``t`` u8 [H, W, 3] as this camera shows it."""
        if self == Camera(self.fps):
            return frame
        light = self.waver[t] if self.waver else 1.0
        values = (np.arange(256) / 255.0)[:, None] ** self.gamma * np.array(self.tint) * light
        table = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
        return cv2.LUT(frame, table[None])


STUDIO_CAMERA = Camera()
"""25 frames/s, steady, uncompressed."""


def camera(rng: np.random.Generator, seconds: float) -> Camera:
    """A camera by lot, for a clip of that length."""
    fps = FPS if rng.random() < 0.6 else 30
    codec, quality = "", 18
    draw = rng.random()
    if draw < 0.45:
        codec, quality = "libx264", int(rng.integers(18, 37))
    elif draw < 0.75:
        codec, quality = "mpeg1video", int(rng.integers(2, 13))
    steps = rng.normal(0, 1, int(seconds * fps) + 2 * fps)
    slow = np.convolve(steps, np.hanning(fps) / np.sqrt((np.hanning(fps) ** 2).sum()), "same")
    flicker = rng.normal(0, 0.004) * np.sin(np.arange(len(steps)) * rng.uniform(0.5, 3.0))
    return Camera(
        fps,
        codec,
        quality,
        tint=tuple(np.exp(rng.normal(0, 0.05, 3)).tolist()),
        gamma=float(np.exp(rng.normal(0, 0.14))),
        waver=tuple((1 + abs(rng.normal(0, 0.015)) * slow + flicker).tolist()),
    )


def compressed(frames: Iterable[np.ndarray], how: Camera) -> Iterator[np.ndarray]:
    """The frames u8 [H, W, 3] after encoding and decoding, as many; H and W at least 16.

    Odd sizes are padded for the codec and cut again.
    """
    if not how.codec:
        yield from frames
        return
    import av

    encoder = decoder = None
    size = (0, 0)
    for number, frame in enumerate(frames):
        size = frame.shape[:2]
        even = np.pad(frame, [(0, size[0] % 2), (0, size[1] % 2), (0, 0)], mode="edge")
        if encoder is None:
            encoder = _encoder(how, even.shape[1], even.shape[0])
            decoder = av.CodecContext.create(_DECODERS[how.codec], "r")
            decoder.thread_count = 1
        # OpenCV converts colours: FFmpeg's scaler sets threads up anew for every frame.
        planes = cv2.cvtColor(np.ascontiguousarray(even), cv2.COLOR_RGB2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts = number
        for packet in encoder.encode(picture):
            for seen in decoder.decode(packet):
                yield _cut(seen, size)
    if encoder is None:
        return
    for packet in encoder.encode(None):
        for seen in decoder.decode(packet):
            yield _cut(seen, size)
    for seen in decoder.decode(None):
        yield _cut(seen, size)


def _cut(seen, size: tuple[int, int]) -> np.ndarray:
    whole = cv2.cvtColor(seen.to_ndarray(), cv2.COLOR_YUV2RGB_I420)
    return np.ascontiguousarray(whole[: size[0], : size[1]])


def _encoder(how: Camera, width: int, height: int):
    from fractions import Fraction

    import av

    encoder = av.CodecContext.create(how.codec, "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, how.fps)
    encoder.framerate = Fraction(how.fps, 1)
    encoder.thread_count = 1
    encoder.options = codec_options(how)
    return encoder


def codec_options(how: Camera) -> dict[str, str]:
    """FFmpeg's options for the codec and quality of ``how``."""
    from lipkit.media.encoding import SAME_BYTES

    if how.codec == "mpeg1video":
        scale = str(how.quality)
        return {"qmin": scale, "qmax": scale, "g": "15", "bf": "0"}
    return {"crf": str(how.quality), "preset": "veryfast", "bf": "0", **SAME_BYTES}
