"""What notebooks 03 and 04 spell out says the same as lipkit."""

import numpy as np
import pytest
import torch
from test_notebook_definitions import definition
from torch import nn

from lipkit.data.spectrogram import scramble_mel_axes
from lipkit.models.audio_encoder import AudioEncoder
from lipkit.models.fusion import fuse
from lipkit.models.identity_encoder import IdentityEncoder
from lipkit.models.network import parameter_count
from lipkit.models.receptive_field import extent, sees
from lipkit.models.trace import trace


@pytest.mark.parametrize(("channels", "frames", "size"), [((1, 1), 2, 2), ((3, 2), 5, 4)])
def test_fusion_by_hand_is_the_package_fusion(channels, frames, size):
    by_hand = definition("04_fusion_and_generator", "fuse_by_hand", np=np)
    rng = np.random.default_rng(frames)
    audio = rng.normal(size=(channels[0], frames, size))
    identity = rng.normal(size=(channels[1], size, size))
    fused = fuse(torch.tensor(audio)[None], torch.tensor(identity)[None])[0]
    assert np.array_equal(by_hand(audio, identity), fused.numpy())


@pytest.mark.parametrize(
    ("kernels", "strides"), [([3, 3], [1, 1]), ([7, 3, 3], [1, 2, 2]), ([5, 4, 3, 1], [3, 2, 1, 2])]
)
def test_field_by_hand_is_the_traced_field(kernels, strides):
    r, j = definition("03_encoders", "field_by_hand")(kernels, strides)
    chain = nn.Sequential(
        *(nn.Conv2d(1, 1, k, s, k // 2) for k, s in zip(kernels, strides, strict=True))
    )
    layers = trace(chain, torch.zeros(1, 1, 96, 96))
    assert r == extent(layers, 0)
    assert j == sees(layers, 0, 3)[0] - sees(layers, 0, 2)[0]


def test_parameters_by_hand_are_counted_as_in_the_package():
    by_hand = definition("03_encoders", "parameters_by_hand")
    audio = [(1, 2, 3), (2, 4, 3), (4, 8, 3), (8, 16, 3), (16, 16, 3)]
    assert by_hand(audio) == parameter_count(AudioEncoder(16))
    identity = [(3, 4, 7), (4, 8, 3), (8, 16, 3)]
    assert by_hand(identity) == parameter_count(IdentityEncoder(16))


def test_scramble_is_the_authors_frame_by_frame():
    scramble = definition("03_encoders", "scramble", np=np, scramble_mel_axes=scramble_mel_axes)
    logmel = np.random.default_rng(0).normal(size=(12, 128))
    found = scramble(logmel)
    for frame in range(3):
        a = logmel[4 * frame : 4 * frame + 4].T  # [128, 4]
        for r in range(4):
            for c in range(128):
                assert found[4 * frame + r, c] == a[32 * r + c // 4, c % 4]
