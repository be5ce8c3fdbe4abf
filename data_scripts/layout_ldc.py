#!/usr/bin/env python
"""Lay out LDC2009V01, the Audiovisual Database of Spoken American English.

    python data_scripts/layout_ldc.py /media/LDC2009V01 data/ldc
    python data_scripts/layout_ldc.py /media/LDC2009V01 data/ldc --copy

The Linguistic Data Consortium gives the corpus to members and licence holders
(https://catalog.ldc.upenn.edu/LDC2009V01). This script looks through what you received, wherever
its videos lie, and makes

    data/ldc/video/F02/F02_<clip>.mov

by links, or by copies with --copy, which refuses to follow a link that leads out of the source.
The speaker (F01 ... M07: sex and number) is read from the folders above a video or from the
beginning of its name. Videos without one are listed and left out; two different videos that
would get one name stop the script before it writes anything.

The layout of the published discs could not be checked when this was written: please compare the
printed counts (14 speakers, each 238 words and 166 sentences) with the corpus's documentation.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from lipkit.corpora import ldc
from lipkit.corpora.fetch import script
from lipkit.corpora.tree import VIDEO_SUFFIXES, named_folder, require_folder, walk_files
from lipkit.errors import LipkitError
from lipkit.files import inside, replacing

SPEAKERS = 14
NAMED = re.compile(r"([FM]\d{2})(?=[_\-. ])", re.IGNORECASE)
"""A speaker at the beginning of a file's name."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    places, homeless = plan(options.source, options.out)
    if options.copy:
        _require_own(options.source, places.values())
    for target, source in places.items():
        _put(source, target, options.copy)
    _check(options.out, homeless)


def plan(source: Path, out: Path) -> tuple[dict[Path, Path], list[Path]]:
    """Where each video and transcript goes (target -> source), and videos of no known speaker.

    Raises
    ------
    LipkitError
        When ``source`` holds no video of a known speaker, or two for one place.
    """
    root = require_folder(source, "the videos of LDC2009V01")
    places: dict[Path, Path] = {}
    homeless: list[Path] = []
    for video in walk_files(root):
        if video.suffix.lower() not in VIDEO_SUFFIXES or out.absolute() in video.parents:
            continue
        speaker = _speaker(video, root)
        if speaker is None:
            homeless.append(video)
            continue
        name = video.name if NAMED.match(video.name) else f"{speaker}_{video.name}"
        target = out / "video" / speaker / (speaker + name[len(speaker) :])
        if target in places:
            raise LipkitError(f"{video}: would take the place of {places[target]}; rename one")
        places[target] = video
        transcript = video.with_suffix(".txt")
        if transcript.is_file():
            places[target.with_suffix(".txt")] = transcript
    if not places:
        raise LipkitError(f"{root}: no video of a speaker such as F02 or M01 there")
    return places, homeless


def _require_own(source: Path, files: Iterable[Path]) -> None:
    """Refuse to copy what a link of the source points to elsewhere, such as a private file."""
    root = source.expanduser().absolute()
    for file in files:
        inside(root, file.relative_to(root).as_posix(), file)


def _speaker(video: Path, root: Path) -> str | None:
    named = named_folder(video, root, ldc.SPEAKER)
    if named:
        return named[0]
    begins = NAMED.match(video.name)
    return begins[1].upper() if begins else None


def _put(source: Path, target: Path, copy: bool) -> None:
    laid = target.is_file() and target.is_symlink() != copy
    if laid and target.stat().st_size == source.stat().st_size:
        return
    with replacing(target) as temporary:
        if copy:
            shutil.copyfile(source, temporary)
        else:
            os.symlink(source.resolve(), temporary)


def _check(out: Path, homeless: list[Path]) -> None:
    clips = ldc.read(out)
    speakers = sorted({clip.speaker for clip in clips})
    print(f"{out}: {len(clips)} clips of {len(speakers)} speakers ({', '.join(speakers)})")
    print(f"{len({clip.sentence for clip in clips})} different words and sentences")
    if len(speakers) != SPEAKERS:
        print(f"the corpus has {SPEAKERS} speakers; look what is missing")
    if homeless:
        print(f"{len(homeless)} videos of no known speaker left out, first: {homeless[0]}")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("source", type=Path, help="what you received, unpacked")
    options.add_argument("out", type=Path, help="folder for the layout")
    options.add_argument("--copy", action="store_true", help="copy instead of linking")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
