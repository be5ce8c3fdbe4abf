"""Seconds a clip for reading, log-mel and writing, on one core: ``bench_media.py [FOLDER]``.

FOLDER holds videos (GRID's ``s1``, say); without it a noisy clip of GRID's size is made.
The target that all of preparation is planned around is 0.12 s per clip for reading and
log-mel together.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lipkit.config import SAMPLES_PER_FRAME
from lipkit.data.spectrogram import log_mel, mel_filters
from lipkit.media import read_clip, write_video

CLIPS = 20


def main() -> None:
    """Print a table: step, seconds per clip, frames per second."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        paths = _clips(Path(sys.argv[1])) if len(sys.argv) > 1 else [_noisy(scratch)] * CLIPS
        mel_filters()
        seconds = dict.fromkeys(("read_clip", "log_mel", "write_video"), 0.0)
        frames = 0
        for path in paths:
            start = time.process_time()
            clip = read_clip(path)
            read = time.process_time()
            log_mel(clip.samples)
            transformed = time.process_time()
            write_video(scratch / "out.mp4", clip.frames, clip.samples)
            seconds["read_clip"] += read - start
            seconds["log_mel"] += transformed - read
            seconds["write_video"] += time.process_time() - transformed
            frames += len(clip.frames)
    print(f"{'step':<12} {'s/clip':>9} {'frames/s':>9}   ({len(paths)} clips, CPU time)")
    for step, total in seconds.items():
        print(f"{step:<12} {total / len(paths):9.4f} {frames / total:9.0f}")


def _clips(folder: Path) -> list[Path]:
    """Some of every kind of file in the folder."""
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        by_kind.setdefault(path.suffix, []).append(path)
    return [path for paths in by_kind.values() for path in paths[: CLIPS // len(by_kind)]]


def _noisy(scratch: Path) -> Path:
    rng = np.random.default_rng(0)
    frames = rng.normal(128, 8, (75, 288, 360, 3)).clip(0, 255).astype(np.uint8)
    sound = rng.normal(0, 0.1, 75 * SAMPLES_PER_FRAME).astype(np.float32)
    return write_video(scratch / "noisy.mp4", frames, sound)


if __name__ == "__main__":
    main()
