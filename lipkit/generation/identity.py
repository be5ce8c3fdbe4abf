"""The identity: the lips of a still picture."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from lipkit.config import LIP_SIZE, PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face.landmarks import FaceLandmarks, NoFaceError, smallest_found, track
from lipkit.face.lips import crop, crop_boxes

SMALLEST_LIPS = 16
"""Pixels; a lip box smaller than this holds too little of a person to go by."""
STILL_MARGIN = 1.06
"""Median side of a clip's stable crop over that of its single frames, on GRID: a clip's side
fits its largest mouth, a still's only its own."""


@dataclass(frozen=True)
class LipImage:
    """The lips of a still picture."""

    image: np.ndarray
    """u8 [64, 64, 3], RGB."""
    box: np.ndarray | None = None
    """f32 [3]: centre x, centre y and side in the picture; None for a picture of lips alone."""
    faces: int = 0
    """Faces seen in the picture; the lips are those of the largest."""
    face: np.ndarray | None = None
    """f32 [68, 2]: the face's landmarks in the picture; None for a picture of lips alone."""
    large: np.ndarray | None = None
    """u8 [n, n, 3], n >= 64: the lips at the picture's own resolution, as ``face``."""


def find_lips(
    picture: np.ndarray, config: PrepareConfig, landmarks: FaceLandmarks, name: str | Path
) -> LipImage:
    """Crop the lips of the largest face in a picture as in preparation.

    Parameters
    ----------
    picture:
        u8 [H, W, 3], RGB.
    config:
        The crop of the set on which the generator was trained.
    landmarks:
        dlib's detector and predictor.
    name:
        The picture's file, for error messages.

    Raises
    ------
    LipkitError
        When there is no face, or it is too small.

    >>> from lipkit.config import PrepareConfig
    >>> from lipkit.face.landmarks import FaceLandmarks
    >>> from lipkit.talker import person, still
    >>> lips = find_lips(still(person(0)), PrepareConfig(), FaceLandmarks(), "person 0")
    >>> lips.image.shape, lips.faces
    ((64, 64, 3), 1)
    """
    try:
        found = track([picture], landmarks, thorough=True)
    except NoFaceError:
        raise NoFaceError(
            f"{name}: no face of {smallest_found(*picture.shape[:2])} pixels or more found; give a "
            "sharp picture of a face seen from the front, or add --lips-only if it shows lips alone"
        ) from None
    if config.crop == "stable":
        config = dataclasses.replace(config, crop_scale=config.crop_scale * STILL_MARGIN)
    box = crop_boxes(found.points, config)[0]
    check_size(box, name)
    return cut_lips(picture, box, found.faces, found.points[0])


def cut_lips(picture: np.ndarray, box: np.ndarray, faces: int, face: np.ndarray) -> LipImage:
    """The lips of a picture u8 [H, W, 3] whose box [3] and landmarks [68, 2] are known."""
    image, large = (
        crop([picture], box[None], size)[0]
        for size in (LIP_SIZE, max(LIP_SIZE, round(float(box[2]))))
    )
    return LipImage(image, box, faces, face, large)


def check_size(box: np.ndarray, name: str | Path) -> None:
    """Raise LipkitError when the lips in ``box`` (x, y, side) are too small to go by."""
    if box[2] < SMALLEST_LIPS:
        raise LipkitError(
            f"{name}: the face is too small, its mouth fills {box[2]:.0f} pixels where "
            f"{SMALLEST_LIPS} are needed; give a larger picture"
        )


def middle_lips(picture: np.ndarray) -> LipImage:
    """A picture u8 [H, W, 3] of lips alone, cut square around its middle."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side > LIP_SIZE else cv2.INTER_LINEAR
    return LipImage(cv2.resize(square, (LIP_SIZE, LIP_SIZE), interpolation=method))
