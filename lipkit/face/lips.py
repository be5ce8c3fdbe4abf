"""From landmarks to lip images and back.

**Coordinates.** A box is (centre x, centre y, side) in source pixels, the centre of a pixel at
whole numbers. Lip pixel j of n covers the source from ``cx - side/2 + j*side/n`` on, so its
centre lies at ``cx + (j + 0.5 - n/2) * side/n``. :func:`crop`, :func:`paste_back` and
:func:`lip_points` all use exactly this, so they are inverse to one another.

The box is upright: rotation of the head in the picture plane is not corrected, as in the paper
(fact sheet 1.3).
"""

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from lipkit.config import LIP_SIZE, PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face.mouth import MOUTH
from lipkit.face.tracking import NOSE

ROBUST_PERCENTILE = 98.0
"""The 'largest' mouth of a clip: one misplaced frame in fifty does not count."""
REACH_MARGIN = 1.05
"""The box holds the mouth's farthest reach from the centre with this to spare."""
SMALLEST_CLONE = 12
"""Pixels; a mask smaller than this is feathered: Poisson blending has no room to work."""
LARGEST_CLONE = 128
"""Pixels; into a larger box Poisson blending is computed at about this size: what it adds is
smooth, and solving for it costs more than in proportion to the pixels."""
MASK_POWER = 4
"""Exponent of the mask's superellipse: rounder than a square, fuller than an ellipse."""


