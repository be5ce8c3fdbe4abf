"""Draw a frame in the picture itself: its pixels moved at its own resolution.

The warp generator works on 64 x 64 lip pixels, but its flow is smooth. So the flow is enlarged
instead of the picture: skin and lips keep the detail that the camera saw. Only what no picture
of a shut mouth shows, teeth and tongue, is enlarged from the lip image, with a crisp outline.

No box is blended in. Towards the rim the motion fades to none, and below the lips into that of
the jaw; where nothing moves, the frame is the picture, bit for bit.
"""

import cv2
import numpy as np

from lipkit.config import LIP_SIZE
from lipkit.generation.jaw import Jaw, rise
from lipkit.generation.moves import Move
from lipkit.generation.paint import OUTLINE, SMOOTH, Paint, outlined

NO_MOTION = 0.1
"""Lip pixels; a shorter flow is the network's noise, not motion."""
FADE = 0.75
"""Of the way from the box's middle to its rim, from where on the motion fades."""
BEYOND = 8
"""Lip pixels outside the box, where the motion has faded."""
CREST = 1.2
"""Half the width of an outline is so much cover over the picture pixels in a lip pixel: about
two and a half pixels from paint to skin, as a camera has it, at any size."""
_LIPS = np.zeros(2, int)
"""Lip pixels (x, y) of the lip image's first pixel."""
Part = tuple[slice, slice]
"""Rows and columns of the picture."""


class Redrawing:
    """A still picture whose mouth is moved.

    Parameters
    ----------
    picture:
        u8 [H, W, 3], RGB.
    box:
        f32 [3], the lip box (centre x, y, side) that was cut for the generator.
    face:
        f32 [68, 2], the picture's landmarks, by which the jaw moves along; without them
        nothing moves outside of the box.
    """

    def __init__(
        self, picture: np.ndarray, box: np.ndarray, face: np.ndarray | None = None
    ) -> None:
        self.picture = picture
        centre, side = np.float64(box[:2]), float(box[2])
        self.scale = side / LIP_SIZE
        """Picture pixels in a lip pixel."""
        self._corner = centre - (LIP_SIZE - 1) / 2 * self.scale
        """Picture pixels of the lip image's pixel (0, 0)."""
        low, high = np.full(2, -BEYOND), np.full(2, LIP_SIZE + BEYOND)
        if face is not None:
            face = (face - self._corner) / self.scale
            low, high = Jaw.reach(face, low, high)
        self._origin = low
        """Lip pixels (x, y) of the canvas's first pixel."""
        (left, top), (right, bottom) = low, high
        x, y = np.meshgrid(
            np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
        )
        self._jaw = None if face is None else Jaw(face, x, y)
        half = LIP_SIZE / 2
        # A superellipse of exponent 4, as the mask of `paste_back`.
        radius = np.hypot(((x + 0.5) / half - 1) ** 2, ((y + 0.5) / half - 1) ** 2) ** 0.5
        self._rim = rise(radius, FADE, 1 + BEYOND / half).astype(np.float32)

    def frame(self, move: Move) -> np.ndarray:
        """The picture with its mouth moved: u8 [H, W, 3]."""
        fade = self._rim
        if self._jaw is not None:
            fade = 1 - (1 - fade) * (1 - self._jaw.takes_over(move.points))
        result = self.picture.copy()
        self._shift(result, self._flow(move, fade))
        paint = Paint.of(move)
        left, top = -self._origin
        keep = 1 - fade[top : top + LIP_SIZE, left : left + LIP_SIZE]
        self._tint(result, paint.tint * keep[..., None])
        self._cover(result, paint.colour, paint.cover)
        return result

    def _flow(self, move: Move, fade: np.ndarray) -> np.ndarray:
        """f32 [h, w, 2], lip pixels, on the canvas."""
        flow = cv2.GaussianBlur(move.flow, (0, 0), SMOOTH, borderType=cv2.BORDER_REPLICATE)
        (left, top), (height, width) = -self._origin, fade.shape
        right, bottom = width - left - LIP_SIZE, height - top - LIP_SIZE
        flow = np.pad(flow, ((top, bottom), (left, right), (0, 0)), mode="edge")
        flow *= (1 - fade)[..., None]
        if self._jaw is not None:
            flow[..., 1] += fade * self._jaw.flow(move.points, move.still)
        length = np.hypot(flow[..., 0], flow[..., 1])
        return flow * (np.maximum(length - NO_MOTION, 0) / np.maximum(length, 1e-6))[..., None]

    def _shift(self, result: np.ndarray, flow: np.ndarray) -> None:
        part = self._part(flow.any(2), self._origin)
        if part is None:
            return
        rows, columns = part
        shift = self._enlarged(flow * np.float32(self.scale), self._origin, part)
        shift[..., 0] += np.arange(columns.start, columns.stop, dtype=np.float32)
        shift[..., 1] += np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        result[part] = cv2.remap(
            self.picture, shift, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def _tint(self, result: np.ndarray, tint: np.ndarray) -> None:
        part = self._part(tint.any(2), _LIPS)
        if part is not None:
            change = self._enlarged(tint, _LIPS, part)
            result[part] = cv2.add(result[part], change, dtype=cv2.CV_8U)

    def _cover(self, result: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> None:
        part = self._part(cover > 0, _LIPS)
        if part is None:
            return
        layer = self._enlarged(np.dstack([colour, cover]), _LIPS, part)
        opacity = outlined(layer[..., 3:], min(CREST / self.scale, 2 * OUTLINE))
        under = result[part]
        result[part] = np.clip(np.rint(under + opacity * (layer[..., :3] - under)), 0, 255)

    def _part(self, touched: np.ndarray, origin: np.ndarray) -> Part | None:
        """Where in the picture lies what is ``touched``, lip pixels from ``origin`` on."""
        rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
        if not len(rows):
            return None
        # A cubic reaches two pixels far.
        first = np.array([columns[0], rows[0]]) + origin - 2
        last = np.array([columns[-1], rows[-1]]) + origin + 2
        size = self.picture.shape[1::-1]
        left, top = np.clip(np.floor(self._corner + first * self.scale), 0, size).astype(int)
        right, bottom = np.clip(np.ceil(self._corner + last * self.scale) + 1, 0, size).astype(int)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)

    def _enlarged(self, layer: np.ndarray, origin: np.ndarray, part: Part) -> np.ndarray:
        """A layer in lip pixels, sampled at the picture's pixels in ``part``."""
        rows, columns = part
        start = (np.array([columns.start, rows.start]) - self._corner) / self.scale - origin
        matrix = np.array([[1 / self.scale, 0, start[0]], [0, 1 / self.scale, start[1]]])
        size = columns.stop - columns.start, rows.stop - rows.start
        return cv2.warpAffine(
            np.ascontiguousarray(layer, np.float32),
            matrix,
            size,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
