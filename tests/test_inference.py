"""The rearranged generator gives the same video."""

import pytest
import torch
from torch import nn
from trained_generators import trained

from lipkit.generation.inference import RepeatedFusion, for_inference
from lipkit.models.catalogue import build_generator
from lipkit.models.fusion import Fusion
from lipkit.models.generator import GeneratorConfig


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"width": 1 / 32},
        {"temporal_kernel": 3},
        {"residual_blocks": 0},
        {"architecture": "warp"},
    ],
)
@torch.inference_mode()
def test_the_video_is_the_same(settings):
    with torch.inference_mode(False):
        generator = trained(**settings)
    fast = for_inference(generator)
    assert fast.context == generator.context
    for frames in (1, 2, 3, 4, 11):
        given = torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, 1, 4 * frames, 128)
        expected = generator(*given)
        assert expected.std() > 0.05
        torch.testing.assert_close(fast(*given), expected, rtol=0, atol=1e-4)


def test_what_is_slow_is_gone_and_the_original_stays():
    generator = trained()
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    kinds = {type(module) for module in for_inference(generator).modules()}
    assert RepeatedFusion in kinds
    assert not kinds & {nn.BatchNorm2d, nn.BatchNorm3d, Fusion}
    after = generator.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_generator_in_training_is_refused():
    with pytest.raises(ValueError, match="eval"):
        for_inference(build_generator(GeneratorConfig(width=1 / 32)))
