"""Kill, starve and crowd the commands; what they leave must be what undisturbed ones leave.

    PYTHONPATH=tests python -m torture [--kills 50] [--seed 0] [--only synth train ...]
        [--trials kills disk twice dask torchrun]

Prints a line for each trial; the exit code is 1 when one failed. A full disk needs the right to
mount a small one, and is skipped without.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from torture import trials
from torture.commands import COMMANDS, make_inputs

TRIALS = ("kills", "disk", "twice", "dask", "torchrun")


class Bench:
    """Inputs, what undisturbed commands made of them, and the count of failures."""

    def __init__(self, folder: Path, with_inputs: bool) -> None:
        self.folder, self.failures = folder, 0
        self.given = make_inputs(folder / "given") if with_inputs else folder / "given"
        self._undisturbed: dict[str, tuple[dict, float, int]] = {}

    def undisturbed(self, name: str) -> tuple[dict, float, int]:
        """Essence, seconds, and size in bytes."""
        if name not in self._undisturbed:
            out = self.folder / "undisturbed" / name
            essence, took = trials.undisturbed(COMMANDS[name], self.given, out)
            self._undisturbed[name] = essence, took, trials.size_of(out)
        return self._undisturbed[name]

    def attempt(self, title: str, trial: Callable[[Path], str]) -> None:
        """Run a trial in an empty place, and say how it ended."""
        place, began = self.folder / "place", time.monotonic()
        place.mkdir()
        try:
            said = trial(place)
        except Exception as fault:
            self.failures += 1
            said = f"FAILED: {fault}"
            if not isinstance(fault, trials.Failed):
                traceback.print_exc()
        shutil.rmtree(place, ignore_errors=True)
        print(f"{title}: {said} ({time.monotonic() - began:.0f} s)", flush=True)


def main() -> int:
    """Run the trials that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="over all commands together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=list(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--trials", nargs="*", choices=TRIALS, default=list(TRIALS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        # A corpus is drawn from nothing; whatever else is tried reads something.
        with_inputs = options.only != ["synth"] or bool({"dask", "torchrun"} & {*options.trials})
        bench = Bench(Path(folder), with_inputs)
        for number, name in enumerate(options.only):
            share, rest = divmod(options.kills, len(options.only))
            try_command(bench, name, options, share + (number < rest))
        if "dask" in options.trials:
            bench.attempt(
                "prepare, a Dask worker killed", lambda place: dask(bench, place, options)
            )
        if "torchrun" in options.trials:
            bench.attempt(
                "train, one of two torchrun processes killed and resumed",
                lambda place: (
                    f"equal; killed at step {trials.lost_process(bench.given, place, options.seed)}"
                ),
            )
    print(f"{bench.failures} trials failed")
    return 1 if bench.failures else 0


def try_command(bench: Bench, name: str, options: argparse.Namespace, count: int) -> None:
    """All trials of one command."""
    command = COMMANDS[name]

    def killed(place: Path) -> str:
        expected, took, _ = bench.undisturbed(name)
        moments = trials.moments(options.seed, name, count)
        met = trials.kills(command, bench.given, place / "out", expected, took, moments)
        shares = ", ".join(f"{moment:.0%}" for moment in moments)
        return f"equal; {met} of {count} kills met it at work, at {shares} of {took:.1f} s"

    def starved(place: Path) -> str:
        expected, _, size = bench.undisturbed(name)
        tried = trials.full_disk(command, bench.given, place / "disk", expected, size)
        return "one line, and equal with more space" if tried else "skipped: no right to mount"

    def crowded(place: Path) -> str:
        expected, took, _ = bench.undisturbed(name)
        refused = trials.two_at_once(command, bench.given, place / "out", expected, took)
        if command.owns and not refused:
            raise trials.Failed("both ran to their ends")
        return f"equal; {refused} of 2 refused in one line"

    if "kills" in options.trials and count:
        bench.attempt(f"{name}, killed {count} times", killed)
    if "disk" in options.trials:
        bench.attempt(f"{name}, disk full", starved)
    if "twice" in options.trials:
        bench.attempt(f"{name}, two at once", crowded)


def dask(bench: Bench, place: Path, options: argparse.Namespace) -> str:
    """The trial of a cluster."""
    expected, _, _ = bench.undisturbed("prepare")
    when = trials.lost_dask_worker(bench.given, place / "out", expected, options.seed)
    return f"equal; killed {when}"


if __name__ == "__main__":
    sys.exit(main())
