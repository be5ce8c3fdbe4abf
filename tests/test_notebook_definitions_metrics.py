"""What notebook 09 spells out says the same as the package."""

import numpy as np
import pytest
from test_notebook_definitions import definition

from lipkit.metrics.cpbd import edge_widths
from lipkit.metrics.lmd import lmd
from lipkit.metrics.psnr import psnr
from lipkit.metrics.ssim import ssim

NOTEBOOK = "09_metrics"


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(3)
    a = draw.integers(0, 256, (12, 16))
    return a.astype(np.uint8), np.clip(a + draw.normal(0, 20, a.shape), 0, 255).astype(np.uint8)


def test_psnr_by_hand_is_the_package_s(pair):
    a, b = pair
    by_hand = definition(NOTEBOOK, "psnr_by_hand", np=np)
    assert by_hand(a, b) == pytest.approx(psnr(a[None], b[None])[0])


def test_ssim_by_hand_is_the_package_s(pair):
    a, b = pair
    by_hand = definition(NOTEBOOK, "ssim_by_hand", np=np)
    assert by_hand(a, b) == pytest.approx(ssim(a[None], b[None])[0])


def test_lmd_by_hand_is_the_package_s():
    a, b = np.random.default_rng(4).normal(32, 9, (2, 20, 2))
    by_hand = definition(NOTEBOOK, "lmd_by_hand", np=np)
    assert by_hand(a, b) == pytest.approx(lmd(a[None], b[None])[0])


def test_ramp_has_the_width_it_is_drawn_with():
    ramp = definition(NOTEBOOK, "ramp", np=np)
    for width in (4, 6, 8):
        assert edge_widths(ramp(width, 120)[None])[3].max() == width
