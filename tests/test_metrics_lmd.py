"""LMD and the mouth opening: the formula, and dlib's points against exact ones."""

import math

import numpy as np
import pytest

from lipkit.config import PrepareConfig
from lipkit.errors import LipkitError
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.face.lips import crop, crop_boxes, lip_points
from lipkit.face.mouth import LOWER_INNER, UPPER_INNER
from lipkit.metrics import METRICS, Context
from lipkit.metrics.faces import FixedFace, OwnFaces, require_same_clip
from lipkit.metrics.lmd import lmd, summed_lmd
from lipkit.metrics.opening import opening_amplitude, opening_correlation

NOTHING = np.zeros((64, 128), np.float16)


def points(frames: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(32, 9, (frames, 20, 2))


def test_lmd_equals_its_formula():
    a, b = points(), points(seed=1)
    for t, value in enumerate(lmd(a, b)):
        total = 0.0
        for p in range(20):
            x, y = (
                (a[t, p, k] - sum(a[t, :, k]) / 20) - (b[t, p, k] - sum(b[t, :, k]) / 20)
                for k in (0, 1)
            )
            total += math.sqrt(x * x + y * y)
        assert value == pytest.approx(total / 20, abs=1e-9)
        assert summed_lmd(a, b)[t] == pytest.approx(total, abs=1e-9)


def test_lmd_is_0_of_equal_or_moved_mouths_symmetric_and_grows_with_the_shape():
    a = points()
    assert not lmd(a, a).any()
    assert lmd(a + np.array([3.0, -2.0]), a) == pytest.approx(0, abs=1e-9)
    assert lmd(a, points(seed=1)) == pytest.approx(lmd(points(seed=1), a))
    wider = [lmd(a * np.array([s, 1]), a).mean() for s in (1.05, 1.1, 1.3)]
    assert wider == sorted(wider)


def test_lmd_counts_frames_without_a_mouth_and_refuses_other_shapes():
    a, b = points(), points(seed=1)
    a[3] = np.nan
    assert np.isnan(lmd(a, b)).nonzero()[0].tolist() == [3]
    with pytest.raises(LipkitError, match="same frames"):
        lmd(a[:5], b)
    with pytest.raises(LipkitError, match="give both"):
        METRICS["lmd"].measure(None, None, NOTHING, Context())


def test_opening_correlation_is_pearson_s_r():
    a, b = points(), points()
    wave = 4 + 3 * np.sin(np.arange(12))
    for shape, values in ((a, wave), (b, 20 - 2 * wave)):
        shape[:, UPPER_INNER] = 30, 30
        shape[:, LOWER_INNER, 0] = 30
        shape[:, LOWER_INNER, 1] = 30 + values
    assert opening_correlation(a, a) == pytest.approx(1)
    assert opening_correlation(a, b) == pytest.approx(-1)
    a[2] = np.nan
    assert opening_correlation(a, b) == pytest.approx(-1)
    assert math.isnan(opening_correlation(a, np.repeat(b[:1], 12, axis=0)))
    assert math.isnan(opening_correlation(a[:6], b[:6]))


def test_opening_amplitude_is_how_far_and_not_when():
    a, b = points(), points()
    wave = 4 + 3 * np.sin(np.arange(12))
    for shape, values in ((a, wave), (b, 20 - wave / 2)):
        shape[:, UPPER_INNER] = 30, 30
        shape[:, LOWER_INNER, 0] = 30
        shape[:, LOWER_INNER, 1] = 30 + values
    assert opening_amplitude(b, a) == pytest.approx(0.5)
    assert opening_amplitude(a, b) == pytest.approx(2)
    b[3] = np.nan
    assert opening_amplitude(a, b) == pytest.approx(2)
    still = np.repeat(a[:1], 12, axis=0)
    assert opening_amplitude(still, a) == 0
    assert math.isnan(opening_amplitude(a, still))
    assert math.isnan(opening_amplitude(a[:6], a[:6]))
    jump = np.concatenate([still[:6], still[:6]])  # two photographs, one behind the other
    jump[6:, LOWER_INNER, 1] += 5
    assert opening_amplitude(jump, a) > 0.5
    assert opening_amplitude(jump, a, joints=(0, 6)) == 0


@pytest.fixture(scope="module")
def talk():
    """Lips cropped from 28 drawn frames in the middle of the speech, with exact landmarks."""
    from lipkit.talker import perform, person

    played = perform(person(0), "bbaf2n")
    middle = int(25 * (played.words[0].start + played.words[-1].end) / 2)
    chosen = range(middle - 14, middle + 14)
    drawn, exact = played.face, played.landmarks()[list(chosen)]
    frames = np.stack([drawn.frame(played.shapes[t], played.poses[t], grain=t) for t in chosen])
    boxes = crop_boxes(exact, PrepareConfig())
    return frames, boxes, crop(frames, boxes), lip_points(exact, boxes)


@pytest.fixture(scope="module")
def landmarks() -> FaceLandmarks:
    return FaceLandmarks()


@pytest.fixture(scope="module")
def own(talk, landmarks) -> OwnFaces:
    return OwnFaces(talk[0], talk[1], landmarks)


def test_dlib_s_lmd_follows_the_exact_one(talk, own):
    _, _, lips, exact = talk
    frames = np.arange(len(lips))
    true = own.points(lips, frames)
    ours, theirs = [], []
    # Lips frozen at some frame, and the true lips late by some frames.
    for shown in (*(np.full(len(lips), t) for t in (0, 9, 20)), *(frames - d for d in (1, 3))):
        shown = shown.clip(0)
        found = lmd(own.points(lips[shown], frames), true)
        ours.append(found)
        theirs.append(lmd(exact[shown], exact))
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.7
    assert 0.6 < ours.mean() / theirs.mean() < 1.4


def test_points_of_true_lips_are_near_those_of_the_untouched_frames(talk, own, landmarks):
    frames, boxes, lips, _ = talk
    untouched = lip_points(track(frames, landmarks).points, boxes)
    pasted = own.points(lips, np.arange(len(lips)))
    assert 0 < lmd(pasted, untouched).mean() < 1.0
    assert opening_correlation(pasted, untouched) > 0.9


def test_the_same_lips_have_the_same_points_twice(talk, own):
    lips = talk[2][:4]
    assert np.array_equal(own.points(lips, range(4)), own.points(lips.copy(), range(4)))


def test_pictures_without_lips_count_as_failures(talk, own, landmarks):
    lips = talk[2][:3].copy()
    lips[1] = 90
    assert np.isnan(own.points(lips, range(3))).all((1, 2)).tolist() == [False, True, False]


def test_paper_s_way_finds_a_face_in_every_picture_and_sums(talk, landmarks):
    lips = talk[2][[0, 9, 15, 25]]
    found = FixedFace(landmarks).points(lips)
    assert np.isfinite(found).all()
    assert found.min() > -16
    assert found.max() < 80
    assert np.array_equal(found, np.round(found))
    still = found[:1].repeat(4, axis=0)
    context = Context(prediction_points_fixed=still, truth_points_fixed=found)
    values = METRICS["lmd_paper"].measure(lips, lips, NOTHING, context)
    assert values[0] == 0
    # Larger than the mean by the number of points.
    assert values.max() == pytest.approx(20 * lmd(still, found).max())
    assert values.max() > 5


def test_another_clip_is_not_taken_for_the_prepared_one(talk):
    frames, boxes, lips, _ = talk
    require_same_clip(frames, boxes, lips, "a.mpg")
    with pytest.raises(LipkitError, match=r"a\.mpg: is not the clip"):
        require_same_clip(frames[::-1], boxes, 255 - lips, "a.mpg")
    with pytest.raises(LipkitError, match=r"a\.mpg: is not the clip"):
        require_same_clip(frames[:-1], boxes, lips, "a.mpg")


def test_a_missing_landmark_model_is_one_line(tmp_path):
    with pytest.raises(LipkitError, match=r"none\.dat: no such landmark model"):
        FaceLandmarks(tmp_path / "none.dat")
