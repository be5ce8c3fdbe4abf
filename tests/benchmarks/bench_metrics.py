"""Metrics: CPBD against a loop over pixels, and the time of each metric and of landmarks.

    python tests/benchmarks/bench_metrics.py [--pictures 1000] [--prepared FOLDER]

Both ways of CPBD see the same lip images in one run, in turns, on one core; times are of the
processor. Without a prepared set the images are crops of a drawn face.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from cpbd_by_pixel import cpbd_by_pixel

from lipkit.config import PrepareConfig
from lipkit.face.lips import crop, crop_boxes
from lipkit.metrics import METRICS, Context
from lipkit.metrics.conventions import grey
from lipkit.metrics.cpbd import cpbd

BATCH = 50
POSES = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--prepared", type=Path, help="take its lips instead of drawn ones")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.prepared:
        lips = of_prepared(options.prepared, options.pictures)
    else:
        lips = drawn(options.pictures)
    pictures = grey(lips)
    print(f"{len(pictures)} lip images of 64x64\n")
    print(f"{'CPBD':12s} {'vectorised':>12s} {'loop':>12s} {'ratio':>8s} {'difference':>12s}")
    for variant in ("published", "released"):
        fast, slow, difference = race(pictures, variant)
        print(
            f"{variant:12s} {1e3 * fast:9.3f} ms {1e3 * slow:9.3f} ms {slow / fast:7.1f}x "
            f"{difference:12.1e}"
        )
    print("\nms a frame")
    nothing = np.zeros((4 * BATCH, 128), np.float16)
    for name, metric in METRICS.items():
        if metric.needs or metric.over == "clip":
            continue
        seconds = spent(metric.measure, lips[:BATCH], lips[1 : BATCH + 1], nothing, Context())
        print(f"{name:12s} {1e3 * seconds / BATCH:9.3f}")


def race(pictures: np.ndarray, variant: str) -> tuple[float, float, float]:
    """Seconds a picture, vectorised and by pixel, and the largest difference of the two."""
    cpbd(pictures[:2], variant)  # what is made once and kept
    fast = slow = difference = 0.0
    for i in range(0, len(pictures), BATCH):
        some = pictures[i : i + BATCH]
        began = time.process_time()
        ours = cpbd(some, variant)
        between = time.process_time()
        theirs = [cpbd_by_pixel(picture, variant) for picture in some]
        slow += time.process_time() - between
        fast += between - began
        difference = max(difference, float(np.abs(ours - theirs).max()))
    return fast / len(pictures), slow / len(pictures), difference


def spent(function: Callable, *arguments: object, repeats: int = 3) -> float:
    """Seconds of the processor, the best of some runs."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        function(*arguments)
        times.append(time.process_time() - began)
    return min(times)


def drawn(count: int) -> np.ndarray:
    """Lips of a drawn speaker at some mouth shapes, each with other noise and sharpness."""
    from lipkit.talker import perform, person

    played = perform(person(0), "bbaf2n")
    chosen = np.linspace(0, len(played.poses) - 1, POSES).astype(int)
    frames = [played.face.frame(played.shapes[t], played.poses[t], grain=int(t)) for t in chosen]
    lips = crop(frames, crop_boxes(played.landmarks()[chosen], PrepareConfig()))
    rng = np.random.default_rng(0)
    made = []
    for i in range(count):
        soft = cv2.GaussianBlur(lips[i % POSES], (0, 0), 0.3 + rng.random())
        made.append(soft + rng.normal(0, 4 * rng.random(), soft.shape))
    return np.stack(made).clip(0, 255).round().astype(np.uint8)


def of_prepared(folder: Path, count: int) -> np.ndarray:
    """Frames spread over the clips of a prepared set."""
    from lipkit.data.clips import read_clip
    from lipkit.data.prepared import PreparedSet

    prepared = PreparedSet.open(folder)
    files = prepared.clips().file
    each = -(-count // len(files))
    clips = [read_clip(prepared.folder / file).lips for file in files]
    spread = [clip[np.linspace(0, len(clip) - 1, each + 2).astype(int)[1:-1]] for clip in clips]
    return np.concatenate(spread)[:count]


if __name__ == "__main__":
    main()
