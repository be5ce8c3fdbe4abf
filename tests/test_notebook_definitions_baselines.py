"""What notebook 10 spells out says the same as lipkit."""

import numpy as np
import pytest
import torch
from test_notebook_definitions import definition

from lipkit.evaluation.nearest_windows import NearestWindows
from lipkit.models.catalogue import generator_settings
from lipkit.models.chung import ChungGenerator
from lipkit.models.vondrick import VondrickGenerator

STEM = "10_baselines"


@pytest.fixture
def window() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, 1, 64, 128)


@pytest.mark.parametrize(("width", "count"), [(1, 5), (4, 4), (6, 40)])
def test_nearest_by_hand_is_the_package_search(width, count):
    by_hand = definition(STEM, "nearest_by_hand", np=np)
    rng = np.random.default_rng(count)
    query, frames = rng.normal(size=(width, 3)), rng.normal(size=(count, 3))
    search = NearestWindows(torch.tensor(query)[None])
    search.search(torch.tensor(frames), 0)
    start, distance = by_hand(query, frames)
    assert start == search.start.item()
    assert distance == pytest.approx(search.distance.item(), rel=1e-4)


def test_parts_of_vondrick_add_up_to_its_video(window):
    parts = definition(STEM, "parts", torch=torch)
    network = VondrickGenerator(generator_settings("vondrick", width=0.0625)).eval()
    identity, logmel = window
    with torch.no_grad():
        mask, foreground, background = parts(network, logmel)
        expected = network(identity, logmel)
    assert mask.shape == (2, 1, 16, 64, 64)
    assert background.shape == (2, 3, 1, 64, 64)
    video = mask * foreground + (1 - mask) * background
    assert torch.allclose(video, expected, atol=1e-5)


def test_chung_drawn_by_hand_is_the_package_video(window):
    draw = definition(STEM, "draw", torch=torch)
    network = ChungGenerator(generator_settings("chung", width=0.0625)).eval()
    identity, logmel = window
    with torch.no_grad():
        expected = network(identity, logmel)
        assert torch.allclose(draw(network, identity, logmel), expected, atol=1e-5)
        # With a way in cut it no longer depends on what came in there.
        deaf = draw(network, identity, logmel, sound=False)
        assert torch.equal(deaf, draw(network, identity, logmel.flip(0), sound=False))
        assert not torch.allclose(deaf, expected, atol=1e-5)
        blinkered = draw(network, identity, logmel, skips=False)
        assert not torch.allclose(blinkered, expected, atol=1e-5)
