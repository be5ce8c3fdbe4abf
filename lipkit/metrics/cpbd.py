r"""Sharpness without a reference: the cumulative probability of blur detection (CPBD).

Narvekar and Karam, IEEE Transactions on Image Processing 20(9), 2011. Vertical edges are
found, and the width :math:`w` of each is the length of the monotone run of grey values
across it (Marziliano et al., 2002). Blur at an edge is seen with probability
:math:`1 - \exp(-(w / w_\mathrm{JNB})^{3.6})`, where the just noticeable width is 5 pixels in
a block of low contrast and 3 in others. CPBD is the share of edges at which it is at most
63 %, the probability at :math:`w = w_\mathrm{JNB}`: higher is sharper.

Nothing says that sharper is better: noise and false texture are sharp too, and the published
model's .175 is above its ground truth's .141.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import ndimage

from lipkit.metrics.conventions import grey_of, require_pair
from lipkit.metrics.metric import Context, Metric

BLOCK = 64
"""Side of a block, pixels: a lip image is exactly one."""
EDGE_SHARE = 0.002
"""A block with more edge pixels than this share of it is an edge block."""
BETA = 3.6
LOW_CONTRAST = 50
"""Grey levels; up to here a block's just noticeable width is 5 pixels, above it is 3."""
LONGEST = 100
"""The number of steps after which a run is followed no further."""
STEEP = 2.0
"""Grey levels per pixel; a steeper place is an edge. Both sources have its square, 4."""
FLAT = np.tan(np.pi / 8)
"""An edge is vertical when its gradient is within 22.5 degrees of the horizontal."""

Variant = Literal["published", "released"]
LAST_BIN = {"published": 63, "released": 62}
"""Per cent; the highest probability that counts as sharp."""
LEAST_GRADIENT = 0.2
"""In units of Sobel's weights, 8 times a grey level per pixel; anything less is rounding."""
CANNY = {"published": (2**0.5, "nearest"), "released": (1.0, "constant")}
"""Standard deviation, pixels, of Canny's smoothing, and what lies beyond the border."""


def cpbd(pictures: np.ndarray, variant: Variant = "published") -> np.ndarray:
    """CPBD of grey pictures: u8 ``[T, H, W]`` -> f64 ``[T]`` in [0, 1].

    ``published`` follows the inventors' MATLAB code. ``released`` follows the paper's
    authors' port of it, which differs in three places: edges are not thinned, so that a wide
    edge counts once for each of its pixels; to the right of a falling edge the run goes on
    over equal values; and the probability 63 % counts as blurred, so that an edge of exactly
    the just noticeable width is sharp in one and blurred in the other.

    Whole blocks of 64 x 64 are used; what is left over at the right and below is not. A
    picture without edges has 0, as in both sources. Canny's detector decides only which
    blocks count: in the port with scikit-image's defaults on values of 0 to 255, where any
    texture passes; in ``published`` with MATLAB's (standard deviation 1.41 pixels, upper
    threshold the 70th percentile of the gradient, lower 0.4 of it).

    >>> import numpy as np
    >>> from lipkit.metrics.corruptions import blur
    >>> sharp = np.zeros((1, 64, 64, 3), np.uint8)
    >>> sharp[:, :, 20:40] = 255
    >>> value, blurred = cpbd(sharp[..., 0]), cpbd(blur(sharp, 4.0)[..., 0])
    >>> bool(value > 0.9), bool(blurred < 0.5)
    (True, True)
    """
    pictures = np.asarray(pictures)
    # In pieces that stay in the processor's cache.
    pieces = [pictures[i : i + 32] for i in range(0, len(pictures), 32)]
    return np.concatenate([_cpbd(piece, variant) for piece in pieces] or [np.empty(0)])


