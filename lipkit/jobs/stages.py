"""Long work in stages that are kept: what is complete and still valid is not done again."""

import json
import shutil
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, inside, is_relative, owning, replacing
from lipkit.provenance import digest

STATE = "stages.json"
"""A file in the work's folder: for each stage what it depends on, whether it is complete, and
its result."""


@dataclass(frozen=True)
class Stage:
    """One stage of the work."""

    name: str
    title: str
    made: tuple[str, ...]
    """Files and folders that it makes, below the work's folder; removed when they are stale."""
    run: Callable[[], dict[str, Any]]
    """Does it, going on where it was stopped. Its result must be plain values, for JSON."""
    inputs: tuple[str, ...] = ()
    """Texts that determine the result, such as settings."""
    needs: tuple[str, ...] = ()
    """Earlier stages that it builds on: when one is made anew, so is this."""


def run_stages(
    out: Path,
    stages: Sequence[Stage],
    workers: int = 1,
    stop: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """Run the stages that are incomplete or no longer valid; return all results by name.

    Only what stages have made is ever removed. When a stage fails, those that do not build on
    it are run all the same.

    Parameters
    ----------
    workers
        Stages at a time. They begin in order, each in a thread when there is more than one.
    stop
        Called when the work is broken off, to end the stages that are still running.

    Raises
    ------
    UsageError
        When ``out`` is not empty and was not made by this function.
    LipkitError
        When a stage has failed, at the end; the next run goes on from there. When another
        command is at work in the folder.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; give a new or empty folder")
    with owning(out):
        return _Work(out, stages).run(workers, stop)


class _Work:
    """The stages of one folder; threads only run them; all else happens in the caller's thread."""

    def __init__(self, out: Path, stages: Sequence[Stage]) -> None:
        self.out, self.stages = out, stages
        self.state = _open(out)
        self.failures: dict[str, BaseException] = {}
        self.running: dict[Future, tuple[Stage, float]] = {}

    def run(self, workers: int, stop: Callable[[], None]) -> dict[str, dict[str, Any]]:
        waiting, executor = deque(self.stages), ThreadPoolExecutor(workers)
        try:
            while waiting or self.running:
                while waiting and len(self.running) < workers and self._is_ready(waiting[0]):
                    self._begin(waiting.popleft(), executor if workers > 1 else None)
                for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                    self._end(*self.running[future], future)
                    del self.running[future]
        except BaseException:
            stop()
            raise
        finally:
            executor.shutdown(cancel_futures=True)
            # When broken off, whatever was completed meanwhile is kept.
            for future, begun in self.running.items():
                if not future.cancelled() and future.exception() is None:
                    self._end(*begun, future)
        if self.failures:
            self._raise()
        return {stage.name: self.state[stage.name]["result"] for stage in self.stages}

    def _is_ready(self, stage: Stage) -> bool:
        return not any(running.name in stage.needs for running, _ in self.running.values())

    def _begin(self, stage: Stage, executor: ThreadPoolExecutor | None) -> None:
        """Start the stage, unless it is kept or cannot be."""
        self._say(stage, stage.title)
        if lacking := [need for need in stage.needs if need in self.failures]:
            reason = f"left out because {lacking[0]} failed"
            self.failures[stage.name] = LipkitError(f"{stage.name}: {reason}")
            self._say(stage, reason)
            return
        needed = (self.state[need]["id"] for need in stage.needs)
        key = digest(stage.name, *stage.inputs, *needed)
        known = self.state.get(stage.name, {})
        present = all((self.out / path).exists() for path in stage.made)
        if known.get("key") == key and known["whole"] and present:
            self._say(stage, f"kept; it took {known['seconds']:.0f} s")
            return
        if known.get("key") != key or known["whole"]:
            _remove(self.out, known.get("made", ()))
            known = {"key": key, "id": uuid.uuid4().hex, "made": list(stage.made), "seconds": 0.0}
        self.state[stage.name] = known | {"whole": False}
        _save(self.out, self.state)
        began = time.monotonic()
        self.running[executor.submit(stage.run) if executor else _run_here(stage)] = (stage, began)

    def _end(self, stage: Stage, began: float, future: Future) -> None:
        if fault := future.exception():
            self.failures[stage.name] = fault
            self._say(stage, f"failed: {' '.join(str(fault).split()) or type(fault).__name__}")
            return
        entry = self.state[stage.name]
        seconds = round(entry["seconds"] + time.monotonic() - began, 1)
        self.state[stage.name] = entry | {
            "whole": True,
            "result": future.result(),
            "seconds": seconds,
        }
        _save(self.out, self.state)
        self._say(stage, f"{seconds:.0f} s")

    def _say(self, stage: Stage, words: str) -> None:
        """A line whose number tells it apart from those of stages running beside it."""
        print(f"[{self.stages.index(stage) + 1}/{len(self.stages)}] {words}", flush=True)

    def _raise(self) -> None:
        """Raise the first fault; of several, say how many."""
        fault = next(iter(self.failures.values()))
        bugs = [f for f in self.failures.values() if not isinstance(f, LipkitError)]
        if bugs or len(self.failures) == 1:
            raise bugs[0] if bugs else fault
        raise LipkitError(
            f"{len(self.failures)} of {len(self.stages)} stages failed "
            f"({', '.join(self.failures)}); fix the first and run again: {fault}"
        ) from fault


def _run_here(stage: Stage) -> Future:
    future: Future = Future()
    try:
        future.set_result(stage.run())
    except Exception as fault:
        future.set_exception(fault)
    return future


def _open(out: Path) -> dict[str, dict[str, Any]]:
    if (out / STATE).is_file():
        try:
            state = json.loads((out / STATE).read_text(encoding="utf-8"))
            return {name: _entry(out, entry) for name, entry in state.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise UsageError(f"{out / STATE}: is damaged; delete the folder {out}") from None
    if content(out):
        raise UsageError(f"{out}: holds something else; give a new or empty folder")
    return {}


def _entry(out: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """One stage's entry, all of it checked: what ``made`` names may be deleted.

    Raises
    ------
    TypeError, KeyError, AttributeError
        When it is not an entry.
    LipkitError
        When a name leads out of the folder.
    """
    kinds = {"key": str, "id": str, "whole": bool, "made": list, "seconds": (int, float)}
    for field, kind in kinds.items():
        if not isinstance(entry[field], kind):
            raise TypeError
    if entry["whole"]:
        entry["result"]  # a whole stage has one, None too
    for name in entry["made"]:
        if not is_relative(name):
            inside(out, name, out / STATE)  # which says so
    return entry


def _save(out: Path, state: dict[str, dict[str, Any]]) -> None:
    with replacing(out / STATE) as temporary:
        temporary.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def _remove(out: Path, made: Sequence[str]) -> None:
    for path in (inside(out, name, out / STATE) for name in made):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
