"""One person's face, drawn at any mouth shape, blink and head pose.

What does not move is painted once (:class:`Layers`), at twice the frame's resolution; a frame
then warps the lower face with the jaw, paints the mouth, and lays the head over the scene in
its pose. The same formulas place the 68 landmarks, so these are exact.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache

import cv2
import numpy as np

from lipkit.talker.beard import brow_landmarks
from lipkit.talker.eyes import STAGES, Eyes
from lipkit.talker.head import LEFT, SCALE, TOP, Anatomy, grid
from lipkit.talker.layers import Layers
from lipkit.talker.lip_shape import Lips
from lipkit.talker.mouth import Mouth
from lipkit.talker.people import Person
from lipkit.talker.scene import CENTRE, HEIGHT, WIDTH
from lipkit.talker.skin import Light
from lipkit.talker.visemes import VISEMES


@dataclass(frozen=True)
class Pose:
    """How the head differs from its resting pose."""

    x: float = 0.0
    """Pixels."""
    y: float = 0.0
    roll: float = 0.0
    """Degrees."""
    yaw: float = 0.0
    pitch: float = 0.0
    scale: float = 1.0


Part = tuple[slice, slice]
"""Rows and columns of a frame."""
WHOLE: Part = (slice(0, None), slice(0, None))
_BLURRED = 6
"""Pixels around a part that its blur draws on."""

REST = np.array(VISEMES["silence"].target)
"""The closed mouth."""


class Face:
    """One person's face, ready to be drawn frame by frame."""

    def __init__(self, who: Person) -> None:
        rng = np.random.default_rng(who.seed)
        self.who, self.anatomy = who, Anatomy(who)
        light = Light(who)
        self.mouth = Mouth(self.anatomy, light, rng)
        self.eyes = Eyes(self.anatomy, light, rng)
        self._light, self._chance = light, rng
        self._prepare_movement()
        self._rest_depth()

    @cached_property
    def layers(self) -> Layers:
        """What does not move, painted when the first frame is drawn: landmarks need none of it."""
        # A copy, so that two threads paint the same.
        return Layers(self.anatomy, self._light, self.eyes, deepcopy(self._chance))

    # Movement of the skin, linear in the mouth's measures.

    def _prepare_movement(self) -> None:
        """The part of the head layer that moves, and its unit displacements."""
        x, y = grid()
        chin = self.anatomy.chin
        rows = slice(
            int((self.anatomy.nose_base - 6 - TOP) * SCALE), int((chin + 20 - TOP) * SCALE)
        )
        cols = slice(int((-64 - LEFT) * SCALE), int((64 - LEFT) * SCALE))
        self._moving = rows, cols
        wx, wy = x[rows, cols], y[rows, cols]
        self._jaw_field = self._jaw(wx, wy).astype(np.float32)
        self._lip_field = self._lift(wx, wy).astype(np.float32)
        self._wide_field = self._stretch(wx, wy).astype(np.float32)
        py, px = np.mgrid[0 : wx.shape[0], 0 : wx.shape[1]].astype(np.float32)
        self._px, self._py = px, py

    def _jaw(self, x, y):
        """Part of the jaw's drop that skin at (x, y) follows, 0-1."""
        a = np.abs(x)
        start = self.anatomy.mouth - 3 - np.minimum(0.75 * a, 20)
        t = np.clip((y - start) / (15 + 1.0 * a), 0, 1)
        return t * t * (3 - 2 * t) * np.clip(1.02 - 0.55 * (a / 52) ** 2, 0, 1)

    def _lift(self, x, y):
        """Part of the upper lip's raising that skin above it follows."""
        return np.exp(-(((y - self.anatomy.mouth + 5) / 6.5) ** 2) - (x / 17) ** 2)

    def _stretch(self, x, y):
        """Sideways movement of skin for a mouth that widens by 1 part."""
        d = (x / 30) ** 2 + ((y - self.anatomy.mouth) / 17) ** 2
        return x * np.exp(-d)

    def _shift(self, lips: Lips, x, y) -> tuple[np.ndarray, np.ndarray]:
        wider = lips.half / (0.5 * self.who.mouth_width) - 1
        down = lips.jaw * self._jaw(x, y) - lips.raised * self._lift(x, y)
        return wider * self._stretch(x, y), down

    # Drawing, each frame.

    def frame(
        self,
        shape: np.ndarray,
        pose: Pose = Pose(),
        shut: float = 0.0,
        grain: int | None = None,
        part: Part = WHOLE,
        canvas: np.ndarray | None = None,
    ) -> np.ndarray:
        """One frame u8 [288, 360, 3], or a part of it with the same pixels.

        ``shape`` is a row of ``visemes.trajectory``, ``shut`` 0 (eyes open) .. 1, ``grain``
        chooses the camera's noise in this frame (None: none), ``part`` are the rows and
        columns that are wanted. ``canvas``: a copy of ``layers.head`` to draw on, so that a
        caller who draws many frames spares as many copies.
        """
        lips = self.mouth.shape.lips(shape)
        head = self.layers.head.copy() if canvas is None else canvas
        self._move_skin(head, lips)
        rows, cols = self.mouth.window
        head[rows, cols, :3] = self.mouth.paint(head[rows, cols, :3], lips)
        stage = _stage(shut)
        rows, cols = self.eyes.window
        head[rows, cols] = self.layers.eye_stages[stage]
        return self._photograph(head, pose, grain, part)

    def _move_skin(self, head: np.ndarray, lips: Lips) -> None:
        wider = np.float32(lips.half / (0.5 * self.who.mouth_width) - 1)
        drop = np.float32(lips.jaw * SCALE) * self._jaw_field
        drop -= np.float32(lips.raised * SCALE) * self._lip_field
        rows, cols = self._moving
        head[rows, cols] = cv2.remap(
            self.layers.head[rows, cols],
            self._px - np.float32(wider * SCALE) * self._wide_field,
            self._py - drop,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def _placement(self, pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A [2, 2], c [2], tilt [2]: frame = A (head + z * tilt) + c."""
        who = self.who
        angle = np.radians(who.roll + pose.roll)
        k = who.scale * pose.scale
        a = k * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        # The head turns about the neck, not about the eyes.
        pivot = np.array([0.0, 70.0])
        c = np.array([CENTRE[0] + who.shift[0] + pose.x, CENTRE[1] + who.shift[1] + pose.y])
        c = c + who.scale * pivot - a @ pivot
        tilt = np.sin(np.radians([who.yaw + pose.yaw, who.pitch + pose.pitch]))
        return a, c, tilt

    def _rest_depth(self) -> None:
        """Height of the head at each frame pixel in the resting pose, which all poses use."""
        a, c, tilt = self._placement(Pose())
        yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self._fx, self._fy = xx, yy
        inverse = np.linalg.inv(a)
        hx = (inverse[0, 0] * (xx - c[0]) + inverse[0, 1] * (yy - c[1])).astype(np.float32)
        hy = (inverse[1, 0] * (xx - c[0]) + inverse[1, 1] * (yy - c[1])).astype(np.float32)
        relief = cv2.GaussianBlur(self.anatomy.heights, (0, 0), 3.0 * SCALE)
        z = np.zeros_like(xx)
        for _ in range(4):
            col = ((hx - np.float32(tilt[0]) * z - LEFT) * SCALE - 0.5).astype(np.float32)
            row = ((hy - np.float32(tilt[1]) * z - TOP) * SCALE - 0.5).astype(np.float32)
            z = cv2.remap(relief, col, row, cv2.INTER_LINEAR)  # 0 beyond the layer
        self._depth = cv2.GaussianBlur(z, (0, 0), 1.5)

    def _photograph(
        self, head: np.ndarray, pose: Pose, grain: int | None, part: Part
    ) -> np.ndarray:
        wide = tuple(
            slice(max((p.start or 0) - _BLURRED, 0), None if p.stop is None else p.stop + _BLURRED)
            for p in part
        )
        fx, fy, depth = self._fx[wide], self._fy[wide], self._depth[wide]
        a, c, tilt = self._placement(pose)
        inverse = np.linalg.inv(a) * SCALE
        shift = -inverse @ c - np.array([LEFT, TOP]) * SCALE - 0.5
        m, t = inverse.astype(np.float32), (tilt * SCALE).astype(np.float32)
        col = m[0, 0] * fx + m[0, 1] * fy - t[0] * depth + np.float32(shift[0])
        row = m[1, 0] * fx + m[1, 1] * fy - t[1] * depth + np.float32(shift[1])
        layer = cv2.remap(head, col, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        keep = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2RGB)
        frame = cv2.multiply(self.layers.scene[wide], keep, scale=1 / 255)
        frame = cv2.add(frame, layer[..., :3])
        frame = cv2.GaussianBlur(frame, (0, 0), self.who.blur)
        if grain is not None:
            more, less = self.layers.noise
            oy, ox = np.random.default_rng([grain, self.who.seed]).integers(0, 64, 2)
            here = slice(oy, oy + HEIGHT), slice(ox, ox + WIDTH)
            frame = cv2.subtract(cv2.add(frame, more[here][wide]), less[here][wide])
        inner = tuple(
            slice((p.start or 0) - w.start, None if p.stop is None else p.stop - w.start)
            for p, w in zip(part, wide, strict=True)
        )
        return frame[inner]

    def landmarks(self, shape: np.ndarray, pose: Pose = Pose(), shut: float = 0.0) -> np.ndarray:
        """The 68 points (iBUG order) of the same frame, f64 [68, 2], pixels (x, y)."""
        lips = self.mouth.shape.lips(shape)
        skin = self._skin_points
        moved = skin.copy()
        for _ in range(6):
            dx, dy = self._shift(lips, moved[:, 0], moved[:, 1])
            moved = skin + np.c_[dx, dy]
        points = np.concatenate(
            [
                moved,
                self.eyes.landmarks(_stage(shut) / (STAGES - 1)),
                self.mouth.shape.landmarks(lips),
            ]
        )
        a, c, tilt = self._placement(pose)
        placed = points @ a.T + c
        for _ in range(4):
            xy = placed.astype(np.float32)
            z = cv2.remap(self._depth, xy[:, :1], xy[:, 1:], cv2.INTER_LINEAR)
            placed = (points + z * tilt) @ a.T + c
        return placed

    @cached_property
    def _skin_points(self) -> np.ndarray:
        """Jaw, brows and nose of the resting face, f64 [36, 2]."""
        brows = brow_landmarks(self.anatomy)
        return np.concatenate([self._jaw_points(), brows, self._nose_points()])

    def _jaw_points(self) -> np.ndarray:
        a = self.anatomy
        y = np.array([4, 19, 34, 49, 63, 76, 86, 93]) * a.chin / 97.0
        left = np.c_[-a.half_width(y) * 0.965, y]
        return np.concatenate([left, [[0, a.chin - 0.5]], left[::-1] * [-1, 1]])

    def _nose_points(self) -> np.ndarray:
        a = self.anatomy
        bridge = [[0, y] for y in (0.0, a.nose_tip * 0.4, a.nose_tip * 0.75, a.nose_tip + 0.5)]
        h, b = 0.82 * a.nose_half, a.nose_base
        base = [[-h, b - 1], [-h * 0.5, b + 0.5], [0, b + 1.5], [h * 0.5, b + 0.5], [h, b - 1]]
        return np.array(bridge + base)


def _stage(shut: float) -> int:
    """The painted stage of a blink nearest to ``shut``."""
    return round(float(np.clip(shut, 0, 1)) * (STAGES - 1))


@lru_cache(maxsize=4)
def face(who: Person) -> Face:
    """The face of a person, painted once (a process keeps the last four)."""
    return Face(who)


def still(who: Person) -> np.ndarray:
    """A neutral portrait with a closed mouth, u8 [288, 360, 3]: the identity image of demos.

    >>> from lipkit.talker.people import person
    >>> still(person(0)).shape
    (288, 360, 3)
    """
    return face(who).frame(REST, grain=0)
