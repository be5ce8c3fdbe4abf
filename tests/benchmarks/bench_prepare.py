"""Preparation: where one clip's time goes, and how processes share the work.

    python tests/benchmarks/bench_prepare.py grid ROOT [--clips 60] [--workers 2]

The goal is 900 clips of 3 s in 5 minutes on two cores: 3 clips/s. Processor time is shown
beside wall time because it says the same on a busy machine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from lipkit.config import PrepareConfig
from lipkit.corpora import list_clips
from lipkit.data.clips import write_clip
from lipkit.data.prepare import prepare, prepare_clip
from lipkit.data.spectrogram import log_mel
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.face.lips import crop, crop_boxes
from lipkit.media import read_clip

GOAL = 3.0
"""Clips a second."""


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    parser.add_argument("root")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    records = list_clips(options.corpus, options.root)
    records = records[:: max(1, len(records) // options.clips)][: options.clips]
    _stages(records[: max(3, options.clips // 6)])
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, options.workers):
            out = Path(folder) / str(workers)
            done = prepare(records, out, workers=workers, progress=False)
            rate = len(records) / done.seconds
            print(
                f"{workers} processes: {len(records)} clips ({done.failed} unusable) in "
                f"{done.seconds:.1f} s with start-up, {rate:.2f} clips/s, {rate / GOAL:.2f} of goal"
            )


def _stages(records: list) -> None:
    config, landmarks = PrepareConfig(), FaceLandmarks().load()
    spent: dict[str, list[float]] = {}

    def timed(name, function, *arguments):
        wall, processor = time.perf_counter(), time.process_time()
        result = function(*arguments)
        found = spent.setdefault(name, [0.0, 0.0])
        found[0] += time.perf_counter() - wall
        found[1] += time.process_time() - processor
        return result

    log_mel(np.zeros(44100, np.float32))  # loads its filters
    clips = 0
    with tempfile.TemporaryDirectory() as folder:
        for record in records:
            raw = timed("read and decode", read_clip, record.video, record.audio)
            try:
                found = timed("landmarks", track, raw.frames, landmarks)
            except Exception:
                continue
            boxes = timed("boxes", crop_boxes, found.points, config)
            timed("crop", crop, raw.frames, boxes)
            timed("log-mel", log_mel, raw.samples)
            clip = prepare_clip(record, config)
            timed("write", write_clip, Path(folder) / "clip", clip)
            clips += 1
    total = sum(processor for _, processor in spent.values())
    print(f"{clips} clips, one process, by processor time\n")
    for name, (wall, processor) in spent.items():
        share = processor / total
        print(
            f"{name:16s} {processor / clips * 1e3:7.1f} ms per clip {share:6.1%}"
            f"   (wall {wall / clips * 1e3:.1f} ms)"
        )
    print(f"{'sum':16s} {total / clips * 1e3:7.1f} ms per clip: {clips / total:.2f} clips/core/s\n")


if __name__ == "__main__":
    main()
