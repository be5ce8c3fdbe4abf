"""The 68 face landmarks of every frame, by dlib.

Points 0-16 follow the jaw, 17-26 the brows, 27-35 the nose, 36-47 the eyes, 48-67 the mouth
(:mod:`lipkit.face.mouth`). Coordinates are source pixels (x, y) with pixel centres at
whole numbers. **dlib returns whole pixels**: a still mouth jitters by up to a pixel from frame
to frame. Nothing is smoothed here; who needs smooth points must say so.

**Licence of the model.** The 68-point model was trained on iBUG 300-W, whose licence allows
research and **excludes commercial use**. The kit does not contain it.
"""

import math
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from lipkit.errors import LipkitError
from lipkit.face.landmark_model import find_landmark_model, import_dlib, load_predictor
from lipkit.face.tracking import DetectedFace

__all__ = [
    "Face",
    "FaceLandmarks",
    "FaceLostError",
    "NoFaceError",
    "Seen",
    "Track",
    "find_faces",
    "find_landmark_model",
    "follow",
    "smallest_found",
    "track",
]

SEARCH_SIDE = 1024
"""Pixels; the first search looks at a picture whose longer side is at most this."""
MOST_SEARCHED = 50_000_000
"""Pixels of the largest picture that is searched for a face in a still: some ten seconds."""
FOUND_FROM = 80
"""Pixels; dlib's detector finds faces about this wide in the picture that it searches."""
GHOST = 0.15
"""Of the best score; a detection below it is a pattern in cloth or wall rather than a face. In
scikit-image's portrait of Eileen Collins the orange sleeve scores 0.10 of her face, and is as
large."""


class NoFaceError(LipkitError):
    """No face in any of the frames looked at."""


class FaceLostError(LipkitError):
    """A face in some frames but not in ``frame``."""

    def __init__(self, message: str, frame: int) -> None:
        super().__init__(message)
        self.frame = frame

    def __reduce__(self) -> tuple:
        # Exceptions cross process pools; the default would lose the frame.
        return type(self), (str(self), self.frame)


@dataclass(frozen=True, eq=False)
class Face:
    """One detection: ``box`` f64 [4] = left, top, right, bottom in pixels; dlib's ``score``."""

    box: np.ndarray
    score: float

    @property
    def area(self) -> float:
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


@dataclass(eq=False)
class Track:
    """The landmarks of a clip.

    ``points`` f32 [T, 68, 2]; ``boxes`` f32 [T, 4], the rectangle given to the predictor in
    each frame; ``faces``, the most faces seen in one detection; ``detections``, how often the
    detector was asked about a frame and found a face.
    """

    points: np.ndarray
    boxes: np.ndarray
    faces: int
    detections: int


_thread = threading.local()


def _detector() -> Any:
    """This thread's detector."""
    if not hasattr(_thread, "detector"):
        _thread.detector = import_dlib().get_frontal_face_detector()
    return _thread.detector


