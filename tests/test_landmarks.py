"""Finding the model, detecting, tracking: on the drawn talker, and on real clips where they lie."""

import importlib.metadata
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipkit.config import PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face import landmark_model
from lipkit.face.landmarks import (
    FaceLandmarks,
    FaceLostError,
    NoFaceError,
    find_landmark_model,
    track,
)
from lipkit.face.lips import crop_boxes
from lipkit.face.mouth import MOUTH, mouth_opening, mouth_width
from lipkit.face.tracking import NOSE, DetectedFace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> FaceLandmarks:
    return FaceLandmarks()


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """30 frames of a drawn person speaking."""
    from lipkit.talker import talking_clip

    return talking_clip(0, "bin blue at f two now", seed=0).frames[10:40]


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    """Another drawn person, one frame."""
    from lipkit.talker import person, still

    return still(person(5))


class Counting(FaceLandmarks):
    """Notes the setting of every detection."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: list[int] = []

    def detect(self, frame, upsample=1):
        self.settings.append(upsample)
        return super().detect(frame, upsample)


def test_each_thread_makes_its_detector_once(other, monkeypatch):
    """It keeps state, so two threads must not share one."""
    dlib, made = landmark_model.import_dlib(), []
    make = dlib.get_frontal_face_detector
    monkeypatch.setattr(
        dlib, "get_frontal_face_detector", lambda: made.append(threading.get_ident()) or make()
    )
    monkeypatch.setattr("lipkit.face.landmarks._thread", threading.local())
    here = [FaceLandmarks().detect(other) for _ in range(2)]
    with ThreadPoolExecutor(1) as executor:
        there = executor.submit(lambda: FaceLandmarks().detect(other)).result()
    assert len(made) == len(set(made)) == 2
    boxes = [face.box.tolist() for (face,) in (*here, there)]
    assert boxes[0] == boxes[1] == boxes[2]


def mouth_apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b, axis=-1)[..., MOUTH].mean())


def moved(frame: np.ndarray, x: int, y: int = 0) -> np.ndarray:
    height, width = frame.shape[:2]
    shift = np.float32([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(frame, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)


def test_explicit_path_comes_first_then_the_variable_then_the_distribution(tmp_path, monkeypatch):
    explicit, variable = tmp_path / "a.dat", tmp_path / "b.dat"
    explicit.touch()
    variable.touch()
    monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", str(variable))
    assert find_landmark_model(explicit) == explicit
    assert find_landmark_model(str(explicit)) == explicit
    assert find_landmark_model() == variable
    for empty in ("", None):
        if empty is None:
            monkeypatch.delenv("LIPKIT_LANDMARK_MODEL")
        else:
            monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", empty)
        assert find_landmark_model().name == "shape_predictor_68_face_landmarks.dat"


def test_a_given_path_without_a_file_is_an_error_and_not_passed_over(tmp_path, monkeypatch):
    with pytest.raises(LipkitError, match=r"nothing\.dat: no such landmark model"):
        find_landmark_model(tmp_path / "nothing.dat")
    monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", str(tmp_path))
    with pytest.raises(LipkitError, match="from LIPKIT_LANDMARK_MODEL"):
        find_landmark_model()


def test_without_any_model_one_line_says_how_to_get_it(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.delenv("LIPKIT_LANDMARK_MODEL", raising=False)
    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(LipkitError) as caught:
        FaceLandmarks()
    message = str(caught.value)
    assert "\n" not in message
    for part in ("pip install face-recognition-models", "LIPKIT_LANDMARK_MODEL", "commercial"):
        assert part in message


def test_a_distribution_that_lost_its_file_is_named(tmp_path, monkeypatch):
    class Gutted:
        def locate_file(self, path):
            return tmp_path / path

    monkeypatch.delenv("LIPKIT_LANDMARK_MODEL", raising=False)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Gutted())
    with pytest.raises(LipkitError, match="missing from the installed face_recognition_models"):
        find_landmark_model()


@pytest.mark.parametrize("content", ["empty", "text", "truncated", "noise", "one byte short"])
def test_a_file_that_is_no_whole_model_gives_one_line(content, tmp_path):
    path = tmp_path / "modèle à moi.dat"
    whole = find_landmark_model()
    if content == "truncated":
        path.write_bytes(whole.open("rb").read(300_000))
    elif content == "one byte short":
        path.write_bytes(whole.read_bytes()[:-1])
    else:
        noise = np.random.default_rng(0).bytes(5000)
        path.write_bytes({"empty": b"", "text": b"<html>404</html>\n", "noise": noise}[content])
    with pytest.raises(LipkitError, match="not a whole dlib shape predictor") as caught:
        FaceLandmarks(path).load()
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_model_of_other_points_is_refused():
    five = find_landmark_model().with_name("shape_predictor_5_face_landmarks.dat")
    if not five.is_file():
        pytest.skip("the 5-point model is not installed")
    with pytest.raises(LipkitError, match="5 points, not 68"):
        FaceLandmarks(five).load()


def test_without_dlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(LipkitError, match="pip install dlib-bin"):
        landmark_model.import_dlib()


def test_importing_costs_no_dlib_and_the_models_package_is_never_imported():
    code = (
        "import sys, lipkit.face.landmarks, lipkit.face.lips; assert 'dlib' not in sys.modules; "
        "lipkit.face.landmarks.FaceLandmarks().load(); assert 'dlib' in sys.modules; "
        "assert 'face_recognition_models' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_detection_and_points(model, frames):
    (face,) = model.detect(frames[0])
    assert face.box.shape == (4,)
    assert face.box.dtype == np.float64
    assert face.score > 0
    points = model.points(frames[0], face.box)
    assert points.shape == (68, 2)
    assert points.dtype == np.float32
    assert np.array_equal(points, np.round(points))
    left, top, right, bottom = face.box
    for x, y in points[NOSE]:
        assert left < x < right
        assert top < y < bottom


def test_halving_before_the_search_keeps_source_coordinates(model, frames):
    large = cv2.resize(frames[0], None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (near,) = model.detect(frames[0], 0)
    (far,) = model.detect(large, -2)
    assert far.box == pytest.approx((near.box + 0.5) * 4 - 0.5, abs=4 * 4)


def test_a_large_picture_is_not_searched_at_full_size_first(frames):
    counting = Counting()
    hd = cv2.resize(frames[0], (1920, 1536), interpolation=cv2.INTER_CUBIC)
    found = track([hd], counting)
    assert counting.settings == [-1]
    assert mouth_width(found.points[0]) == pytest.approx(
        mouth_width(track(frames[:1], counting).points[0]) * 1920 / 360, rel=0.12
    )


def test_views_and_lists_of_frames_are_taken(model, frames):
    flipped = frames[:2, :, ::-1]
    from_list = track(list(np.ascontiguousarray(flipped)), model)
    assert np.array_equal(track(flipped, model).points, from_list.points)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_other_arrays_are_refused(model, frame):
    with pytest.raises(LipkitError, match="RGB uint8"):
        model.detect(frame)
    with pytest.raises(LipkitError, match="RGB uint8"):
        track([frame], model)


def test_one_detection_is_enough_for_a_still_head(frames):
    counting = Counting()
    result = track(frames, counting)
    assert counting.settings == [1]
    assert (result.detections, result.faces) == (1, 1)
    assert result.points.shape == (len(frames), 68, 2)
    assert result.points.dtype == np.float32
    assert result.boxes.shape == (len(frames), 4)
    assert result.boxes.dtype == np.float32
    assert np.ptp(result.boxes, axis=0).max() == 0


def test_one_detection_against_detection_in_every_frame(model, frames):
    some = frames[::3]
    once, every = track(some, model), track(some, model, every_frame=True)
    assert every.detections == len(some)
    assert mouth_apart(once.points, every.points) < 0.5


def test_points_follow_the_drawn_mouth(model):
    from lipkit.talker import talking_clip

    # A clean-shaven person: stubble and beards mislead the model, in drawings as in life.
    talk = talking_clip(7, "place red by a nine again", seed=0)
    found = mouth_opening(track(talk.frames[::2], model).points)
    assert np.corrcoef(found, talk.opening[::2])[0, 1] > 0.8


def test_the_same_picture_moved_gives_the_same_box_moved(model, frames):
    config = PrepareConfig()
    here = crop_boxes(track(frames[:3], model).points, config)
    there = crop_boxes(track([moved(f, 16, 8) for f in frames[:3]], model).points, config)
    assert there[:, :2] - here[:, :2] == pytest.approx(np.tile([16.0, 8.0], (3, 1)), abs=1.5)
    assert there[:, 2] == pytest.approx(here[:, 2], rel=0.08)


def test_a_head_that_moves_is_detected_again_and_followed(model, frames):
    pan = np.stack([moved(frame, 3 * t) for t, frame in enumerate(frames[:24])])
    once, every = track(pan, model), track(pan, model, every_frame=True)
    assert 2 <= once.detections < len(pan) / 2
    assert mouth_apart(once.points, every.points) < 1.0
    travelled = once.points[-1, NOSE].mean(0) - once.points[0, NOSE].mean(0)
    assert travelled == pytest.approx([69, 0], abs=6)


@pytest.mark.parametrize("picture", ["black", "grey", "noise", "backdrop"])
def test_a_face_lost_midway_is_an_error_that_names_the_frame(model, frames, picture):
    clip = frames[:12].copy()
    if picture == "noise":
        clip[7] = np.random.default_rng(0).integers(0, 256, clip[7].shape)
    elif picture == "backdrop":
        clip[7] = clip[7, :8].mean((0, 1))
    else:
        clip[7] = {"black": 0, "grey": 127}[picture]
    with pytest.raises(FaceLostError, match="frame 7 of 12") as caught:
        track(clip, model)
    assert caught.value.frame == 7
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.frame, str(again)) == (7, str(caught.value))


def test_a_face_that_walks_out_is_lost(model, frames):
    with pytest.raises(FaceLostError):
        track([moved(frames[0], 12 * t) for t in range(25)], model)


def test_a_face_that_comes_late_or_leaves_last(model, frames):
    clip = frames[:8].copy()
    clip[0] = 0
    with pytest.raises(FaceLostError, match="frame 0 of 8"):
        track(clip, model)
    with pytest.raises(FaceLostError, match="frame 7 of 8"):
        track(clip[::-1], model)


@pytest.mark.parametrize("every_frame", [False, True])
def test_no_face_at_all(model, every_frame):
    blank = np.full((40, 96, 120, 3), 90, np.uint8)
    with pytest.raises(NoFaceError, match="no face in the 5 frames looked at") as caught:
        track(blank, model, every_frame=every_frame)
    assert "\n" not in str(caught.value)


def test_no_frames(model):
    with pytest.raises(NoFaceError, match="no frames"):
        track(np.empty((0, 288, 360, 3), np.uint8), model)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (16, 16), (31, 200)])
def test_pictures_too_small_for_a_face(model, frames, size):
    tiny = cv2.resize(frames[0], size, interpolation=cv2.INTER_AREA)
    with pytest.raises(NoFaceError):
        track([tiny] * 2, model)


@pytest.mark.parametrize("size", [(121, 97), (179, 143), (361, 289)])
def test_small_and_odd_pictures(model, frames, size):
    clip = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames[:3]]
    scale = size[0] / 360
    expected = track(frames[:3], model).points * scale
    assert track(clip, model).points[:, NOSE] == pytest.approx(expected[:, NOSE], abs=4)


def test_of_two_faces_the_larger_is_taken_and_both_are_counted(model, frames, other):
    small = np.full_like(other, 128)
    small[60:276, 45:315] = cv2.resize(other, (270, 216), interpolation=cv2.INTER_AREA)
    for order, is_right in (((frames[0], small), False), ((small, frames[0]), True)):
        result = track([np.concatenate(order, axis=1)] * 2, model)
        assert result.faces == 2
        assert (result.points[:, NOSE, 0].mean() > 360) == is_right


def test_a_larger_face_that_joins_does_not_take_over(model, frames, other):
    small = np.full_like(other, 128)
    small[60:276, 45:315] = cv2.resize(other, (270, 216), interpolation=cv2.INTER_AREA)
    alone = np.concatenate([small, np.full_like(small, 128)], axis=1)
    joined = np.concatenate([small, frames[0]], axis=1)
    result = track([alone, joined, joined], model, every_frame=True)
    assert result.faces == 2
    assert result.points[:, NOSE, 0].max() < 360


def test_a_cut_to_another_person_is_noticed(model, frames, other):
    clip = [*frames[:4], *[moved(other, 10)] * 4]
    result = track(clip, model)
    assert result.detections >= 2
    (face,) = model.detect(clip[-1])
    assert result.boxes[-1] == pytest.approx(face.box)


def test_the_model_travels_to_other_processes_as_a_path(model, frames):
    payload = pickle.dumps(model)
    assert len(payload) < 10_000
    again = pickle.loads(payload)
    box = model.detect(frames[0])[0].box
    assert np.array_equal(again.points(frames[0], box), model.points(frames[0], box))


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture with structure, a box, and points in it."""
    rng = np.random.default_rng(3)
    picture = cv2.resize(rng.integers(0, 256, (12, 15, 3), np.uint8), (360, 288))
    points = rng.uniform((130, 90), (230, 190), (68, 2)).astype(np.float32)
    return picture, np.array([120.0, 80, 240, 200]), points