def crop_boxes(points: np.ndarray, config: PrepareConfig) -> np.ndarray:
    """The lip box of every frame: points f32 [T, 68, 2] -> f32 [T, 3] (centre x, y, side).

    ``stable`` (default): one side for the whole clip, ``config.crop_scale`` times the largest
    mouth; the centre stands at a constant distance from the nose, whose mean is smoothed over
    time (Gaussian, ``config.smooth_frames``). So the lips move and the face does not: on GRID
    the face then moves by 0.2 px rms in the source (0.3 with ``smooth_frames`` 3, which
    lags behind a nodding head), against 1.2 with a smoothed mouth centre and 1.5 with
    ``per_frame``.

    ``per_frame``: the authors' square around the mouth's own box (fact sheet 1.3): half side
    ``int(crop_scale / 2 * max(w, h))`` around ``(x + int(w/2), y + int(h/2))``, with x, y, w, h
    counted in whole pixels, both ends included. Zoom and place then follow the lips.

    Raises
    ------
    LipkitError
        Points of another shape, or none, or not finite.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 3 or points.shape[1:] != (68, 2) or len(points) == 0:
        raise LipkitError(f"landmarks are {list(points.shape)}; they must be [T, 68, 2], T > 0")
    if not np.isfinite(points).all():
        raise LipkitError("landmarks are not finite; track the clip again")
    boxes = _stable_boxes if config.crop == "stable" else _per_frame_boxes
    return boxes(points, config).astype(np.float32)


def _stable_boxes(points: np.ndarray, config: PrepareConfig) -> np.ndarray:
    mouth = points[:, MOUTH]
    low, high = mouth.min(1), mouth.max(1)
    nose = points[:, NOSE].mean(1)
    anchor = nose
    if config.smooth_frames > 0:
        anchor = gaussian_filter1d(nose, config.smooth_frames, axis=0, mode="nearest")
    # The offset is from the unsmoothed nose: smoothing must not shift the mean.
    centres = anchor + ((low + high) / 2 - nose).mean(0)
    largest = np.percentile((high - low).max(1), ROBUST_PERCENTILE)
    reach = np.maximum(high - centres, centres - low).max(1)
    farthest = np.percentile(reach, ROBUST_PERCENTILE)
    side = max(config.crop_scale * largest, REACH_MARGIN * 2 * farthest, 1.0)
    return np.column_stack([centres, np.full(len(points), side)])


def _per_frame_boxes(points: np.ndarray, config: PrepareConfig) -> np.ndarray:
    mouth = np.floor(points[:, MOUTH])
    low = mouth.min(1)
    size = mouth.max(1) - low + 1
    centre = low + np.floor(size / 2)
    radius = np.maximum(np.floor(config.crop_scale / 2 * size.max(1)), 1)
    # Pixels centre - r to centre + r - 1: their middle lies half a pixel before the centre.
    return np.column_stack([centre - 0.5, 2 * radius])


def crop(frames: Iterable[np.ndarray], boxes: np.ndarray, size: int = LIP_SIZE) -> np.ndarray:
    """Lip images u8 [T, size, size, 3] of frames u8 [H, W, 3] at boxes [T, 3].

    Enlarging is bicubic. Shrinking averages sub-samples no farther apart than source pixels,
    so that nothing aliases. Beyond the picture's edge its border is repeated.

    Raises
    ------
    LipkitError
        As many boxes as frames are needed.

    >>> import numpy as np
    >>> frames = np.zeros((2, 120, 160, 3), np.uint8)
    >>> boxes = np.array([[80, 60, 40], [82, 60, 40]], np.float32)  # centre x, y and side
    >>> crop(frames, boxes).shape
    (2, 64, 64, 3)
    """
    boxes = np.asarray(boxes, np.float64)
    lips = []
    for frame in frames:
        if len(lips) == len(boxes):
            break
        lips.append(_crop_one(frame, boxes[len(lips)], size))
    else:
        if len(lips) == len(boxes):
            return np.stack(lips) if lips else np.empty((0, size, size, 3), np.uint8)
    raise LipkitError(f"{len(boxes)} boxes do not fit the number of frames; give one box per frame")


def _crop_one(frame: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    cx, cy, side = box
    factor = max(int(np.ceil(side / size)), 1)
    fine = size * factor
    return _resample(frame, (cx, cy), side / fine, fine, fine, factor)


def _resample(
    image: np.ndarray,
    centre: tuple[float, float],
    step: float,
    width: int,
    height: int,
    factor: int,
) -> np.ndarray:
    """Sample a grid of the given step around ``centre``, then average factor x factor blocks."""
    to_source = np.array(
        [
            [step, 0.0, centre[0] + (0.5 - width / 2) * step],
            [0.0, step, centre[1] + (0.5 - height / 2) * step],
        ]
    )
    sampled = cv2.warpAffine(
        image,
        to_source,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if factor == 1:
        return sampled
    size = (width // factor, height // factor)
    return cv2.resize(sampled, size, interpolation=cv2.INTER_AREA)


def lip_points(points: np.ndarray, boxes: np.ndarray, size: int = LIP_SIZE) -> np.ndarray:
    """Mouth points in lip pixels: points [T, 68, 2], boxes [T, 3] -> f32 [T, 20, 2].

    >>> import numpy as np
    >>> points = np.full((1, 68, 2), 60.0, np.float32)
    >>> box = np.array([[60, 60, 40]], np.float32)  # centre x, y and side
    >>> inside = lip_points(points, box)
    >>> inside.shape, bool(abs(inside - 31.5).max() <= 0.5)  # the middle of 64 pixels
    ((1, 20, 2), True)
    """
    centre, side = _broadcast(boxes)
    mouth = np.asarray(points, np.float64)[..., MOUTH, :]
    return ((mouth - centre) * (size / side) + (size - 1) / 2).astype(np.float32)


def source_points(points: np.ndarray, boxes: np.ndarray, size: int = LIP_SIZE) -> np.ndarray:
    """The inverse of :func:`lip_points`: lip pixels [T, P, 2] -> source pixels f32 [T, P, 2]."""
    centre, side = _broadcast(boxes)
    relative = np.asarray(points, np.float64) - (size - 1) / 2
    return (relative * (side / size) + centre).astype(np.float32)


def _broadcast(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    boxes = np.asarray(boxes, np.float64)[..., None, :]
    return boxes[..., :2], boxes[..., 2:]


def paste_back(
    frame: np.ndarray,
    lips: np.ndarray,
    box: np.ndarray,
    blend: Literal["poisson", "feather"] = "poisson",
) -> np.ndarray:
    """A copy of ``frame`` u8 [H, W, 3] with ``lips`` u8 [n, n, 3] put where ``box`` [3] lies.

    The inverse of :func:`crop`. ``poisson`` keeps the lips' gradients and takes the colour at
    the rim from the frame (seamless cloning), so that a lip image of other brightness leaves no
    visible box. ``feather`` keeps the lips' own colours and fades them out over the rim; it is
    also what ``poisson`` falls back to where the box leaves the picture or is tiny. The corners
    of the box are left as they are.

    Raises
    ------
    LipkitError
        ``lips`` not square or empty, or another ``blend``.

    >>> import numpy as np
    >>> frame = np.full((120, 160, 3), 100, np.uint8)
    >>> lips = np.full((64, 64, 3), 200, np.uint8)
    >>> pasted = paste_back(frame, lips, np.array([80, 60, 40], np.float32), blend="feather")
    >>> pasted[60, 80].tolist(), pasted[0, 0].tolist()
    ([200, 200, 200], [100, 100, 100])
    """
    if blend not in ("poisson", "feather"):
        raise LipkitError(f"blend={blend!r}: must be poisson or feather")
    if lips.ndim != 3 or lips.shape[0] != lips.shape[1] or lips.shape[2] != 3 or lips.size == 0:
        raise LipkitError(f"lips are {list(lips.shape)}; they must be a square RGB image [n, n, 3]")
    result = frame.copy()
    cx, cy, side = (float(value) for value in box)
    # The pixels whose centres lie in the box, and those of them that lie in the picture.
    left, top = int(np.ceil(cx - side / 2)), int(np.ceil(cy - side / 2))
    right, bottom = int(np.floor(cx + side / 2)) + 1, int(np.floor(cy + side / 2)) + 1
    height, width = frame.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if x1 <= x0 or y1 <= y0:
        return result
    n = lips.shape[0]
    step = n / side
    factor = max(int(np.ceil(step)), 1)
    middle = ((x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2)
    in_lips = tuple((m - c) * step + (n - 1) / 2 for m, c in zip(middle, (cx, cy), strict=True))
    patch = _resample(lips, in_lips, step / factor, (x1 - x0) * factor, (y1 - y0) * factor, factor)
    u = (np.arange(x0, x1) - cx) / (side / 2)
    v = (np.arange(y0, y1) - cy) / (side / 2)
    radius = (np.abs(u)[None, :] ** MASK_POWER + np.abs(v)[:, None] ** MASK_POWER) ** (
        1 / MASK_POWER
    )
    inside = (x0, y0, x1, y1) == (left, top, right, bottom)
    target = result[y0:y1, x0:x1]
    if blend == "poisson" and inside and min(target.shape[:2]) >= SMALLEST_CLONE:
        target[...] = _poisson(target, patch, radius)
    else:
        weight = _feather(radius)[..., None]
        target[...] = np.round(target * (1 - weight) + patch * weight).astype(np.uint8)
    return result


def _feather(radius: np.ndarray, start: float = 0.7) -> np.ndarray:
    """1 within ``start`` of the rim, falling smoothly to 0 at the rim."""
    t = np.clip((1 - radius) / (1 - start), 0, 1)
    return t * t * (3 - 2 * t)


def _poisson(target: np.ndarray, patch: np.ndarray, radius: np.ndarray) -> np.ndarray:
    factor = min(target.shape[:2]) // LARGEST_CLONE
    if factor > 1:
        return _poisson_coarse(target, patch, radius, factor)
    mask = np.where(radius <= 0.92, np.uint8(255), np.uint8(0))
    x, y, width, height = cv2.boundingRect(mask)
    # OpenCV puts the middle of the mask's bounding box at this point.
    middle = (x + width // 2, y + height // 2)
    return cv2.seamlessClone(patch, target, mask, middle, cv2.NORMAL_CLONE)


def _poisson_coarse(
    target: np.ndarray, patch: np.ndarray, radius: np.ndarray, factor: int
) -> np.ndarray:
    """Solve on averages of ``factor`` pixels, and add what that changes to the patch."""
    height, width = target.shape[:2]
    size = width // factor, height // factor
    coarse_target, coarse_patch, coarse_radius = (
        cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        for picture in (target, patch, radius)
    )
    solved = _poisson(coarse_target, coarse_patch, coarse_radius).astype(np.float32)
    # Outside its mask the solution is the target; there the rim's change goes on instead.
    inside = np.float32(coarse_radius <= 0.92)[..., None]
    change = (solved - coarse_patch) * inside
    near = cv2.GaussianBlur(inside, (0, 0), 1.5)[..., None]
    change += (1 - inside) * cv2.GaussianBlur(change, (0, 0), 1.5) / (near + 1e-3)
    change = cv2.resize(change, (width, height), interpolation=cv2.INTER_CUBIC)
    weight = _feather(radius / 0.92, 0.9)[..., None]
    return np.clip(np.rint(target + weight * (patch + change - target)), 0, 255).astype(np.uint8)
