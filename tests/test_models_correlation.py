"""phi_s, phi_v and the motion they take: published sizes, any number of frames, what counts."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lipkit.flow.lucas_kanade import video_flow, warp
from lipkit.models.correlation_networks import (
    AudioCorrelation,
    CorrelationNetworks,
    VisualCorrelation,
)
from lipkit.models.network import parameter_count
from lipkit.models.video_flow import Motion


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (lambda: AudioCorrelation(), 392_400),
        (lambda: VisualCorrelation(), 11_580),
        (lambda: VisualCorrelation(2, 64), 25_500),
        (lambda: VisualCorrelation(3, 64), 25_608),
        (lambda: CorrelationNetworks(), 392_400 + 11_580),
        (lambda: CorrelationNetworks(derivative=False), 392_400 + 25_608),
        (lambda: Motion("lucas_kanade"), 0),
    ],
)
def test_networks_have_the_published_sizes(network, count):
    with torch.device("meta"):
        assert parameter_count(network()) == count


@pytest.mark.parametrize("frames", [2, 16, 23])
@pytest.mark.parametrize("derivative", [True, False])
@pytest.mark.parametrize("features", [8, 32])
def test_any_number_of_frames_and_any_width(frames, derivative, features):
    networks = CorrelationNetworks(derivative, features)
    steps = frames - 1 if derivative else frames
    visual = torch.randn((2, 2, steps, 16, 16) if derivative else (2, 3, steps, 64, 64))
    s, v = networks(torch.randn(2, features, frames, 16), visual)
    assert s.shape == v.shape == (2, steps, 16)
    assert s.min() >= 0
    assert v.min() >= 0


def test_the_derivative_is_the_difference_of_neighbours():
    networks = CorrelationNetworks(features=8).eval()
    f = np.random.default_rng(0).normal(size=(2, 8, 5, 16)).astype(np.float32)
    change = np.empty((2, 8, 4, 16), np.float32)
    for t in range(4):
        change[:, :, t] = f[:, :, t] - f[:, :, t + 1]
    s, _ = networks(torch.from_numpy(f), torch.zeros(2, 2, 4, 16, 16))
    torch.testing.assert_close(s, networks.phi_s(torch.from_numpy(change)))
    # A sound that does not change is the same to it, however loud it is.
    still = torch.ones(1, 8, 5, 16)
    quiet, loud = (networks(k * still, torch.zeros(1, 2, 4, 16, 16))[0] for k in (1, 9))
    assert torch.equal(quiet, loud)


def test_every_parameter_is_trained():
    networks = CorrelationNetworks(features=32)
    s, v = networks(torch.randn(4, 32, 16, 16), torch.randn(4, 2, 15, 16, 16))
    (s * v * torch.randn_like(s)).sum().backward()
    # A bias before batch norm has a gradient of zero, but for rounding.
    idle = [n for n, p in networks.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in idle if not name.endswith("0.bias")] == []


@pytest.mark.parametrize(
    ("audio", "visual", "message"),
    [
        ((1, 8, 16, 16), (1, 2, 16, 16, 16), "15 steps of sound do not match 16"),
        ((1, 8, 16, 8), (1, 2, 15, 16, 16), r"expected \[B, C, T, 16\]"),
        ((1, 8, 16, 16), (1, 3, 15, 64, 64), r"expected \[B, 2, T, 16, 16\]"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(audio, visual, message):
    with pytest.raises(ValueError, match=message):
        CorrelationNetworks(features=8)(torch.zeros(audio), torch.zeros(visual))


def moving_video(shift: tuple[float, float], frames: int = 4) -> torch.Tensor:
    """A smooth texture [1, 3, T, 64, 64] that moves by ``shift`` pixels per frame, x and y."""
    noise = torch.randn(1, 1, 96, 96, generator=torch.Generator().manual_seed(0))
    for _ in range(8):
        noise = F.avg_pool2d(noise, 3, 1, 1)
    picture = noise / noise.abs().max()
    back = torch.tensor(shift).view(1, 2, 1, 1).expand(1, 2, 96, 96)
    moved = [warp(picture, -t * back)[..., 16:80, 16:80] for t in range(frames)]
    return torch.stack(moved, dim=2).expand(1, 3, -1, -1, -1)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.0, 0.0), (0.0, -2.0), (-2.5, 1.5)])
def test_lucas_kanade_is_in_pixels_of_the_whole_picture(shift):
    flow = Motion("lucas_kanade")(moving_video(shift))
    assert flow.shape == (1, 2, 3, 16, 16)
    found = flow.flatten(2).median(2).values[0]
    assert found.tolist() == pytest.approx(shift, abs=0.25)


def test_cheap_flow_is_the_full_flow_but_for_little():
    video = moving_video((1.5, -0.5))
    full = F.adaptive_avg_pool3d(video_flow(video), (None, 16, 16))
    error = (Motion("lucas_kanade")(video) - full).norm(dim=1)
    assert error.median() < 0.1


def test_frame_differences_are_means_over_cells():
    video = torch.rand(1, 3, 3, 64, 64)
    found = Motion("frame_difference")(video)
    v = video.numpy()
    for t, y, x in ((0, 0, 0), (1, 7, 15)):
        cell = np.s_[0, :, :, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4]
        wanted = (v[cell][:, t + 1] - v[cell][:, t]).mean(axis=(1, 2))
        np.testing.assert_allclose(found[0, :, t, y, x].numpy(), wanted, atol=1e-6)


def test_flownet_takes_each_pair_in_order():
    torch.manual_seed(0)
    motion = Motion("flownet", width=1 / 32).eval()
    video = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    flow = motion(video)
    assert flow.shape == (2, 2, 2, 16, 16)
    torch.testing.assert_close(flow[1:, :, 1], motion.flownet(video[1:, :, 1], video[1:, :, 2]))


@pytest.mark.parametrize(
    ("kind", "channels"), [("lucas_kanade", 2), ("flownet", 2), ("frame_difference", 3)]
)
def test_motion_carries_gradients_to_the_video(kind, channels):
    motion = Motion(kind, width=1 / 32)
    video = (torch.rand(1, 3, 3, 64, 64) * 2 - 1).requires_grad_()
    flow = motion(video)
    assert flow.shape[1] == motion.channels == channels
    flow.square().sum().backward()
    assert torch.isfinite(video.grad).all()
    assert video.grad.abs().amax((0, 1, 3, 4)).min() > 0


def test_motion_of_one_frame_or_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="T >= 2"):
        Motion()(torch.zeros(1, 3, 1, 64, 64))
    with pytest.raises(ValueError, match="expected lucas_kanade"):
        Motion("farneback")
