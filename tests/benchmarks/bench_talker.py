"""How fast the talking face is drawn, on one core: python tests/benchmarks/bench_talker.py"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from lipkit.media import write_video
from lipkit.talker import perform, person, speak
from lipkit.talker.face import Face
from lipkit.talker.speech import VOICES, _synthesize

WANTED = 60
"""Frames a second at 360x288 on one core, encoding apart."""


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median seconds of ``work``."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)

    rates, paint, points = [], [], []
    for index in range(options.people):
        who = person(index)
        paint.append(timed(lambda who=who: Face(who), 1))
        said = perform(who, "bbaf2n", seed=1)
        drawn = said.face
        drawn.frame(said.shapes[0])
        seconds = timed(lambda said=said: sum(1 for _ in said.frames()), options.repeats)
        rates.append(len(said.shapes) / seconds)
        points.append(len(said.shapes) / timed(said.landmarks, options.repeats))

    def say() -> None:
        _synthesize.cache_clear()
        speak("bin blue at f two now", VOICES[0])

    with TemporaryDirectory() as folder:
        frames = np.stack(list(said.frames()))
        path = Path(folder) / "clip.mp4"
        encode = len(frames) / timed(lambda: write_video(path, frames, said.samples), 2)
    rows = [
        ("draw a frame (360x288)", statistics.median(rates), "frames/s", f"wanted {WANTED}"),
        ("slowest person", min(rates), "frames/s", f"{min(rates) / WANTED:.1f} x wanted"),
        ("exact landmarks", statistics.median(points), "frames/s", ""),
        (
            "encode H.264 + AAC",
            encode,
            "frames/s",
            f"{encode / statistics.median(rates):.1f} x draw",
        ),
        ("paint a person once", statistics.median(paint) * 1000, "ms", ""),
        ("say a sentence", timed(say, 5) * 1000, "ms", ""),
    ]
    for name, value, unit, note in rows:
        print(f"{name:26s} {value:9.1f} {unit:9s} {note}")


if __name__ == "__main__":
    main()
