"""Crop boxes, crop and paste-back: drawn pictures, the drawn talker, real clips where they lie."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from lipkit.config import PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face import lips as face_lips
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.face.lips import crop, crop_boxes, lip_points, paste_back, source_points
from lipkit.face.mouth import MOUTH

STABLE = PrepareConfig()
PER_FRAME = PrepareConfig(crop="per_frame")


@pytest.fixture
def points() -> np.ndarray:
    """60 frames of a head that drifts and a mouth that opens and closes, whole pixels."""
    rng = np.random.default_rng(0)
    face = np.zeros((68, 2))
    face[:27] = rng.uniform((110, 80), (230, 130), (27, 2))
    face[27:36] = rng.uniform((165, 120), (185, 170), (9, 2))
    face[36:48] = rng.uniform((130, 110), (220, 120), (12, 2))
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    time = np.arange(60)
    opening = 1 + np.sin(time / 3)
    mouth = np.stack(
        [
            175 + 21 * np.cos(angle)[None] * np.ones((60, 1)),
            200 + np.sin(angle)[None] * (6 + 6 * opening[:, None]) + 3 * opening[:, None],
        ],
        axis=-1,
    )
    result = np.repeat(face[None], 60, 0)
    result[:, MOUTH] = mouth
    result += np.stack([4 * np.sin(time / 20), 2 * np.cos(time / 25)], 1)[:, None]
    return np.round(result).astype(np.float32)


def smooth_picture(height: int = 288, width: int = 360, seed: int = 0) -> np.ndarray:
    """Coloured noise without detail finer than a few pixels, so that resampling loses nothing."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    soft = gaussian_filter(noise, (4, 4, 0))
    return np.uint8(np.clip(128 + soft / soft.std() * 40, 0, 255))


def test_stable_side_is_constant_and_holds_every_mouth(points):
    boxes = crop_boxes(points, STABLE)
    assert boxes.shape == (60, 3)
    assert boxes.dtype == np.float32
    assert np.ptp(boxes[:, 2]) == 0
    inside = lip_points(points, boxes)
    assert inside.min() > 0
    assert inside.max() < 63


def test_stable_crop_follows_the_head_and_not_the_lips(points):
    head = points[:, 27:36].mean(1)
    stable, per_frame = crop_boxes(points, STABLE), crop_boxes(points, PER_FRAME)
    assert np.std(stable[:, :2] - head, axis=0).max() < 0.35
    assert np.std(per_frame[:, :2] - head, axis=0).max() > 1.0


def test_a_wide_open_mouth_stays_inside_though_most_frames_are_closed(points):
    points = points.copy()
    lower = np.arange(55, 60)
    points[40:45, lower, 1] += 45
    inside = lip_points(points, crop_boxes(points, STABLE))
    assert inside.max() < 63.5
    assert inside.min() > -0.5


def test_one_misplaced_frame_does_not_set_the_side(points):
    spoilt = points.copy()
    spoilt[20, MOUTH] = points[20, MOUTH].mean(0) + 4 * (
        points[20, MOUTH] - points[20, MOUTH].mean(0)
    )
    before, after = crop_boxes(points, STABLE)[0, 2], crop_boxes(spoilt, STABLE)[0, 2]
    assert after < 1.5 * before


def test_smoothing_removes_jitter_and_keeps_the_mean_mouth_in_the_middle(points):
    jitter = np.random.default_rng(1).normal(0, 1, (60, 1, 2))
    shaken = points + np.float32(jitter)
    raw = crop_boxes(shaken, PrepareConfig(smooth_frames=0))
    soft = crop_boxes(shaken, STABLE)
    assert np.diff(soft[:, :2], axis=0).std() < 0.4 * np.diff(raw[:, :2], axis=0).std()
    middle = (shaken[:, MOUTH].min(1) + shaken[:, MOUTH].max(1)).mean(0) / 2
    assert soft[:, :2].mean(0) == pytest.approx(middle, abs=0.3)


@pytest.mark.parametrize("config", [STABLE, PER_FRAME], ids=["stable", "per_frame"])
def test_boxes_shift_and_scale_with_the_picture(points, config):
    boxes = crop_boxes(points, config)
    shifted = crop_boxes(points + np.float32([7, -3]), config)
    assert shifted == pytest.approx(boxes + np.array([7, -3, 0]), abs=1e-3)
    scaled = crop_boxes(points * 2, config)
    # The authors' rule counts whole pixels, so doubling is exact only to a few of them.
    assert scaled == pytest.approx(boxes * 2, abs=1e-2 if config is STABLE else 4)


