"""CPBD: equal to the per-pixel loop, to the released code's values, and what it means."""

import cv2
import numpy as np
import pytest
from cpbd_by_pixel import cpbd_by_pixel

from lipkit.metrics.cpbd import cpbd, edge_blocks, edge_widths


def drawn() -> np.ndarray:
    """By formula: two edges, stripes, rings, a weak texture, lips."""
    y, x = np.mgrid[0:64, 0:64].astype(float)
    mouth = np.exp(-(((x - 32) / 20) ** 4) - ((y - 34 - 3 * np.cos(x / 12)) / 4) ** 2)
    pictures = (
        128 + 100 * np.tanh((x - 32) / 1.5),
        128 + 100 * np.tanh((x - 32) / 6),
        128 + 90 * np.sin(x / 3 + y / 9),
        128 + 80 * np.cos(np.hypot(x - 30, y - 34) / 2.5),
        128 + 20 * np.sin(x / 2.2) * np.cos(y / 5),
        150 - 80 * mouth + 10 * np.sin(x * 1.7 + np.sin(y * 2.3) * 2),
    )
    return np.stack([np.floor(p + 0.5).clip(0, 255).astype(np.uint8) for p in pictures])


# By the functions of the released test.py, run on their own under scikit-image 0.26, and by a
# transcript of the inventors' CPBD_compute.m, both apart from this repository.
RELEASED = [0.0, 0.0, 0.003859, 0.019206, 0.101959, 0.871795]
PUBLISHED = [0.0, 0.0, 0.065359, 0.173554, 0.192843, 1.0]


def test_equals_values_that_the_original_codes_gave():
    assert cpbd(drawn(), "released") == pytest.approx(RELEASED, abs=1e-6)
    assert cpbd(drawn(), "published") == pytest.approx(PUBLISHED, abs=1e-6)


@pytest.mark.parametrize("variant", ["published", "released"])
def test_equals_the_loop_over_pixels(variant):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (6, 64, 64), dtype=np.uint8)
    smooth = np.stack([cv2.GaussianBlur(n, (0, 0), s) for n in noise[:3] for s in (1, 2.5)])
    dots = np.full((2, 64, 64), 90, np.uint8)
    dots[0, 20:23, 30], dots[1, 5:60:9, 8:60:7] = 200, 120
    pictures = np.concatenate([noise[:1], smooth, drawn(), dots, dots[:1] * 0])
    expected = [cpbd_by_pixel(picture, variant) for picture in pictures]
    assert np.abs(cpbd(pictures, variant) - expected).max() < 1e-6
    assert len(set(np.round(expected, 3))) > 6


@pytest.mark.parametrize("variant", ["published", "released"])
def test_equals_the_loop_on_pictures_of_several_blocks(variant):
    noise = np.random.default_rng(1).integers(0, 256, (140, 200)).astype(np.uint8)
    picture = cv2.GaussianBlur(noise, (0, 0), 1.2)
    picture[:64, :64] = 100  # a block without edges, a block of low contrast
    picture[64:128, :64] = 100 + picture[64:128, :64] // 8
    assert cpbd(picture[None], variant)[0] == pytest.approx(
        cpbd_by_pixel(picture, variant), abs=1e-6
    )


def test_width_of_an_edge_is_the_length_of_its_ramp():
    for length in (3, 6, 11):
        row = np.clip((np.arange(64) - 20) * (200 // length), 0, 200 // length * length)
        picture = np.tile(row, (64, 1)).astype(np.uint8)
        for image in (picture, picture[:, ::-1]):
            width = edge_widths(image[None])[3]
            assert set(width) == {length}


def test_an_edge_of_the_just_noticeable_width_is_sharp_only_as_published():
    # Ramps of 3 pixels at high contrast, in stripes; only rising ones, so that all are counted.
    row = np.tile(np.clip((np.arange(16) - 4) * 60, 0, 180), 4)
    picture = np.tile(row, (64, 1)).astype(np.uint8)
    width = edge_widths(picture[None])[3]
    assert (width == 3).any()
    assert cpbd(picture[None], "published")[0] == 1
    assert cpbd(picture[None], "released")[0] < 1


def test_falls_with_blur_and_rises_with_noise():
    noise = np.random.default_rng(2).normal(0, 1, (70, 70))
    values = []
    for sigma in (0.6, 1.2, 2.5):
        texture = cv2.GaussianBlur(noise, (0, 0), sigma)[3:67, 3:67]
        picture = (128 + 40 * texture / texture.std()).clip(0, 255).astype(np.uint8)
        values.append(cpbd(picture[None])[0])
    assert values[0] > values[1] > values[2]
    rough = picture + np.random.default_rng(3).normal(0, 12, picture.shape)
    rough = rough.clip(0, 255).astype(np.uint8)
    assert cpbd(rough[None])[0] > values[2] + 0.2  # so it is no measure of quality


def test_pictures_without_edges_have_nothing_sharp():
    flat = np.stack([np.zeros((64, 64)), np.full((64, 64), 200)]).astype(np.uint8)
    for variant in ("published", "released"):
        assert not edge_blocks(flat, variant).any()
        assert cpbd(flat, variant).tolist() == [0, 0]
    assert cpbd(np.empty((0, 64, 64), np.uint8)).shape == (0,)
