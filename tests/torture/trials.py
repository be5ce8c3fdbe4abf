"""The trials: kills, a full disk, two at once, a lost Dask worker, a lost torchrun process."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from torture.commands import COMMANDS, Command, leftovers

PATIENCE = 900
"""Seconds that one command may take."""


class Failed(Exception):
    """A trial ended otherwise than it must."""


def lipkit(words: list[str], launcher: tuple[str, ...] = ("-m", "lipkit")) -> subprocess.Popen:
    """Start a command in a process group of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, *launcher, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    )


def finish(process: subprocess.Popen, code: int = 0) -> str:
    """Wait for a command that must end with ``code``; its error output."""
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise Failed(f"hangs: {' '.join(map(str, process.args))}") from None
    if process.returncode != code:
        raise Failed(f"ended with {process.returncode}, not {code}: {errors[-2000:]}")
    if "Traceback" in errors:
        raise Failed(f"left an exception: {errors[-2000:]}")
    return errors


def family(process: subprocess.Popen) -> list[psutil.Process]:
    """The command and everything that it has started."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    return []


def require_gone(processes: list[psutil.Process], seconds: float = 30) -> None:
    """Nothing that a killed command started may live on."""
    deadline = time.monotonic() + seconds
    while alive := [p for p in processes if _lives(p)]:
        if time.monotonic() > deadline:
            raise Failed(f"orphans: {[' '.join(p.cmdline())[:100] for p in alive]}")
        time.sleep(0.1)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def compare(command: Command, out: Path, expected: dict) -> None:
    """What the command left must be what an undisturbed one leaves, and nothing else."""
    found = command.essence(out)
    if found != expected:
        names = found.keys() | expected.keys()
        raise Failed(f"differs in {sorted(n for n in names if found.get(n) != expected.get(n))}")
    if left := leftovers(out):
        raise Failed(f"left behind: {left}")


def undisturbed(command: Command, given: Path, out: Path) -> tuple[dict, float]:
    """What it leaves when it is let alone, and the seconds that it takes."""
    began = time.monotonic()
    finish(lipkit(command.words(given, out)))
    took = time.monotonic() - began
    expected = command.essence(out)
    if not expected:
        raise Failed("nothing to compare: the trial would try nothing")
    compare(command, out, expected)
    return expected, took


def kills(
    command: Command, given: Path, out: Path, expected: dict, took: float, moments: list[float]
) -> int:
    """Kill the command at each moment (a share of its time), let it end, compare.

    Returns how many of the kills met it alive.
    """
    words, met = command.words(given, out), 0

    def start() -> subprocess.Popen:
        return lipkit([*words, *command.again] if out.exists() else words)

    for moment in moments:
        process, until = start(), time.monotonic() + moment * took
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        if process.poll() is not None:  # faster than the clock
            finish(process)
            compare(command, out, expected)
            shutil.rmtree(out)
            continue
        met += 1
        processes = family(process)
        # The parent alone: what it started must notice by itself.
        process.kill()
        process.communicate()
        require_gone(processes)
    finish(start())
    compare(command, out, expected)
    return met


def moments(seed: int, name: str, count: int) -> list[float]:
    """When to kill: shares of the undisturbed time, the same for the same seed."""
    draw = random.Random(f"{seed} {name}")
    return sorted(draw.uniform(0.02, 1.0) for _ in range(count))


@contextmanager
def small_disk(folder: Path, kilobytes: int):
    """A disk of its own at ``folder``; yields how to enlarge it, or None without the right to."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield lambda: subprocess.run(
            ["mount", "-o", "remount,size=512M", str(folder)], check=True, capture_output=True
        )
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disk(command: Command, given: Path, folder: Path, expected: dict, size: int) -> bool:
    """Run on a disk of half the size that it needs, then on one that suffices; False: skipped."""
    with small_disk(folder, max(16, size // 2048)) as enlarge:
        if enlarge is None:
            return False
        out = folder / "out"
        errors = finish(lipkit(command.words(given, out)), code=1)
        lines = [line for line in errors.splitlines() if line.strip()]
        if not lines or "disk is full" not in lines[-1]:
            raise Failed(f"does not say that the disk is full: {errors[-500:]}")
        enlarge()
        again = command.again if out.exists() else ()
        finish(lipkit([*command.words(given, out), *again]))
        compare(command, out, expected)
    return True


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def two_at_once(command: Command, given: Path, out: Path, expected: dict, took: float) -> int:
    """Start the command twice on one folder; how many were refused."""
    words = command.words(given, out)
    first = lipkit(words)
    time.sleep(took * 0.05)
    second = lipkit(words)
    ends = []
    for process in (first, second):
        _, errors = process.communicate(timeout=PATIENCE)
        ends.append((process.returncode, errors))
    if 0 not in [code for code, _ in ends]:
        raise Failed(f"neither ended well: {ends}")
    refused = [errors for code, errors in ends if code]
    for errors in refused:
        if errors.strip().count("\n") or not errors.startswith("lipkit: "):
            raise Failed(f"more than a line: {errors[-2000:]}")
    compare(command, out, expected)
    return len(refused)


def lost_dask_worker(given: Path, out: Path, expected: dict, seed: int) -> str:
    """Prepare on a Dask cluster of two processes, one of which is killed at work."""
    from distributed import LocalCluster

    command = COMMANDS["prepare"]
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        words = command.words(given, out)
        at = words.index("--workers")
        words[at : at + 2] = ["--scheduler", cluster.scheduler_address]
        process = lipkit(words)
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and not list(out.glob("clips/**/*.safetensors")):
            if time.monotonic() > deadline:
                raise Failed("no clip was prepared")
            time.sleep(0.01)
        met = process.poll() is None
        worker = random.Random(seed).choice(list(cluster.workers.values()))
        os.kill(worker.pid, signal.SIGKILL)
        finish(process)
    compare(command, out, expected)
    return "while it worked" if met else "after its work"


def lost_process(given: Path, folder: Path, seed: int) -> int:
    """Train by torchrun in two processes, kill one, resume; the step at which it was killed."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    launcher += ("-m", "lipkit")
    command = COMMANDS["train"]
    words = command.words(given, folder / "whole")
    words = [word.replace("checkpoint_steps=3", "checkpoint_steps=2") for word in words]
    words[words.index("--steps") + 1] = "30"
    finish(lipkit(words, launcher))
    expected = command.essence(folder / "whole")
    out = folder / "killed"
    words = [str(out) if word == str(folder / "whole") else word for word in words]
    process = lipkit(words, launcher)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and not (out / "checkpoint.pt").exists():
        if time.monotonic() > deadline:
            raise Failed("no checkpoint was written")
        time.sleep(0.01)
    trainers = [p for p in family(process)[1:] if "lipkit" in " ".join(p.cmdline())]
    if not trainers:
        raise Failed("it ended before it could be killed")
    random.Random(seed).choice(trainers).kill()
    processes = family(process)
    process.communicate(timeout=PATIENCE)
    if process.returncode == 0:
        raise Failed("a run that lost a process ended as if nothing had been")
    require_gone(processes)
    killed_at = sum(1 for _ in (out / "log.jsonl").open())
    finish(lipkit([*words, "--resume"], launcher))
    compare(command, out, expected)
    return killed_at
