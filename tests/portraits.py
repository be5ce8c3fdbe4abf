"""Large portraits for the tests of generation: drawn people, enlarged, with a camera's detail."""

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from lipkit.config import PrepareConfig
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.generation import LipImage, find_lips
from lipkit.generation.identity import cut_lips

GRAIN = 0.05
"""Standard deviation of the detail, of the brightness: pores and stubble."""


class Portrait(NamedTuple):
    """A picture and where its lips are."""

    picture: np.ndarray
    """u8 [H, W, 3]."""
    lips: LipImage

    def cut(self, frame: np.ndarray) -> np.ndarray:
        """The lip box of a frame."""
        x, y, side = self.lips.box
        left, top, side = round(x - side / 2), round(y - side / 2), round(side)
        return np.ascontiguousarray(frame[top : top + side, left : left + side])


@lru_cache(maxsize=2)
def large_portrait(person: int, side: int) -> Portrait:
    """A drawn person whose lip box is ``side`` pixels wide: the face from nose to neck.

    A drawn picture, enlarged, has nothing as fine as its pixels. A camera's has: noise is
    added whose spectrum falls as 1/f, like a natural picture's, without the coarse part.
    """
    from lipkit.talker import person as who
    from lipkit.talker import still

    small = still(who(person))
    landmarks = FaceLandmarks()
    lips = find_lips(small, PrepareConfig(), landmarks, "drawn")
    face = track([small], landmarks).points[0]
    x, y, box = lips.box
    left, top = max(0, int(x - 2.2 * box)), int(y - 1.2 * box)
    picture = small[top : int(y + 2 * box), left : int(x + 2.2 * box)]
    scale = side / box
    picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    picture = picture.astype(np.float32)
    picture += 1.2 * (picture - cv2.GaussianBlur(picture, (0, 0), 0.8 * scale))
    picture *= 1 + GRAIN * _detail(picture.shape[:2], person, 2.5 * scale)[..., None]

    def place(points: np.ndarray) -> np.ndarray:
        return np.float32((points - (left, top) + 0.5) * scale - 0.5)

    where = np.float32([*place(lips.box[:2]), side])
    picture = np.uint8(np.clip(picture, 0, 255))
    return Portrait(picture, cut_lips(picture, where, 1, place(face)))


def _detail(shape: tuple[int, int], seed: int, coarsest: float) -> np.ndarray:
    tile = 1024
    white = np.fft.rfft2(np.random.default_rng(seed).normal(size=(tile, tile)))
    frequency = np.hypot(np.fft.fftfreq(tile)[:, None], np.fft.rfftfreq(tile)[None])
    pink = np.fft.irfft2(white / np.maximum(frequency, 1 / tile), s=(tile, tile))
    fine = pink - cv2.GaussianBlur(pink, (0, 0), coarsest)
    times = -(-shape[0] // tile), -(-shape[1] // tile)
    return np.tile(fine / fine.std(), times)[: shape[0], : shape[1]].astype(np.float32)
