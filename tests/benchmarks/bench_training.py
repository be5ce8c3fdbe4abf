"""Windows a second and memory of training: plain float32 eager against the shipped settings.

    python tests/benchmarks/bench_training.py [--preset paper] [--prepared SET --split s1_train]

Without arguments: preset ``tiny`` on a made-up set, for any machine. On CUDA it takes
``paper``, and also measures what share of the machine's bf16 matrix products the step reaches;
the goal is four times the plain port. Neither dlib, librosa nor PyAV is needed.
"""

import argparse
import gc
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import torch
from torch.utils.flop_counter import FlopCounterMode
from training_sets import make_set

from lipkit.cli.options import assignments
from lipkit.data.prepared import PreparedSet
from lipkit.presets import preset
from lipkit.training.generator_run import Run

CUDA = torch.cuda.is_available()
PLAIN = {"precision": "float32", "channels_last": "off", "compile": "off"}
SHIPPED = {"precision": "auto", "channels_last": "auto", "compile": "auto"}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper" if CUDA else "tiny")
    parser.add_argument("--prepared", type=Path, help="a prepared set; default: a made-up one")
    parser.add_argument("--split", default="train")
    parser.add_argument("--steps", type=int, default=20 if CUDA else 3)
    parser.add_argument("--batch-size", type=int, help="default: the preset's")
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="other settings")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.prepared or make_set(Path(scratch) / "set", {"train": 24}, frames=75)
        measure(options, folder, Path(scratch))


def measure(options: argparse.Namespace, folder: Path, scratch: Path) -> None:
    """Both settings, one after the other, then the loader and the ceiling."""
    rates, flops = {}, 0
    for name, settings in (("plain float32 eager", PLAIN), ("shipped settings", SHIPPED)):
        run = build(options, folder, scratch / name, settings)
        batch = next(iter(run.recipe.feed.batches(0, 1)))
        size = len(batch["index"])
        if settings is PLAIN:
            # Of the eager step: what compiling saves is not work that was not done.
            with FlopCounterMode(display=False) as counter:
                run.recipe.take_step(batch)
            flops = counter.get_total_flops() / size
            print(
                f"preset {options.preset}, {size} windows per step, {flops / 1e9:.1f} GFLOP each\n"
            )
        rates[name], memory = step_rate(run, batch, options.steps)
        print(f"{name:22s} {rates[name]:9.2f} windows/s   peak memory {memory}", flush=True)
        if settings is SHIPPED:
            loader = loader_rate(run, options.steps)
        del run, batch
        gc.collect()
    plain, shipped = rates.values()
    print(f"\nratio                  {shipped / plain:9.2f}   (goal on CUDA: 4)")
    print(
        f"loader, to the device  {loader:9.2f} windows/s   {loader / shipped:.1f} x what it feeds"
    )
    if CUDA:
        ceiling = matmul_ceiling()
        share = shipped * flops / ceiling
        print(f"bf16 matrix products   {ceiling / 1e12:9.1f} TFLOP/s   training takes {share:.1%}")


def build(options: argparse.Namespace, folder: Path, out: Path, settings: dict) -> Run:
    """A run before its first step."""
    changes = {f"train.{name}": value for name, value in settings.items()}
    changes |= {"train.train_split": options.split, "loss.perc.steps": 1}
    if CUDA:
        changes["train.workers"] = 8
    if options.batch_size:
        changes["train.batch_size"] = options.batch_size
    changes |= assignments(options.set, "--set")
    return Run(PreparedSet.open(folder), preset(options.preset, changes), out)


def step_rate(run: Run, batch: dict[str, torch.Tensor], steps: int) -> tuple[float, str]:
    """Windows a second of steps on a batch that is there already, and the peak memory."""
    for _ in range(3 if CUDA else 1):  # compiles, and lets cuDNN choose
        run.recipe.take_step(batch)
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(steps):
        losses = run.recipe.take_step(batch)
    losses["loss"].item()  # waits for the device
    seconds = time.perf_counter() - began
    peak = f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB" if CUDA else "not measured"
    return steps * len(batch["index"]) / seconds, peak


def loader_rate(run: Run, steps: int) -> float:
    """Windows a second of the loader alone, its processes running already."""
    batches = run.recipe.feed.batches(0, 4 * steps)
    next(batches)
    began, count = time.perf_counter(), 0
    for batch in islice(batches, 3 * steps):
        count += len(batch["index"])
    if CUDA:
        torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


def matmul_ceiling(size: int = 8192, repeats: int = 30) -> float:
    """FLOP a second of bf16 matrix products, measured."""
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        a @ b
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        a @ b
    torch.cuda.synchronize()
    return repeats * 2 * size**3 / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
