#!/usr/bin/env python
"""Train the network of the sync metric, prove it on held-out clips, write its weights.

    python data_scripts/train_sync.py --train data/prepared:train --test data/prepared:test \\
        --out runs/sync.safetensors

Log and checkpoint lie beside the weights, in a folder of their name; --resume continues.
Sources are prepared sets with a split, FOLDER:SPLIT, as many as wanted of each kind; *TIMES after
one for training draws its speakers so many times as often. The shipped weights took 833 steps on
GRID's s1_train and other_speakers_train and ten synthetic people: some five minutes of one CPU
core. What is measured on each test source stands in the file's header: shifts found, confidence
against mismatched sound, windows.
"""

import argparse
import datetime
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lipkit.corpora.fetch import script
from lipkit.data.part import OFTEN, PART, Part, part
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.data.prepared import PreparedSet


WEIGHTS = ".safetensors"
LEAST_CLIPS = 2
"""Of a test source: a mismatched sound is another clip's."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    # Imported here, so that --help needs no torch.
    from lipkit.corpora import data_licence
    from lipkit.metrics.sync.proof import figures
    from lipkit.metrics.sync.weights import save_sync
    from lipkit.training.sync_clips import SyncClips
    from lipkit.training.sync_recipe import DEFAULTS, train_sync

    if options.out.suffix != WEIGHTS:
        raise UsageError(f"--out {options.out}: its name must end with {WEIGHTS}")
    if options.test_clips < LEAST_CLIPS:
        raise UsageError(f"--test-clips {options.test_clips}: give at least {LEAST_CLIPS}")
    training = [_source(part(text, OFTEN)) for text in options.train]
    tests = {text: _test_clips(text, options.test_clips) for text in options.test}
    clips = SyncClips(training)
    changes = {"steps": options.steps, "minutes": options.minutes, "seed": options.seed}
    network, steps = train_sync(
        clips,
        replace(DEFAULTS, **changes),
        options.out.with_suffix(""),
        options.resume,
        progress=not options.quiet,
    )
    corpora = sorted({prepared.corpus for prepared, _, _ in training})
    card = {
        "data": [f"{prepared.corpus} {split}" for prepared, split, _ in training],
        "clips": len(clips),
        "speakers": len(clips.clips),
        "step": steps,
        "date": datetime.date.today().isoformat(),
        "figures": {},
        "data_licence": data_licence(corpora),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_sync(options.out, network, card)  # now already, so that no fault loses the training
    names = [name for name, _ in tests.values()]
    for text, (name, pairs) in tests.items():
        # Of two sets with the same corpus and split, each goes by its place.
        name = name if names.count(name) == 1 else text
        card["figures"][name] = figures(pairs, network)
        print(name, json.dumps(card["figures"][name]))
    save_sync(options.out, network, card)
    print(options.out)


def _test_clips(text: str, count: int) -> tuple[str, list]:
    from lipkit.data.clips import read_clip
    from lipkit.metrics.sync.proof import SHORTEST

    prepared, split, _ = _source(part(text))
    rows = prepared.clips(split)
    rows = rows[rows.frames >= SHORTEST]
    if len(rows) < 2:
        raise UsageError(
            f"{text}: has fewer than two clips of {SHORTEST} frames; test on longer clips"
        )
    kept = rows.iloc[:: max(1, len(rows) // count)][:count]
    clips = [read_clip(prepared.folder / file) for file in kept.file]
    return f"{prepared.corpus} {split}", [(clip.lips, clip.logmel) for clip in clips]


def _source(one: Part) -> "tuple[PreparedSet, str, int]":
    from lipkit.data.prepared import PreparedSet

    prepared = PreparedSet.open(one.folder)
    prepared.clips(one.split)  # a misspelt split is told before hours of training, not after
    return prepared, one.split, one.times


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("--train", action="append", required=True, metavar=OFTEN)
    options.add_argument("--test", action="append", default=[], metavar=PART)
    options.add_argument("--out", type=Path, required=True, help="the weights file to write")
    options.add_argument("--steps", type=int, default=850, help="optimiser steps (850)")
    options.add_argument("--minutes", type=float, help="stop then, if the steps are not done")
    options.add_argument("--test-clips", type=int, default=60, help="at most, per split (60)")
    options.add_argument("--seed", type=int, default=0, help="of weights and draws (0)")
    options.add_argument("--resume", action="store_true", help="continue the run beside --out")
    options.add_argument("--quiet", action="store_true", help="no progress bar")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
