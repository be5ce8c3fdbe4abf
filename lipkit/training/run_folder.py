"""What a training run leaves in its folder: settings, log, sample strips, checkpoint.

::

    settings.json        every setting of the run
    log.csv, log.jsonl   one row per step: step, loss (the generator's objective), its terms
                         (pix, corr, perc, gen, …), dis (the discriminator's loss),
                         windows_per_second, seconds
    log-NAME.csv, …      the same of every network that is trained before the generator
    tensorboard/         the same for TensorBoard, with train.tensorboard
    samples/000500.png   fixed windows: identity and real frames above generated frames
    checkpoint.pt        everything that ``--resume`` needs
    weights.safetensors  the trained generator with its card, written at the end
"""

import csv
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import torch

from lipkit.errors import LipkitError, UsageError
from lipkit.files import appending, replacing
from lipkit.presets import Preset
from lipkit.settings import flat, from_dict, to_dict

CHECKPOINT_NAME = "checkpoint.pt"
MAY_CHANGE_ON_RESUME = {
    "name",
    "train.steps",
    "train.minutes",
    "train.learning_rate",
    "train.discriminator_rate",
    "train.checkpoint_steps",
    "train.sample_steps",
    "train.keep_steps",
    "train.workers",
    "train.tensorboard",
    "train.device",
    "train.precision",
    "train.channels_last",
    "train.compile",
}
"""Settings in which a resumed run may differ; any other change is another run."""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write the whole state under a temporary name and rename it: it is whole or absent."""
    # Through a file of Python's: torch's own writer does not say what the system refused.
    with replacing(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:
            raise _refusal_of_system(error) or error from None


def _refusal_of_system(error: BaseException) -> OSError | None:
    """The fault of the file system that ``error`` was raised upon, if there was one."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; only tensors and plain values are accepted, so no code can run.

    Raises
    ------
    LipkitError
        When the file is broken or holds anything else.
    """
    try:
        # A checkpoint is a zip archive, whose index is at its end.
        if not zipfile.is_zipfile(path):
            raise ValueError("it is not a zip archive")
        state = torch.load(path, map_location="cpu", weights_only=True)
        _check_state(state)
    except Exception as error:  # whatever bytes make an unpickler raise
        raise broken_checkpoint(path) from error
    return state


def broken_checkpoint(path: Path) -> LipkitError:
    """What is said of a file that no run of lipkit left."""
    return LipkitError(f"{path}: is not a whole checkpoint of lipkit; delete it to start anew")


def _check_state(state: Any) -> None:
    """ValueError for what cannot be a run's state, of this form or the older one."""
    if not isinstance(state, dict) or not isinstance(state.get("preset", {}), dict):
        raise ValueError("it holds no state")
    if type(state.get("step")) is not int or state["step"] < 0:
        raise ValueError("its step is not a number")
    seconds = state.get("seconds", 0.0)
    if type(seconds) not in (int, float) or not 0 <= seconds < math.inf:
        raise ValueError("its seconds are not a number")
    if not isinstance(state.get("networks"), dict):
        raise ValueError("it holds no networks")
    for name, network in state["networks"].items():
        if not all(isinstance(t, torch.Tensor) for t in network.values()):
            raise ValueError(f"{name} is not a network")
        if not all(torch.isfinite(t).all() for t in network.values() if t.is_floating_point()):
            raise ValueError(f"{name} holds numbers that are not finite")


def refuse_another_run(state: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    """Compare a checkpoint with the run that would continue it.

    Both hold what identifies the run; ``preset``, where there is one, holds settings as nested
    dictionaries, and everything else tells the data.

    Raises
    ------
    UsageError
        Naming the first setting that differs and may not, or the data; for a checkpoint
        of an older form, too.
    """
    before, after = _settings(state, path), flat(now.get("preset", {}))
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name) and name not in MAY_CHANGE_ON_RESUME:
            raise UsageError(
                f"{path}: was made with {name}={before.get(name)}, not {after.get(name)}; resume "
                "with the same settings or give another folder"
            )
    if any(state.get(name) != now[name] for name in now.keys() - {"preset"}):
        raise UsageError(
            f"{path}: was trained on another prepared set, or began with other weights; resume "
            "with the same or give another folder"
        )


def _settings(state: dict[str, Any], path: Path) -> dict[str, Any]:
    values = state.get("preset", {})
    if "generator" not in values and "phase" in state:
        return flat(values)
    try:
        # Through the config: a setting that is newer than the checkpoint has its default there.
        values = flat(to_dict(from_dict(Preset, values)))
    except (TypeError, UsageError):
        values = {}
    if not values or "phase" not in state:
        raise UsageError(
            f"{path}: was made by an older lipkit, which kept runs in another form; finish the "
            "run with that, or give another folder"
        )
    return values


