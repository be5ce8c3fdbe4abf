"""Where the mouth is in lip images, by dlib, which knows whole faces only.

So the lips are first put into a face. :class:`OwnFaces` (``standard``) puts them back where
they were cropped from. :class:`FixedFace` (``paper``) puts all of them into one picture of
somebody else, as the authors did.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from lipkit.config import LIP_SIZE, PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.face.lips import crop, crop_boxes, lip_points, paste_back
from lipkit.metrics.conventions import as_released, grey

MOUTH_POINTS = 20
LEAST_CONTRAST = 2.0
"""Grey levels, standard deviation. A flatter picture shows no lips, but dlib's predictor draws
a mouth wherever it is told to look: that would count as a find."""
FARTHEST = LIP_SIZE / 4
"""Pixels; points farther outside the lip image do not belong to the lips in it."""
LARGEST_DIFFERENCE = 4.0
"""Grey levels, mean: a raw clip whose crop differs by more is not the one prepared. The
same clip read by another decoder differs by less than 1."""


class OwnFaces:
    """The faces of one clip, into which lips are pasted back.

    The truth is measured in the same way as the prediction: cut out, pasted back, found
    again. Pasting shifts dlib's points by half a pixel even when nothing is changed; if only
    one side were shifted, equal lips would not have distance 0. The face around the lips is the
    true frame's and draws the points a little towards the truth: on GRID, frozen lips score 5 %
    less than the landmarks of the frozen frame itself would.

    Parameters
    ----------
    frames
        u8 ``[F, H, W, 3]``, the raw clip.
    boxes
        f32 ``[F, 3]``, the prepared clip's crop.
    landmarks
        dlib's detector and predictor.

    Raises
    ------
    LipkitError
        When a face is missing or lost in the clip.

    >>> from lipkit.config import PrepareConfig
    >>> from lipkit.face.landmarks import FaceLandmarks, track
    >>> from lipkit.face.lips import crop, crop_boxes
    >>> from lipkit.talker import person, still
    >>> frames, landmarks = [still(person(0))], FaceLandmarks()
    >>> boxes = crop_boxes(track(frames, landmarks).points, PrepareConfig())
    >>> faces = OwnFaces(frames, boxes, landmarks)
    >>> faces.points(crop(frames, boxes), where=[0]).shape
    (1, 20, 2)
    """

    def __init__(
        self, frames: Sequence[np.ndarray], boxes: np.ndarray, landmarks: FaceLandmarks
    ) -> None:
        if len(frames) != len(boxes):
            raise LipkitError(
                f"the raw clip has {len(frames)} frames, the prepared one {len(boxes)}; "
                "prepare it again"
            )
        self._frames, self._boxes, self._landmarks = frames, boxes, landmarks
        self._rectangles = track(frames, landmarks).boxes

    def points(self, lips: np.ndarray, where: Sequence[int]) -> np.ndarray:
        """Mouth points of ``lips`` u8 ``[T, 64, 64, 3]``, each in its frame ``where`` ``[T]``.

        Returns
        -------
        np.ndarray
            f32 ``[T, 20, 2]`` in lip pixels; NaN where the picture shows no lips.
        """
        found = np.full((len(lips), MOUTH_POINTS, 2), np.nan, np.float32)
        for i in np.flatnonzero(_show_something(lips)):
            frame, box = self._frames[where[i]], self._boxes[where[i]]
            face = paste_back(frame, lips[i], box)
            points = self._landmarks.points(face, self._rectangles[where[i]])
            found[i] = _believed(lip_points(points[None], box[None])[0])
        return found


class FixedFace:
    """One picture of a face into which all lips are put, the authors' way (fact sheet 8).

    Their picture is not in their repository; here it is a drawn face, enlarged so that 64
    pixels are the box of its mouth, which needs no raw clip. The lips are stretched and
    compressed first, fill the whole box without blending, and the face is detected anew in
    every picture.
    """

    def __init__(self, landmarks: FaceLandmarks) -> None:
        self._landmarks = landmarks
        self._face, self._corner = _drawn_face(landmarks)

    def points(self, lips: np.ndarray) -> np.ndarray:
        """Mouth points of ``lips`` u8 ``[T, 64, 64, 3]``; NaN where no face is found.

        Returns
        -------
        np.ndarray
            f32 ``[T, 20, 2]``, whole pixels, from the lips' corner on.
        """
        found = np.full((len(lips), MOUTH_POINTS, 2), np.nan, np.float32)
        x, y = self._corner
        for i, image in enumerate(as_released(lips)):
            face = self._face.copy()
            face[y : y + LIP_SIZE, x : x + LIP_SIZE] = image
            detected = self._landmarks.detect(face)
            if detected:
                points = self._landmarks.points(face, detected[0].box)
                found[i] = points[48:] - (x, y)
        return found


def require_same_clip(
    frames: Sequence[np.ndarray], boxes: np.ndarray, lips: np.ndarray, name: str
) -> None:
    """Make sure that the raw ``frames`` are those from which ``lips`` were cropped.

    Raises
    ------
    LipkitError
        When they are fewer, more, or other frames.
    """
    if len(frames) == len(lips):
        some = np.linspace(0, len(lips) - 1, 3).astype(int)
        again = crop([frames[t] for t in some], boxes[some]).astype(np.int16)
        if np.abs(again - lips[some]).mean() <= LARGEST_DIFFERENCE:
            return
    raise LipkitError(
        f"{name}: is not the clip that was prepared; give the right corpus or prepare it again"
    )


@lru_cache(maxsize=1)
def _drawn_face(landmarks: FaceLandmarks) -> tuple[np.ndarray, tuple[int, int]]:
    """The fixed face u8 ``[H, W, 3]`` and the left upper corner (x, y) of its lips."""
    import cv2

    from lipkit.talker import person, still

    picture = still(person(0))
    box = crop_boxes(track([picture], landmarks).points, PrepareConfig(crop="per_frame"))[0]
    scale = LIP_SIZE / float(box[2])
    face = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    x, y = np.round((box[:2] + 0.5) * scale - LIP_SIZE / 2).astype(int)
    return face, (int(x), int(y))


def _show_something(lips: np.ndarray) -> np.ndarray:
    return grey(lips).std(axis=(1, 2)) >= LEAST_CONTRAST


def _believed(points: np.ndarray) -> np.ndarray:
    outside = points.min() < -FARTHEST or points.max() > LIP_SIZE - 1 + FARTHEST
    return np.full_like(points, np.nan) if outside else points
