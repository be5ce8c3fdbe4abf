"""The perceptual encoder: published sizes, frame by frame or over time, learns to draw lips."""

import pytest
import torch

from lipkit.models.network import parameter_count
from lipkit.models.perceptual_encoder import LipAutoEncoder

WIDTH = 1 / 32


@pytest.mark.parametrize(
    ("dimensions", "whole", "encoder"),
    [(2, 7_841_411, 7_462_976), (3, 23_584_643, 22_412_480)],
)
def test_networks_have_the_published_sizes(dimensions, whole, encoder):
    with torch.device("meta"):
        network = LipAutoEncoder(dimensions)
    assert parameter_count(network) == whole
    assert parameter_count(network.encoder) == encoder


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("frames", [1, 16])
def test_any_number_of_frames(dimensions, frames):
    network = LipAutoEncoder(dimensions, WIDTH)
    video = torch.rand(2, 3, frames, 64, 64) * 2 - 1
    with torch.inference_mode():
        assert network.encode(video).shape == (2, 8, frames, 16, 16)
        drawn = network(video)
    assert drawn.shape == video.shape
    assert drawn.abs().max() <= 1


@pytest.mark.parametrize(("dimensions", "seen"), [(2, [3]), (3, [0, 1, 2, 3, 4, 5, 6, 7])])
def test_two_dimensions_see_one_frame_and_three_see_its_neighbours(dimensions, seen):
    torch.manual_seed(0)
    network = LipAutoEncoder(dimensions, WIDTH).eval()
    video = torch.rand(1, 3, 8, 64, 64) * 2 - 1
    changed = video.clone()
    changed[:, :, 3] *= -1
    with torch.inference_mode():
        difference = network.encode(changed) - network.encode(video)
    frames = torch.nonzero(difference.abs().amax((0, 1, 3, 4)) > 0).flatten()
    assert frames.tolist() == seen


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [2, 3])
def test_it_learns_to_draw_what_it_sees(dimensions):
    torch.manual_seed(0)
    network = LipAutoEncoder(dimensions, WIDTH)
    colours = torch.rand(4, 3, 1, 2, 2) * 2 - 1
    video = torch.nn.functional.interpolate(colours, (1, 64, 64), mode="trilinear")
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    errors = []
    for _ in range(40):
        error = (network(video) - video).square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < 0.5 * errors[0]