def _cpbd(pictures: np.ndarray, variant: Variant) -> np.ndarray:
    frame, row, column, width = edge_widths(pictures, variant)
    rows, columns = (side // BLOCK for side in pictures.shape[1:])
    whole = (row < rows * BLOCK) & (column < columns * BLOCK)
    frame, row, column, width = frame[whole], row[whole], column[whole], width[whole]
    block = (row // BLOCK) * columns + column // BLOCK
    used = edge_blocks(pictures, variant)[frame, block]
    blocks = _in_blocks(pictures)
    contrast = blocks.max(-1) - blocks.min(-1)
    noticeable = np.where(contrast <= LOW_CONTRAST, 5, 3)[frame, block]
    blurred = 1 - np.exp(-((width / noticeable) ** BETA))
    sharp = used & (np.round(blurred * 100) <= LAST_BIN[variant])
    edges, sharp = (np.bincount(frame[which], minlength=len(pictures)) for which in (used, sharp))
    return sharp / np.maximum(edges, 1)


def edge_widths(
    pictures: np.ndarray, variant: Variant = "published"
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertical edges of u8 ``[T, H, W]``: frame, row, column and width, pixels, of each.

    The width is that of the two neighbours (2) and the steps by which the run of grey values
    goes on, in the same direction, beyond them on both sides.

    >>> import numpy as np
    >>> picture = np.zeros((1, 64, 64), np.uint8)
    >>> picture[:, :, 32:] = 255
    >>> frame, row, column, width = edge_widths(picture)
    >>> sorted(set(width.tolist()))
    [2]
    """
    light = pictures.astype(np.int16)
    # Eight times the slope by Sobel's weights, of all rows but the rim's.
    padded = np.pad(light, ((0, 0), (0, 0), (1, 1)), mode="edge")
    across = padded[..., 2:] - padded[..., :-2]
    slope = np.abs(across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:])
    edges = slope > 8 * STEEP
    if variant == "published":
        middle = slope[..., 1:-1]
        edges[..., 1:-1] &= (slope[..., :-2] <= middle) & (middle > slope[..., 2:])
    edges[..., [0, -1]] = False
    frame, row, column = np.nonzero(edges)
    row = row + 1

    across = across[frame, row, column]
    down = light[frame, row + 1, column] - light[frame, row - 1, column]
    vertical = np.abs(down) < FLAT * np.abs(across)
    # Where the gradient is upright both codes leave its angle at 0: rising to the right.
    keep = vertical | (across == 0)
    frame, row, column = frame[keep], row[keep], column[keep]
    sign = np.where(across[keep] < 0, -1, 1)

    steps = np.diff(light, axis=2)
    width = 2 + _run(steps, frame, row, column - 1, -1, sign)
    equal = (sign < 0) & (variant == "released")
    width += _run(steps, frame, row, column + 1, 1, sign, equal)
    return frame, row, column, width


def _run(
    steps: np.ndarray,
    frame: np.ndarray,
    row: np.ndarray,
    start: np.ndarray,
    direction: int,
    sign: np.ndarray,
    equal: np.ndarray | bool = False,
) -> np.ndarray:
    """How many steps of one ``sign`` follow each other from each ``start`` on, int ``[N]``.

    ``steps[..., x]`` leads from column x to x + 1; where ``equal``, a step of 0 counts too.
    """
    length = np.zeros(len(start), int)
    going = np.arange(len(start))
    at = start - (direction < 0)
    equal = np.broadcast_to(equal, start.shape)
    for _ in range(LONGEST):
        going = going[(at[going] >= 0) & (at[going] < steps.shape[-1])]
        step = sign[going] * steps[frame[going], row[going], at[going]]
        going = going[(step > 0) | (equal[going] & (step == 0))]
        if not len(going):
            break
        length[going] += 1
        at[going] += direction
    return length


def edge_blocks(pictures: np.ndarray, variant: Variant = "published") -> np.ndarray:
    """Which blocks have edges by Canny's detector: u8 ``[T, H, W]`` -> bool ``[T, blocks]``."""
    deviation, mode = CANNY[variant]
    height, width = pictures.shape[1:]
    light = pictures.astype(np.float32)
    # Smoothing and Sobel's weights act on rows and columns apart: products of matrices.
    (smooth_y, slope_y), (smooth_x, slope_x) = (
        _operators(side, deviation, mode) for side in (height, width)
    )
    magnitude = np.hypot(slope_y @ light @ smooth_x.T, smooth_y @ light @ slope_x.T)
    low, high = _thresholds(magnitude, variant)
    # A pixel above the upper threshold that none of its eight neighbours exceeds is certainly
    # an edge of Canny's. Nearly every picture has plenty of them; only for the others the whole
    # detector runs.
    inner = magnitude[:, 1:-1, 1:-1]
    highest = np.maximum(np.maximum(magnitude[:, :-2], magnitude[:, 2:]), magnitude[:, 1:-1])
    highest = np.maximum(np.maximum(highest[..., :-2], highest[..., 2:]), highest[..., 1:-1])
    peaks = np.zeros(magnitude.shape, bool)
    peaks[:, 1:-1, 1:-1] = (inner == highest) & (inner >= high[:, None, None])
    least = EDGE_SHARE * BLOCK**2
    found = _in_blocks(peaks).sum(-1) > 2 * least
    for i in np.flatnonzero(~found.all(axis=1)):
        from skimage.feature import canny

        edges = canny(pictures[i].astype(float), deviation, low[i], high[i], mode=mode)
        found[i] = _in_blocks(edges[None]).sum(-1)[0] > least
    return found


def _thresholds(magnitude: np.ndarray, variant: Variant) -> tuple[np.ndarray, np.ndarray]:
    """Canny's lower and upper threshold for each gradient magnitude ``[T, H, W]``."""
    if variant == "released":
        return np.full(len(magnitude), 0.1), np.full(len(magnitude), 0.2)
    values = magnitude.reshape(len(magnitude), -1)
    place = int(0.7 * values.shape[1])
    high = np.partition(values, place, axis=1)[:, place].astype(float)
    high = np.maximum(high, LEAST_GRADIENT)
    return 0.4 * high, high


@lru_cache
def _operators(side: int, deviation: float, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Sobel's smoothing and slope after a Gaussian, along one axis, as f32 ``[side, side]``."""
    smooth = ndimage.gaussian_filter1d(np.eye(side), deviation, axis=0, mode=mode)
    # As scikit-image: beyond a border of zeros there is nothing, not black.
    smooth /= smooth.sum(axis=1, keepdims=True)
    weights = ([1, 2, 1], [-1, 0, 1])
    return tuple(ndimage.correlate1d(smooth, w, axis=0).astype(np.float32) for w in weights)


def _in_blocks(pictures: np.ndarray) -> np.ndarray:
    """``[T, H, W]`` -> ``[T, blocks, 64 * 64]``."""
    count, height, width = pictures.shape
    rows, columns = height // BLOCK, width // BLOCK
    whole = pictures[:, : rows * BLOCK, : columns * BLOCK]
    blocks = whole.reshape(count, rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
    return blocks.reshape(count, rows * columns, BLOCK * BLOCK)


def _standard(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return cpbd(grey_of(prediction, context), "published")


def _paper(prediction, truth, sound, context: Context) -> np.ndarray:
    require_pair(prediction, truth)
    return cpbd(grey_of(prediction, context, released=True), "released")


METRICS = (
    Metric(
        "cpbd",
        "CPBD",
        "",
        "truth",
        "standard",
        "sharpness as published by Narvekar and Karam 2011, grey frames; more than the ground "
        "truth's is not better",
        _standard,
    ),
    Metric(
        "cpbd_paper",
        "CPBD, released",
        "",
        "truth",
        "paper",
        "the released code's port, after stretch and JPEG",
        _paper,
    ),
)
