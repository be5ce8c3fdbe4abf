"""The warp generator: sizes, what sees what, chunks equal to the whole, its parts by loops."""

import numpy as np
import pytest
import torch

from lipkit.generation import generate_chunks
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.models.mouth_points import LookEncoder, soft_argmax
from lipkit.models.network import parameter_count
from lipkit.models.speech_encoder import SpeechEncoder
from lipkit.models.warp_generator import (
    REACH,
    STILL,
    Guide,
    WarpGenerator,
    drag_field,
    heat_maps,
    warp,
)
from lipkit.presets import preset

GENERATOR = torch.Generator().manual_seed(0)


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=GENERATOR) * 2 - 1


@pytest.fixture(scope="module")
def small() -> WarpGenerator:
    torch.manual_seed(0)
    made = build_generator(generator_settings("warp", width=1 / 4)).eval()
    with torch.no_grad():  # so that the learnt flow takes part
        made.renderer.flow.weight.normal_(std=0.05)
    return made


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("speech_encoder", 1_883_072),
        ("look_encoder", 546_164),
        ("point_motion", 251_432),
        ("renderer", 230_502),
    ],
)
def test_parameters(part, count):
    with torch.device("meta"):
        made = build_generator(preset("plus").generator)
    assert parameter_count(getattr(made, part)) == count
    # With the card, half of what may be shipped: 16 MiB of 16-bit numbers.
    assert parameter_count(made) * 2 < 8 * 2**20


def test_shapes_and_ranges(small):
    identity, logmel = random(2, 3, 64, 64), random(2, 1, 20, 128)
    made = small.generate(identity, logmel)
    assert made.video.shape == made.warped.shape == (2, 3, 5, 64, 64)
    assert made.points.shape == (2, 5, 20, 2)
    assert made.identity_points.shape == (2, 20, 2)
    assert made.audio.shape[:1] + made.audio.shape[2:] == (2, 5, 1)
    assert made.video.abs().max() <= 1
    assert made.identity_points.min() > 0
    assert made.identity_points.max() < 63
    torch.testing.assert_close(small(identity, logmel), made.video)


def test_the_flow_and_the_share_say_how_the_video_was_made(small):
    identity, logmel = random(1, 3, 64, 64), random(1, 1, 20, 128)
    made = small.generate(identity, logmel)
    flow, share = made.flow[0].transpose(0, 1), made.share[0].transpose(0, 1)
    moved = warp(identity.expand(5, -1, -1, -1), flow, mode="bicubic").clamp(-1, 1)
    assert (moved - identity).abs().mean() > 0.01
    torch.testing.assert_close(moved, made.warped[0].transpose(0, 1))
    paint = (made.video - made.warped)[0].transpose(0, 1) / share + moved
    assert share.min() > 0
    assert paint.abs().max() < 1 + 1e-3


def test_a_log_mel_of_no_whole_frames_is_refused(small):
    with pytest.raises(ValueError, match=r"\[1, 1, 18, 128\]"):
        small(random(1, 3, 64, 64), random(1, 1, 18, 128))


def test_chunks_are_the_whole(small):
    identity, logmel = random(3, 64, 64), random(4 * 60, 128)
    whole = small(identity[None], logmel[None, None])[0]
    pieces = torch.cat(list(generate_chunks(small, identity, logmel, chunk=16)), dim=1)
    assert (pieces - whole).abs().max() < 1e-4


def test_context_is_exact():
    torch.manual_seed(1)
    encoder = SpeechEncoder(16, dropout=0.0).eval()
    assert encoder.context == 11
    frames, middle = 41, 20
    heard = random(1, 1, 4 * frames, 128).requires_grad_()
    encoder(heard)[0, :, middle].abs().sum().backward()
    reached = heard.grad[0, 0].abs().sum(1).view(frames, 4).sum(1).nonzero()[:, 0]
    assert reached[0] == middle - encoder.context
    assert reached[-1] == middle + encoder.context


def test_chosen_frames_are_those_of_the_whole_window(small):
    identity, logmel = random(2, 3, 64, 64), random(2, 1, 4 * 30, 128)
    frames = torch.tensor([[0, 1, 29], [7, 8, 3]])
    whole = small.generate(identity, logmel)
    some = small.generate(identity, logmel, frames)
    for b in range(2):
        torch.testing.assert_close(some.video[b], whole.video[b][:, frames[b]])
    torch.testing.assert_close(some.points, whole.points)


