"""Give drawn lips the still picture's detail back, where they look as they do in it.

A network that draws 64 x 64 pixels loses what is finer. Where a drawn frame agrees with the
identity image, as around a shut mouth, the picture's own detail belongs there and is added;
where it differs, as in an open mouth, nothing is.
"""

import cv2
import numpy as np

from lipkit.generation.jaw import rise

COARSE = 6.0
"""Lip pixels (standard deviation): brightness and colour on this scale may differ."""
NEAR = 2.5
"""Lip pixels (standard deviation), over which agreement is judged."""
AGREE = (6.0, 18.0)
"""Grey levels of difference, rms, up to which detail is added entirely, and from which on it is
not at all."""


class StillDetail:
    """The detail of one picture's lips.

    Parameters
    ----------
    large:
        u8 [n, n, 3], the lips at the picture's resolution.
    lips:
        u8 [64, 64, 3], the identity image: the same in 64 pixels.
    """

    def __init__(self, large: np.ndarray, lips: np.ndarray) -> None:
        self._side = len(large)
        self._structure = _structure(lips)
        self._detail = large.astype(np.float32) - self._enlarged(lips)

    def add(self, lips: np.ndarray) -> np.ndarray:
        """Drawn lips u8 [64, 64, 3] at the picture's resolution, u8 [n, n, 3]."""
        agreement = self._enlarged(self.agreement(lips))
        result = self._enlarged(lips) + agreement[..., None] * self._detail
        return np.clip(np.rint(result), 0, 255).astype(np.uint8)

    def agreement(self, lips: np.ndarray) -> np.ndarray:
        """f32 [64, 64] in [0, 1]: 1 where drawn lips look like the identity's."""
        difference = ((_structure(lips) - self._structure) ** 2).mean(2)
        rms = np.sqrt(cv2.GaussianBlur(difference, (0, 0), NEAR))
        return (1 - rise(rms, *AGREE)).astype(np.float32)

    def _enlarged(self, lips: np.ndarray) -> np.ndarray:
        size = (self._side, self._side)
        return cv2.resize(np.float32(lips), size, interpolation=cv2.INTER_CUBIC)


def _structure(lips: np.ndarray) -> np.ndarray:
    lips = lips.astype(np.float32)
    return lips - cv2.GaussianBlur(lips, (0, 0), COARSE)