def test_per_frame_is_the_authors_formula(points):
    boxes = crop_boxes(points, PER_FRAME)
    for mouth, (cx, cy, side) in zip(points[:, MOUTH].astype(int), boxes, strict=True):
        x, y, w, h = cv2.boundingRect(mouth)
        r = int(0.65 * max(w, h))
        left, top = x + int(w / 2) - r, y + int(h / 2) - r
        assert side == 2 * r
        assert (cx - side / 2 + 0.5, cy - side / 2 + 0.5) == (left, top)


def test_per_frame_crop_at_its_own_size_is_the_authors_slice():
    frame = smooth_picture()
    left, top, r = 140, 170, 26
    lips = crop([frame], [[left + r - 0.5, top + r - 0.5, 2 * r]], size=2 * r)[0]
    assert np.array_equal(lips, frame[top : top + 2 * r, left : left + 2 * r])


def test_one_frame_is_enough(points):
    (box,) = crop_boxes(points[:1], STABLE)
    low, high = points[0, MOUTH].min(0), points[0, MOUTH].max(0)
    assert box[:2] == pytest.approx((low + high) / 2, abs=1e-3)
    assert box[2] == pytest.approx(1.3 * (high - low).max())


@pytest.mark.parametrize("shape", [(0, 68, 2), (5, 20, 2), (68, 2)])
def test_other_shapes_of_points_are_refused(shape):
    with pytest.raises(LipkitError, match=r"must be \[T, 68, 2\]"):
        crop_boxes(np.zeros(shape), STABLE)


def test_points_that_are_not_finite_are_refused(points):
    points[3, 50] = np.nan
    with pytest.raises(LipkitError, match="not finite"):
        crop_boxes(points, STABLE)


def test_points_that_coincide_still_give_a_box():
    still = np.full((4, 68, 2), 30, np.float32)
    for config in (STABLE, PER_FRAME):
        boxes = crop_boxes(still, config)
        assert (boxes[:, 2] > 0).all()
        assert crop([smooth_picture(60, 60)] * 4, boxes).shape == (4, 64, 64, 3)


@pytest.mark.parametrize("side", [20.0, 52.3, 64.0, 64.5, 131.7, 400.0])
def test_lip_pixels_lie_where_the_convention_says(side):
    """A ramp keeps its value under interpolation, so each lip pixel tells its source place."""
    ramp = np.empty((500, 500, 3), np.uint8)
    ramp[...] = (np.arange(500) // 2)[:, None, None]
    ramp[..., 0] = np.uint8(np.arange(500) // 2)[None]
    cx, cy = 251.37, 247.61
    lips = crop([ramp], [[cx, cy, side]])[0].astype(float)
    expected = np.arange(64) + 0.5 - 32
    x, y = cx + expected * side / 64, cy + expected * side / 64
    assert lips[..., 0].mean(0) == pytest.approx((x - 0.5) / 2, abs=1.0)
    assert lips[..., 1].mean(1) == pytest.approx((y - 0.5) / 2, abs=1.0)
    assert (lips[..., 0].mean(0) - (x - 0.5) / 2).mean() == pytest.approx(0, abs=0.1)
    assert (lips[..., 1].mean(1) - (y - 0.5) / 2).mean() == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("box", [(170.0, 140.0, 52.0), (170.37, 140.81, 57.3), (171.2, 139.5, 81)])
def test_lip_points_mark_what_they_marked_in_the_frame(box):
    """A dot drawn at a landmark is found at the mapped place in the lip image."""
    place = np.array([box[0] - 9.3, box[1] + 6.6])
    x, y = np.meshgrid(np.arange(360), np.arange(288))
    dot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * 2.5**2))
    frame = np.uint8(np.round(250 * np.repeat(dot[..., None], 3, 2)))
    weight = crop([frame], [box])[0, ..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64]
    found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    points = np.tile(np.float32(place), (1, 68, 1))
    assert lip_points(points, [box])[0, 0] == pytest.approx(found, abs=0.05)


def test_source_points_invert_lip_points(points):
    boxes = crop_boxes(points, STABLE)
    back = source_points(lip_points(points, boxes), boxes)
    assert back == pytest.approx(points[:, MOUTH], abs=1e-3)


