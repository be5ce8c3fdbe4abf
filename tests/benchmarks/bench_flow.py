"""Optical flow: Farneback, Lucas-Kanade and FlowNetS in speed and error.

    python tests/benchmarks/bench_flow.py [--steps 300] [--width 0.25] [--prepared FOLDER]

Error is the distance, pixels, between the flow found and the true one: on textures moved by
a known shift (median over pixels and pairs), and on the frames of a prepared set, where
nothing is known, against Farneback. FlowNetS learns Farneback's flow of textures for
``--steps`` steps, as the authors' learned it of lips; a few hundred steps make it no rival.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lipkit.data.prepared import PreparedSet
from lipkit.flow.farneback import farneback
from lipkit.flow.flownet import FlowNetS, proxy_loss
from lipkit.flow.lucas_kanade import lucas_kanade, warp

SHIFTS = (0.5, 1.0, 2.0, 3.0)
"""Pixels."""
Flow = Callable[[Tensor, Tensor], Tensor]
"""Pictures ``[N, 3, 64, 64]`` in [-1, 1], twice -> flow ``[N, 2, 64, 64]``, pixels."""


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--width", type=float, default=0.25, help="of FlowNetS; 1 is published")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--prepared", type=Path, help="also its frames, against Farneback")
    options = parser.parse_args()
    torch.manual_seed(0)
    cv2.setNumThreads(1)
    network = taught(options.width, options.steps)
    methods: dict[str, Flow] = {
        "Farneback": of_farneback,
        "Lucas-Kanade": lucas_kanade,
        f"FlowNetS x {options.width:g}": lambda a, b: enlarged(network(a, b)),
    }
    print(f"{torch.get_num_threads()} thread(s), {options.pairs} pairs of 64x64\n")
    print(f"{'':18s} pairs/s  of Farneback's   error, px, at a shift of")
    print(" " * 44 + "".join(f"{shift:8.1f} px" for shift in SHIFTS))
    speed = {}
    with torch.no_grad():
        for name, method in methods.items():
            errors = []
            for shift in SHIFTS:
                first, second, true = moved(options.pairs, shift)
                errors.append(float((method(first, second) - true).norm(dim=1).median()))
            speed[name] = rate(method, first, second)
            share = speed[name] / speed["Farneback"]
            numbers = "".join(f"{error:11.3f}" for error in errors)
            print(f"{name:18s} {speed[name]:7.0f} {share:14.2f}x  {numbers}")
        if options.prepared:
            on_prepared(options.prepared, options.pairs, methods)


def taught(width: float, steps: int) -> FlowNetS:
    """A FlowNetS that has learned Farneback's flow of moved textures."""
    pairs = [
        moved(128, shift, seed=seed) for seed, shift in enumerate((0.3, 1.0, 1.7, 2.5, 3.2), 1)
    ]
    first, second = (torch.cat([pair[k] for pair in pairs]) for k in (0, 1))
    label = of_farneback(first, second)
    network = FlowNetS(width)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    started = time.perf_counter()
    for _ in range(steps):
        chosen = torch.randint(len(first), (32,))
        loss = proxy_loss(network.pyramid(first[chosen], second[chosen]), label[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"FlowNetS taught for {steps} steps in {time.perf_counter() - started:.0f} s")
    return network.eval()


def moved(pairs: int, size: float, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth random textures, the same moved by ``size`` pixels anywhere, and that flow."""
    generator = torch.Generator().manual_seed(1000 * seed + round(10 * size))
    noise = torch.randn(pairs, 1, 48, 48, generator=generator)
    picture = F.interpolate(noise, size=(96, 96), mode="bicubic", align_corners=False)
    picture = (picture / picture.abs().amax((2, 3), keepdim=True)).expand(-1, 3, -1, -1)
    angle = 6.283 * torch.rand(pairs, generator=generator)
    flow = size * torch.stack((angle.cos(), angle.sin()), dim=1)[:, :, None, None]
    inside = slice(16, 80)
    second = warp(picture, -flow.expand(-1, -1, 96, 96))
    return picture[..., inside, inside], second[..., inside, inside], flow.expand(-1, -1, 64, 64)


def of_farneback(first: Tensor, second: Tensor) -> Tensor:
    """Farneback's flow of tensors."""
    pairs = torch.stack((first, second), dim=1).add(1).mul(127.5).round().to(torch.uint8)
    frames = pairs.permute(0, 1, 3, 4, 2).contiguous().numpy()
    return torch.from_numpy(np.concatenate([farneback(pair) for pair in frames])).permute(
        0, 3, 1, 2
    )


def enlarged(flow: Tensor) -> Tensor:
    """Flow of a quarter of the resolution at the whole; its numbers are whole pixels already."""
    return F.interpolate(flow, size=(64, 64), mode="bilinear", align_corners=False)


def rate(method: Flow, first: Tensor, second: Tensor, repeats: int = 5) -> float:
    """Pairs a second of processor time: the best of some runs."""
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        method(first, second)
        spent.append(time.process_time() - started)
    return len(first) / min(spent)


def on_prepared(folder: Path, pairs: int, methods: dict[str, Flow]) -> None:
    """Distance from Farneback's flow on frames of a prepared set."""
    from lipkit.data.clips import read_clip

    prepared = PreparedSet.open(folder)
    files = prepared.clips().file
    chosen = files.iloc[:: max(1, len(files) // pairs)][:pairs]
    frames = np.stack([read_clip(prepared.folder / file, 36, 2).lips for file in chosen])
    pictures = torch.from_numpy(frames).permute(1, 0, 4, 2, 3).float() / 127.5 - 1
    reference = of_farneback(*pictures)
    size = reference.norm(dim=1)
    print(f"\n{len(chosen)} pairs of {folder.name}; Farneback's motion is {size.mean():.2f} px")
    for name, method in methods.items():
        found = method(*pictures)
        error = (found - reference).norm(dim=1)
        # What the analysis uses is the mean size of the flow: does it agree?
        r = np.corrcoef(found.norm(dim=1).mean((1, 2)), size.mean((1, 2)))[0, 1]
        print(
            f"{name:18s} from Farneback's: median {error.median():.3f} px, "
            f"mean {error.mean():.3f} px; "
            f"r of the mean motion {r:.3f}"
        )


if __name__ == "__main__":
    main()
