"""Generators for the tests of generation: random, but not grey and not blind."""

import torch
from torch import nn

from lipkit.models.catalogue import build_generator, generator_settings


def trained(**settings) -> nn.Module:
    """A generator whose batch norms have seen something, and whose video is not grey."""
    torch.manual_seed(0)
    shape = {} if settings.get("architecture", "glance") != "glance" else {"residual_blocks": 2}
    generator = build_generator(generator_settings(**{"width": 1 / 16} | shape | settings))
    for _ in range(20):
        generator(torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, 1, 16, 128))
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    if generator.config.architecture == "glance":
        generator.decoder.layers[-2].weight.data.mul_(20)
    return generator.eval()
