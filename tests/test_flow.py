"""Optical flow: known shifts, finite and true gradients, the published network's size."""

import numpy as np
import pytest
import torch

from lipkit.flow.farneback import farneback
from lipkit.flow.flownet import FlowNetS
from lipkit.flow.lucas_kanade import lucas_kanade, video_flow, warp


@pytest.fixture(scope="module")
def textures() -> torch.Tensor:
    """Smooth random pictures ``[16, 1, 96, 96]`` in [-1, 1]."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(16, 1, 96, 96, generator=generator)
    kernel = torch.exp(-0.5 * (torch.arange(-4, 5) / 1.5) ** 2)
    kernel = (kernel[:, None] * kernel)[None, None]
    smooth = torch.nn.functional.conv2d(noise, kernel, padding=4)
    return smooth / smooth.abs().amax((2, 3), keepdim=True)


def shifted_pairs(textures: torch.Tensor, size: float) -> tuple[torch.Tensor, ...]:
    """64x64 pairs whose second picture is the first moved by ``size`` pixels."""
    angle = torch.linspace(0, 6, len(textures))
    shift = size * torch.stack((angle.cos(), angle.sin()), dim=1)
    back = -shift[:, :, None, None].expand(-1, -1, 96, 96)
    middle = slice(16, 80)
    moved = warp(textures, back)
    return textures[:, :, middle, middle], moved[:, :, middle, middle], shift


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0, 2.0, 3.0])
def test_lucas_kanade_finds_known_shifts(textures: torch.Tensor, size: float) -> None:
    first, second, shift = shifted_pairs(textures, size)
    error = (lucas_kanade(first, second) - shift[:, :, None, None]).norm(dim=1)
    assert error.median() <= 0.25


def test_the_flow_points_from_the_first_picture_to_the_second(textures: torch.Tensor) -> None:
    right = torch.tensor([2.0, 0.0]).view(1, 2, 1, 1).expand(len(textures), 2, 96, 96)
    flow = lucas_kanade(textures, warp(textures, -right))
    assert flow[:, 0].median() == pytest.approx(2.0, abs=0.1)
    assert flow[:, 1].median() == pytest.approx(0.0, abs=0.1)
    swapped = lucas_kanade(warp(textures, -right), textures)
    assert swapped[:, 0].median() == pytest.approx(-2.0, abs=0.1)


def test_gradients_are_true() -> None:
    generator = torch.Generator().manual_seed(1)
    pair = torch.rand(2, 1, 3, 16, 16, dtype=torch.float64, generator=generator) * 2 - 1
    first, second = (image.requires_grad_() for image in pair.clone())
    function = lambda a, b: lucas_kanade(a, b, levels=2)  # noqa: E731
    assert torch.autograd.gradcheck(function, (first, second), fast_mode=True)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_flat_patches_have_no_motion_and_finite_gradients(kind: torch.dtype) -> None:
    flat = torch.full((2, 3, 32, 32), 0.25, dtype=kind)
    flat[1, :, 10:20, 10:20] = -0.5
    first, second = flat.clone().requires_grad_(), flat.clone().requires_grad_()
    flow = lucas_kanade(first, second)
    assert flow.dtype == kind
    assert flow.abs().max() < 1e-3
    (flow.float() ** 2 + flow.float()).sum().backward()
    assert torch.isfinite(first.grad).all()
    assert torch.isfinite(second.grad).all()


def test_video_flow_is_the_flow_of_each_pair(textures: torch.Tensor) -> None:
    video = textures[:12].view(2, 6, 1, 96, 96).transpose(1, 2)
    flow = video_flow(video)
    assert flow.shape == (2, 2, 5, 96, 96)
    pair = lucas_kanade(video[1:, :, 3], video[1:, :, 4])
    torch.testing.assert_close(flow[1:, :, 3], pair, atol=1e-4, rtol=1e-4)


def test_pictures_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        lucas_kanade(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 18))


def test_farneback_finds_a_shift(textures: torch.Tensor) -> None:
    first, second, shift = shifted_pairs(textures, 1.5)
    grey = torch.stack((first, second), dim=1)[:, :, 0].add(1).mul(127.5).to(torch.uint8).numpy()
    for pair, truth in zip(grey, shift.numpy(), strict=True):
        flow = farneback(pair)
        assert flow.shape == (1, 64, 64, 2)
        np.testing.assert_allclose(np.median(flow[0], axis=(0, 1)), truth, atol=0.3)


def test_flownet_has_the_published_size_and_scales() -> None:
    assert sum(p.numel() for p in FlowNetS().parameters()) == 38_676_496
    small = FlowNetS(width=1 / 16)
    picture = torch.zeros(2, 3, 64, 64)
    assert [tuple(f.shape[-2:]) for f in small.pyramid(picture, picture)] == [
        (16, 16),
        (8, 8),
        (4, 4),
        (2, 2),
        (1, 1),
    ]
    assert small(picture, picture).shape == (2, 2, 16, 16)
