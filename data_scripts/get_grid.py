#!/usr/bin/env python
"""Download GRID from Zenodo and lay it out for lipkit.

    python data_scripts/get_grid.py data/grid --speakers 1-3,7
    python data_scripts/get_grid.py data/grid --dry-run

The whole corpus is about 16 GB (33 speakers, 1,000 clips each); one speaker about 0.5 GB.
Licence CC BY 4.0: cite Cooke, Barker, Cunningham and Shao, "An audio-visual corpus for speech
perception and automatic speech recognition", JASA 120(5), 2006.

Stop it at any time and start it again: what has arrived is kept, checksums are compared, and
nothing is fetched twice. Afterwards OUT holds s1/*.mpg ... and alignments/s1/*.align ..., which
lipkit reads as it is (the published alignment folders are partly under the wrong speaker's
name; lipkit finds out whose they are, and this script prints what it found).
"""

import argparse
import sys
from pathlib import Path

from lipkit.corpora import grid
from lipkit.corpora.fetch import script
from lipkit.corpora.fetch.archives import require_space, unzip
from lipkit.corpora.fetch.download import fetch
from lipkit.corpora.fetch.server import Patience
from lipkit.corpora.fetch.zenodo import (
    ALIGNMENTS,
    BASE_URL,
    RemoteFile,
    choose,
    parse_speakers,
    record_files,
)
from lipkit.files import owning, replacing

RECEIPTS = ".received"
"""Folder below OUT with a small file for every archive that has been unpacked."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("out", type=Path, help="folder for the corpus")
    options.add_argument("--speakers", default="all", help="such as 1-3,7 (default: all)")
    options.add_argument("--dry-run", action="store_true", help="list files and sizes, fetch none")
    options.add_argument("--no-alignments", action="store_true", help="leave out the word times")
    options.add_argument("--keep-zips", action="store_true", help="keep archives once unpacked")
    options.add_argument("--base-url", default=BASE_URL, help=f"a mirror (default: {BASE_URL})")
    options.add_argument("--stall", type=float, default=30.0, help="seconds without a byte (30)")
    options.add_argument("--retries", type=int, default=6, help="fruitless attempts in a row (6)")
    options.add_argument("--backoff", type=float, default=1.0, help="first pause, seconds (1)")
    options.add_argument("--quiet", action="store_true", help="no progress bars")
    return options.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    speakers = parse_speakers(options.speakers)
    patience = Patience(stall=options.stall, retries=options.retries, backoff=options.backoff)
    base_url = options.base_url.rstrip("/")
    names = [f"s{number}.zip" for number in speakers]
    names += [] if options.no_alignments else [ALIGNMENTS]
    files = choose(record_files(base_url, patience), names)
    waiting = [file for file in files if not _received(options.out, file)]
    if options.dry_run:
        _list(files, waiting)
        return
    if waiting:
        # Archives go one by one as they are unpacked; videos hardly shrink in a zip.
        spare = sum if options.keep_zips else max
        sizes = [file.size for file in waiting]
        require_space(options.out, sum(sizes) + spare(sizes))
    with owning(options.out):
        for file in waiting:
            _get(file, options, patience)
    _report(options.out)


def _get(file: RemoteFile, options: argparse.Namespace, patience: Patience) -> None:
    archive = fetch(
        file.url,
        options.out / file.name,
        size=file.size,
        checksum=file.checksum,
        patience=patience,
        progress=not options.quiet,
    )
    unzip(archive, options.out, progress=not options.quiet)
    with replacing(_receipt(options.out, file)) as temporary:
        temporary.write_bytes(_text(file))
    if not options.keep_zips:
        archive.unlink()


def _receipt(out: Path, file: RemoteFile) -> Path:
    return out / RECEIPTS / f"{file.name}.txt"


def _text(file: RemoteFile) -> bytes:
    return f"{file.checksum}\n".encode()


def _received(out: Path, file: RemoteFile) -> bool:
    """Whether this very archive was unpacked before and its folder still stands."""
    receipt = _receipt(out, file)
    folder = out / file.name.removesuffix(".zip")
    return folder.is_dir() and receipt.is_file() and receipt.read_bytes() == _text(file)


def _list(files: list[RemoteFile], waiting: list[RemoteFile]) -> None:
    for file in files:
        state = "to get" if file in waiting else "there"
        print(f"{file.name:16} {file.size / 1e6:9.1f} MB  {state}")
    print(f"{'to get':16} {sum(file.size for file in waiting) / 1e6:9.1f} MB")


def _report(out: Path) -> None:
    clips = grid.read(out)
    timed = sum(bool(clip.words) for clip in clips)
    print(f"{out}: {len(clips)} clips of {len({c.speaker for c in clips})} speakers")
    print(f"{timed} clips have word times")
    for match in grid.matches(out):
        if match.rematched or match.refused:
            print(match)


if __name__ == "__main__":
    sys.exit(main())
