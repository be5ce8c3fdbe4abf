"""What is said of pictures that do not serve well, and that nothing is said of those that do."""

import dataclasses

import cv2
import numpy as np
import pytest
from portraits import large_portrait
from skimage.data import astronaut
from trained_generators import trained

from lipkit.config import PrepareConfig
from lipkit.errors import UsageError
from lipkit.face.landmarks import FaceLandmarks
from lipkit.generation import find_lips, generate
from lipkit.generation.advice import notes_on_identity, notes_on_size, notes_on_softness
from lipkit.generation.detail import StillDetail
from lipkit.media import write_audio
from lipkit.talker import person, still, talking_clip
from lipkit.talker.clip import opening
from lipkit.weights import load_weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plus():
    return load_weights("plus").generator


@pytest.fixture(scope="module")
def landmarks() -> FaceLandmarks:
    return FaceLandmarks()


def lips_of(picture: np.ndarray, landmarks: FaceLandmarks):
    return find_lips(picture, PrepareConfig(), landmarks, "p.png")


@pytest.mark.parametrize("who", [0, 1, 2, 4, 6])
def test_a_shut_mouth_seen_from_the_front_needs_no_advice(plus, landmarks, who):
    assert list(notes_on_identity("p.png", lips_of(still(person(who)), landmarks), plus)) == []


def test_a_smile_and_an_open_mouth(plus, landmarks):
    (note,) = notes_on_identity("p.png", lips_of(astronaut(), landmarks), plus)
    assert note.startswith("p.png: teeth show")
    assert note.endswith("give a picture with the mouth shut")
    clip = talking_clip(0, "bin blue at f two now", 1)
    widest = clip.frames[opening(clip.landmarks).argmax()]
    (note,) = notes_on_identity("p.png", lips_of(widest, landmarks), plus)
    assert note.startswith("p.png: the mouth is open")


@pytest.mark.parametrize("cover", ["hand", "mask", "blur"])
@pytest.mark.parametrize("who", [0, 4])
def test_a_covered_mouth(plus, landmarks, cover, who):
    picture = still(person(who))
    x, y, side = lips_of(picture, landmarks).box
    if cover == "hand":
        skin = picture[int(y - 0.45 * side), int(x)].astype(float)
        for finger in range(4):
            height = int(y + (0.22 * finger - 0.3) * side)
            ends = (int(x - side), height), (int(x + side / 2), height + 2)
            colour = tuple(skin * (0.9 + 0.05 * finger))
            cv2.line(picture, *ends, colour, int(side / 5), cv2.LINE_AA)
    elif cover == "mask":
        corners = ((-0.9, -0.45), (0.9, -0.45), (0.7, 0.6), (0, 0.9), (-0.7, 0.6))
        outline = np.int32([[x + side * a, y + side * b] for a, b in corners])
        cv2.fillPoly(picture, [outline], (150, 190, 220))
    else:
        rows, columns = (slice(int(c - side / 2), int(c + side / 2)) for c in (y, x))
        picture[rows, columns] = cv2.GaussianBlur(picture[rows, columns], (0, 0), side / 5)
    (note,) = notes_on_identity("p.png", lips_of(picture, landmarks), plus)
    assert "the mouth cannot be made out" in note
    assert "nothing in front of the mouth" in note


def test_a_cartoon_and_an_overexposed_photograph(plus, landmarks):
    portrait = cv2.resize(still(person(0)), None, fx=2, fy=2)
    cartoon = cv2.pyrMeanShiftFiltering(portrait, 12, 24) // 40 * 40 + 20
    glaring = np.uint8(np.clip(astronaut() * 2.0, 0, 255))
    for picture, words in ((cartoon, "outlines may break"), (glaring, "cannot be made out")):
        notes = list(notes_on_identity("p.png", lips_of(np.uint8(picture), landmarks), plus))
        assert any(words in note for note in notes)


def test_what_the_network_cannot_see_it_says_nothing_of(landmarks):
    drawing = trained(width=1 / 32, residual_blocks=1)
    assert list(notes_on_identity("p.png", lips_of(still(person(0)), landmarks), drawing)) == []


def test_only_a_picture_that_is_shrunk_unasked_is_mentioned():
    assert list(notes_on_size("p.png", (4096, 2160), None)) == []
    assert list(notes_on_size("p.png", (8192, 1000), 1280)) == []
    (note,) = notes_on_size("p.png", (8192, 1000), None)
    assert "8192 x 1000 pixels; the video has 4096 x 500" in note


def test_only_drawn_lips_that_are_enlarged_are_soft(plus):
    drawing = trained(width=1 / 32, residual_blocks=1)
    large = large_portrait(0, 256).lips
    (note,) = notes_on_softness("p.png", large, drawing, "paper")
    assert "paper draws lips of 64 x 64 pixels" in note
    assert "enlarged 4.0 times" in note
    assert list(notes_on_softness("p.png", large, plus, "plus")) == []
    small = dataclasses.replace(large, box=np.float32([100, 100, 60]))
    assert list(notes_on_softness("p.png", small, drawing, "paper")) == []


def test_the_stills_detail_returns_where_lips_agree():
    portrait = large_portrait(0, 256)
    detail = StillDetail(portrait.lips.large, portrait.lips.image)
    soft = cv2.GaussianBlur(portrait.lips.image, (0, 0), 0.7)
    # A network that draws the same lips, but softer and in another light.
    drawn = np.uint8(np.clip(soft * 0.9 + 20.0, 0, 255))
    drawn[30:46, 24:40] = (30, 5, 5)  # and a mouth that is open

    def fine(lips: np.ndarray, rows: slice, columns: slice) -> float:
        grey = lips.astype(np.float32).mean(2)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 1))[rows, columns].std())

    enlarged = cv2.resize(drawn, (256, 256), interpolation=cv2.INTER_CUBIC)
    made = detail.add(drawn)
    cheek, gap = (slice(10, 60), slice(10, 246)), (slice(136, 168), slice(110, 146))
    assert fine(made, *cheek) > 0.8 * fine(portrait.lips.large, *cheek)
    assert fine(made, *cheek) > 3 * fine(enlarged, *cheek)
    assert fine(made, *gap) < 1.05 * fine(enlarged, *gap) + 0.05
    agreement = detail.agreement(portrait.lips.image)
    assert agreement.min() == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"largest_side": 640}, "--largest-side is about putting lips into a picture"),
        ({"still_detail": True}, "--still-detail is about putting lips into a picture"),
        ({"largest_side": 10, "paste_back": True}, "--largest-side 10: give 64 pixels or more"),
        ({"still_detail": True, "paste_back": True}, "these move the picture's own pixels"),
        ({"articulation": 3.0}, "--articulation 3: give 0.25 to 2"),
        ({"articulation": 1.5, "weights": "paper"}, "weights that move the picture by mouth"),
    ],
)
def test_settings_without_an_effect_are_refused(tmp_path, settings, words):
    picture, sound = tmp_path / "p.png", tmp_path / "s.wav"
    cv2.imwrite(str(picture), np.zeros((96, 96, 3), np.uint8))
    write_audio(sound, np.zeros(8820, np.float32))
    with pytest.raises(UsageError, match=words):
        generate(picture, sound, tmp_path / "o.mp4", **{"weights": "plus", **settings})
