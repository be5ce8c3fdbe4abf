"""All metrics of all rows of the table on the windows of one clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.windows import MOUTH_POINTS
from lipkit.errors import LipkitError
from lipkit.evaluation.scores import NOT_APPLICABLE, ClipScores, RowScores, Score, Scores
from lipkit.evaluation.trust import implausible_share, jitter
from lipkit.face.landmarks import FaceLandmarks
from lipkit.face.lips import lip_points
from lipkit.metrics import METRICS, Context, Metric
from lipkit.metrics.faces import FixedFace, OwnFaces, require_same_clip
from lipkit.metrics.lmd import lmd

TRUTH = "ground truth"
FROZEN = "frozen lips"
MEAN = "mean lips"
REFERENCES = (TRUTH, FROZEN, MEAN)
"""Rows of every table: the truth itself, the identity image repeated, and the mean of the clip's
lips, a blur that no model may see but that tells how far no motion at all gets."""


@dataclass(frozen=True)
class ClipTask:
    """What one process needs to measure one clip."""

    clip_id: str
    file: str
    """Of the prepared clip."""
    source: str | None
    """The raw clip, for its faces; None when it is not there."""
    landmark_model: str
    window: int
    starts: tuple[int, ...]
    """First frames of the clip's windows."""
    identities: tuple[int, ...]
    """The frame that is each window's identity image."""
    references: tuple[str, ...]
    """Which of :data:`REFERENCES` to measure."""
    predictions: Mapping[str, np.ndarray] = field(repr=False)
    """Of each model: lips u8 ``[windows, window, 64, 64, 3]``, or, of one that does not draw,
    mouth points f32 ``[windows, window, 20, 2]`` in lip pixels."""
    metrics: tuple[str, ...] = ()


def measure(task: ClipTask) -> ClipScores:
    """Measure every row on one clip; runs in a worker.

    A clip without a usable raw clip keeps its other metrics: its landmarks count as not found.

    Raises
    ------
    LipkitError
        When the prepared clip cannot be read, or the landmark model is broken.
    """
    clip = _Clip(task)
    rows = {}
    for name in task.references:
        rows[name] = _row(clip, *clip.reference(name))
    for name, prediction in task.predictions.items():
        if prediction.shape[2:] == MOUTH_POINTS:
            rows[name] = _row(clip, None, {"points": prediction, "points_fixed": None})
        else:
            rows[name] = _row(clip, prediction, clip.points_of(prediction))
    trust = {"jitter": clip.jitter, "implausible": clip.implausible}
    return ClipScores(task.clip_id, rows, clip.fault, clip.paste_back, **trust)


Points = dict[str, np.ndarray | None]
"""Mouth points ``[windows, window, 20, 2]`` in the own and in the fixed face."""


