"""Frames a second of the generators, plain and rearranged; memory of short and long speech.

    python tests/benchmarks/bench_generation.py [--threads 2] [--seconds 4] [--long 600]

The goals on two cores: 10 frames/s at the paper's size, 25 at half its width. Plain and
rearranged take turns in one run, so that their ratio means something on a busy machine too;
so does CPU time a frame, which is printed beside the wall clock's. Memory is the peak of a
process of its own that makes a whole video of lips, for ten seconds of sound, for a minute
and for --long seconds; the network is small there, since its own memory is not the question.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lipkit.config import FPS
from lipkit.generation import CHUNK, for_inference, generate, generate_chunks
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.models.generator import GeneratorConfig
from lipkit.presets import Preset
from lipkit.weights import Card, save_weights

ROUNDS = 3
SHORT = (10, 60)
"""Seconds of sound that memory is compared with: before and after all that is held is full."""
NETWORKS = {
    "paper": GeneratorConfig(),
    "paper, kernel (3, 3, 3)": GeneratorConfig(temporal_kernel=3),
    "half width": GeneratorConfig(width=0.5),
    "warp (plus)": generator_settings("warp"),
}


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0, help="of video to generate")
    parser.add_argument("--long", type=int, default=600, help="seconds of sound; 0: no memory")
    parser.add_argument("--peak", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.peak:
        print(_peak(options.peak))
        return
    speeds(round(options.seconds * FPS), options.threads)
    if options.long:
        memory(options.long)


def speeds(frames: int, threads: int) -> None:
    """Frames a second of each network, in pieces as the command makes them."""
    print(f"{frames} frames, {threads} threads, best of {ROUNDS} rounds")
    print(f"{'network':<26} {'plain':>14} {'rearranged':>14} {'CPU ms/frame':>16} {'ratio':>6}")
    identity, logmel = torch.rand(3, 64, 64), torch.randn(4 * frames, 128)
    for name, config in NETWORKS.items():
        plain = build_generator(config).eval()
        ways = {"plain": plain, "fast": for_inference(plain)}
        wall = dict.fromkeys(ways, np.inf)
        work = dict.fromkeys(ways, np.inf)
        for _ in range(ROUNDS):
            for way, generator in ways.items():
                taken = _timed(lambda g=generator: [*generate_chunks(g, identity, logmel)])
                wall[way], work[way] = min(wall[way], taken[0]), min(work[way], taken[1])
        rates = [f"{frames / wall[way]:7.1f} fr/s" for way in ways]
        each = " -> ".join(f"{1000 * work[way] / frames:.1f}" for way in ways)
        ratio = work["plain"] / work["fast"]
        print(f"{name:<26} {rates[0]:>14} {rates[1]:>14} {each:>16} {ratio:6.2f}")


def _timed(work: Callable) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def memory(seconds: int) -> None:
    """Peak memory of the whole command for short and for long sound."""
    print(f"\npeak memory, pieces of {CHUNK} frames")
    for length in (*SHORT, seconds):
        command = [sys.executable, __file__, "--peak", str(length), "--threads", "1"]
        peak = int(subprocess.run(command, check=True, capture_output=True).stdout)
        print(f"{length:5d} s of sound {peak:6d} MiB")


def _peak(seconds: int) -> int:
    """Generate a video of lips for so much sound in this process; its peak memory, MiB."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        # Written by a process of its own: the sound is never whole in this one.
        subprocess.run([sys.executable, "-c", _WRITE, folder / "s.wav", str(seconds)], check=True)
        subprocess.run([sys.executable, "-c", _DRAW, folder / "lips.png"], check=True)
        config = GeneratorConfig(width=1 / 32, residual_blocks=0)
        statistics = {"logmel_mean": -40.0, "logmel_std": 20.0}
        card = Card(Preset(name="bench", generator=config), statistics, "", "", 0, 0, "2024-01-01")
        save_weights(folder / "w.safetensors", build_generator(config), card)
        generate(
            folder / "lips.png",
            folder / "s.wav",
            folder / "out.mp4",
            folder / "w.safetensors",
            lips_only=True,
            progress=False,
        )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


_WRITE = """
import sys, numpy as np
from lipkit.media import write_audio
noise = np.random.default_rng(0).normal(0, 0.1, 44100 * int(sys.argv[2]))
write_audio(sys.argv[1], noise.astype(np.float32))
"""
_DRAW = """
import sys, cv2, numpy as np
cv2.imwrite(sys.argv[1], np.full((64, 64, 3), 128, np.uint8))
"""

if __name__ == "__main__":
    main()
