"""Discriminators: published sizes, one logit a pair, every stream counts, one length only."""

import pytest
import torch
from torch import nn

from lipkit.errors import UsageError
from lipkit.models.discriminator import Discriminator
from lipkit.models.network import parameter_count

STREAMS = ("three", "two", "frame_difference")


def small(streams: str = "three") -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(streams=streams, width=1 / 32)


def pair(streams: str = "three", batch: int = 2) -> list[torch.Tensor | None]:
    """Video, log-mel and what the third stream takes."""
    torch.manual_seed(1)
    channels = {"three": 2, "two": None, "frame_difference": 3}[streams]
    motion = None if channels is None else torch.randn(batch, channels, 15, 16, 16)
    return [torch.rand(batch, 3, 16, 64, 64) * 2 - 1, torch.randn(batch, 1, 64, 128), motion]


@pytest.mark.parametrize(
    ("streams", "count"),
    [
        ("three", 54_278_881),
        ("two", 55_593_249),
        # One more channel into 64 kernels of 3 x 3 x 3.
        ("frame_difference", 54_278_881 + 64 * 27),
    ],
)
def test_networks_have_the_published_sizes(streams, count):
    with torch.device("meta"):
        assert parameter_count(Discriminator(streams=streams)) == count


def test_the_layer_over_the_whole_sound_shrinks_with_the_square_of_the_width():
    with torch.device("meta"):
        layers = [Discriminator(width=w).audio[5] for w in (1, 1 / 8)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (131_072, 256),
        (16_384, 32),
    ]


@pytest.mark.parametrize("streams", STREAMS)
def test_one_logit_a_pair(streams):
    logits = small(streams)(*pair(streams, batch=3))
    assert logits.shape == (3,)
    # No sigmoid: that is in the loss.
    assert not isinstance(list(small(streams).modules())[-1], nn.Sigmoid)


@pytest.mark.parametrize("streams", STREAMS)
def test_every_stream_counts(streams):
    judge = small(streams).eval()
    given = pair(streams)
    for i, part in enumerate(given):
        if part is not None:
            other = [*given[:i], -part, *given[i + 1 :]]
            assert (judge(*other) - judge(*given)).abs().min() > 1e-6


@pytest.mark.parametrize("streams", STREAMS)
def test_every_parameter_is_trained(streams):
    judge = small(streams)
    judge(*pair(streams, batch=4)).square().sum().backward()
    idle = [name for name, p in judge.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize(("frames", "columns"), [(15, 60), (16, 60), (32, 128)])
def test_windows_of_another_length_are_refused_in_one_line(frames, columns):
    video, logmel = torch.zeros(1, 3, frames, 64, 64), torch.zeros(1, 1, columns, 128)
    with pytest.raises(UsageError, match=r"windows of 16 frames.*data\.window=16") as fault:
        small("two")(video, logmel)
    assert "\n" not in str(fault.value)


def test_motion_of_another_kind_is_refused():
    video, logmel, motion = pair("three")
    with pytest.raises(ValueError, match="motion is none"):
        small("three")(video, logmel)
    with pytest.raises(ValueError, match=r"take \[B, 3, 15, 16, 16\]"):
        small("frame_difference")(video, logmel, motion)
