"""The identity as a video of a face: its lips found, and replaced, in every frame."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from lipkit.config import FPS, PrepareConfig
from lipkit.face.landmarks import FaceLandmarks, FaceLostError, NoFaceError, follow
from lipkit.face.lips import crop_boxes, paste_back
from lipkit.face.mouth import mouth_opening, mouth_width
from lipkit.face.tracking import UPPER_FACE
from lipkit.generation.identity import LipImage, check_size, cut_lips
from lipkit.generation.paste import LARGEST_SIDE, shrink, shrink_box, shrinking
from lipkit.jobs.progress import progress_bar
from lipkit.media import Limits, iter_video, probe
from lipkit.media.limits import DEFAULT as DEFAULT_LIMITS

HELD_QUALITY = 97
"""Of the JPEG in which pictures are held that would not all fit as they are."""
HELD_BYTES = 256 * 2**20
"""Pictures that stay in memory to be played backwards: about 10 s at 1920 x 1080."""
MOST_LOST = 0.5
"""Share of frames without the face above which a video is refused."""
SIZE_FRAMES = 5.0
"""Standard deviation, frames, of the smoothing of the face's size."""
NOSE_TIP, JAW_ENDS = 30, (0, 16)


@dataclass(frozen=True, eq=False)
class FaceVideo:
    """A video of a face, and where its lips are."""

    path: Path
    lips: LipImage
    """Of the frame whose mouth is most shut and whose face is seen most from the front."""
    boxes: np.ndarray
    """f32 [T, 3]: centre x, y and side of the lips in each frame used."""
    seen: np.ndarray
    """bool [T]: False where the face is lost."""
    size: tuple[int, int] = (0, 0)
    """Width and height of its pictures, pixels."""
    limits: Limits = DEFAULT_LIMITS
    """What may be read of it."""

    def notes(self, frames: int) -> list[str]:
        """What the caller should know when ``frames`` lips are pasted into the video."""
        notes, length = [], len(self.boxes)
        if lost := int((~self.seen).sum()):
            notes.append(f"{self.path}: no face in {lost} of {length} frames; the one before stays")
        if frames > length == 1:
            notes.append(f"{self.path}: holds one picture, which stands still")
        elif frames > length:
            notes.append(
                f"{self.path}: {length / FPS:.1f} s of video for {frames / FPS:.1f} s of speech; "
                "played back and forth"
            )
        return notes


