"""All runs of a plan: several at a time, one GPU each, or on any executor."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipkit.experiments.job import ORDER, failure, is_whole
from lipkit.experiments.plan import Plan, Run
from lipkit.experiments.records import DIVERGED, FAILED, RECORD, WHOLE, read_record, write_record
from lipkit.experiments.restarts import with_restarts
from lipkit.files import owning, remove_leftovers, replacing
from lipkit.jobs.cores import share_of_cores
from lipkit.jobs.pool import Lost, each
from lipkit.settings import to_dict

OUTPUT = "output.txt"
"""What a run's process printed: its progress bar, and the traceback of a fault in the code."""


@dataclass(frozen=True)
class Task:
    """All that a process, on this machine or another, must know to train one run."""

    folder: str
    order: dict[str, Any]
    variables: dict[str, str] = field(default_factory=dict)
    """Join the environment of its process."""


def run_all(
    plan: Plan, workers: int = 1, executor: Executor | None = None, progress: bool = True
) -> list[Run]:
    """Train what is not whole yet; give the runs that failed.

    A run that was interrupted is continued from its checkpoint for what is left of its
    budget; one that failed is tried again, and does not stop the others. One that diverged is
    not: at the end its cell is trained once more, with the next seed
    (:mod:`lipkit.experiments.restarts`).

    Parameters
    ----------
    workers
        Runs at a time on this machine, each with its share of the cores and, where there are
        several GPUs, one of them.
    executor
        Run there instead; its workers must see the prepared set and the folder under the same
        paths.

    Raises
    ------
    LipkitError
        When another command is at work in the folder, or the executor gives up.
    """
    with owning(plan.out):
        remove_leftovers(plan.out)
        failed = _train_all(plan, workers, executor, progress)
        again = with_restarts(plan)
        if len(again.runs) > len(plan.runs):
            if progress:
                for run in again.runs[len(plan.runs) :]:
                    print(f"{run.replaces} diverged: {run.name} is trained in its place")
            failed += _train_all(again, workers, executor, progress)
        remove_leftovers(plan.out)  # of processes that died and whose work was done again
    return list(dict.fromkeys(failed))


def _train_all(plan: Plan, workers: int, executor: Executor | None, progress: bool) -> list[Run]:
    todo = [run for run in plan.runs if not _has_ended(run)]
    if progress:
        kept = len(plan.runs) - len(todo)
        print(f"{plan.out}: {len(plan.runs)} runs, {kept} of them kept", flush=True)
    by_folder = {str(run.folder.absolute()): run for run in todo}
    tasks = [_task(plan, run, share_of_cores(workers)) for run in todo]
    failed = set()
    with closing(_results(tasks, workers, executor)) as results:
        for count, (task, reason) in enumerate(results, start=1):
            run = by_folder[task.folder]
            if isinstance(reason, Lost):
                reason = reason.reason
                write_record(run.folder, failure(task.order, reason))
            if reason:
                failed.add(run.name)
            if progress:
                print(f"[{count}/{len(todo)}] {run.name}: {reason or _said(run)}", flush=True)
    return [run for run in plan.runs if run.name in failed]


def _has_ended(run: Run) -> bool:
    """Whether the run is whole, or diverged, so that it would again."""
    record = read_record(run.folder)
    return is_whole(run.folder) or (record is not None and record["status"] == DIVERGED)


def _task(plan: Plan, run: Run, variables: dict[str, str]) -> Task:
    order = {
        "cell": run.cell.name,
        "seed": run.seed,
        "prepared": str(run.prepared.absolute()),
        "preset": to_dict(run.preset),
    }
    return Task(str(run.folder.absolute()), order, variables)


def _said(run: Run) -> str:
    record = read_record(run.folder)
    if record["status"] != WHOLE:
        return record["reason"]
    return f"{record['steps']:,} steps, {record['seconds'] / 60:.1f} min"


def _results(
    tasks: list[Task], workers: int, executor: Executor | None
) -> Iterator[tuple[Task, Any]]:
    if executor is not None:
        yield from each(train_apart, tasks, executor=executor)
        return
    machine = Machine(workers)
    threads = ThreadPoolExecutor(workers)
    try:
        with closing(each(machine.train, tasks, executor=threads, abandon=machine.end)) as results:
            yield from results
    finally:
        machine.end()
        threads.shutdown(cancel_futures=True)


def train_apart(task: Task, processes: "Processes | None" = None) -> str:
    """Train one run in a process of its own; the reason if it failed, else nothing."""
    folder = Path(task.folder)
    (folder / RECORD).unlink(missing_ok=True)
    with replacing(folder / ORDER) as temporary:
        temporary.write_text(json.dumps(task.order, indent=1) + "\n", encoding="utf-8")
    words = [sys.executable, "-m", "lipkit.experiments.job", str(folder)]
    with (folder / OUTPUT).open("ab") as output:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | task.variables,
            # Ctrl-C is for the parent, who decides what it means.
            start_new_session=True,
        )
        if processes is not None:
            processes.add(process)
        code = process.wait()
        process.stdin.close()
    record = read_record(folder)
    if record is None:
        record = failure(task.order, f"its process ended by code {code}; see {folder / OUTPUT}")
        if processes is None or not processes.ended:
            write_record(folder, record)
    return record["reason"] if record["status"] == FAILED else ""


class Processes:
    """The processes of one queue, so that they can be ended."""

    def __init__(self) -> None:
        self.ended = False
        self._lock, self._running = threading.Lock(), []

    def add(self, process: subprocess.Popen) -> None:
        """Count it among them; it is ended at once if they already are."""
        with self._lock:
            self._running = [p for p in self._running if p.poll() is None] + [process]
            if self.ended:
                process.kill()

    def end(self) -> None:
        """Kill those that run, and let none start any more."""
        with self._lock:
            self.ended = True
            for process in self._running:
                with suppress(ProcessLookupError):
                    process.kill()


class Machine:
    """This machine: so many runs at a time, spread over its GPUs."""

    def __init__(self, workers: int) -> None:
        self._processes = Processes()
        self._gpus: queue.Queue[str] = queue.Queue()
        names = gpus()
        for i in range(workers):
            self._gpus.put(names[i % len(names)] if names else "")

    def train(self, task: Task) -> str:
        """As :func:`train_apart`, on a GPU that is free."""
        gpu = self._gpus.get()
        try:
            chosen = {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}
            return train_apart(
                Task(task.folder, task.order, task.variables | chosen), self._processes
            )
        finally:
            self._gpus.put(gpu)

    def end(self) -> None:
        """End what runs."""
        self._processes.end()


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may say, one GPU each; asked without starting CUDA here."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    lines = [line for line in done.stdout.splitlines() if line.startswith("GPU ")]
    return [str(i) for i in range(len(lines))] if done.returncode == 0 else []
