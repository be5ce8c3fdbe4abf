#!/usr/bin/env python
"""Write weights that an older lipkit trained anew, with a card that this one reads.

    python data_scripts/upgrade_weights.py runs/old/weights.safetensors new.safetensors

Only the names of settings change: the network's numbers are copied as they are.
"""

import argparse
import sys
from pathlib import Path

from lipkit.corpora.fetch import script


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("old", type=Path, help="weights of the first card format")
    options.add_argument("new", type=Path, help="the file to write")
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _run(given))


def _run(options: argparse.Namespace) -> None:
    # Imported here, so that --help needs no torch.
    from lipkit.weights.upgrade import upgrade_file

    card = upgrade_file(options.old, options.new)
    print(f"{options.new}: preset {card.preset.name}, {card.step} steps")


if __name__ == "__main__":
    sys.exit(main())
