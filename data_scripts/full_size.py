#!/usr/bin/env python
"""Train the paper's model at its full width on a lent GPU, from one small file to weights.

    python data_scripts/full_size.py pack data/many set.zip --megabytes 56
    python data_scripts/full_size.py run set.zip --out home --minutes 9      # on the GPU
    python data_scripts/full_size.py join home paper.safetensors             # at home again

``run`` first checks CUDA from end to end: one step of every preset, bfloat16 and torch.compile
against plain float32, two processes where there are two GPUs. It compares speed with a plain
float32 loop, and spends the remaining minutes on training ``paper``. It then generates and
evaluates with the weights. Everything that is worth taking home lies in --out in files of at
most 15 MiB: report.json, the log, the last sample strip and the weights in parts, which are
written anew during training, so that a machine that is taken away has left something. Neither
dlib, librosa nor PyAV is needed. On a CPU it does the same, for a trial: add
--set generator.width=1/16 and the like.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lipkit.cli.options import assignments
from lipkit.corpora.fetch import script
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, replacing

BENCHMARK = Path(__file__).parents[1] / "tests" / "benchmarks" / "bench_training.py"
PART_BYTES = 15 * 2**20
RESERVE = 0.12
"""Share of the minutes that is kept for what comes after training."""
ONE_STEP = {
    "train.batch_size": 2,
    "train.workers": 0,
    "train.compile": "off",
    "loss.perc.steps": 1,
    "flow.steps": 1,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    commands = options.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="a prepared set into one file")
    packing.add_argument("prepared", type=Path)
    packing.add_argument("packed", type=Path)
    packing.add_argument("--megabytes", type=float, default=56.0)
    running = commands.add_parser("run", help="check, measure, train, bring home")
    running.add_argument("packed", type=Path)
    running.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    running.add_argument("--minutes", type=float, default=9.0, help="of everything together")
    running.add_argument("--preset", default="paper")
    running.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    joining = commands.add_parser("join", help="parts into a file of weights")
    joining.add_argument("folder", type=Path)
    joining.add_argument("weights", type=Path)
    given = options.parse_args(arguments)
    action = {"pack": _pack, "run": _run, "join": _join}[given.command]
    return script.exit_code(lambda: action(given))


def _pack(options: argparse.Namespace) -> None:
    from lipkit.data.packed import pack

    packed = pack(options.prepared, options.packed, options.megabytes)
    print(
        f"{options.packed}: {packed.clips} clips, {packed.frames} frames, {packed.megabytes:.1f} MB"
    )


def _join(options: argparse.Namespace) -> None:
    from lipkit.weights import read_card

    try:
        index = json.loads((options.folder / "parts.json").read_text())
        data = b"".join((options.folder / name).read_bytes() for name in index["parts"])
        whole = hashlib.sha256(data).hexdigest() == index["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LipkitError(
            f"{options.folder}: holds no whole set of parts ({error}); take the files of one run"
        ) from None
    if not whole:
        raise LipkitError(f"{options.folder}: a part was changed; take the files of one run")
    with replacing(options.weights) as temporary:
        temporary.write_bytes(data)
    print(f"{options.weights}: {read_card(options.weights).step} steps")


def bring_home(weights: Path, out: Path) -> None:
    """Write weights in 16 bits to ``out``, in parts and with a list of them."""
    from lipkit.weights import load_weights, save_weights

    with tempfile.TemporaryDirectory() as scratch:
        generator, card = load_weights(weights)
        half = Path(scratch) / "half.safetensors"
        save_weights(half, generator, card, half=True)
        data = half.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    pieces = [data[first : first + PART_BYTES] for first in range(0, len(data), PART_BYTES)]
    index = {
        "sha256": digest,
        "steps": card.step,
        "parts": [f"weights.part{number}" for number in range(len(pieces))],
    }
    for name, piece in zip(index["parts"], pieces, strict=True):
        with replacing(out / name) as temporary:
            temporary.write_bytes(piece)
    with replacing(out / "parts.json") as temporary:
        temporary.write_text(json.dumps(index, indent=1))


@contextmanager
def bringing_home(run: Path, out: Path, every: float = 20.0) -> Iterator[None]:
    """While the block trains into ``run``, bring home each set of weights that it keeps."""
    ended = threading.Event()

    def watch() -> None:
        brought = None
        while not ended.wait(every):
            newest = max(run.glob("weights-*.safetensors"), default=None)
            if newest is not None and newest != brought:
                bring_home(newest, out)
                brought = newest

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


class Report:
    """What was tried, what it gave or what was wrong, written anew after each."""

    def __init__(self, path: Path) -> None:
        self.path, self.entries = path, {}

    def attempt(self, name: str, trial: Callable[[], Any]) -> Any:
        """Run a trial; a fault is an entry and does not end the rest."""
        began = time.monotonic()
        try:
            said, fault = trial(), None
        except Exception as error:
            said, fault = None, f"{type(error).__name__}: {error}"
        entry = {"seconds": round(time.monotonic() - began, 1)}
        entry |= {"fault": fault} if fault else {"result": said}
        self.entries[name] = entry
        with replacing(self.path) as temporary:
            temporary.write_text(json.dumps(self.entries, indent=1) + "\n")
        print(f"{name}: {fault or said} ({entry['seconds']} s)", flush=True)
        return said

    @property
    def faults(self) -> list[str]:
        """Names of what went wrong."""
        return [name for name, entry in self.entries.items() if "fault" in entry]


def _run(options: argparse.Namespace) -> None:
    from lipkit.data.packed import unpack
    from lipkit.presets import preset

    began = time.monotonic()
    if content(options.out):
        raise UsageError(f"{options.out}: holds files; give a new or empty folder")
    changes = assignments(options.set, "--set")
    preset(options.preset, changes)  # What it does not know is refused before anything is tried.
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        prepared = unpack(options.packed, place / "set")
        options.out.mkdir(parents=True, exist_ok=True)
        report = Report(options.out / "report.json")
        report.attempt("machine", machine)
        _check(report, prepared, changes, place)
        report.attempt("speed", lambda: speed(prepared, options))
        seconds = options.minutes * 60
        left = seconds * (1 - RESERVE) - (time.monotonic() - began)
        if left < 0.1 * seconds:
            raise LipkitError(
                f"--minutes {options.minutes:g}: the checks left {left:.0f} s for training; "
                "give more minutes"
            )
        run = place / "run"
        report.attempt("training", lambda: train(prepared, options, left / 60, run))
        for name, trial in use(prepared, run / "weights.safetensors", place).items():
            report.attempt(name, trial)
        report.attempt("all", lambda: f"{(time.monotonic() - began) / 60:.1f} minutes")
    if report.faults:
        raise LipkitError(f"{report.path}: faults in {', '.join(report.faults)}")


def machine() -> str:
    """The packages and the device."""
    import torch

    if not torch.cuda.is_available():
        return f"torch {torch.__version__}, no CUDA"
    cuda = torch.cuda.get_device_properties(0)
    return (
        f"torch {torch.__version__}, {torch.cuda.device_count()} x {cuda.name}, "
        f"{cuda.total_memory / 2**30:.0f} GiB, bfloat16: {torch.cuda.is_bf16_supported()}"
    )


def _check(report: Report, prepared: Any, changes: dict[str, Any], place: Path) -> None:
    """One step of everything."""
    from lipkit.presets import PRESETS

    for name in PRESETS:
        report.attempt(
            f"one step of {name}", lambda name=name: one_step(prepared, name, place, changes)
        )
    import torch

    ways = {
        "plain float32": {"train.precision": "float32"},
        "bfloat16": {"train.precision": "bf16"},
    }
    if torch.cuda.is_available():  # On a CPU, compiling takes longer than the training.
        ways["compiled"] = {"train.precision": "float32", "train.compile": "on"}
    steps = {
        way: report.attempt(
            f"one step of paper, {way}",
            lambda given=given: one_step(prepared, "paper", place, {**changes, **given}),
        )
        for way, given in ways.items()
    }
    report.attempt("they agree", lambda: agree(steps))
    report.attempt("two processes", lambda: two_processes(prepared, changes, place))


def one_step(prepared: Any, name: str, place: Path, changes: dict[str, Any]) -> float:
    """The loss of a preset's first step, as it comes from the device."""
    from lipkit.presets import preset
    from lipkit.settings import flat, to_dict
    from lipkit.training.generator_run import Run

    known = flat(to_dict(preset(name)))
    wanted = {**ONE_STEP, **changes}
    fitting = {key: value for key, value in wanted.items() if key in known}
    run = Run(prepared, preset(name, fitting), place / "step")
    losses = run.recipe.take_step(next(iter(run.recipe.feed.batches(0, 1))))
    found = float(losses["loss"])
    if found != found or abs(found) == float("inf"):
        raise LipkitError(f"its loss is {found}")
    return found


