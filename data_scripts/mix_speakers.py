#!/usr/bin/env python
"""Put GRID and the synthetic people side by side: one corpus for the preset plus.

    python data_scripts/mix_speakers.py data/grid data/synthetic data/mixed
    lipkit prepare grid data/mixed data/prepared --lists data/mixed/splits
    lipkit train data/prepared --preset plus --out runs/plus

Nothing is copied: the new folder holds links. Synthetic speaker s3 becomes s103, so that no
name is taken twice. Whoever GRID's own lists (splits/*_train.txt) train on, and all synthetic
people, become the split train; *_val.txt becomes val; all other lists stay as they are.
"""

import argparse
import os
import sys
from pathlib import Path

from lipkit.corpora.fetch import script
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing

FIRST = 100
"""Added to a synthetic speaker's number; GRID has 34."""
VIDEOS = (".mp4", ".mpg")


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("grid", type=Path, help="GRID, with splits/*.txt")
    options.add_argument("synthetic", type=Path, help="folder of lipkit synth")
    options.add_argument("out", type=Path, help="folder for the links and lists")
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _mix(given))


def _mix(options: argparse.Namespace) -> None:
    lists = sorted((options.grid / "splits").glob("*.txt"))
    if not lists:
        raise UsageError(f"{options.grid}: has no splits/*.txt (speaker/clip); add them")
    splits: dict[str, list[str]] = {}
    for path in lists:
        splits.setdefault(_split(path.stem), []).extend(path.read_text().split())
    for folder in _speakers(options.grid):
        _link(folder, options.out / folder.name)
    people = _speakers(options.synthetic)
    if not people:
        raise UsageError(f"{options.synthetic}: has no speaker's folder; make it by lipkit synth")
    for folder in people:
        name = f"s{int(folder.name[1:]) + FIRST}"
        _link(folder, options.out / name)
        clips = sorted(path.stem for path in folder.iterdir() if path.suffix in VIDEOS)
        splits.setdefault("train", []).extend(f"{name}/{clip}" for clip in clips)
    for split, clips in splits.items():
        with replacing(options.out / "splits" / f"{split}.txt") as path:
            path.write_text("".join(f"{clip}\n" for clip in clips), encoding="utf-8")
    counts = ", ".join(f"{split} {len(clips)}" for split, clips in splits.items())
    print(f"{options.out}: {counts}")


def _split(name: str) -> str:
    return name.rpartition("_")[2] if name.endswith(("_train", "_val")) else name


def _speakers(root: Path) -> list[Path]:
    folders = [f for f in root.glob("s*") if f.is_dir() and f.name[1:].isdecimal()]
    return sorted(folders, key=lambda folder: int(folder.name[1:]))


def _link(source: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    if link.is_symlink() and link.resolve() == source:
        return
    try:
        os.symlink(source, link, target_is_directory=True)
    except OSError as error:
        raise LipkitError(
            f"{link}: cannot be made a link to {source} ({error.strerror}); "
            "take a new folder on a disk that has links"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