def test_a_box_beyond_the_picture_repeats_the_border():
    frame = smooth_picture(48, 60)
    lips = crop([frame], [[0.0, 24.0, 64.0]])[0]
    assert lips.shape == (64, 64, 3)
    assert np.ptp(lips[:, :28].astype(int), axis=1).max() <= 1
    far = crop([frame], [[-500.0, -500.0, 40.0]])[0]
    assert np.array_equal(far, np.broadcast_to(frame[0, 0], far.shape))


def test_shrinking_does_not_alias():
    """A one-pixel chequerboard must turn grey, not into a moiré pattern."""
    board = np.uint8(np.indices((300, 300)).sum(0) % 2 * 255)
    lips = crop([np.repeat(board[..., None], 3, 2)], [[150.0, 150.0, 200.0]])[0]
    assert lips.std() < 25


@pytest.mark.parametrize("boxes", [1, 3])
def test_crop_wants_one_box_per_frame(boxes):
    with pytest.raises(LipkitError, match="one box per frame"):
        crop([smooth_picture()] * 2, np.tile([170.0, 140, 52], (boxes, 1)))


def test_crop_takes_any_iterable_and_nothing():
    frame = smooth_picture()
    box = np.array([[170.0, 140, 52]])
    assert np.array_equal(crop(iter([frame]), box), crop(frame[None], box))
    assert crop([], np.empty((0, 3))).shape == (0, 64, 64, 3)


def difference_in_box(frame: np.ndarray, pasted: np.ndarray, box) -> tuple[float, float]:
    """Mean absolute difference over the whole frame and over the box alone, grey levels."""
    change = np.abs(frame.astype(int) - pasted)
    cx, cy, side = box
    rows = slice(max(int(cy - side / 2), 0), int(cy + side / 2) + 1)
    columns = slice(max(int(cx - side / 2), 0), int(cx + side / 2) + 1)
    return change.mean(), change[rows, columns].mean()


@pytest.mark.parametrize("blend", ["poisson", "feather"])
@pytest.mark.parametrize(
    "box",
    [(170.0, 140.0, 52.0), (170.31, 140.77, 47.9), (171.5, 139.5, 64.0), (150.2, 130.9, 110.3)],
)
def test_untouched_lips_change_nothing(blend, box):
    frame = smooth_picture()
    lips = crop([frame], [box])[0]
    pasted = paste_back(frame, lips, box, blend)
    whole, inside = difference_in_box(frame, pasted, box)
    assert pasted.dtype == np.uint8
    assert whole < 0.15
    assert inside < 1.0


@pytest.mark.parametrize("blend", ["poisson", "feather"])
def test_paste_back_is_the_inverse_in_place(blend):
    """A dot drawn into the lip image comes to lie where source_points says."""
    frame = np.full((288, 360, 3), 90, np.uint8)
    box = np.array([170.37, 140.81, 55.3])
    rows, columns = np.mgrid[:64, :64]
    for place in ([31.5, 31.5], [24.0, 36.0], [40.0, 26.0]):
        dot = np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * 3.0**2))
        lips = np.uint8(90 + np.round(120 * np.repeat(dot[..., None], 3, 2)))
        weight = np.maximum(paste_back(frame, lips, box, blend)[..., 0].astype(float) - 96, 0)
        y, x = np.mgrid[:288, :360]
        found = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        expected = source_points(np.float32([[place]]), box[None])[0, 0]
        assert found == pytest.approx(expected, abs=0.12)


def test_only_the_box_changes_and_the_frame_given_stays():
    frame = smooth_picture()
    before = frame.copy()
    box = (170.3, 140.7, 52.0)
    for blend in ("poisson", "feather"):
        pasted = paste_back(frame, smooth_picture(64, 64, seed=1), box, blend)
        changed = np.argwhere((pasted != frame).any(-1))
        assert len(changed) > 1000
        assert (np.abs(changed - [box[1], box[0]]) <= box[2] / 2).all()
    assert np.array_equal(frame, before)


@pytest.mark.parametrize("blend", ["poisson", "feather"])
def test_no_visible_box(blend):
    """Lips brighter than the face: across the rim no step taller than the picture's own."""
    frame = np.full((288, 360, 3), 120, np.uint8)
    lips = np.full((64, 64, 3), 160, np.uint8)
    pasted = paste_back(frame, lips, (180.0, 144.0, 60.0), blend).astype(int)
    steps = max(np.abs(np.diff(pasted, axis=axis)).max() for axis in (0, 1))
    assert steps <= (1 if blend == "poisson" else 12)