def read_face_video(
    path: str | Path,
    config: PrepareConfig,
    landmarks: FaceLandmarks,
    frames: int,
    progress: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> FaceVideo:
    """Follow the face of a video's first ``frames`` frames; the pictures are not kept.

    Of several faces the largest is followed. A frame in which the face is lost (turned away,
    covered) takes the place of the lips from the last one before, or else the first after.

    Raises
    ------
    LipkitError
        When the file cannot be read, no face is in it, or it is too small.
    FaceLostError
        When the face is lost in more than half of the frames.
    """
    points, faces = [], 0
    best, best_frame, best_index = np.inf, None, 0
    shown: deque[np.ndarray] = deque(maxlen=1)
    announced = round(probe(path, limits=limits).duration * FPS) or None
    bar = progress_bar(
        islice(iter_video(path, limits=limits), frames),
        "find the face",
        total=min(frames, announced or frames),
        unit="frame",
        shown=progress,
        leave=False,
    )
    for index, face in enumerate(follow(_remembering(bar, shown), landmarks)):
        points.append(None if face is None else face.points)
        if face is None:
            continue
        faces = max(faces, face.faces)
        if (cost := restlessness(face.points)) < best:
            best, best_frame, best_index = cost, shown[-1], index
    seen = np.array([p is not None for p in points])
    if not seen.any():
        raise NoFaceError(f"{path}: no face found; give a video of a face seen from the front")
    if seen.mean() < 1 - MOST_LOST:
        raise FaceLostError(
            f"{path}: the face is lost in {(~seen).sum()} of {len(seen)} frames; cut the video to "
            "the part that shows the face from the front",
            int(np.argmin(seen)),
        )
    boxes = follow_lips(np.stack([points[i] for i in _nearest_before(seen)]), config)
    check_size(boxes[best_index], path)
    lips = cut_lips(best_frame, boxes[best_index], faces, points[best_index])
    height, width = best_frame.shape[:2]
    return FaceVideo(Path(path), lips, boxes, seen, (width, height), limits)


def restlessness(points: np.ndarray) -> float:
    """How far a face [68, 2] is from a shut mouth seen from the front: 0 is both.

    The inner lips' opening over the mouth's width, plus how much nearer the tip of the nose is
    to one end of the jaw than to the other, over their distance.
    """
    left, right = (np.linalg.norm(points[NOSE_TIP] - points[end]) for end in JAW_ENDS)
    turned = abs(left - right) / max(left + right, 1e-6)
    return float(mouth_opening(points) / max(mouth_width(points), 1.0) + turned)


def follow_lips(points: np.ndarray, config: PrepareConfig) -> np.ndarray:
    """Lip boxes f32 [T, 3] for points [T, 68, 2], whose side grows and shrinks with the face.

    :func:`lipkit.face.lips.crop_boxes` gives a clip one side, which is right while the head keeps
    its distance. Here the points are brought to one size of the face before, and back after.
    """
    upper = points[:, UPPER_FACE].astype(np.float64)
    size = np.sqrt(((upper - upper.mean(1, keepdims=True)) ** 2).sum(2).mean(1))
    size = gaussian_filter1d(np.maximum(size, 1e-3), SIZE_FRAMES, mode="nearest")
    size /= np.median(size)
    boxes = crop_boxes(points / size[:, None, None], config)
    return (boxes * size[:, None]).astype(np.float32)


def paste_into_video(
    video: FaceVideo,
    lips: Iterable[np.ndarray],
    largest_side: int = LARGEST_SIDE,
    repeats: bool = True,
) -> Iterator[np.ndarray]:
    """Put each lip image u8 [n, n, 3] into the video's next frame, as long as there are any.

    The video is played once and then, for longer speech, its last seconds back and forth
    (:data:`HELD_BYTES`), unless ``repeats`` is false. Where the face is lost, the frame before
    stands still.
    """
    frames = _frames_of_face(video, largest_side)
    shown = _back_and_forth(frames, len(video.boxes)) if repeats else frames
    # The lips come first, so that no frame is decoded in vain.
    for image, (picture, box) in zip(lips, shown, strict=False):
        yield paste_back(picture, image, box)


def _frames_of_face(video: FaceVideo, largest_side: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures and boxes at their working size; where the face is lost, those before."""
    held, waiting = None, 0
    for index, picture in enumerate(
        islice(iter_video(video.path, limits=video.limits), len(video.boxes))
    ):
        if video.seen[index]:
            scale = shrinking(picture.shape, largest_side)
            held = shrink(picture, scale), shrink_box(video.boxes[index], scale)
            # Frames before the first that shows the face show that one.
            yield from [held] * waiting
            waiting = 0
        if held is None:
            waiting += 1
        else:
            yield held


def _back_and_forth(
    frames: Iterable[tuple[np.ndarray, np.ndarray]], count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All ``count`` of them once, then the last, as many as are held, back and forth for ever."""
    held: deque[tuple[np.ndarray, np.ndarray]] = deque()
    size = 0
    for picture, box in frames:
        kept = picture
        if count * picture.nbytes > HELD_BYTES:
            quality = [cv2.IMWRITE_JPEG_QUALITY, HELD_QUALITY]
            kept = cv2.imencode(".jpg", picture[..., ::-1], quality)[1]
        held.append((kept, box))
        size += kept.nbytes
        while size > HELD_BYTES and len(held) > 2:
            size -= held.popleft()[0].nbytes
        yield picture, box
    held = list(held)
    # The frames at which it turns are not shown twice.
    round_trip = held[-2::-1] + held[1:] or held
    while True:
        for kept, box in round_trip:
            yield _opened(kept), box


def _opened(kept: np.ndarray) -> np.ndarray:
    """A held picture u8 [H, W, 3]."""
    return (
        kept
        if kept.ndim == 3
        else cv2.cvtColor(cv2.imdecode(kept, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    )


def _nearest_before(seen: np.ndarray) -> np.ndarray:
    """For each frame the last one before it, or itself, in which the face is seen; else the
    first after."""
    index = np.where(seen, np.arange(len(seen)), -1)
    index = np.maximum.accumulate(index)
    return np.where(index < 0, np.argmax(seen), index)


def _remembering(frames: Iterable[np.ndarray], last: deque[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in frames:
        last.append(frame)
        yield frame
