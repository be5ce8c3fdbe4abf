"""Tables as files that other programs read: CSV and JSON, written whole or not at all."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lipkit.files import replacing


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with the first row's keys as columns."""
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _columns(rows), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _columns(rows: Iterable[dict[str, Any]]) -> list[str]:
    return list(next(iter(rows), {}))


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON; a number that is not finite is refused."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
