"""One training run in a process of its own: ``python -m lipkit.experiments.job FOLDER``.

A run that runs out of memory, or whose CUDA context breaks, costs itself and no other. The
process ends with its parent: it holds the reading end of a pipe that the parent never writes.
"""

import datetime
import json
import os
import platform
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from lipkit.errors import Diverged, LipkitError
from lipkit.experiments.plan import fingerprint
from lipkit.experiments.records import DIVERGED, FAILED, WHOLE, read_record, write_record
from lipkit.presets import Preset
from lipkit.provenance import made_by
from lipkit.settings import from_dict, to_dict

ORDER = "job.json"
"""What the process is told: cell, seed, preset, prepared set."""


def main(folder: Path) -> int:
    """Train what the folder's order says and leave a record; the exit code is 0 or 1.

    Whatever happens is recorded: failed, or diverged, which no second try would change.
    """
    order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    preset = from_dict(Preset, order["preset"])
    try:
        record = train(folder, order, preset)
    except Diverged as fault:
        record = failure(order, str(fault), DIVERGED)
    except LipkitError as fault:
        record = failure(order, str(fault))
    except Exception as fault:
        traceback.print_exc()
        record = failure(order, f"unexpected {type(fault).__name__}: {_line(fault)}")
    write_record(folder, record)
    return 0 if record["status"] == WHOLE else 1


def train(folder: Path, order: dict[str, Any], preset: Preset) -> dict[str, Any]:
    """Begin or continue the run; its record."""
    import torch

    from lipkit.training import train as train_generator
    from lipkit.training.run_folder import read_log

    result = train_generator(
        order["prepared"], preset, folder, resume=True, progress=True, spent=spent(folder)
    )
    log = read_log(folder)
    cuda = torch.cuda.is_available() and preset.train.device != "cpu"
    return {
        **about(order),
        "status": WHOLE,
        "reason": "",
        "steps": result.step,
        "seconds": round(log[-1]["seconds"], 1) if log else 0.0,
        "loss": result.loss if result.loss == result.loss else None,
        "metrics": result.metrics,
        "prepared": fingerprint(order["prepared"]),
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "code": made_by("lipkit.training"),
        "device": torch.cuda.get_device_name() if cuda else processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def spent(folder: Path) -> float:
    """Seconds of its budget that the steps of a run took, of all calls together.

    What a call did after its last checkpoint, before it was killed, is lost and does not count.
    """
    from lipkit.training.run_folder import CHECKPOINT_NAME, load_checkpoint

    path = folder / CHECKPOINT_NAME
    return load_checkpoint(path).get("seconds", 0.0) if path.is_file() else 0.0


def failure(order: dict[str, Any], reason: str, status: str = FAILED) -> dict[str, Any]:
    """The record of a run that did not end well."""
    return {**about(order), "status": status, "reason": reason, "steps": None, "seconds": 0.0}


def about(order: dict[str, Any]) -> dict[str, Any]:
    """What every record says of its run."""
    preset = from_dict(Preset, order["preset"])
    return {"cell": order["cell"], "seed": order["seed"], "settings": to_dict(preset)}


def is_whole(folder: Path) -> bool:
    """Whether the run has ended well and its weights are there."""
    from lipkit.weights import WEIGHTS_NAME

    record = read_record(folder)
    return record is not None and record["status"] == WHOLE and (folder / WEIGHTS_NAME).is_file()


def commit() -> str:
    """The commit of the code, with ``+`` where files differ from it; empty outside of git."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=here, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        found = git("rev-parse", "--short=12", "HEAD")
        return found + ("+" if found and git("status", "--porcelain", "-uno", "--", "..") else "")
    except OSError:
        return ""


def processor() -> str:
    """The CPU's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _line(fault: BaseException) -> str:
    return " ".join(str(fault).split())[:300]


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(main(Path(sys.argv[1])))
