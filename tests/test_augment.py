"""Augmentation: pictures and their points move together, sound keeps its time."""

import numpy as np
import pytest

from lipkit.data.augment import (
    MIRRORED,
    Sample,
    add_power,
    band,
    band_centres,
    echo,
    elsewhere,
    mirror,
    other_light,
    other_looks,
    other_place,
    other_skin,
    other_voice,
    silence,
)

SEEDS = range(20)


def spot(x: float, y: float) -> np.ndarray:
    """A bright spot on black at (x, y): u8 [64, 64, 3]."""
    rows, columns = np.mgrid[:64, :64]
    light = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    return np.repeat(light[..., None], 3, -1).astype(np.uint8)


def centre(picture: np.ndarray) -> np.ndarray:
    light = picture[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64]
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


def mouth() -> np.ndarray:
    """An open mouth: outer points on an ellipse, inner ones on a smaller one: f32 [20, 2]."""
    outer, inner = (np.linspace(np.pi, 3 * np.pi, n, endpoint=False) for n in (12, 8))
    points = [(32 + 20 * np.cos(a), 32 + 14 * np.sin(a)) for a in outer]
    points += [(32 + 14 * np.cos(a), 32 + 8 * np.sin(a)) for a in inner]
    return np.array(points, np.float32)


def sample(rng: np.random.Generator) -> Sample:
    pictures = rng.integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    logmel = rng.normal(-40, 20, (64, 128)).astype(np.float32)
    points = np.repeat(mouth()[None], 16, 0)
    return Sample(pictures[1:], pictures[0], logmel, points, mouth(), np.array([3, 4, 8, 9]))


def test_left_for_right_names_every_point_once_and_twice_is_nothing():
    assert sorted(MIRRORED) == list(range(20))
    assert (MIRRORED[MIRRORED] == np.arange(20)).all()
    corners = {48: 54, 60: 64, 51: 51, 57: 57, 62: 62, 66: 66}
    assert {48 + i: 48 + MIRRORED[i] for i in (k - 48 for k in corners)} == corners


def test_mirrored_points_lie_on_what_they_marked():
    points = mouth()
    pictures = np.stack([spot(*points[4]), spot(*points[13])])
    turned, moved = mirror(pictures, np.stack([points, points]))
    for picture, marked, name in zip(turned, moved, (4, 13), strict=True):
        np.testing.assert_allclose(centre(picture), marked[MIRRORED[name]], atol=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_a_moved_point_lies_on_what_it_marked(seed):
    points = np.full((1, 20, 2), 30, np.float32)
    points[0, 0] = 26, 35
    moved, where = other_place(spot(26, 35)[None], points, np.random.default_rng(seed))
    np.testing.assert_allclose(centre(moved[0]), where[0, 0], atol=0.3)
    assert np.abs(where[0, 0] - points[0, 0]).max() > 0.2


def test_sound_keeps_its_time():
    logmel = np.full((64, 128), -60, np.float32)
    logmel[40] = 10
    for seed in SEEDS:
        changed = other_voice(logmel, np.random.default_rng(seed))
        assert changed.shape == logmel.shape
        assert np.isfinite(changed).all()
        assert changed.mean(1).argmax() == 40


def test_equal_powers_add_three_decibels():
    assert add_power(np.array(-20.0), np.array(-20.0)) == pytest.approx(-16.99, abs=0.01)
    assert add_power(np.array(0.0), np.array(-100.0)) == pytest.approx(0, abs=1e-4)


def test_one_light_for_all_pictures():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    changes = set()
    for seed in SEEDS:
        lit = other_light(np.stack([picture, picture]), np.random.default_rng(seed))
        assert (lit[0] == lit[1]).all()
        changes.add(lit[0].tobytes())
    assert len(changes) == len(SEEDS)


def test_another_skin_leaves_the_inside_of_the_mouth_alone():
    picture = np.full((64, 64, 3), 128, np.uint8)
    lips_changed = skin_changed = 0
    for seed in SEEDS:
        changed = other_skin(picture[None], mouth()[None], np.random.default_rng(seed))[0]
        assert (changed[30:35, 26:39] == 128).all()
        lips_changed += (changed[43, 32] != 128).any()
        skin_changed += (changed[:8] != 128).any() or (changed[56:] != 128).any()
    assert lips_changed == len(SEEDS)
    assert 5 < skin_changed < len(SEEDS)


def test_silence_is_quiet_and_the_mouth_rests():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        changed = sample(rng)
        rest, points = np.full((64, 64, 3), 7, np.uint8), mouth() + 1
        silence(changed, rest, points, rng)
        assert changed.logmel.mean() < -65
        assert (changed.video == 7).all()
        assert len(changed.video) == 4
        assert (changed.points == points).all()
        assert len(changed.points) == 16
        assert (changed.identity_points == mouth()).all()


def test_augmented_shapes_and_types_stay():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        before, after = sample(np.random.default_rng(0)), sample(np.random.default_rng(0))
        after.logmel = other_voice(after.logmel, rng)
        other_looks(after, rng)
        for name, array in vars(before).items():
            changed = getattr(after, name)
            assert (changed.shape, changed.dtype) == (array.shape, array.dtype), name
        assert (after.logmel != before.logmel).any()
        assert (after.video != before.video).any()


def test_an_echo_comes_later_and_dies_away():
    sound = np.full((64, 128), -100.0, np.float32)
    sound[20] = 0.0
    heard = echo(sound, seconds=0.3, decibels=-6.0)
    assert (heard[:20] < -98).all()
    assert heard[20, 0] == pytest.approx(0, abs=1e-3)
    tail = heard[21:55, 0]
    assert (np.diff(tail) < 0).all()
    # 60 dB in 0.3 s are 2 dB in each column of 10 ms.
    assert np.diff(tail[:20]) == pytest.approx(-2.0, abs=0.05)
    assert 10 * np.log10(np.sum(10 ** (tail / 10))) == pytest.approx(-6.0, abs=0.2)


def test_a_telephone_keeps_its_band_only():
    sound = np.zeros((8, 128), np.float32)
    heard, at = band(sound, 300.0, 3400.0)[0], band_centres()
    assert (np.diff(at) >= 0).all()
    assert np.allclose(heard[(at > 300) & (at < 3400)], 0)
    assert (heard[at > 6800] < -47).all()
    assert (heard[at < 140] < -47).all()
    assert heard.min() >= -100


def test_elsewhere_keeps_time_and_is_now_and_then_elsewhere():
    rng = np.random.default_rng(0)
    sound = rng.normal(-40, 10, (64, 128)).astype(np.float32)
    changed = 0
    for seed in SEEDS:
        heard = elsewhere(sound.copy(), np.random.default_rng(seed))
        assert heard.shape == sound.shape
        assert np.isfinite(heard).all()
        changed += not np.array_equal(heard, sound)
    assert 5 < changed < 15
