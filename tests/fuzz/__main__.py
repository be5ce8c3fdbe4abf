"""Break inputs for every reader until time is up; say what was left uncaught.

    PYTHONPATH=tests python -m fuzz [--minutes 10] [--inputs 10000] [--workers 2] [--seed 0]
        [--only NAME ...] [--keep runs/fuzz]

Each input is a function of its reader, its number and the seed. A reader may read it or refuse it
in one line; anything else (another exception, a hang of a minute, a crash, more than 4 GB) is a
failure, is kept in a file, and gives exit code 1. Mend the kind, and add the file to
``tests/fuzz/past/READER/``, which the tests read.
"""

import argparse
import faulthandler
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from fuzz.attempt import PATIENCE, READ, REFUSED, Bench
from fuzz.readers import READERS

MEMORY = 4 << 30


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=sorted(READERS), default=sorted(READERS))
    parser.add_argument("--keep", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def work(options: argparse.Namespace) -> None:
    """One process: every ``--workers``-th input from ``--first`` on, a line of JSON for each."""
    faulthandler.enable()
    tell_parent, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115 - to the end

    def say(**what) -> None:
        print(json.dumps(what), file=tell_parent, flush=True)

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for index in range(options.first, options.inputs, options.workers):
            name = options.only[index % len(options.only)]
            number = index // len(options.only)
            say(begun=index, name=name, number=number)
            bench.whole(name)
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            content = bench.broken(name, number, options.seed)
            end = bench.attempt(name, content)
            faulthandler.cancel_dump_traceback_later()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            say(end=end, peak=peak)


class Worker:
    """A process of :func:`work`, started anew after the input that ended it."""

    def __init__(self, options: argparse.Namespace, part: int) -> None:
        self.options, self.part = options, part
        self.first, self.done = part, False
        self.ends: list[tuple[str, int, str]] = []
        """Reader, number, how it ended."""
        self.peak = 0

    def run(self, deadline: float) -> None:
        """Until all inputs are tried or it is late; called in a thread."""
        while not self.done and time.monotonic() < deadline:
            self._once(deadline)

    def _once(self, deadline: float) -> None:
        words = [sys.executable, "-m", "fuzz", *sys.argv[1:]]
        words += ["--part", str(self.part), "--first", str(self.first)]
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True)
            current = None
            for line in process.stdout:
                told = json.loads(line)
                if "begun" in told:
                    current = told
                    self.first = told["begun"] + self.options.workers
                else:
                    self.ends.append((current["name"], current["number"], told["end"]))
                    self.peak, current = max(self.peak, told["peak"]), None
                if time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    return
            code = process.wait()
            if current is not None:
                errors.seek(0)
                said = errors.read()
                if "Timeout (" not in said and code == 1:
                    raise RuntimeError(said[-2000:])  # a fault of this program, not of a reader
                place = next((line.strip() for line in said.splitlines() if "/lipkit/" in line), "")
                how = "hangs" if "Timeout (" in said else f"crashes ({code})"
                self.ends.append((current["name"], current["number"], f"{how} {place}"))
            else:
                self.done = True
                if code:
                    errors.seek(0)
                    raise RuntimeError(errors.read()[-2000:])


def main() -> int:
    """Try them all; print a table and the failures."""
    from threading import Thread

    options = arguments()
    if options.part is not None:
        work(options)
        return 0
    began = time.monotonic()
    workers = [Worker(options, part) for part in range(options.workers)]
    deadline = began + 60 * options.minutes
    threads = [Thread(target=worker.run, args=(deadline,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = sorted(end for worker in workers for end in worker.ends)
    failures = [end for end in ends if end[2] not in (READ, REFUSED)]
    tell(ends, failures)
    keep(options, failures)
    peak = max(worker.peak for worker in workers)
    print(
        f"{len(ends)} inputs for {len(options.only)} readers in {time.monotonic() - began:.0f} s: "
        f"{sum(end[2] == READ for end in ends)} read, "
        f"{sum(end[2] == REFUSED for end in ends)} refused in one line, "
        f"{len(failures)} failures; peak memory of a process {peak} MB"
    )
    return 1 if failures or not ends else 0


def tell(ends: list, failures: list) -> None:
    """A line for each reader, and one for each kind of failure."""
    for name in sorted({name for name, _, _ in ends}):
        mine = [end if end in (READ, REFUSED) else "failed" for n, _, end in ends if n == name]
        counts = Counter(mine)
        print(f"{name:22} {counts[READ]:6} read {counts[REFUSED]:6} refused {counts['failed']:4}")
    for (name, kind), count in Counter((n, end) for n, _, end in failures).most_common():
        print(f"FAILED {name}: {count} x {kind}")


def keep(options: argparse.Namespace, failures: list) -> None:
    """Write what failed, to be tried again."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name, number, end in failures:
            place = options.keep / name
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{options.seed}-{number}").write_bytes(
                bench.broken(name, number, options.seed)
            )
            (place / f"{options.seed}-{number}.txt").write_text(end + "\n")


if __name__ == "__main__":
    sys.exit(main())
