"""A video as identity: the face followed, its lips replaced in every frame."""

from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from lipkit.config import PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face.landmarks import FaceLandmarks, FaceLostError, NoFaceError, Seen
from lipkit.face.lips import crop, paste_back
from lipkit.face.mouth import MOUTH
from lipkit.generation import (
    face_video,
    for_inference,
    generate_frames,
    paste_into_video,
    read_face_video,
    talking_video,
)
from lipkit.generation.face_video import FaceVideo, follow_lips, restlessness
from lipkit.generation.identity import LipImage
from lipkit.media import read_video, write_video
from lipkit.weights import load_weights

PREPARE = PrepareConfig()


def face_points(opening: float = 2.0, turn: float = 0.0, size: float = 1.0) -> np.ndarray:
    """68 points of a schematic face 120 pixels wide around (180, 140)."""
    points = np.zeros((68, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.column_stack([60 * np.cos(angle), 80 * np.sin(angle)])
    points[17:27] = np.column_stack([np.linspace(-45, 45, 10), np.full(10, -35)])
    points[27:36] = np.column_stack([np.linspace(-8, 8, 9) + turn, np.linspace(-20, 20, 9)])
    points[30] = (turn, 10)
    points[36:48] = np.column_stack([np.linspace(-40, 40, 12), np.full(12, -20)])
    angle = np.linspace(np.pi, 3 * np.pi, 13)[:12]
    points[48:60] = np.column_stack([22 * np.cos(angle), 45 + (8 + opening) * np.sin(angle)])
    angle = np.linspace(np.pi, 3 * np.pi, 9)[:8]
    points[60:68] = np.column_stack([16 * np.cos(angle), 45 + opening / 2 * np.sin(angle)])
    return np.float32(points * size + (180, 140))


def test_a_shut_mouth_seen_from_the_front_is_the_calmest():
    calm = restlessness(face_points(opening=0))
    assert calm == pytest.approx(0, abs=0.02)
    assert restlessness(face_points(opening=4)) == pytest.approx(calm + 4 / 44, abs=0.01)
    assert restlessness(face_points(opening=0, turn=12)) > calm + 0.1
    assert restlessness(face_points(opening=0, turn=-12)) > calm + 0.1


def test_boxes_grow_with_the_face():
    sizes = np.linspace(0.8, 1.4, 60)
    points = np.stack([face_points(size=size) for size in sizes])
    boxes = follow_lips(points, PREPARE)
    mouth = points[:, MOUTH]
    width = np.ptp(mouth[..., 0], axis=1)
    assert boxes[8:-8, 2] / width[8:-8] == pytest.approx(1.3, rel=0.02)
    centre = (mouth.min(1) + mouth.max(1)) / 2
    assert np.abs(boxes[8:-8, :2] - centre[8:-8]).max() < 0.5


def test_at_one_size_boxes_are_those_of_preparation():
    from lipkit.face.lips import crop_boxes

    points = np.stack([face_points(opening) + 3 * np.sin(opening) for opening in range(20)])
    assert follow_lips(points, PREPARE) == pytest.approx(crop_boxes(points, PREPARE), abs=1e-3)


@pytest.fixture
def numbered(tmp_path):
    """Twelve grey pictures; number n has brightness 20 n."""
    path = tmp_path / "video größe.mp4"
    write_video(path, [np.full((288, 360, 3), 20 * n, np.uint8) for n in range(12)], crf=0)
    return path


def number(picture: np.ndarray) -> int:
    return round(float(picture.mean()) / 20)


def pretend(monkeypatch, points: list) -> None:
    """Let the tracker see these points."""

    def follow(frames, model):
        for _, found in zip(frames, points, strict=False):
            yield None if found is None else Seen(found, np.array([120.0, 60, 240, 220]), 1)

    monkeypatch.setattr(face_video, "follow", follow)


def test_the_identity_is_the_calmest_frame(numbered, monkeypatch):
    openings = [9, 8, 7, 5, 6, 2, 1, 4, 5, 6, 7, 8]
    pretend(monkeypatch, [face_points(opening) for opening in openings])
    video = read_face_video(numbered, PREPARE, None, frames=100)
    assert number(video.lips.image) == openings.index(1)
    assert len(video.boxes) == 12
    assert video.seen.all()
    assert np.array_equal(video.lips.box, video.boxes[6])
    assert video.notes(12) == []


def test_only_as_much_as_is_said_is_read(numbered, monkeypatch):
    pretend(monkeypatch, [face_points(opening) for opening in (9, 8, 7, 5, 6, 2)])
    video = read_face_video(numbered, PREPARE, None, frames=4)
    assert len(video.boxes) == 4
    assert number(video.lips.image) == 3


def shown(video: FaceVideo, count: int, monkeypatch) -> list[int]:
    """The numbers of the pictures into which ``count`` lips are pasted."""
    monkeypatch.setattr(face_video, "paste_back", lambda picture, lips, box: picture)
    lips = [np.zeros((64, 64, 3), np.uint8)] * count
    return [number(picture) for picture in paste_into_video(video, lips)]


def a_video(path, seen) -> FaceVideo:
    seen = np.array(seen, bool)
    boxes = np.tile(np.float32([180, 180, 50]), (len(seen), 1))
    return FaceVideo(path, LipImage(np.zeros((64, 64, 3), np.uint8), boxes[0]), boxes, seen)


def test_a_video_is_cut_or_played_forth_and_back(numbered, monkeypatch):
    video = a_video(numbered, [1] * 12)
    assert shown(video, 5, monkeypatch) == [0, 1, 2, 3, 4]
    once, back, again = list(range(12)), list(range(10, -1, -1)), list(range(1, 12))
    assert shown(video, 40, monkeypatch) == (once + back + again + back)[:40]
    (note,) = video.notes(40)
    assert "0.5 s of video for 1.6 s of speech; played back and forth" in note


def test_of_a_long_video_the_last_seconds_are_played_back(numbered, monkeypatch):
    video = a_video(numbered, [1] * 12)
    once, back = list(range(12)), list(range(10, -1, -1))
    # Four of its pictures fit, but as JPEG all of them.
    monkeypatch.setattr(face_video, "HELD_BYTES", 4 * 288 * 360 * 3)
    assert shown(video, 23, monkeypatch) == once + back
    # Of these, four: the pictures are even and all of about one size.
    grey = np.full((288, 360, 3), 100, np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, face_video.HELD_QUALITY]
    held = len(cv2.imencode(".jpg", grey, quality)[1])
    monkeypatch.setattr(face_video, "HELD_BYTES", int(4.5 * held))
    assert shown(video, 20, monkeypatch) == [*once, 10, 9, 8, 9, 10, 11, 10, 9]


def test_pictures_held_as_jpeg_are_the_same_to_the_eye(monkeypatch):
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(rng.uniform(0, 255, (90, 120, 3)).astype(np.float32), (0, 0), 3)
    pictures = [np.uint8(np.clip(soft * 3 - 250 + n, 0, 255)) for n in range(4)]
    items = [(picture, np.zeros(3)) for picture in pictures]
    monkeypatch.setattr(face_video, "HELD_BYTES", 3 * pictures[0].nbytes)
    played = [p for p, _ in islice(face_video._back_and_forth(iter(items), 4), 7)]
    assert all(np.array_equal(a, b) for a, b in zip(played[:4], pictures, strict=True))
    for again, first in zip(played[4:], pictures[2::-1], strict=True):
        assert np.abs(again.astype(int) - first).mean() < 1.5


def test_one_frame_stands_still(numbered, monkeypatch):
    assert shown(a_video(numbered, [1]), 3, monkeypatch) == [0, 0, 0]


def test_where_the_face_is_lost_the_picture_before_stays(numbered, monkeypatch):
    video = a_video(numbered, [0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1])
    assert shown(video, 12, monkeypatch) == [2, 2, 2, 3, 3, 5, 5, 5, 8, 9, 10, 11]
    (note,) = video.notes(12)
    assert note.endswith("no face in 5 of 12 frames; the one before stays")


def test_a_lost_face_leaves_its_place(numbered, monkeypatch):
    moved = [None, face_points() + 10, None, *([face_points() + 20] * 5)]
    pretend(monkeypatch, moved)
    video = read_face_video(numbered, PREPARE, None, frames=8)
    assert video.seen.tolist() == [False, True, False, True, True, True, True, True]
    assert np.isfinite(video.boxes).all()


@pytest.mark.parametrize(
    ("points", "fault", "message"),
    [
        ([None] * 12, NoFaceError, "no face found"),
        ([face_points()] * 5 + [None] * 7, FaceLostError, "lost in 7 of 12 frames; cut the video"),
        ([face_points(size=0.2)] * 12, LipkitError, "the face is too small"),
    ],
)
def test_videos_that_do_not_serve(numbered, monkeypatch, points, fault, message):
    pretend(monkeypatch, points)
    with pytest.raises(fault, match=message) as error:
        read_face_video(numbered, PREPARE, None, frames=12)
    assert str(error.value).startswith(str(numbered))
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def moving(tmp_path_factory) -> tuple:
    """A drawn portrait carried 12 pixels to the right and 6 down, and its video."""
    from lipkit.talker import person, still

    portrait = still(person(0))
    steps = [np.float32([[1, 0, n], [0, 1, n / 2]]) for n in range(13)]
    border = cv2.BORDER_REPLICATE
    frames = [cv2.warpAffine(portrait, step, (360, 288), borderMode=border) for step in steps]
    path = tmp_path_factory.mktemp("moving") / "moving.mp4"
    write_video(path, frames, crf=10)
    return path, read_video(path)


def test_lips_are_found_and_replaced_in_a_moving_face(moving):
    path, frames = moving
    video = read_face_video(path, PREPARE, FaceLandmarks(), frames=100)
    assert video.seen.all()
    middle = slice(2, -2)  # the smoothing lags behind at both ends
    shift = (video.boxes - video.boxes[0])[middle]
    expected = np.column_stack([np.arange(13), np.arange(13) / 2])[middle]
    assert np.abs(shift[:, :2] - shift[:, :2].mean(0) - expected + expected.mean(0)).max() < 1
    lips = crop(frames, video.boxes)
    same = np.stack(list(paste_into_video(video, lips)))
    assert np.abs(same.astype(int) - frames).mean() < 0.3
    other = np.stack(list(paste_into_video(video, 255 - lips)))
    for frame, pasted, (x, y, side) in zip(frames, other, video.boxes, strict=True):
        changed = np.argwhere((np.abs(pasted.astype(int) - frame) > 8).any(-1))
        assert np.abs(changed - (y, x)).max() <= side / 2 + 1
        assert len(changed) > side**2 / 4


def test_a_video_gets_lips_of_its_own_sharpness(tmp_path):
    """A generator that moves pixels moves those of the video, not 64 of them."""
    from portraits import large_portrait

    portrait = large_portrait(0, 256)
    path = tmp_path / "large.mp4"
    write_video(path, [portrait.picture] * 3, crf=4)
    face = FaceVideo(
        path,
        portrait.lips,
        np.tile(portrait.lips.box, (3, 1)),
        np.ones(3, bool),
    )
    still = read_video(path)[0]
    generator = for_inference(load_weights("plus").generator)
    frames = list(talking_video(generator, face, torch.zeros(4 * 3, 128)))
    assert len(frames) == 3

    def detail(picture: np.ndarray) -> float:
        lips = portrait.cut(picture)[64:192, 64:192].astype(np.float32)
        return float((lips - cv2.GaussianBlur(lips, (0, 0), 1)).std())

    (drawn,) = generate_frames(generator, face.lips.image, torch.zeros(4, 128))
    enlarged = paste_back(still, drawn, portrait.lips.box)
    assert detail(frames[1]) > 0.85 * detail(still) > 1.3 * detail(enlarged)


def test_the_identity_is_kept_at_the_videos_resolution(numbered, monkeypatch):
    pretend(monkeypatch, [face_points(size=3)] * 4)
    video = read_face_video(numbered, PREPARE, None, frames=4)
    side = round(float(video.lips.box[2]))
    assert side > 64
    assert video.lips.large.shape == (side, side, 3)
    assert video.size == (360, 288)
    pretend(monkeypatch, [face_points(size=0.5)] * 4)
    assert read_face_video(numbered, PREPARE, None, frames=4).lips.large.shape == (64, 64, 3)
