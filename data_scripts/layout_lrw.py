#!/usr/bin/env python
"""Unpack LRW, Lip Reading in the Wild, and check that it is whole.

    python data_scripts/layout_lrw.py data/lrw --from downloads/
    python data_scripts/layout_lrw.py data/lrw

LRW is given to researchers who sign the agreement with the BBC
(https://www.robots.ox.ac.uk/~vgg/data/lip_reading/lrw1.html). What you receive is one tar, in
parts named lrw-v1-partaa, lrw-v1-partab, ... With --from this script unpacks the parts as they
are (about 70 GB; they need not be joined first). Without it, it only checks what is there:

    data/lrw/lipread_mp4/ABOUT/train/ABOUT_00001.mp4 and .txt

lipkit does not pass LRW on, and neither may you: its licence forbids it.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from lipkit.corpora import lrw
from lipkit.corpora.fetch import script
from lipkit.corpora.fetch.archives import untar
from lipkit.errors import LipkitError
from lipkit.files import owning

WORDS = 500


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    if options.source is not None:
        parts = find_parts(options.source)
        with owning(options.out):
            count = untar(parts, options.out, progress=not options.quiet)
        print(f"{count} files unpacked")
    _check(options.out)


def find_parts(source: Path) -> list[Path]:
    """The parts of the archive in their order, from a folder or a single tar.

    Raises
    ------
    LipkitError
        When there are none, or one is missing among them.
    """
    if source.is_file():
        return [source]
    parts = sorted(source.glob("lrw-v1-part??"))
    if not parts:
        raise LipkitError(f"{source}: looked there for lrw-v1-partaa, lrw-v1-partab, ...")
    for position, part in enumerate(parts):
        expected = "lrw-v1-part" + chr(ord("a") + position // 26) + chr(ord("a") + position % 26)
        if part.name != expected:
            raise LipkitError(f"{source / expected}: is missing; get it before unpacking")
    return parts


def _check(out: Path) -> None:
    clips = lrw.read(out)
    words = {clip.sentence for clip in clips}
    splits = Counter(clip.split for clip in clips)
    print(f"{out}: {len(clips)} clips of {len(words)} words")
    print(", ".join(f"{split} {splits[split]}" for split in lrw.SPLITS))
    if len(words) < WORDS:
        print(f"incomplete: {WORDS - len(words)} of {WORDS} words are missing")
    faulty = [clip for clip in clips if clip.note]
    if faulty:
        print(f"{len(faulty)} clips have no word times, first: {faulty[0].note}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("out", type=Path, help="folder for the corpus")
    options.add_argument(
        "--from", dest="source", type=Path, help="folder of lrw-v1-part??, or one tar"
    )
    options.add_argument("--quiet", action="store_true", help="no progress bar")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
