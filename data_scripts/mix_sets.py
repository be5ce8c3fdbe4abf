#!/usr/bin/env python
"""Put prepared sets side by side: one set that holds links to their clips.

    python data_scripts/mix_sets.py data/many data/drawn:train data/grid:s1_train=train \\
        data/grid:other_speakers_train=train*10 data/grid:s1_val=val
    lipkit train data/many --preset paper_few_steps --out runs/paper

FOLDER:SPLIT takes a split of a prepared set, =NAME calls it something else, *TIMES lists each clip
so often, to balance the few of one kind against the many of another. A clip's speaker gets the
set's folder before his name, so that no name is taken twice. The sound is normalised by the
statistics of all that is for training.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from lipkit.corpora.fetch import script
from lipkit.data.part import RENAMED, Part, part
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, replacing


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("out", type=Path, help="a new folder for the mixed set")
    options.add_argument("parts", nargs="+", metavar=RENAMED)
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _mix(given))


def _mix(options: argparse.Namespace) -> None:
    from lipkit.data.ledger import enter
    from lipkit.data.prepared import PreparedSet

    parts = [part(text, RENAMED) for text in options.parts]
    if content(options.out):
        raise UsageError(f"{options.out}: holds files; give a new or empty folder")
    sets = {one.folder: PreparedSet.open(one.folder) for one in parts}
    first = sets[parts[0].folder]
    for folder, other in sets.items():
        if other.settings != first.settings:
            raise UsageError(
                f"{folder}: was prepared by other settings than {first.folder}; "
                "prepare both alike (settings are in prepare.json)"
            )
    with replacing(options.out) as beside:
        clips = []
        for one in parts:
            clips += _link(one, sets[one.folder], beside)
        clips.sort(key=lambda pair: pair[0].clip_id)
        corpora = dict.fromkeys(record.corpus for record, _ in clips)
        enter(beside, "+".join(corpora), first.settings, clips)
    print(f"{options.out}: {PreparedSet.open(options.out).description['counts']['ok_by_split']}")


def _link(one: Part, prepared: Any, out: Path) -> list[tuple[Any, Any]]:
    """Links to a part's clips below ``out``, and a record of each with what it holds."""
    from lipkit.corpora.record import ClipRecord
    from lipkit.data.clips import read_clip
    from lipkit.data.manifest import Outcome, clip_file

    tag = re.sub(r"[^A-Za-z0-9]", "", one.folder.resolve().name) or "set"
    found = []
    for row in prepared.clips(one.split).to_dict("records"):
        source = (prepared.folder / row["file"]).resolve()
        levels = read_clip(source).logmel.astype("float64")
        speaker, clip = row["clip_id"].split("/", 1)
        for copy in range(one.times):
            record = ClipRecord(
                f"{tag}-{speaker}/{clip}" + (f"-{copy}" if copy else ""),
                f"{tag}-{row['speaker']}",
                row["corpus"],
                source,
                sentence=row["sentence"],
                split=one.name,
                note=row["notes"],
            )
            link = out / clip_file(record)
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.symlink(source, link)
            except FileExistsError:
                raise UsageError(
                    f"{one.folder}:{one.split}: its clip {row['clip_id']} would be there twice; "
                    "name each split once, and rename one of two folders of one name"
                ) from None
            except OSError as error:
                raise LipkitError(
                    f"{link}: cannot be made a link to {source} ({error.strerror}); "
                    "take a new folder on a disk that has links"
                ) from None
            sums = float(levels.sum()), float((levels**2).sum())
            found.append((record, Outcome(int(row["frames"]), "", "", *sums)))
    return found


if __name__ == "__main__":
    sys.exit(main())