def test_the_same_face_fits(drawn):
    picture, box, points = drawn
    face = DetectedFace(picture, box, points)
    assert face.still_fits(picture, points)
    darker = np.uint8(picture * 0.6 + 20)
    assert face.still_fits(darker, points)
    assert face.still_fits(moved(picture, 8, 5), points + np.float32([8, 5]))


def test_what_no_longer_fits(drawn):
    picture, box, points = drawn
    face = DetectedFace(picture, box, points)
    assert not face.still_fits(moved(picture, 14), points + np.float32([14, 0]))
    assert not face.still_fits(
        picture, (points - points[NOSE].mean(0)) * 1.3 + points[NOSE].mean(0)
    )
    assert not face.still_fits(np.full_like(picture, 80), points)
    assert not face.still_fits(picture[::-1, ::-1], points)


def test_a_face_at_the_edge_of_the_picture_is_compared_too(drawn):
    picture, _, points = drawn
    for box in ([-60.0, -40, 60, 80], [300, 230, 420, 350], [-300, -300, -200, -200]):
        fits = DetectedFace(picture, np.array(box), points).still_fits(picture, points)
        assert fits == (box[2] > 0)


def test_mouth_measures_keep_leading_axes():
    points = np.zeros((2, 5, 68, 2), np.float32)
    points[..., 66, :] = (3, 4)
    points[..., 54, :] = (40, 9)
    points[..., 48, :] = (0, 0)
    assert mouth_opening(points).shape == (2, 5)
    assert mouth_opening(points) == pytest.approx(5)
    assert mouth_width(points) == pytest.approx(41)


def grid_clips(root: Path) -> list[Path]:
    return [next(iter(sorted((root / s).glob("*.mpg")))) for s in ("s2", "s3", "s4", "s5", "s20")]


@pytest.mark.slow
def test_real_clips_once_against_every_frame(grid_root, model):
    from lipkit.media import read_video

    apart = []
    for path in [*grid_clips(grid_root), grid_root / "s1" / "bbaf2n.mp4"]:
        clip = read_video(path)[::9]
        once, every = track(clip, model), track(clip, model, every_frame=True)
        assert (once.detections, once.faces) == (1, 1)
        apart.append(mouth_apart(once.points, every.points))
    assert np.mean(apart) < 0.5
