"""A preparation that tests start as a program, to interrupt or kill it.

    python preparation_run.py OUT [--clips N] [--workers N] [--seconds S]
        [--die clip_id] [--die-once clip_id]

Its clips are made of numbers in no time, so that most of the run is writing and keeping of
books; ``--die`` makes the process that works on the clip kill itself.
"""

import argparse
import hashlib
import os
import signal
import sys
import time
from pathlib import Path

from prepared_sets import noise_clip

import lipkit.data.prepare
from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.sources import settings_text
from lipkit.errors import Interrupted, LipkitError
from lipkit.files import TEMPORARY_MARK


def made_up_clip(record: ClipRecord, config: PrepareConfig, limits=None):
    """Stands for ``prepare_clip``: what to do is written in the record's transcript."""
    seconds, death, flag = record.transcript.split("|")
    time.sleep(float(seconds))
    if death == "always" or (death == "once" and not os.path.exists(flag)):
        Path(flag).touch()
        (Path(flag).parent / "set" / f"{TEMPORARY_MARK}half").touch()  # it died while it wrote
        os.kill(os.getpid(), signal.SIGKILL)
    if record.clip_id.endswith("bad"):
        raise LipkitError(f"{record.video}: no face")
    seed = int(hashlib.sha256(record.clip_id.encode()).hexdigest()[:8], 16)
    clip = noise_clip(16 + seed % 20, seed)
    exact = clip.logmel.astype(float)
    clip.meta |= {
        "settings": settings_text(config),
        "source_bytes": "",
        "notes": "",
        "logmel_sum": repr(float(exact.sum())),
        "logmel_squares": repr(float((exact**2).sum())),
    }
    return clip


class NoModel:
    """Stands for the landmark model."""

    def load(self) -> None:
        """Nothing to load."""


# At module level: worker processes import this file too and must see the same.
lipkit.data.prepare.prepare_clip = made_up_clip
lipkit.data.prepare._landmarks = NoModel
lipkit.data.prepare._require_model = NoModel().load


def records(options: argparse.Namespace, out: Path) -> list[ClipRecord]:
    """``--clips`` records of two speakers, every tenth of them unusable."""
    made = []
    for i in range(options.clips):
        clip_id = f"s{i % 2}/c{i:03d}" + ("bad" if i % 10 == 9 else "")
        dies = {options.die: "always", options.die_once: "once"}.get(clip_id, "")
        orders = f"{options.seconds}|{dies}|{out.parent / 'died'}"
        split = "train" if i % 3 else "test"
        video = Path(f"{clip_id}.mpg")
        made.append(ClipRecord(clip_id, clip_id[:2], "grid", video, split=split, transcript=orders))
    return made


def main() -> None:
    """Prepare; a LipkitError is one line and an exit code, as on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--die")
    parser.add_argument("--die-once")
    options = parser.parse_args()
    try:
        done = lipkit.data.prepare.prepare(
            records(options, options.out), options.out, workers=options.workers
        )
    except LipkitError as error:
        print(error, file=sys.stderr)
        sys.exit(130 if isinstance(error, Interrupted) else 1)
    print(done.ok, done.failed, done.skipped)


if __name__ == "__main__":
    main()
