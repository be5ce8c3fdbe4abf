"""The networks: sizes as published, shapes, what sees what; the pixel loss."""

import numpy as np
import pytest
import torch
from torch import nn

from lipkit.losses import PixelLoss
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.fusion import Fusion, fuse
from lipkit.models.generator import Generator, GeneratorConfig, feature_channels
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.network import parameter_count
from lipkit.models.pixel_conv import PixelConv
from lipkit.models.residual import ResidualBlock


def small_generator(**settings) -> Generator:
    torch.manual_seed(0)
    config = GeneratorConfig(**{"width": 1 / 16, "residual_blocks": 2, **settings})
    return Generator(config).eval()


def sound(frames: int, batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, 1, 4 * frames, 128, generator=torch.Generator().manual_seed(1))


def face(batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.fixture(scope="module")
def paper_generator() -> Generator:
    with torch.device("meta"):
        return Generator()


@pytest.mark.parametrize(
    ("block", "count"),
    [
        ("audio_encoder", 978_656),
        ("identity_encoder", 378_944),
        ("fusion.compress", 3_539_456),
        ("residual", 10_626_048),
        ("decoder", 1_172_163),
        ("", 16_695_267),
    ],
)
def test_blocks_have_the_published_sizes(paper_generator, block, count):
    assert parameter_count(paper_generator.get_submodule(block)) == count


def test_residual_blocks_over_time_have_the_published_size():
    with torch.device("meta"):
        generator = Generator(GeneratorConfig(temporal_kernel=3))
    assert parameter_count(generator.residual) == 31_859_712


def test_layers_are_as_many_as_published(paper_generator):
    kinds = [type(layer) for layer in paper_generator.modules()]
    assert sum(issubclass(kind, nn.Conv2d) for kind in kinds) == 5 + 3
    assert sum(issubclass(kind, nn.Conv3d) for kind in kinds) == 1 + 9 * 2 + 1
    assert kinds.count(nn.ConvTranspose3d) == 2
    # All but the last convolution are batch-normalised.
    assert kinds.count(nn.BatchNorm2d) + kinds.count(nn.BatchNorm3d) == 8 + 19 + 2


@pytest.mark.parametrize("frames", [1, 2, 5, 9])
def test_the_last_convolution_is_a_convolution_over_time_and_picture(frames):
    painter = small_generator().decoder.layers[-2].double()
    x = torch.randn(2, painter.in_channels, frames, 12, 10, dtype=torch.float64, requires_grad=True)
    ours, plain = painter(x), nn.Conv3d.forward(painter, x)
    torch.testing.assert_close(ours, plain)
    wanted = [x, painter.weight, painter.bias]
    gradients = (torch.autograd.grad(y.square().sum(), wanted) for y in (ours, plain))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("frames", [1, 5, 16, 23])
def test_any_number_of_frames(frames):
    with torch.inference_mode():
        video = small_generator()(face(2), sound(frames, 2))
    assert video.shape == (2, 3, frames, 64, 64)
    assert video.abs().max() <= 1


def test_encoders_meet_in_sixteen_by_sixteen():
    assert AudioEncoder(16)(sound(16)).shape == (1, 16, 16, 16)
    assert IdentityEncoder(16)(face()).shape == (1, 16, 16, 16)


def test_fusion_by_hand():
    heard = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[None, None]  # T x F
    seen = torch.tensor([[5.0, 6.0], [7.0, 8.0]])[None, None]  # H x W
    fused = fuse(heard, seen)[0]
    assert fused.shape == (2, 2, 2, 2)
    # The picture stands in every frame; a frame's bands run down its rows.
    assert fused[0].tolist() == [[[5, 6], [7, 8]]] * 2
    assert fused[1].tolist() == [[[1, 1], [2, 2]], [[3, 3], [4, 4]]]


def test_fusion_refuses_sizes_that_do_not_meet():
    with pytest.raises(ValueError, match="8 audio bands do not match 16 image rows"):
        Fusion(4)(torch.zeros(1, 4, 2, 8), torch.zeros(1, 4, 16, 16))


def test_residual_block_adds_to_its_input_and_nothing_follows():
    block = ResidualBlock(4).eval()
    nn.init.zeros_(block.change[-1].weight)
    x = torch.randn(1, 4, 3, 8, 8)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(("kernel", "context"), [(1, 9), (3, 13)])
def test_context_is_the_temporal_receptive_field(kernel, context):
    generator = small_generator(temporal_kernel=kernel)
    assert generator.context == context
    logmel, middle = sound(40), 20
    changed = logmel.clone()
    changed[:, :, 4 * middle : 4 * middle + 4] += 3
    with torch.inference_mode():
        difference = generator(face(), changed) - generator(face(), logmel)
    frames = torch.nonzero(difference.abs().amax((0, 1, 3, 4)) > 0).flatten()
    # Sound is heard a frame further back than ahead: the strided columns begin a frame.
    assert frames.tolist() == list(range(middle - context + 1, middle + context + 1))


def test_released_generator_without_residual_kernels_in_time_sees_nine_frames(paper_generator):
    assert paper_generator.context == 9


def test_the_picture_and_the_sound_both_matter():
    generator = small_generator()
    with torch.inference_mode():
        video = generator(face(), sound(4))
        other_face = generator(-face(), sound(4))
        other_sound = generator(face(), -sound(4))
    assert (video - other_face).abs().max() > 1e-4
    assert (video - other_sound).abs().max() > 1e-4


def test_every_parameter_is_trained():
    generator = small_generator().train()
    PixelLoss()(generator(face(2), sound(4, 2)), torch.zeros(2, 3, 4, 64, 64)).backward()
    idle = [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("shape", [(1, 1, 0, 128), (1, 1, 6, 128), (1, 8, 128)])
def test_log_mel_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"expected \[B, 1, 4T, 128\]"):
        small_generator()(face(), torch.zeros(shape))


@pytest.mark.parametrize(("width", "channels"), [(1, 256), (0.5, 128), (0.1, 24), (1 / 32, 8)])
def test_width_gives_whole_eights_of_channels(width, channels):
    assert feature_channels(width) == channels


def test_pixel_loss_is_the_mean_absolute_difference():
    rng = np.random.default_rng(0)
    real, generated = rng.uniform(-1, 1, (2, 2, 3, 2, 4, 4)).astype(np.float32)
    total = 0.0
    for a, b in zip(real.flat, generated.flat, strict=True):
        total += abs(float(a) - float(b))
    loss = PixelLoss()(torch.from_numpy(generated), torch.from_numpy(real))
    assert loss.item() == pytest.approx(total / real.size, rel=1e-5)


def test_pixel_loss_refuses_to_broadcast():
    with pytest.raises(ValueError, match="differ in shape"):
        PixelLoss()(torch.zeros(2, 3, 4, 8, 8), torch.zeros(1, 3, 4, 8, 8))


@pytest.mark.parametrize(("inputs", "outputs", "padding"), [(3, 4, 0), (4, 3, 3)])
def test_the_convolution_next_to_the_pixels_is_one(inputs, outputs, padding):
    torch.manual_seed(0)
    ours = PixelConv(inputs, outputs, 7, padding=padding)
    plain = nn.Conv2d(inputs, outputs, 7, padding=padding)
    plain.load_state_dict(ours.state_dict())
    picture, seen = torch.randn(2, inputs, 16, 12), []
    for conv in (ours, plain):
        own = picture.clone().requires_grad_()
        made = conv(own)
        made.square().sum().backward()
        seen.append([made.detach(), own.grad, conv.weight.grad, conv.bias.grad])
    for mine, theirs in zip(*seen, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    assert seen[0][0].is_contiguous()
