"""Is the face still where it was detected? The cheap test between two detections.

dlib's predictor draws a face-shaped set of points wherever it is told to look, even on an
empty wall, so the shape of the points alone can not tell that the face has gone. Two things
can: the rigid points have left the rectangle of the last detection, or the picture around
them no longer looks like the face that was detected.
"""

import cv2
import numpy as np

NOSE = slice(27, 36)
"""Bridge and base of the nose: the points that stand stillest while a face speaks."""
UPPER_FACE = slice(17, 48)
"""Brows, nose, eyes: rigid enough to measure the size of the face by."""

MOVED = 0.10
"""Of the rectangle's width. dlib's rectangles lie on a grid about this coarse, so its
predictor was trained for errors of this size; GRID's speakers stay within 0.093."""
RESIZED = 0.15
"""Relative change of size; GRID's speakers stay within 0.05."""
ALIKE = 0.75
"""Least correlation of the two pictures; GRID: one speaker 0.88 to 1, two at most 0.68."""
THUMBNAIL = 24
"""Side, pixels, of the compared pictures: coarse, so that speaking and noise do not count."""


class DetectedFace:
    """A face as it was when it was last detected: where, how large, what it looked like.

    Parameters
    ----------
    frame : u8 [H, W, 3]
    box : [4]
        Left, top, right, bottom of the detection, pixels.
    points : f32 [68, 2]
        The points found in it.
    """

    def __init__(self, frame: np.ndarray, box: np.ndarray, points: np.ndarray) -> None:
        self.box = np.asarray(box, np.float64)
        self._nose = points[NOSE].mean(0)
        self._size = _spread(points)
        self._thumbnail = _thumbnail(frame, self.box)

    def still_fits(self, frame: np.ndarray, points: np.ndarray) -> bool:
        """Whether ``points`` may be believed in ``frame`` without another detection."""
        shift = points[NOSE].mean(0) - self._nose
        if np.hypot(*shift) > MOVED * (self.box[2] - self.box[0]):
            return False
        if abs(np.log(_spread(points) / self._size)) > RESIZED:
            return False
        # Moved along with the nose, so that a head may nod without looking different.
        now = _thumbnail(frame, self.box + np.tile(shift, 2))
        return float((now * self._thumbnail).sum()) > ALIKE


def _spread(points: np.ndarray) -> float:
    upper = points[UPPER_FACE]
    return max(float(np.sqrt(((upper - upper.mean(0)) ** 2).sum(1).mean())), 1e-3)


def _thumbnail(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The box's picture, grey, tiny, of zero mean and unit norm (all zero when it is flat)."""
    left, top, right, bottom = np.round(box).astype(int)
    height, width = frame.shape[:2]
    left, right = max(left, 0), min(right + 1, width)
    top, bottom = max(top, 0), min(bottom + 1, height)
    if right - left < 2 or bottom - top < 2:
        return np.zeros((THUMBNAIL, THUMBNAIL), np.float32)
    small = cv2.resize(
        frame[top:bottom, left:right], (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA
    )
    grey = small.mean(axis=2, dtype=np.float32)
    grey -= grey.mean()
    return grey / max(float(np.linalg.norm(grey)), 1.0)