def agree(losses: dict[str, float | None], within: float = 0.05) -> str:
    """Whether the first step's loss is the same by every setting, up to rounding."""
    plain = losses["plain float32"]
    if plain is None:
        raise LipkitError("the plain step failed")
    parts = {name: abs(loss / plain - 1) for name, loss in losses.items() if loss is not None}
    if len(parts) < len(losses) or max(parts.values()) > within:
        raise LipkitError(f"parts of the plain loss: {parts}")
    return f"within {max(parts.values()):.2%}"


def two_processes(prepared: Any, changes: dict[str, Any], place: Path) -> str:
    """Four steps by torchrun, where there are two GPUs."""
    import torch

    if torch.cuda.device_count() < 2:
        return "not tried: needs two GPUs"
    sets = {**ONE_STEP, **changes, "train.batch_size": 4}
    words = ["--standalone", "--nproc-per-node", "2", "-m", "lipkit", "train", prepared.folder]
    words += ["--preset", "paper", "--steps", "4", "--out", place / "two", "--quiet"]
    words += [word for name, value in sets.items() for word in ("--set", f"{name}={value}")]
    return called("-m", "torch.distributed.run", *words)


def called(*words: object) -> str:
    """The last lines that a Python command printed."""
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LipkitError(" ".join((done.stdout + done.stderr)[-600:].split()))
    return "\n".join(done.stdout.strip().splitlines()[-8:])


