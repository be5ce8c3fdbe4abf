"""One function over many items, on the cores of this machine or on somebody's cluster.

Beyond what :mod:`concurrent.futures` does, a process that dies (out of memory, a
fault in a codec) costs one item and not the run, Ctrl-C leaves no process behind, and a
killed parent's processes end by themselves.
"""

import contextlib
import itertools
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass
from typing import Any, TypeVar

from lipkit.errors import LipkitError

Item = TypeVar("Item")

IN_FLIGHT = 4096
"""Items that an executor has at a time: enough for any cluster, and little for its scheduler."""

PATIENCE = 60
"""Seconds to wait for items that an executor has begun when the work is broken off."""


@dataclass(frozen=True)
class Lost:
    """Stands for the result of an item whose process died; ``reason`` is one line."""

    reason: str


def each(
    function: Callable[[Item], Any],
    items: Iterable[Item],
    workers: int | None = None,
    executor: Executor | None = None,
    abandon: Callable[[], Any] | None = None,
) -> Iterator[tuple[Item, Any]]:
    """Yield ``(item, function(item))`` in the order in which the results come.

    Parameters
    ----------
    function, items
        Importable in, and sendable to, another process.
    workers
        Processes on this machine (default: one per core); 0 works in this process.
    executor
        Any :mod:`concurrent.futures` executor, used instead of processes of our own and left open;
        e.g. that of :func:`lipkit.jobs.cluster.dask_executor`.
    abandon
        Called where the iterator is left early, before the executor's items in progress are
        waited for, to end what they started.

    An item whose process dies is tried once more, alone in a process, and then yields
    :class:`Lost`. What ``function`` raises is raised here and ends the work; so does leaving
    the iterator (close it). Items that have not begun are then dropped, and those in progress
    are waited for.

    Raises
    ------
    LipkitError
        When ``executor`` itself breaks or is shut down by somebody else.
    """
    if executor is not None:
        return _on_executor(function, items, executor, abandon)
    if workers == 0:
        return ((item, function(item)) for item in items)
    return _on_processes(function, items, workers or os.cpu_count() or 1)


def _on_processes(
    function: Callable[[Item], Any], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Any]]:
    waiting = deque(items)
    while waiting:
        running: dict[Future, Item] = {}
        suspects: list[Item] = []
        with _processes(min(workers, len(waiting))) as pool:
            try:
                while waiting or running:
                    # One item more than processes keeps all busy and leaves little to wait for.
                    while waiting and len(running) <= workers:
                        with _deaf_to_ctrl_c():  # a submission may start a process
                            running[pool.submit(function, waiting[0])] = waiting[0]
                        waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        item = running[future]
                        result = future.result()
                        del running[future]
                        yield item, result
            except BrokenExecutor:
                # It is unknown which item did it, so each is tried alone.
                suspects = list(running.values())
        for item in suspects:
            yield item, _alone(function, item)


def _alone(function: Callable[[Item], Any], item: Item) -> Any:
    with _processes(1) as pool:
        try:
            return pool.submit(function, item).result()
        except BrokenExecutor:
            return Lost(
                "the process that worked on it died (out of memory, a fault in a codec, or a "
                'script whose work is not under if __name__ == "__main__")'
            )


def _on_executor(
    function: Callable[[Item], Any],
    items: Iterable[Item],
    executor: Executor,
    abandon: Callable[[], Any] | None,
) -> Iterator[tuple[Item, Any]]:
    waiting, finished = iter(items), queue.SimpleQueue()
    running: dict[Future, Item] = {}

    def submit(count: int) -> None:
        for item in itertools.islice(waiting, count):
            try:
                future = executor.submit(function, item)
            except RuntimeError as error:  # it broke or was shut down
                raise _gave_up(error) from error
            running[future] = item
            future.add_done_callback(finished.put)

    try:
        submit(IN_FLIGHT)
        while running:
            future = finished.get()
            try:
                result = future.result()
            except LipkitError:
                raise
            except (BrokenExecutor, CancelledError) as error:
                raise _gave_up(error) from error
            except Exception as error:  # raised by the executor, such as a cluster's KilledWorker
                result = Lost(f"lost by the executor: {type(error).__name__}: {error}")
            yield running.pop(future), result
            submit(1)
    finally:
        begun = [future for future in running if not future.cancel()]
        if begun and abandon is not None:
            abandon()
        wait(begun, timeout=PATIENCE)


def _gave_up(error: Exception) -> LipkitError:
    return LipkitError(
        f"the executor gave up ({str(error) or type(error).__name__}); "
        "start it again and rerun; what is done is kept"
    )


@contextlib.contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, not forked: the parent may have threads (a notebook, torch, a progress bar),
    # and it works the same on every system.
    context = multiprocessing.get_context("spawn")
    try:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)
    except OSError as error:  # its locks lie in shared memory
        raise LipkitError(
            f"no processes can be started ({error.strerror or error}); see that /dev/shm can be "
            "written and has space"
        ) from error
    with _without_a_script_that_is_no_file():
        try:
            with _deaf_to_ctrl_c():
                pool.submit(int)  # starts a process
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _without_a_script_that_is_no_file() -> Iterator[None]:
    """Let processes start where the script came through standard input.

    Each process runs the main script's file first, and dies where ``<stdin>`` is not a file.
    """
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or os.path.exists(file):
        yield
        return
    del main.__file__
    try:
        yield
    finally:
        main.__file__ = file


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Hold back Ctrl-C; processes started meanwhile never see it.

    It reaches every process of a terminal, but the parent alone decides what it means.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Set up a fresh process before any numeric library is loaded in it."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import cv2

    cv2.setNumThreads(1)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