@pytest.mark.parametrize("side", [300.0, 700.5])
def test_large_boxes_are_blended_as_small_ones(side, monkeypatch):
    """What Poisson blending adds is smooth: solved coarsely it is the same, and much faster."""
    frame = cv2.resize(smooth_picture(205, 225), (900, 820), interpolation=cv2.INTER_CUBIC)
    box = (450.3, 410.8, side)
    given = np.uint8(np.clip(0.8 * crop([frame], [box])[0].astype(float) + 60, 0, 255))
    coarse = paste_back(frame, given, box).astype(int)
    monkeypatch.setattr(face_lips, "LARGEST_CLONE", 10_000)
    whole = paste_back(frame, given, box).astype(int)
    inside = difference_in_box(frame, np.uint8(whole), box)[1]
    assert difference_in_box(np.uint8(whole), np.uint8(coarse), box)[1] < min(2, inside / 3)
    grey = np.full((820, 900, 3), 120, np.uint8)
    monkeypatch.undo()
    flat = paste_back(grey, np.full((64, 64, 3), 160, np.uint8), box).astype(int)
    assert max(np.abs(np.diff(flat, axis=axis)).max() for axis in (0, 1)) <= 1


@pytest.mark.parametrize(
    "box",
    [(10.0, 140.0, 52.0), (350.0, 280.0, 52.0), (180.0, 144.0, 800.0), (180.2, 144.9, 3.0)],
    ids=["left edge", "corner", "larger than the picture", "tiny"],
)
@pytest.mark.parametrize("blend", ["poisson", "feather"])
def test_boxes_where_poisson_has_no_room(box, blend):
    frame = smooth_picture()
    lips = crop([frame], [box])[0]
    pasted = paste_back(frame, lips, box, blend)
    assert pasted.shape == frame.shape
    if box[2] < 100:
        assert difference_in_box(frame, pasted, box)[1] < 1.5


def test_a_box_outside_the_picture_leaves_it_alone():
    frame = smooth_picture()
    lips = smooth_picture(64, 64)
    assert np.array_equal(paste_back(frame, lips, (-300.0, 50.0, 52.0)), frame)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 31)])
def test_tiny_and_odd_pictures(shape):
    frame = smooth_picture(*shape)
    box = (shape[1] / 2, shape[0] / 2, 9.0)
    lips = crop([frame], [box])[0]
    assert lips.shape == (64, 64, 3)
    assert paste_back(frame, lips, box).shape == frame.shape


def test_paste_back_refuses_what_it_does_not_know():
    frame = smooth_picture()
    with pytest.raises(LipkitError, match="poisson or feather"):
        paste_back(frame, smooth_picture(64, 64), (170.0, 140.0, 52.0), "magic")
    with pytest.raises(LipkitError, match="square"):
        paste_back(frame, smooth_picture(64, 60), (170.0, 140.0, 52.0))


def talker_clip() -> np.ndarray:
    from lipkit.talker import talking_clip

    return talking_clip(2, "set red with b three please", seed=0).frames[:40]


def real_clip(grid_root, name: str) -> np.ndarray:
    from lipkit.media import read_video

    return read_video(grid_root / name)[:40]


def check_face_stands_still_and_lips_return(frames: np.ndarray) -> None:
    points = track(frames, FaceLandmarks()).points
    boxes = crop_boxes(points, STABLE)
    lips = crop(frames, boxes)
    # The strip above the mouth is skin: it changes only if the crop moves.
    strip = np.abs(np.diff(lips[:, :12].astype(int), axis=0)).mean()
    authors = crop(frames, crop_boxes(points, PER_FRAME))
    assert strip < 0.8 * np.abs(np.diff(authors[:, :12].astype(int), axis=0)).mean()
    for frame, lip, box in list(zip(frames, lips, boxes, strict=True))[::9]:
        for blend in ("poisson", "feather"):
            whole, inside = difference_in_box(frame, paste_back(frame, lip, box, blend), box)
            assert whole < 0.1
            assert inside < 1.5


def test_on_the_drawn_talker():
    check_face_stands_still_and_lips_return(talker_clip())


@pytest.mark.parametrize("name", ["s3/sbia1a.mpg", "s4/lwbsza.mpg", "s5/lbax4n.mpg"])
def test_on_real_clips(grid_root, name):
    check_face_stands_still_and_lips_return(real_clip(grid_root, name))
