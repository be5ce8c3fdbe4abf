"""What a training step costs by width, precision and layout: seconds and peak memory.

    python tests/benchmarks/bench_widths.py [--widths 0.125 0.25 0.5 1] [--out speed.csv]

Preset ``paper`` with all of its networks at one width, four windows a step, on a made-up set.
Every row has a process of its own, so that its peak is nobody else's. Rows of one width follow
each other: compare within a width, on a machine that does nothing else. On CUDA the same
rows, and one more that is compiled.
"""

import argparse
import csv
import datetime
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import torch
from training_sets import make_set

from lipkit.data.prepared import PreparedSet
from lipkit.files import replacing
from lipkit.presets import preset
from lipkit.training.generator_run import Run

CUDA = torch.cuda.is_available()
WAYS = {
    "float32": {"precision": "float32", "channels_last": "off", "compile": "off"},
    "bf16": {"precision": "bf16", "channels_last": "off", "compile": "off"},
    "bf16, channels last": {"precision": "bf16", "channels_last": "on", "compile": "off"},
}
if CUDA:
    WAYS["the same, compiled"] = {"precision": "bf16", "channels_last": "on", "compile": "on"}
COLUMNS = ["width", "way", "windows", "parameters", "seconds_per_step", "peak_gb", "on"]


def main() -> None:
    """Measure all rows, print them, and write them to --out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=float, nargs="+", default=[1 / 8, 1 / 4, 1 / 2, 1])
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20 if CUDA else 3)
    parser.add_argument("--out", type=Path, help="a CSV file")
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)  # set and way, in its process
    options = parser.parse_args()
    if options.row:
        print(*measure(Path(options.row[0]), options.widths[0], options.row[1], options))
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_set(Path(scratch) / "set", {"train": 8}, frames=75)
        for width in options.widths:
            for way in WAYS:
                rows.append(in_its_own_process(folder, width, way, options))
                print(*rows[-1], sep="\t", flush=True)
    if options.out:
        with replacing(options.out) as path, path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def in_its_own_process(folder: Path, width: float, way: str, options: argparse.Namespace) -> list:
    """One row of the table."""
    words = [sys.executable, "-W", "ignore", __file__, "--widths", str(width)]
    words += ["--windows", str(options.windows), "--steps", str(options.steps)]
    done = subprocess.run(
        [*words, "--row", str(folder), way], capture_output=True, text=True, check=True
    )
    parameters, seconds, peak = done.stdout.split()[-3:]
    where = f"{device()}, {datetime.date.today().isoformat()}, torch {torch.__version__}"
    return [f"{width:g}", way, options.windows, parameters, seconds, peak, where]


def measure(folder: Path, width: float, way: str, options: argparse.Namespace) -> tuple[str, ...]:
    """Parameters of all networks, seconds per step, and the peak in GB."""
    names = ("generator", "flow", "loss.perc", "loss.gen")
    changes = {f"{name}.width": width for name in names}
    changes |= {f"train.{name}": value for name, value in WAYS[way].items()}
    changes |= {"train.batch_size": options.windows, "loss.perc.steps": 1, "flow.steps": 1}
    run = Run(PreparedSet.open(folder), preset("paper", changes), None)
    networks = run.recipe.networks
    parameters = sum(p.numel() for m in networks.modules.values() for p in m.parameters())
    batch = next(iter(run.recipe.feed.batches(0, 1)))
    for _ in range(3 if CUDA else 1):  # compiles, and lets the libraries choose their kernels
        run.recipe.take_step(batch)["loss"].item()
    began = time.perf_counter()
    for _ in range(options.steps):
        losses = run.recipe.take_step(batch)
    losses["loss"].item()  # waits for the device
    seconds = (time.perf_counter() - began) / options.steps
    if CUDA:
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return str(parameters), f"{seconds:.3f}", f"{peak / 1e9:.2f}"


def device() -> str:
    """What the rows were measured on."""
    if CUDA:
        return torch.cuda.get_device_name()
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if os.name == "posix" else ""
    bf16 = "with" if "amx_bf16" in flags or "avx512_bf16" in flags else "without"
    return f"{torch.get_num_threads()} CPU core(s) {bf16} bf16 instructions"


if __name__ == "__main__":
    main()