class FaceLandmarks:
    """dlib's frontal face detector and 68-point predictor.

    Parameters
    ----------
    model : path, optional
        The predictor's file; see :func:`find_landmark_model`.

    The 100 MB model is read on first use, once per process; the detector, which keeps state and
    takes a third of a second to make, is made once per thread. An object may be sent to another
    process: only the path travels.

    Raises
    ------
    LipkitError
        No model, or (on first use) a file that is not a whole 68-point model, or no dlib.

    >>> from lipkit.talker import person, still
    >>> picture, landmarks = still(person(0)), FaceLandmarks()
    >>> (face,) = landmarks.detect(picture)
    >>> landmarks.points(picture, face.box).shape
    (68, 2)
    """

    def __init__(self, model: str | os.PathLike | None = None) -> None:
        self.path = find_landmark_model(model)

    def __reduce__(self) -> tuple:
        return type(self), (self.path,)

    def load(self) -> "FaceLandmarks":
        """Read the model now, so that a broken file shows here; return this object."""
        load_predictor(self.path)
        return self

    def detect(self, frame: np.ndarray, upsample: int = 1) -> list[Face]:
        """All faces of ``frame`` u8 [H, W, 3], largest first.

        ``upsample`` doublings of the picture come before the search (negative: halvings).
        The detector finds faces from about 80 pixels in the picture it searches, so 1, the
        authors' setting, finds them from 40 in ``frame``; its time grows with the pixels.
        """
        picture = _checked(frame)
        shrink = 2.0 ** min(upsample, 0)
        if shrink < 1:
            size = [max(round(side * shrink), 1) for side in picture.shape[1::-1]]
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        rectangles, scores, _ = _detector().run(picture, max(upsample, 0), 0.0)
        faces = [
            Face((_corners(rectangle) + 0.5) / shrink - 0.5, float(score))
            for rectangle, score in zip(rectangles, scores, strict=True)
        ]
        return sorted(faces, key=lambda face: face.area, reverse=True)

    def points(self, frame: np.ndarray, box: Sequence[float]) -> np.ndarray:
        """The 68 points f32 [68, 2], whole pixels, of the face in ``box`` (l, t, r, b).

        The points depend on the box: dlib's two upsampling settings give boxes that differ
        by a fifth, and mouth points that differ by 0.4 px on clear faces, 2 px on bearded ones.
        """
        rectangle = import_dlib().rectangle(*(round(float(edge)) for edge in box))
        shape = load_predictor(self.path)(_checked(frame), rectangle)
        return np.array([(p.x, p.y) for p in shape.parts()], np.float32)


def track(
    frames: Sequence[np.ndarray],
    model: FaceLandmarks,
    every_frame: bool = False,
    thorough: bool = False,
) -> Track:
    """Landmarks of every frame, detecting as seldom as the truth allows.

    The face is detected once, in the first frame; the predictor then runs on every frame in
    that same rectangle, which is right as long as the head keeps its place (fact sheet 14).
    A new detection is made only in a frame where the points are no longer plausible
    (:mod:`lipkit.face.tracking`). Detection uses the cheapest setting that finds a face, starting,
    for pictures of GRID's size, at the authors': without upsampling it is five times cheaper,
    but its larger rectangles move the mouth points by 1.1 px in the mean (29 real clips),
    against 0.3 px that one detection per clip costs at the authors' setting.

    That the lips alone are covered (by a hand, say) is not noticed.

    Parameters
    ----------
    frames : u8 [T, H, W, 3], or a sequence of frames
    every_frame
        Detect in every frame: the authors' way (fact sheet 1.3), about 25 times slower.
    thorough
        Look longer for small faces in large pictures (:func:`find_faces`), as for a still.

    Of several faces the largest is taken, and then the one that overlaps it most.

    Raises
    ------
    NoFaceError
        No face in the first frame nor in four others spread over the clip.
    FaceLostError
        A face in the clip, but none in the frame it names.
    """
    if len(frames) == 0:
        raise NoFaceError("no face: the clip has no frames")
    points, boxes = [], []
    most, detections = 0, 0
    for index, seen in enumerate(follow(frames, model, every_frame, thorough)):
        if seen is None:
            raise _missing(frames, index, model)
        points.append(seen.points)
        boxes.append(seen.box)
        detections += seen.faces > 0
        most = max(most, seen.faces)
    return Track(np.stack(points), np.float32(boxes), most, detections)


class Seen(NamedTuple):
    """The followed face in one frame."""

    points: np.ndarray
    """f32 [68, 2]."""
    box: np.ndarray
    """[4]: the rectangle given to the predictor."""
    faces: int
    """Faces that the detector saw; 0 where it was not asked."""


def find_faces(model: FaceLandmarks, picture: np.ndarray, thorough: bool = False) -> list[Face]:
    """The faces in a picture u8 [H, W, 3], largest first; none where none is found.

    ``thorough`` also looks, as long as that means at most :data:`MOST_SEARCHED` pixels, for
    faces of 40 pixels in a picture of any size: seconds where there is none.
    """
    return _search(model, picture, None, thorough)[0]


