"""The commands that are tortured: small inputs, the words, and what must come out the same."""

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lipkit.files import LOCK_NAME, TEMPORARY_MARK

NARROW = {
    "generator.width": 1 / 32,
    "generator.residual_blocks": 1,
    "data.stride": 4,
    "loss.corr.weight": 0,
    "loss.perc.weight": 0,
    "loss.gen.weight": 0,
    "train.batch_size": 2,
    "train.checkpoint_steps": 3,
    "train.sample_steps": 4,
    "train.workers": 1,
    "train.device": "cpu",
}


def settings(but: str = "nothing") -> list[str]:
    """The preset and what makes it train in a moment, but for the settings of one group."""
    pairs = [f"{name}={value}" for name, value in NARROW.items() if not name.startswith(but)]
    return ["--preset", "tiny", *[word for pair in pairs for word in ("--set", pair)]]


class Command(NamedTuple):
    """A command line and what is compared of what it leaves."""

    words: Callable[[Path, Path], list[str]]
    """Of the folder of inputs and the folder to write: the words after ``lipkit``."""
    essence: Callable[[Path], dict[str, Any]]
    """Everything that must not depend on kills: no clocks, no dates."""
    again: tuple[str, ...] = ()
    """More words for every call but the first."""
    owns: bool = True
    """Whether a second command on the folder is refused."""


def files(*patterns: str) -> Callable[[Path], dict[str, str]]:
    """Digests of the files that fit."""

    def essence(out: Path) -> dict[str, str]:
        return {
            str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
            for pattern in patterns
            for path in sorted(out.glob(pattern))
            if path.is_file() and path.name != LOCK_NAME
        }

    return essence


def run_of(out: Path) -> dict[str, Any]:
    """Losses by step, settings, strips and the tensors of a trained network."""
    from safetensors.numpy import load_file

    found: dict[str, Any] = files("settings.json", "samples/*")(out)
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    clocks = ("seconds", "windows_per_second")
    found["losses"] = [{k: v for k, v in row.items() if k not in clocks} for row in rows]
    for name, tensor in load_file(out / "weights.safetensors").items():
        found[name] = hashlib.sha256(np.ascontiguousarray(tensor).tobytes()).hexdigest()
    return found


def table_of(out: Path) -> dict[str, Any]:
    """An experiment's results and every run's losses."""
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        found: dict[str, Any] = {"results": list(csv.DictReader(file))}
    for path in sorted(out.rglob("log.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        found[str(path.relative_to(out))] = [row["loss"] for row in rows]
    return found


def sweep_of(out: Path) -> dict[str, Any]:
    """A sweep's results without its clock."""
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["notebook"]: {k: v for k, v in row.items() if k != "seconds"} for row in rows}


def _words(text: str) -> Callable[[Path, Path], list[str]]:
    return lambda given, out: text.format(given=given, out=out).split()


COMMANDS = {
    "synth": Command(_words("synth {out} --speakers 2 --clips 2 -q"), files("**/*")),
    "prepare": Command(_words("prepare synthetic {given}/raw {out} --workers 2 -q"), files("**/*")),
    "train": Command(
        lambda given, out: [
            *("train", f"{given}/set", "--steps", "12", "--out", str(out), "-q"),
            *settings(),
        ],
        run_of,
        again=("--resume",),
    ),
    "evaluate": Command(
        _words("evaluate {given}/talking --split val --metric psnr --metric lmd --out {out} -q"),
        files("*.csv", "*.md"),
        owns=False,  # it owns the folder of parts inside, which rivals share with each other only
    ),
    "experiment": Command(
        lambda given, out: [
            *("experiment", "ablation", f"{given}/set", "--steps", "4", "--cells", "b"),
            *("--test-split", "val", "--metric", "psnr", "--out", str(out), "-q"),
            *settings(but="loss."),  # which the cell decides
        ],
        table_of,
    ),
    "analyse": Command(
        _words("analyse {given}/talking --formula level_opening --out {out} -q"), files("*.csv")
    ),
    "sweep": Command(
        _words("run {given}/01_one.ipynb --grid seed=0,1,2 --workers 2 --out {out} -q"),
        sweep_of,
    ),
    "generate": Command(
        _words(
            "generate --identity {given}/lips.png --audio {given}/speech.wav "
            "--out {out}/talk.mp4 --lips-only --allow-silence -q"
        ),
        files("**/*"),
        owns=False,
    ),
}


def leftovers(out: Path) -> list[str]:
    """Temporary files and locks that nobody needs any more."""
    return sorted(
        str(path.relative_to(out))
        for path in out.rglob("*")
        if path.name.startswith(TEMPORARY_MARK) or path.name == LOCK_NAME
    )


def make_inputs(given: Path) -> Path:
    """What the commands read: a drawn corpus, prepared too; a made-up set whose lips rest, small
    enough to train on in a moment; a notebook, a picture, a sound."""
    import nbformat
    from nbformat import v4
    from PIL import Image
    from training_sets import make_set

    from lipkit.corpora import list_clips
    from lipkit.data.prepare import prepare
    from lipkit.media import write_audio
    from lipkit.talker.corpus import write_corpus

    given.mkdir(parents=True)
    write_corpus(given / "raw", 2, 3, progress=False)
    records = [replace(record, split="val") for record in list_clips("synthetic", given / "raw")]
    prepare(records, given / "talking", workers=0, progress=False)
    make_set(given / "set", {"train": 4, "val": 2}, frames=40)
    parameters = v4.new_code_cell("seed: int = 0  # seed", metadata={"tags": ["parameters"]})
    work = "import time\ntime.sleep(1)"
    record = "from lipkit.course.runner import record\nrecord(score=2 * seed)"
    cells = [v4.new_markdown_cell("# One"), parameters, *map(v4.new_code_cell, (work, record))]
    nbformat.write(v4.new_notebook(cells=cells), given / "01_one.ipynb")
    colours = np.linspace(60, 200, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
    Image.fromarray(colours).save(given / "lips.png")
    time = np.arange(4 * 44100) / 44100
    write_audio(given / "speech.wav", np.float32(0.3 * np.sin(2 * np.pi * 220 * time)))
    return given