def test_a_guide_replaces_the_points_of_its_share_alone(small):
    identity, logmel = random(2, 3, 64, 64), random(2, 1, 16, 128)
    true = 32 + 20 * random(2, 4, 20, 2)
    guide = Guide(torch.tensor([True, False]), true[:, 0], true)
    free, guided = small.generate(identity, logmel), small.generate(identity, logmel, guide=guide)
    torch.testing.assert_close(guided.video[1], free.video[1])
    assert (guided.video[0] - free.video[0]).abs().max() > 0.05
    torch.testing.assert_close(guided.points, free.points)


def test_every_parameter_learns():
    torch.manual_seed(0)
    made = build_generator(generator_settings("warp", width=1 / 8))
    # Twice, as the flow starts at zero and its weights with it.
    optimiser = torch.optim.SGD(made.parameters(), lr=0.1)
    identity, logmel, real = random(2, 3, 64, 64), random(2, 1, 16, 128), random(2, 3, 4, 64, 64)
    for _ in range(2):
        optimiser.zero_grad()
        result = made.generate(identity, logmel)
        (result.video - real).pow(2).mean().backward()
        optimiser.step()
    still = [name for name, p in made.named_parameters() if not p.grad.abs().sum() > 0]
    assert still == []


def test_points_that_stay_drag_nothing():
    points = 32 + 20 * random(2, 20, 2)
    assert drag_field(points, points).abs().max() == 0


def test_drag_field_by_loops():
    source, target = 32 + 15 * random(1, 20, 2), 32 + 15 * random(1, 20, 2)
    field = drag_field(source, target)[0].double().numpy()
    s, t = source[0].double().numpy(), target[0].double().numpy()
    for row, column in [(0, 0), (5, 20), (16, 16), (31, 3)]:
        x, y = 2 * column + 0.5, 2 * row + 0.5
        total, weights = np.zeros(2), STILL
        for i in range(20):
            weight = np.exp(-((x - t[i, 0]) ** 2 + (y - t[i, 1]) ** 2) / (2 * REACH**2))
            total += weight * (s[i] - t[i])
            weights += weight
        np.testing.assert_allclose(field[:, row, column], total / weights, atol=1e-4)


def test_heat_maps_peak_at_their_points():
    points = torch.tensor([[[9.5, 21.5], [45.5, 1.5]]])  # centres of 4-pixel cells
    maps = heat_maps(points, 16)[0]
    assert maps[0, 5, 2] == 1
    assert maps[1, 0, 11] == 1
    assert maps[0, 5, 3] == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize(("mode", "tolerance"), [("bilinear", 1e-5), ("bicubic", 1e-5)])
def test_a_whole_shift_moves_pixels(mode, tolerance):
    picture = random(1, 3, 64, 64)
    flow = torch.zeros(1, 2, 64, 64)
    flow[:, 0], flow[:, 1] = 3, -2  # each pixel shows what lay 3 to the right and 2 above
    moved = warp(picture, flow, mode)
    expected = picture[..., 8:48, 13:53]
    torch.testing.assert_close(moved[..., 10:50, 10:50], expected, atol=1e-4, rtol=tolerance)


def test_warp_counts_lip_pixels_at_any_resolution():
    picture = random(1, 2, 16, 16)
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0] = 4  # one cell
    torch.testing.assert_close(warp(picture, flow)[..., :-1], picture[..., 1:])


def test_soft_argmax_is_the_centre_of_mass():
    heat = random(1, 2, 16, 16) * 3
    found = soft_argmax(heat)[0].double().numpy()
    for point in range(2):
        mass = np.exp(heat[0, point].double().numpy())
        x = y = 0.0
        for row in range(16):
            for column in range(16):
                x += mass[row, column] * (4 * column + 1.5)
                y += mass[row, column] * (4 * row + 1.5)
        np.testing.assert_allclose(found[point], [x / mass.sum(), y / mass.sum()], atol=1e-4)


def test_look_encoder_gives_its_maps():
    look = LookEncoder(8, 16)(random(3, 3, 64, 64))
    shapes = [tuple(x.shape) for x in look]
    assert shapes == [(3, 8, 32, 32), (3, 16, 16, 16), (3, 16), (3, 20, 2)]