def smallest_found(height: int, width: int) -> int:
    """Pixels across of the smallest face that :func:`find_faces` finds, looking thoroughly."""
    *_, last = _search_levels(height, width, thorough=True)
    return round(FOUND_FROM / 2.0**last)


def follow(
    frames: Iterable[np.ndarray],
    model: FaceLandmarks,
    every_frame: bool = False,
    thorough: bool = False,
) -> Iterator[Seen | None]:
    """:func:`track` frame by frame: the face, or None where it is lost.

    Memory does not grow with the number of frames. After a loss the face is the one that
    overlaps the last known one most.
    """
    face, level = None, None
    for frame in frames:
        points, count = None, 0
        if face is not None and not every_frame:
            points = model.points(frame, face.box)
        if points is None or not face.still_fits(frame, points):
            faces, level = _search(model, frame, level, thorough)
            if not faces:
                yield None
                continue
            count = len(faces)
            box = _same_face(faces, None if face is None else face.box).box
            points = model.points(frame, box)
            face = DetectedFace(frame, box, points)
        yield Seen(points, face.box, count)


def _search_levels(height: int, width: int, thorough: bool = False) -> Iterator[int]:
    """Upsampling settings from the cheapest on: every next one finds faces half as large."""
    longer = max(height, width)
    cheapest = min(1, math.floor(math.log2(SEARCH_SIDE / longer)))
    for level in range(cheapest, 3):
        small = longer * 2.0**level <= 4 * SEARCH_SIDE
        patient = thorough and level <= 1 and height * width * 4.0**level <= MOST_SEARCHED
        if level == cheapest or small or patient:
            yield level


def _search(
    model: FaceLandmarks, frame: np.ndarray, level: int | None, thorough: bool = False
) -> tuple[list[Face], int | None]:
    """Faces of ``frame`` and the setting that found them, tried from ``level`` on."""
    for candidate in _search_levels(*_checked(frame).shape[:2], thorough):
        if level is None or candidate >= level:
            faces = model.detect(frame, candidate)
            if faces:
                least = GHOST * max(face.score for face in faces)
                return [face for face in faces if face.score >= least], candidate
    return [], level


def _same_face(faces: list[Face], box: np.ndarray | None) -> Face:
    """The face that overlaps ``box`` most, else the largest (which stands first)."""
    if box is None:
        return faces[0]

    def overlap(face: Face) -> float:
        sides = np.minimum(face.box[2:], box[2:]) - np.maximum(face.box[:2], box[:2])
        return float(np.prod(np.maximum(sides, 0)))

    return max(faces, key=overlap)


def _missing(frames: Sequence[np.ndarray], index: int, model: FaceLandmarks) -> LipkitError:
    """The right error for a clip whose frame ``index`` shows no face."""
    count = len(frames)
    if index == 0:
        others = sorted({round(count * part) for part in (0.25, 0.5, 0.75)} | {count - 1})
        looked_at = [other for other in others if 0 < other < count]
        if not any(_search(model, frames[other], None)[0] for other in looked_at):
            return NoFaceError(
                f"no face in the {len(looked_at) + 1} frames looked at; "
                "use a clip that shows a frontal face at least 40 pixels wide"
            )
    return FaceLostError(
        f"the face is lost in frame {index} of {count}; "
        "cut the clip to the part that shows the face",
        index,
    )


def _checked(frame: np.ndarray) -> np.ndarray:
    frame = np.asarray(frame)
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or frame.size == 0:
        raise LipkitError(
            f"a frame is {frame.dtype} {list(frame.shape)}; it must be RGB uint8 [H, W, 3]"
        )
    return np.ascontiguousarray(frame)


def _corners(rectangle: Any) -> np.ndarray:
    return np.array(
        [rectangle.left(), rectangle.top(), rectangle.right(), rectangle.bottom()], np.float64
    )