class _Clip:
    """One clip with its windows and, where a metric needs them, its faces."""

    def __init__(self, task: ClipTask) -> None:
        self.task = task
        self.prepared: PreparedClip = read_clip(task.file)
        self.metrics = [METRICS[name] for name in task.metrics]
        offsets = np.arange(task.window)
        self.frames = np.array(task.starts)[:, None] + offsets  # [windows, window]
        needed = {field for metric in self.metrics for field in metric.needs}
        self.fault, self.paste_back, self.jitter, self.implausible = "", None, None, None
        self._pieces: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray, dict]] = {}
        self._own = self._open_faces() if "truth_points" in needed else None
        self._wants_own = "truth_points" in needed
        self._wants_fixed = "truth_points_fixed" in needed

    def _open_faces(self) -> OwnFaces | None:
        from lipkit.media import read_video

        task, prepared = self.task, self.prepared
        if task.source is None:
            self.fault = "its raw clip is not there"
            return None
        landmarks = _landmarks(task.landmark_model).load()
        try:
            frames = read_video(task.source)
            require_same_clip(frames, prepared.box, prepared.lips, task.source)
            return OwnFaces(frames, prepared.box, landmarks)
        except LipkitError as fault:
            self.fault = str(fault)
            return None

    @cached_property
    def truth(self) -> np.ndarray:
        """u8 ``[windows, window, 64, 64, 3]``."""
        return self.prepared.lips[self.frames]

    @cached_property
    def sound(self) -> np.ndarray:
        """f16 ``[windows, 4 * window, 128]``."""
        columns = self.prepared.logmel.reshape(len(self.prepared.lips), COLUMNS_PER_FRAME, -1)
        return columns[self.frames].reshape(len(self.frames), -1, columns.shape[-1])

    def piece(self, chosen: list[int]) -> tuple[np.ndarray, np.ndarray, dict]:
        """Truth and sound of some windows, and what metrics made of them: the same for all rows."""
        key = tuple(chosen)
        if key not in self._pieces:
            self._pieces[key] = _joined(self.truth, chosen), _joined(self.sound, chosen), {}
        return self._pieces[key]

    @cached_property
    def truth_points(self) -> Points:
        points = self._points_of_clip(self.prepared.lips)
        if self._own is not None:
            untouched = lip_points(self.prepared.landmarks, self.prepared.box)[self.frames]
            pairs = (points["points"].reshape(-1, 20, 2), untouched.reshape(-1, 20, 2))
            self.paste_back = Score.of(lmd(*pairs)).mean
            self.implausible = implausible_share(pairs[0])
        return points

    def _points_of_clip(self, lips: np.ndarray) -> Points:
        """Of lips ``[F, 64, 64, 3]``, one per frame of the clip, however many windows share it."""
        own = fixed = None
        if self._wants_own:
            own = self._in_own(lips, np.arange(len(lips)))[self.frames]
        if self._wants_fixed:
            fixed = self._fixed.points(lips)[self.frames]
        return {"points": own, "points_fixed": fixed}

    def points_of(self, lips: np.ndarray) -> Points:
        """Of predicted lips ``[windows, window, 64, 64, 3]``."""
        flat, shape = lips.reshape(-1, *lips.shape[2:]), (*lips.shape[:2], 20, 2)
        own = fixed = None
        if self._wants_own:
            own = self._in_own(flat, self.frames.ravel()).reshape(shape)
        if self._wants_fixed:
            fixed = self._fixed.points(flat).reshape(shape)
        return {"points": own, "points_fixed": fixed}

    def reference(self, name: str) -> tuple[np.ndarray, Points]:
        """Lips and mouth points of a row of :data:`REFERENCES`."""
        lips = self.prepared.lips
        if name == TRUTH:
            return self.truth, self.truth_points
        if name == FROZEN:
            frozen = np.broadcast_to(lips[list(self.task.identities)][:, None], self.truth.shape)
            points = self.points_of(frozen)
            if self._own is not None:
                self.jitter = jitter(points["points"])
            return frozen, points
        mean = np.broadcast_to(np.round(lips.mean(axis=0)).astype(np.uint8), lips.shape)
        return mean[self.frames], self._points_of_clip(mean)

    def _in_own(self, lips: np.ndarray, where: np.ndarray) -> np.ndarray:
        if self._own is None:
            return np.full((len(lips), 20, 2), np.nan, np.float32)
        return self._own.points(lips, where)

    @cached_property
    def _fixed(self) -> FixedFace:
        return FixedFace(_landmarks(self.task.landmark_model))


def _row(clip: _Clip, prediction: np.ndarray | None, points: Points) -> RowScores:
    """Scores of lips, or, where there are none, of points alone."""
    by_window = [metric for metric in clip.metrics if metric.over == "window"]
    by_clip = [metric for metric in clip.metrics if metric.over == "clip"]
    windows = [_scores(clip, by_window, prediction, points, [i]) for i in range(len(clip.frames))]
    apart = _apart(clip.task.starts, clip.task.window)
    return RowScores(windows, _scores(clip, by_clip, prediction, points, apart))


def _joined(array: np.ndarray, chosen: list[int]) -> np.ndarray:
    """Windows ``[windows, T, ...]``, those chosen one behind the other ``[chosen * T, ...]``."""
    return array[chosen].reshape(-1, *array.shape[2:])


def _apart(starts: Sequence[int], window: int) -> list[int]:
    """Windows that do not overlap, from the first on."""
    chosen: list[int] = []
    for i, start in enumerate(starts):
        if not chosen or start >= starts[chosen[-1]] + window:
            chosen.append(i)
    return chosen


def _scores(
    clip: _Clip,
    metrics: Sequence[Metric],
    prediction: np.ndarray | None,
    points: Points,
    chosen: list[int],
) -> Scores:
    """The metrics of the windows ``chosen``, put one behind the other.

    Without pictures, metrics that look at them have no value, measured or not.
    """

    def joined(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else _joined(array, chosen)

    truth_points = clip.truth_points
    truth, sound, made = clip.piece(chosen)
    context = Context(
        joints=tuple(range(0, len(chosen) * clip.task.window, clip.task.window)),
        start=clip.task.starts[chosen[0]],
        clip_sound=clip.prepared.logmel,
        truth_points=joined(truth_points["points"]),
        prediction_points=joined(points["points"]),
        truth_points_fixed=joined(truth_points["points_fixed"]),
        prediction_points_fixed=joined(points["points_fixed"]),
        made=made,
    )
    pieces = joined(prediction), truth, sound
    return {
        metric.name: NOT_APPLICABLE
        if prediction is None and not metric.points_only
        else Score.of(metric.measure(*pieces, context))
        for metric in metrics
    }


@lru_cache(maxsize=1)
def _landmarks(model: str) -> FaceLandmarks:
    """One detector per process."""
    return FaceLandmarks(model)
