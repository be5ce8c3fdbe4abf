"""The losses of the preset plus, beside their equations (``test_losses``)."""

import numpy as np
import pytest
import torch

from lipkit.losses import (
    AmplitudeLoss,
    MotionLoss,
    MouthLoss,
    PatchLoss,
    PointsLoss,
    SharpnessLoss,
)
from lipkit.models.patch_discriminator import PatchDiscriminator


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array.astype(np.float32))


def test_points_loss_of_one_frame_has_no_velocity(rng):
    p = tensor(rng.normal(30, 8, (1, 1, 20, 2)))
    assert PointsLoss()(p, p, p[:, 0], p[:, 0]).item() == 0


def test_amplitude_loss_asks_how_far_and_not_when(rng):
    real = tensor(rng.normal(30, 4, (2, 16, 20, 2)))
    loss = AmplitudeLoss()
    timid = real.mean(1, keepdim=True) + 0.5 * (real - real.mean(1, keepdim=True))
    assert loss(timid, real) > 1
    assert loss(real.flip(1), real).item() == pytest.approx(0, abs=1e-5)
    with pytest.raises(ValueError, match="at least two frames"):
        loss(real[:, :1], real[:, :1])


def test_the_amplitude_of_a_mouth_that_rests_has_a_gradient():
    still = torch.full((1, 5, 20, 2), 30.0, requires_grad=True)
    moving = still.detach() + torch.arange(5.0)[None, :, None, None] * torch.randn(20, 2)
    AmplitudeLoss()(still, moving).backward()
    assert torch.isfinite(still.grad).all()


def test_mouth_loss_looks_at_the_mouth():
    points = torch.full((1, 1, 20, 2), 32.0)
    points[..., 0] += torch.linspace(-12, 12, 20)
    real = torch.zeros(1, 3, 1, 64, 64)
    at_mouth, at_cheek = real.clone(), real.clone()
    at_mouth[..., 30:34, 30:34] = 1
    at_cheek[..., 2:6, 2:6] = 1
    loss = MouthLoss()
    assert loss(at_mouth, real, points) > 4 * loss(at_cheek, real, points) > 0


def test_sharpness_loss_forgives_a_moved_edge_and_not_a_smeared_one():
    def edge(place: float, width: float) -> torch.Tensor:
        ramp = ((torch.arange(64.0) - place) / width).clamp(-1, 1)
        return ramp.expand(1, 3, 1, 64, 64)

    real, moved, smeared = edge(31.5, 0.5), edge(33.5, 0.5), edge(31.5, 14.0)
    loss = SharpnessLoss()
    assert loss(smeared, real) > 2 * loss(moved, real)
    assert (moved - real).abs().mean() * 2 < (smeared - real).abs().mean() * 2


def test_patch_loss_is_its_equation(rng):
    real, made = rng.normal(0, 1, (2, 2, 1, 3, 3))
    features, real_features = ([rng.normal(0, 1, (2, 4, n, n)) for n in (8, 4)] for _ in range(2))
    loss = PatchLoss()
    expected = sum((x - 1) ** 2 for x in real.flat) / 18 + sum(x**2 for x in made.flat) / 18
    assert loss.discriminator(tensor(real), tensor(made)).item() == pytest.approx(expected)
    expected = sum((x - 1) ** 2 for x in made.flat) / 18
    for a, b in zip(features, real_features, strict=True):
        expected += 0.4 * sum(abs(x - y) for x, y in zip(a.flat, b.flat, strict=True)) / a.size
    measured = loss.generator(
        tensor(made), [tensor(f) for f in features], [tensor(f) for f in real_features]
    )
    assert measured.item() == pytest.approx(expected, rel=1e-5)


def test_patch_discriminator_learns_to_tell_blurred_from_sharp():
    torch.manual_seed(0)
    judge, loss = PatchDiscriminator(8), PatchLoss()
    optimiser = torch.optim.Adam(judge.parameters(), lr=2e-3)
    for _ in range(40):
        base = torch.nn.functional.interpolate(torch.rand(4, 3, 5, 5) * 2 - 1, size=32)
        sharp = (base + 0.1 * torch.randn(4, 3, 32, 32)).clamp(-1, 1)[:, :, None]
        blurred = torch.nn.functional.avg_pool3d(sharp, (1, 3, 3), 1, (0, 1, 1))
        value = loss.discriminator(judge(sharp)[0], judge(blurred)[0])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert value.item() < 0.25  # chance is 0.5
    assert judge(sharp)[0].shape == (4, 1, 8, 8)


@pytest.mark.parametrize(
    ("loss", "shapes"),
    [
        (PointsLoss, [(1, 4, 20, 2), (1, 5, 20, 2), (1, 20, 2), (1, 20, 2)]),
        (MouthLoss, [(1, 3, 4, 16, 16), (1, 3, 4, 16, 16), (1, 5, 20, 2)]),
        (SharpnessLoss, [(1, 3, 4, 16, 16), (1, 3, 4, 16, 17)]),
        (MotionLoss, [(1, 3, 1, 16, 16), (1, 3, 1, 16, 16)]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(loss, shapes):
    with pytest.raises(ValueError, match=r"\["):
        loss()(*(torch.zeros(shape) for shape in shapes))
