"""Receptive fields: arithmetic against the gradient; traces against shapes and counts by hand."""

import pytest
import torch
from torch import nn

from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.generator import Generator, GeneratorConfig
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.network import parameter_count
from lipkit.models.receptive_field import extent, influence, reached, sees
from lipkit.models.trace import CONVOLUTIONS, Layer, trace


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def small(**settings) -> Generator:
    torch.manual_seed(0)
    return Generator(GeneratorConfig(**{"width": 1 / 32, "residual_blocks": 1, **settings}))


def sound_path(layers: list[Layer]) -> list[Layer]:
    return [layer for layer in layers if not layer.name.startswith("identity_encoder")]


CHAINS = {
    "plain": nn.Conv2d(1, 4, 3, padding=1),
    "strided, uneven": nn.Conv2d(1, 4, (5, 3), stride=(3, 2), padding=(1, 0)),
    "dilated": nn.Conv2d(1, 4, 3, stride=(1, 2), padding=2, dilation=(2, 3)),
    "two strides": nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.Tanh(), nn.Conv2d(4, 4, 4, 2, 1)),
    "mirrored": nn.Sequential(nn.ReflectionPad2d((2, 2, 3, 3)), nn.Conv2d(1, 4, (7, 5))),
}


@pytest.mark.parametrize("name", CHAINS)
def test_arithmetic_and_gradient_agree_everywhere(name):
    x = noise(2, 1, 20, 17)
    layers = trace(CHAINS[name], x)
    steps, rows = layers[-1].output[2:]
    for step in range(steps):
        for row in range(0, rows, 3):
            found = influence(CHAINS[name], [x], (step, row))
            for axis, place in enumerate((step, row)):
                first, last = sees(layers, axis, place)
                size = x.shape[2 + axis]
                if name in ("mirrored", "dilated") and (first < 0 or last >= size):
                    # A mirror shows inner pixels again; spread taps may skip the first.
                    continue
                assert reached(found, axis) == (max(0, first), min(size - 1, last))


@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (4, 1), (2, 0), (5, 2)])
def test_transposed_convolutions_are_walked_back_too(kernel, padding):
    deconvolution = nn.ConvTranspose3d(
        2, 3, (3, kernel, kernel), stride=(1, 2, 2), padding=(1, padding, padding)
    )
    x = noise(1, 2, 4, 6, 6)
    layers = trace(deconvolution, x)
    for row in range(layers[-1].output[3]):
        found = influence(deconvolution, [x], (2, row, slice(None)))
        first, last = sees(layers, 1, row)
        assert reached(found, 1) == (max(0, first), min(5, last))
        assert reached(found, 0) == sees(layers, 0, 2) == (1, 3)


def test_encoders_see_what_the_fact_sheet_says():
    heard, seen = (
        trace(AudioEncoder(16), noise(1, 1, 128, 128)),
        trace(IdentityEncoder(16), noise(1, 3, 64, 64)),
    )
    assert (extent(heard, 0), extent(heard, 1)) == (21, 21)
    assert (extent(seen, 0), extent(seen, 1)) == (13, 13)
    assert [sees(heard, 0, t) for t in (0, 16)] == [(-10, 10), (54, 74)]


@pytest.mark.parametrize(("kernel", "after_fusion"), [(1, 13), (3, 49)])
def test_the_generator_mixes_as_many_frames_as_the_fact_sheet_says(kernel, after_fusion):
    generator = small(residual_blocks=9, temporal_kernel=kernel)
    with torch.device("meta"):
        layers = trace(generator.to("meta"), torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 400, 128))
    path = sound_path(layers)
    behind = [layer for layer in path if not layer.name.startswith("audio_encoder")]
    assert extent(behind, 0) == after_fusion
    assert extent(path, 0) == 21 + 4 * (after_fusion - 1)
    first, last = sees(path, 0, 50)
    frames = (50 - first // 4, last // 4 - 50)
    assert max(frames) == generator.context


def test_the_generator_hears_exactly_that():
    generator = small()
    identity, logmel = noise(2, 3, 64, 64), noise(2, 1, 96, 128)
    path = sound_path(trace(generator, identity, logmel))
    found = influence(generator, [identity, logmel], (12, 30, slice(None)), of=1)
    assert found.shape == (96, 128)
    for axis, place in enumerate((12, 30)):
        first, last = sees(path, axis, place)
        assert reached(found, axis) == (max(0, first), min(found.shape[axis] - 1, last))


def test_influence_leaves_the_network_as_it_was():
    generator = small().train()
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    influence(generator, [noise(1, 3, 64, 64), noise(1, 1, 16, 128)], (2, 2, 2), of=1)
    trace(generator, noise(1, 3, 64, 64), noise(1, 1, 16, 128))
    assert all(module.training for module in generator.modules())
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert all(p.grad is None for p in generator.parameters())
    assert not any(module._forward_hooks for module in generator.modules())


def test_an_input_without_influence_is_said_to_be_so():
    with pytest.raises(ValueError, match="no input has any influence"):
        reached(torch.zeros(3, 4), 0)


def test_a_trace_has_every_layer_in_order_and_counts_every_parameter():
    generator = small()
    layers = trace(generator, noise(1, 3, 64, 64), noise(1, 1, 8, 128))
    assert sum(layer.parameters for layer in layers) == parameter_count(generator)
    assert layers[0].name == "audio_encoder.layers.0.0"
    assert layers[0].input == (1, 1, 8, 128)
    assert layers[-1].kind == "Tanh"
    assert layers[-1].output == (1, 3, 2, 64, 64)
    path = [layer for layer in sound_path(layers) if isinstance(layer.module, CONVOLUTIONS)]
    assert len(path) == 5 + 1 + 2 + 3


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, (3, 2), stride=2, padding=1),
        nn.Conv3d(1, 2, (1, 3, 3), padding=(0, 1, 1)),
        nn.ConvTranspose3d(2, 3, 3, stride=(1, 2, 2), padding=1, output_padding=(0, 1, 1)),
    ],
)
def test_multiplications_are_counted_tap_by_tap(layer):
    spreads = isinstance(layer, nn.ConvTranspose3d)
    x = noise(1, layer.in_channels, *(4,) * (layer.weight.dim() - 2))
    (found,) = trace(layer, x)
    count = 0
    places = x if spreads else layer(x)
    others = layer.out_channels if spreads else layer.in_channels
    for _ in range(places[0].numel()):
        for _ in range(others):
            for _ in range(layer.weight[0, 0].numel()):
                count += 1
    assert found.multiplications == count
    assert trace(nn.ReLU(), x)[0].multiplications == 0
