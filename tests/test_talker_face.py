"""The drawn face: exact landmarks, what dlib makes of it, and that people differ."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from lipkit.face.landmarks import find_landmark_model
from lipkit.talker import VISEMES, perform, person, still, talking_clip
from lipkit.talker.clip import opening
from lipkit.talker.corpus import alignment, truth
from lipkit.talker.face import REST, Pose, face
from lipkit.talker.people import KNOWN_PEOPLE, SKINS
from lipkit.talker.sentences import choose

CLOSED = REST
OPEN = np.array(VISEMES["open"].target)
ROUND = np.array(VISEMES["close_round"].target)
SPREAD = np.array(VISEMES["spread"].target)


@pytest.fixture(scope="module")
def drawn():
    return face(person(9))


def test_frame_is_of_grids_size_and_a_pure_function(drawn):
    frame = drawn.frame(OPEN, grain=5)
    assert frame.shape == (288, 360, 3)
    assert frame.dtype == np.uint8
    assert np.array_equal(frame, drawn.frame(OPEN, grain=5))
    assert not np.array_equal(frame, drawn.frame(OPEN, grain=6))


def test_only_the_lower_face_moves_with_the_mouth(drawn):
    change = cv2.absdiff(drawn.frame(CLOSED), drawn.frame(OPEN)).max(axis=2)
    nose = drawn.landmarks(CLOSED)[30, 1]
    assert change[: int(nose) - 8].max() == 0
    assert change[int(nose) :].max() > 60


def test_shapes_are_told_by_the_landmarks(drawn):
    closed, wide, rounded, spread = (drawn.landmarks(s) for s in (CLOSED, OPEN, ROUND, SPREAD))
    assert opening(closed) < 0.01
    assert opening(wide) > 9
    assert opening(closed) < opening(rounded) < opening(wide)

    def width(p):
        return p[54, 0] - p[48, 0]

    assert width(rounded) < 0.85 * width(closed) < 0.9 * width(spread)
    assert wide[8, 1] - closed[8, 1] > 8
    assert np.abs(wide[17:31] - closed[17:31]).max() < 0.01


def test_landmarks_are_in_ibug_order(drawn):
    p = drawn.landmarks(OPEN)
    assert p.shape == (68, 2)
    assert np.all(np.diff(p[0:17:2, 0]) > 0)
    assert p[8, 1] == p[:, 1].max()
    assert p[17:27, 1].max() < p[36:48, 1].min()
    assert np.all(np.diff(p[27:31, 1]) > 0)
    assert p[36, 0] < p[39, 0] < p[42, 0] < p[45, 0]
    assert p[51, 1] < p[62, 1] < p[66, 1] < p[57, 1]
    assert p[48, 0] < p[60, 0] < p[64, 0] < p[54, 0]


def test_landmarks_follow_the_picture_when_the_head_moves(drawn):
    """Points carried by the optical flow of the drawn head end where the landmarks say."""
    pose = Pose(x=3.0, y=-2.0, roll=1.5, yaw=2.0, pitch=-1.0)
    before, after = drawn.frame(SPREAD), drawn.frame(SPREAD, pose)
    start = drawn.landmarks(SPREAD)[27:].astype(np.float32)[:, None]
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (before, after)]
    tracked, found, _ = cv2.calcOpticalFlowPyrLK(*grey, start, None, winSize=(15, 15))
    error = np.linalg.norm(tracked[:, 0] - drawn.landmarks(SPREAD, pose)[27:], axis=1)
    assert found.all()
    assert np.median(error) < 0.3


def test_lips_lie_where_the_landmarks_say(drawn):
    """Between the inner lips it is darker or whiter than on the lips; outside is skin."""
    frame = drawn.frame(OPEN).astype(int)
    p = drawn.landmarks(OPEN)

    def colour(xy):
        x, y = np.round(xy).astype(int)
        return frame[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))

    skin = colour(p[57] + [0, 8])
    lip = colour((p[57] + p[66]) / 2)
    cavity = colour(0.25 * p[62] + 0.75 * p[66])
    assert lip[0] / lip[1] > 1.12 * skin[0] / skin[1]
    assert cavity.sum() < 0.7 * lip.sum()


def test_a_blink_shuts_the_eyes_only(drawn):
    seen, shut = drawn.frame(CLOSED), drawn.frame(CLOSED, shut=1.0)
    p = drawn.landmarks(CLOSED, shut=1.0)
    assert np.linalg.norm(p[37] - p[41]) < 1.0
    assert np.linalg.norm(drawn.landmarks(CLOSED)[37] - drawn.landmarks(CLOSED)[41]) > 3
    change = cv2.absdiff(seen, shut).max(axis=2)
    assert change[: int(p[19, 1]) - 12].max() == change[int(p[30, 1]) :].max() == 0
    assert change.max() > 40


def test_portrait_is_a_closed_mouth():
    assert np.array_equal(still(person(9)), face(person(9)).frame(REST, grain=0))


def test_people_differ():
    people = [person(i) for i in range(30)]
    assert KNOWN_PEOPLE >= 24
    assert len({(p.skin, p.hair, p.hair_style, p.mouth_width) for p in people}) == 30
    known = people[:KNOWN_PEOPLE]
    assert len({p.hair_style for p in known}) >= 8
    assert {"none", "stubble", "moustache", "goatee", "full"} == {p.beard for p in known}
    assert len({p.voice for p in known}) >= 12
    # Everyone's skin is nearest to one tone; most tones are there.
    tones = np.array(list(SKINS.values()))
    nearest = {int(np.abs(tones - p.skin).sum(axis=1).argmin()) for p in known}
    assert len(nearest) >= 8
    assert all(38 <= p.mouth_width <= 48 for p in people)
    assert min(p.light for p in known) < -15 < 15 < max(p.light for p in known)


def test_a_person_is_a_function_of_index_and_seed():
    assert person(3, 7) == person(3, 7)
    assert person(3, 7) != person(3, 8)
    assert person(40, 1) == person(40, 1)


@pytest.mark.usefixtures("painted_anew")
def test_talking_clip_is_deterministic_and_whole():
    a = talking_clip(0, "blue", seed=3, frames=40)
    face.cache_clear()
    b = talking_clip(0, "blue", seed=3, frames=40)
    assert a.frames.shape == (40, 288, 360, 3)
    assert a.samples.shape == (40 * 1764,)
    assert a.samples.dtype == np.float32
    assert np.array_equal(a.frames, b.frames)
    assert np.array_equal(a.samples, b.samples)
    assert np.array_equal(a.landmarks, b.landmarks)
    other = talking_clip(a.person, "blue", seed=4, frames=40)
    assert not np.array_equal(a.samples, other.samples)


def test_mouth_is_shut_before_speech_and_before_each_bilabial():
    said = perform(1, "pwbm5p", seed=0)
    gap = opening(said.landmarks())
    first = said.phonemes[1].start
    assert gap[: int(first * 25) - 4].max() < 0.01
    assert gap[-3:].max() < 0.01
    for p in said.phonemes:
        if p.symbol in ("p", "b", "m"):
            assert gap[int(p.start * 25)] < 0.8
    assert gap.max() > 5


def test_free_text_may_be_longer_than_three_seconds():
    said = perform(2, "A quick brown fox jumps over the lazy dog, and then it sleeps", seed=0)
    assert said.sentence is None
    assert len(said.shapes) > 75
    assert len(said.samples) == len(said.shapes) * 1764
    assert said.phonemes[0].start == 0
    assert said.phonemes[-1].end == pytest.approx(len(said.shapes) / 25)


def test_words_that_do_not_fit_are_refused():
    from lipkit.errors import LipkitError

    with pytest.raises(LipkitError, match="needs"):
        perform(0, "bbaf2n", frames=30)


def test_alignment_is_grids():
    said = perform(0, "bbaf2n", seed=1)
    rows = [line.split() for line in alignment(said).splitlines()]
    assert [w for *_, w in rows] == ["sil", "bin", "blue", "at", "f", "two", "now", "sil"]
    assert int(rows[0][0]) == 0
    assert int(rows[-1][1]) == 75_000
    assert all(a[1] == b[0] for a, b in pairwise(rows))
    for row, word in zip(rows[1:-1], said.words, strict=True):
        assert int(row[0]) / 25_000 == pytest.approx(word.start, abs=1e-4)


def test_truth_holds_landmarks_phonemes_and_leads():
    said = perform(0, "bbaf2n", seed=1)
    facts = truth(said)
    assert facts["landmarks"].shape == (75, 68, 2)
    assert facts["landmarks"].dtype == facts["opening"].dtype == np.float32
    assert np.allclose(facts["opening"], opening(facts["landmarks"]))
    b = list(facts["symbols"]).index("b")
    assert facts["visemes"][b] == "bilabial"
    assert facts["leads"][b] == pytest.approx(0.08)
    assert len(facts["starts"]) == len(facts["ends"]) == len(facts["symbols"])


@pytest.fixture(scope="module")
def measured():
    """dlib's view of a clip of every person: found, error of mouth points, both openings."""
    dlib = pytest.importorskip("dlib")
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(find_landmark_model()))
    found, errors, openings = [], [], []
    for index in range(KNOWN_PEOPLE):
        said = perform(index, choose(index, 1, seed=0)[0], seed=0)
        true, drawn = said.landmarks(), said.face
        pairs = []
        # Frames from before the speech to after it, every person's grid another one.
        for t in range(6 + index % 8, 70, 8):
            frame = drawn.frame(said.shapes[t], said.poses[t], said.shut[t], grain=t)
            boxes = detector(frame, 0)
            found.append(len(boxes) == 1)
            if not boxes:
                continue
            points = predictor(frame, boxes[0]).parts()
            seen = np.array([(q.x, q.y) for q in points], float)
            mine, yours = true[t, 48:], seen[48:]
            error = (mine - mine.mean(0)) - (yours - yours.mean(0))
            errors.append((index, np.mean((error**2).sum(axis=1))))
            pairs.append((opening(true[t]), opening(seen)))
        openings.append(np.array(pairs))
    return np.array(found), np.array(errors), openings


@pytest.mark.slow
def test_dlib_finds_the_face(measured):
    found, _, _ = measured
    assert len(found) == 24 * 8
    assert found.mean() >= 0.99


@pytest.mark.slow
def test_dlib_sees_the_mouth_where_it_is_drawn(measured):
    _, errors, _ = measured
    assert np.sqrt(errors[:, 1].mean()) < 3
    for index in range(KNOWN_PEOPLE):
        assert np.sqrt(errors[errors[:, 0] == index, 1].mean()) < 3.6, f"person {index}"


@pytest.mark.slow
def test_dlib_sees_the_mouth_open_and_close(measured):
    _, _, openings = measured
    correlations = [np.corrcoef(pairs.T)[0, 1] for pairs in openings]
    assert np.median(correlations) >= 0.95
    assert min(correlations) > 0.5
