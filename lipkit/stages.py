"""Long work in stages that are kept: what is whole and still valid is not done again."""

import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipkit.errors import UsageError
from lipkit.files import replacing

STATE = "stages.json"
"""In the work's folder: for each stage what it depends on, whether it is whole, its result."""


@dataclass(frozen=True)
class Stage:
    """One stage of the work."""

    name: str
    title: str
    made: tuple[str, ...]
    """Files and folders that it makes, below the work's folder; removed when they are stale."""
    run: Callable[[], dict[str, Any]]
    """Does it; goes on where it was stopped. Its result must be plain values, for JSON."""
    inputs: tuple[str, ...] = ()
    """Texts that decide the result, such as settings."""
    needs: tuple[str, ...] = ()
    """Earlier stages that it builds on: when one is made anew, so is this."""


def run_stages(out: Path, stages: Sequence[Stage]) -> dict[str, dict[str, Any]]:
    """Run the stages that are not whole or no longer valid; return all results by name.

    Only what stages have made is ever removed.

    Raises
    ------
    UsageError
        When ``out`` is not empty and was not made by this function.
    """
    state = _open(out)
    for number, stage in enumerate(stages, start=1):
        print(f"[{number}/{len(stages)}] {stage.title}", flush=True)
        key = _digest(stage.name, *stage.inputs, *(state[need]["id"] for need in stage.needs))
        known = state.get(stage.name, {})
        present = all((out / path).exists() for path in stage.made)
        if known.get("key") == key and known["whole"] and present:
            print(f"      kept; it took {known['seconds']:.0f} s")
            continue
        if known.get("key") != key or known["whole"]:
            _remove(out, known.get("made", ()))
            known = {"key": key, "id": uuid.uuid4().hex, "made": list(stage.made), "seconds": 0.0}
        began = time.monotonic()
        state[stage.name] = known | {"whole": False}
        _save(out, state)
        result = stage.run()
        seconds = round(known["seconds"] + time.monotonic() - began, 1)
        state[stage.name] = known | {"whole": True, "result": result, "seconds": seconds}
        _save(out, state)
        print(f"      {seconds:.0f} s", flush=True)
    return {stage.name: state[stage.name]["result"] for stage in stages}


def _open(out: Path) -> dict[str, dict[str, Any]]:
    if (out / STATE).is_file():
        try:
            return json.loads((out / STATE).read_text(encoding="utf-8"))
        except ValueError:
            raise UsageError(f"{out / STATE}: is broken; delete the folder {out}") from None
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: holds something else; give a new or empty folder")
    return {}


def _save(out: Path, state: dict[str, dict[str, Any]]) -> None:
    with replacing(out / STATE) as temporary:
        temporary.write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def _remove(out: Path, made: Sequence[str]) -> None:
    for path in (out / name for name in made):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()
