"""A face that says what the microphone hears, while it hears it."""

import time

import cv2
import numpy as np
import soxr

from lipkit.config import SAMPLE_RATE
from lipkit.generation import LipImage, SpeechStream
from lipkit.weights import Weights

LARGEST_SIDE = 480
"""Pixels; a larger picture is shrunk to this, so that drawing keeps up with the speech."""
JPEG_QUALITY = 85


class LiveTalk:
    """One speech into the microphone.

    Parameters
    ----------
    picture
        u8 [H, W, 3], or None for lips alone.
    rate
        Samples per second that the browser records.

    Raises
    ------
    UsageError
        For weights that cannot answer frame by frame.
    """

    def __init__(
        self, weights: Weights, lips: LipImage, picture: np.ndarray | None, rate: float
    ) -> None:
        self._stream = SpeechStream(weights, lips, picture, largest_side=LARGEST_SIDE)
        self._resample = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self._heard: list[np.ndarray] = []
        self._spent, self.frames = 0.0, 0

    @property
    def samples(self) -> np.ndarray:
        """What was heard until now: f32 [N], 44,100 per second."""
        return np.concatenate([np.zeros(0, np.float32), *self._heard])

    def hear(self, samples: np.ndarray, last: bool = False) -> list[bytes]:
        """The frames that a piece of sound, f32 [N] at the browser's rate, makes possible: JPEG."""
        self._heard.append(self._resample.resample_chunk(np.float32(samples), last=last))
        began = time.perf_counter()
        frames = self._stream.feed(self._heard[-1])
        if last:
            frames += self._stream.finish()
        self._spent += time.perf_counter() - began
        self.frames += len(frames)
        return [jpeg(frame) for frame in frames]

    def summary(self) -> str:
        """How late the frames came, in words."""
        each = 1000 * self._spent / max(self.frames, 1)
        return (
            f"{self.frames} pictures, each {self._stream.latency:.2f} s after its sound plus "
            f"{each:.0f} ms to draw it"
        )


def jpeg(frame: np.ndarray) -> bytes:
    """A picture u8 [H, W, 3] as JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", frame[..., ::-1], quality)[1].tobytes()
