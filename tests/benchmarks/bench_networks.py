"""What one training step spends on each network, at the widths of a preset.

    python tests/benchmarks/bench_networks.py [--preset tiny] [--batch 4] [--set NAME=VALUE ...]

Processor time of this process with one thread, the least of three runs: a busy machine
changes it little. "Forth and back" has gradients for parameters and input; "calls" is how
often a step does that: the discriminator judges real, generated and mismatched pairs to learn
and the generated once more for the generator, others see real and generated video.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lipkit.models.catalogue import build_generator
from lipkit.models.correlation_networks import CorrelationNetworks
from lipkit.models.discriminator import Discriminator
from lipkit.models.generator import feature_channels
from lipkit.models.network import parameter_count
from lipkit.models.perceptual_encoder import LipAutoEncoder
from lipkit.models.video_flow import Motion
from lipkit.presets import preset


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    settings = preset(options.preset, dict(pair.split("=", 1) for pair in options.set))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, loss = options.batch, settings.loss
    features = feature_channels(settings.generator.width)
    video = torch.rand(batch, 3, 16, 64, 64) * 2 - 1
    logmel = torch.randn(batch, 1, 64, 128)
    flow = torch.randn(batch, 2, 15, 16, 16)
    generator = build_generator(settings.generator)
    encoder = LipAutoEncoder(loss.perc.dimensions, loss.perc.width)
    correlation = CorrelationNetworks(features=features)
    judge = Discriminator(loss.gen)
    third = {"three": flow, "two": None}.get(loss.gen.streams, torch.randn(batch, 3, 15, 16, 16))
    sound = torch.randn(batch, features, 16, 16)
    rows: list[tuple[str, nn.Module, int, Callable[[Tensor], Tensor], Tensor]] = [
        ("generator", generator, 1, lambda x: generator(video[:, :, 0], x), logmel),
        ("discriminator", judge, 4, lambda x: judge(x, logmel, third), video),
        ("perceptual encoder", encoder.encoder, 2, encoder.encode, video),
        ("auto-encoder", encoder, 0, encoder, video),
        ("Lucas-Kanade", nn.Identity(), 2, Motion("lucas_kanade"), video),
        ("phi_s", correlation.phi_s, 1, correlation.phi_s, sound[:, :, 1:]),
        ("phi_v", correlation.phi_v, 2, correlation.phi_v, flow),
    ]
    print(f"preset {options.preset}, batch {batch}, one thread")
    print(f"{'':20s}{'parameters':>12s}{'forth, s':>10s}{'and back, s':>13s}{'calls':>7s}")
    total = 0.0
    for name, network, calls, call, given in rows:
        with torch.no_grad():
            forth = least(lambda call=call, given=given: call(given))
        both = least(lambda call=call, given=given: back(call, given))
        total += calls * both
        size = parameter_count(network)
        print(f"{name:20s}{size:12,d}{forth:10.3f}{both:13.3f}{calls:7d}", flush=True)
    print(f"{'a step':20s}{total:35.3f}")


def back(call: Callable[[Tensor], Tensor], given: Tensor) -> None:
    """Once back and forth."""
    call(given.clone().requires_grad_()).square().mean().backward()


def least(work: Callable[[], object], runs: int = 3) -> float:
    """Processor seconds of the quickest of several runs, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main()