def speed(prepared: Any, options: argparse.Namespace) -> str:
    """Windows per second of a plain float32 loop and of the shipped settings."""
    words = ["--preset", options.preset, "--prepared", prepared.folder, "--split", "train"]
    words += [word for text in options.set for word in ("--set", text)]
    return called(BENCHMARK, *words)


def train(prepared: Any, options: argparse.Namespace, minutes: float, run: Path) -> str:
    """Train for so long, with everything that is worth it brought home."""
    import torch

    from lipkit.presets import preset
    from lipkit.training.generator_run import train as train_generator

    changes = {"train.keep_steps": 200, "train.minutes": minutes}
    if torch.cuda.is_available():
        changes["train.workers"] = 8
    changes |= assignments(options.set, "--set")
    with bringing_home(run, options.out):
        done = train_generator(
            prepared.folder, preset(options.preset, changes), run, progress=False
        )
    bring_home(done.weights, options.out)
    for path in (run / "log.csv", *sorted((run / "samples").glob("*"))[-1:]):
        shutil.copy(path, options.out)
    measured = ", ".join(f"{name} {value:.4f}" for name, value in done.metrics.items())
    return f"{done.step} steps, {done.windows_per_second:.1f} windows/s, {measured}"


def use(prepared: Any, weights: Path, place: Path) -> dict[str, Callable[[], Any]]:
    """Trials of generating and evaluating with what was learnt."""
    import numpy as np

    from lipkit.data.clips import read_clip
    from lipkit.evaluation import EvaluationOptions, evaluate
    from lipkit.generation.frames import generate_frames
    from lipkit.generation.inference import for_inference, on_fastest_device
    from lipkit.weights import load_weights
    from lipkit.weights.hearing import hear_whole

    def generated() -> str:
        clip = read_clip(prepared.folder / prepared.clips().file.iloc[0])
        generator, card = load_weights(weights)
        sound = hear_whole(clip.logmel, card)
        frames = [
            np.stack(list(generate_frames(one, clip.lips[0], sound)))
            for one in (generator, on_fastest_device(for_inference(generator)))
        ]
        apart = int(np.abs(frames[0].astype(int) - frames[1]).max())
        if apart > 8:
            raise LipkitError(f"device and CPU differ by {apart} of 255")
        return f"{len(frames[1])} frames, within {apart} of 255 of a CPU's"

    def evaluated() -> Any:
        split = [name for name in prepared.splits if name != "train"][:1] or ["train"]
        options = EvaluationOptions(metrics=("psnr", "ssim"))
        done = evaluate([weights], prepared.folder, split[0], place / "table", options, 1, False)
        return {
            row["name"]: {name: value["mean"] for name, value in row["metrics"].items()}
            for row in done.summary["rows"]
        }

    return {"generate": generated, "evaluate": evaluated}


if __name__ == "__main__":
    sys.exit(main())
