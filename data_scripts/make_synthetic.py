#!/usr/bin/env python
"""Make the synthetic corpus: drawn faces that speak, with their exact landmarks and phonemes.

    python data_scripts/make_synthetic.py data/synthetic --speakers 8 --clips 20 --seed 0

The same as `lipkit synth`. It takes seconds, needs no download, and the same seed gives the same
corpus; clips that are there already are kept.
"""

import argparse
import sys
from pathlib import Path

from lipkit.corpora.fetch import script


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = _parse(arguments)
    return script.exit_code(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    # Imported here, so that --help needs no speech engine.
    from lipkit.talker import write_corpus

    out = write_corpus(
        options.out,
        speakers=options.speakers,
        clips=options.clips,
        seed=options.seed,
        workers=options.workers,
        progress=not options.quiet,
    )
    print(out)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    options = script.parser(__doc__)
    options.add_argument("out", type=Path, help="folder for the corpus")
    options.add_argument("--speakers", type=int, default=8, help="people (8)")
    options.add_argument("--clips", type=int, default=20, help="clips of each (20)")
    options.add_argument("--seed", type=int, default=0, help="another seed, another corpus (0)")
    options.add_argument("--workers", type=int, help="processes (default: one per core)")
    options.add_argument("--quiet", action="store_true", help="no progress bar")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
