"""What the generator painted, apart from what it moved: layers that can be enlarged."""

from dataclasses import dataclass

import cv2
import numpy as np

from lipkit.generation.jaw import rise
from lipkit.generation.moves import Move

PAINTED = (0.2, 0.5)
"""Of a frame's largest share: where a place begins to count as painted, and counts entirely.
Below, the paint is a tint, under which skin keeps its detail."""
LEAST = 0.2
"""A smaller largest share counts as this: the mouth is shut and nothing is painted. The shipped
weights paint an open mouth with .3 to .9, and tint lips and chin with up to .1."""
SMOOTH = 1.0
"""Lip pixels (standard deviation): the share has a grid in it, from the network's enlarging."""
GRID = 0.6
"""Lip pixels (standard deviation): so much smoothing of the colours hides the same grid."""
SPREAD = 2.0
"""Lip pixels (standard deviation), over which a layer goes on beyond its outline."""
OUTLINE = 0.2
"""Half the width, in parts of full cover, of the outline in the lip image."""
NO_CHANGE = 1.0
"""Grey levels; a smaller difference of colour is noise."""


@dataclass(frozen=True)
class Paint:
    """Layers to lay over the moved picture."""

    tint: np.ndarray
    """f32 [64, 64, 3], grey levels to add to what was moved."""
    colour: np.ndarray
    """f32 [64, 64, 3], grey levels of what is painted; it goes on beyond its outline."""
    cover: np.ndarray
    """f32 [64, 64]: painted where above one half."""

    @classmethod
    def of(cls, move: Move) -> "Paint":
        """Part a lip image so that both layers together are the image again."""
        share = cv2.GaussianBlur(move.share, (0, 0), SMOOTH)
        cover = rise(share / max(float(share.max()), LEAST), *PAINTED).astype(np.float32)
        inside = outlined(cover, OUTLINE)[..., None]
        tint = _filled(move.lips - move.warped, 1 - inside)
        tint = np.sign(tint) * np.maximum(np.abs(tint) - NO_CHANGE, 0)
        return cls(tint, _filled(cv2.GaussianBlur(move.lips, (0, 0), GRID), inside), cover)


def outlined(cover: np.ndarray, half: float) -> np.ndarray:
    """Opacity in [0, 1] of a cover whose outline, at one half, is ``half`` wide on each side."""
    return rise(cover, 0.5 - half, 0.5 + half)


def _filled(layer: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``layer`` [64, 64, 3] where ``weight`` [64, 64, 1] is 1, what lies around it elsewhere."""
    near = cv2.GaussianBlur(layer * weight, (0, 0), SPREAD)
    spread = near / (cv2.GaussianBlur(weight, (0, 0), SPREAD)[..., None] + 1e-3)
    return layer * weight + spread * (1 - weight)
