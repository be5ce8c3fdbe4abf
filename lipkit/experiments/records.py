"""What became of a run, in a file of its own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lipkit.errors import LipkitError
from lipkit.report.tables import write_json

RECORD = "run.json"
"""What became of a run."""
WHOLE, FAILED, DIVERGED = "whole", "failed", "diverged"


def read_record(folder: Path) -> dict[str, Any] | None:
    """What became of a run, or None when it has not ended in any way."""
    path = folder / RECORD
    return read_json(path) if path.is_file() else None


def why_failed(folders: Iterable[Path]) -> str:
    """The first run that failed, with its reason; empty where none did.

    >>> why_failed([])
    ''
    """
    for folder in folders:
        record = read_record(folder)
        if record is not None and record.get("status") == FAILED:
            return f"{folder.name}: {record.get('reason')}"
    return ""


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Leave what became of a run."""
    write_json(folder / RECORD, record)


def read_json(path: Path) -> dict[str, Any]:
    """A record, or what an experiment says of itself.

    Raises
    ------
    LipkitError
        When the file is something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise LipkitError(f"{path}: is broken; delete it and run again")
    return found
