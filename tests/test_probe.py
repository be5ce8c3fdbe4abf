"""Linear probes: ridge regression against its definition, and no look at what is held out."""

import numpy as np
import pytest

from lipkit.course.gallery import lip_gallery
from lipkit.course.probe import (
    PENALTIES,
    balanced_accuracy,
    linear_probe,
    over_clips,
    ridge,
)
from lipkit.course.spoken import KINDS, visemes_of_frames


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("frames", "features"), [(30, 4), (6, 20)])
@pytest.mark.parametrize("columns", [None, 3])
def test_ridge_minimises_what_it_says(frames, features, columns):
    draw = rng()
    X = draw.normal(2, 1, (frames, features))
    Y = draw.normal(1, 1, (frames,) if columns is None else (frames, columns))
    penalty = 0.01
    weights, constant = ridge(X, Y, penalty)

    def cost(w, c):
        total = 0.0
        for x, y in zip(X, Y, strict=True):
            total += float(np.sum((y - x @ w - c) ** 2)) / frames
        return total + penalty * features * float(np.sum(w**2))

    least = cost(weights, constant)
    for _ in range(40):
        step = 1e-3 * draw.normal(size=weights.shape)
        assert cost(weights + step, constant) > least
        assert cost(weights, constant + 1e-3 * draw.normal(size=np.shape(constant))) > least


def clips(count: int = 9, features: int = 5) -> tuple[list, list]:
    draw = rng()
    weights = draw.normal(size=features)
    X = [draw.normal(size=(int(draw.integers(8, 15)), features)) for _ in range(count)]
    return X, [x @ weights + 3 for x in X]


def test_a_linear_relation_is_found_on_clips_that_were_held_out():
    X, y = clips()
    out = np.arange(9) >= 6
    predicted = linear_probe(X, y, out)
    assert [len(p) for p in predicted] == [len(x) for x in X[6:]]
    for p, truth in zip(predicted, y[6:], strict=True):
        assert np.allclose(p, truth, atol=0.05)


def test_several_targets_are_predicted_as_one_by_one():
    X, y = clips()
    out = np.arange(9) % 3 == 0
    twice = linear_probe(X, [np.stack([a, a], 1) for a in y], out)
    for both, single in zip(twice, linear_probe(X, y, out), strict=True):
        assert np.allclose(both, single[:, None])


def test_held_out_targets_decide_nothing():
    X, y = clips()
    out = np.arange(9) < 3
    changed = [np.full_like(a, 1e6) if o else a for a, o in zip(y, out, strict=True)]
    for a, b in zip(linear_probe(X, y, out), linear_probe(X, changed, out), strict=True):
        assert np.array_equal(a, b)


def test_more_features_than_frames_do_not_fit_noise():
    draw = rng()
    X = [draw.normal(size=(10, 400)) for _ in range(8)]
    y = [draw.normal(size=10) for _ in range(8)]
    out = np.arange(8) >= 6
    spread = np.std(np.concatenate(linear_probe(X, y, out)))
    assert spread < 0.6 * np.std(np.concatenate(y))


def test_a_feature_that_moves_only_outside_training_does_no_harm():
    X, y = clips()
    out = np.arange(9) >= 6
    X = [np.c_[x, np.full(len(x), 1.0 * o)] for x, o in zip(X, out, strict=True)]
    for p, truth in zip(linear_probe(X, y, out), y[6:], strict=True):
        assert np.allclose(p, truth, atol=0.05)


def test_the_penalty_is_the_best_on_every_fourth_training_clip():
    draw = rng()
    X = [draw.normal(size=(12, 30)) for _ in range(9)]
    y = [x[:, 0] + 2 * draw.normal(size=12) for x in X]
    out = np.arange(9) == 8
    fitted = np.concatenate(X[:8])
    mean, spread = fitted.mean(0), fitted.std(0)
    Z = [(x - mean) / spread for x in X]
    inner = [3, 7]
    rest = [0, 1, 2, 4, 5, 6]
    errors = {}
    for penalty in PENALTIES:
        w, c = ridge(
            np.concatenate([Z[i] for i in rest]), np.concatenate([y[i] for i in rest]), penalty
        )
        errors[penalty] = np.mean([np.mean((Z[i] @ w + c - y[i]) ** 2) for i in inner])
    best = min(errors, key=errors.get)
    w, c = ridge(np.concatenate(Z[:8]), np.concatenate(y[:8]), best)
    assert np.allclose(linear_probe(X, y, out)[0], Z[8] @ w + c)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ([True, False, False], "same clips and frames"),
        ([False] * 9, "one to predict"),
        ([False] + [True] * 8, "two clips to fit"),
    ],
)
def test_too_little_is_refused(out, message):
    X, y = clips()
    with pytest.raises(ValueError, match=message):
        linear_probe(X, y, out)
    with pytest.raises(ValueError, match="same clips and frames"):
        linear_probe(X, [y[0][:-1], *y[1:]], [True] + [False] * 8)


def test_balanced_accuracy_counts_classes_not_frames():
    truth = [np.array([0, 0, 0, 0, 1]), np.array([0, 2])]
    guess = [np.eye(4)[[0, 0, 0, 0, 0]], np.eye(4)[[0, 2]]]
    shares = []
    for kind in range(3):
        hits = total = 0
        for g, t in zip(guess, truth, strict=True):
            for a, b in zip(g.argmax(1), t, strict=True):
                total += b == kind
                hits += a == b == kind
        shares.append(hits / total)
    assert balanced_accuracy(guess, truth, 4) == pytest.approx(sum(shares) / 3) == 2 / 3


def test_the_interval_over_clips_is_that_of_a_mean():
    values = rng().normal(5, 2, 40)
    score, low, high = over_clips(lambda picked: float(values[picked].mean()), 40, draws=2000)
    assert score == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 40**0.5, rel=0.1)
    assert low < score < high


def test_frames_know_what_sounds_in_their_middle():
    phonemes = [("b", 0.04, 0.08), ("aI", 0.08, 0.19), ("s", 0.30, 0.339)]
    found = [KINDS[i] for i in visemes_of_frames(phonemes, 10)]
    assert found[:5] == ["silence", "bilabial", "open", "open", "open"]
    assert found[5:] == ["silence", "silence", "sibilant", "silence", "silence"]


def test_a_gallery_differs_in_people_and_in_mouths():
    gallery = lip_gallery(2, ("silence", "open"), seed=3)
    assert gallery.shape == (2, 2, 64, 64, 3)
    assert gallery.dtype == np.uint8
    assert np.array_equal(gallery, lip_gallery(2, ("silence", "open"), seed=3))
    colour = gallery.mean((2, 3))
    between, within = np.abs(colour[0] - colour[1]), np.abs(colour[:, 0] - colour[:, 1])
    assert between.mean() > within.mean()
    dark = (gallery[:, :, 16:56].mean(-1) < 45).mean((2, 3))
    assert (dark[:, 1] > dark[:, 0]).all()