@dataclass
class RunLog:
    """The losses of a run as CSV and as JSON lines; both hold the same rows.

    Parameters
    ----------
    folder
        The run's.
    tensorboard
        Also write them for TensorBoard, which must be installed.
    writes
        False takes no notice of anything: for all processes of a run but the first.
    name
        Of the files, without their endings.
    """

    folder: Path
    tensorboard: bool = False
    writes: bool = True
    name: str = "log"

    def __post_init__(self) -> None:
        self._files: list[Any] = []
        self._columns: list[str] = []
        self._board: Any = None

    def open(self, step: int) -> Self:
        """Start writing after ``step``; rows of an interrupted run beyond it are dropped."""
        if not self.writes:
            return self
        kept = [row for row in read_log(self.folder, self.name) if row["step"] <= step]
        with replacing(self._csv) as temporary, temporary.open("w", newline="") as file:
            if kept:
                self._columns = list(kept[0])
                self._csv_writer(file).writeheader()
                self._csv_writer(file).writerows(kept)
        with replacing(self._jsonl) as temporary, temporary.open("w") as file:
            file.writelines(json.dumps(row) + "\n" for row in kept)
        self._files = [self._csv.open("a", newline=""), self._jsonl.open("a")]
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            folder = self.folder / "tensorboard"
            folder = str(folder if self.name == "log" else folder / self.name)
            self._board = SummaryWriter(folder, purge_step=step + 1)
        return self

    def write(self, step: int, **row: float) -> None:
        """Append one step; every step of a run has the same fields."""
        if not self.writes:
            return
        csv_file, jsonl_file = self._files
        with appending(self._csv):
            if not self._columns:
                self._columns = ["step", *row]
                self._csv_writer(csv_file).writeheader()
            self._csv_writer(csv_file).writerow({"step": step, **row})
        with appending(self._jsonl):
            jsonl_file.write(json.dumps({"step": step, **row}) + "\n")
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, step)

    def flush(self) -> None:
        """Put all rows on disk."""
        for file in (*self._files, *[self._board] * (self._board is not None)):
            with appending(self._csv.with_suffix("")):
                file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            for file in (*self._files, *[self._board] * (self._board is not None)):
                with appending(self._csv.with_suffix("")):
                    file.close()
        except LipkitError:
            if kind is None:  # else what ended the run says more
                raise

    def _csv_writer(self, file: Any) -> csv.DictWriter:
        return csv.DictWriter(file, self._columns)

    @property
    def _csv(self) -> Path:
        return self.folder / f"{self.name}.csv"

    @property
    def _jsonl(self) -> Path:
        return self.folder / f"{self.name}.jsonl"


def read_log(folder: str | Path, name: str = "log") -> list[dict[str, float]]:
    """Rows of a run's log, oldest first; empty when there is none.

    Parameters
    ----------
    folder
        The run's.
    name
        ``log``, or ``log-NAME`` of a network that is trained before the generator.

    A last line that a kill cut off is left out.

    Raises
    ------
    LipkitError
        When a line before the last is not a row: numbers by name, among them the step.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with RunLog(Path(folder)).open(step=0) as log:
    ...         log.write(1, loss=0.5)
    ...     read_log(folder)
    [{'step': 1, 'loss': 0.5}]
    """
    path = Path(folder) / f"{name}.jsonl"
    rows: list[dict[str, float]] = []
    lines = path.read_bytes().splitlines() if path.is_file() else []
    for i, line in enumerate(lines):
        try:
            row = json.loads(line.decode("utf-8"))
            if not all(type(value) in (int, float) for value in row.values()):
                raise ValueError
            if row["step"] <= (rows[-1]["step"] if rows else 0):
                raise ValueError
        except (ValueError, KeyError, AttributeError, RecursionError):
            if i == len(lines) - 1:
                break
            raise LipkitError(
                f"{path}: line {i + 1} is broken; delete the lines from there on, or the run"
            ) from None
        rows.append(row)
    return rows


def write_strip(
    path: Path, identity: np.ndarray, real: np.ndarray, generated: np.ndarray, every: int = 2
) -> None:
    """Write a PNG: two rows per window, real frames above generated ones.

    Parameters
    ----------
    identity:
        u8 [N, H, W, 3], shown left of the real frames.
    real, generated:
        u8 [N, T, H, W, 3]; every ``every``-th frame is shown.
    """
    real, generated = real[:, ::every], generated[:, ::every]
    blank = np.full_like(identity, 255)
    rows = []
    for n in range(len(real)):
        rows.append(np.concatenate([identity[n], *real[n]], axis=1))
        rows.append(np.concatenate([blank[n], *generated[n]], axis=1))
    picture = np.concatenate(rows)
    # Encoded in memory: cv2.imwrite fails on some non-ASCII paths.
    _, data = cv2.imencode(".png", picture[..., ::-1])
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())
