"""Windows a second from two loader processes; the goal is 3,000 of raw windows.

    python tests/benchmarks/bench_windows.py PREPARED [--split s1_train] [--workers 2]

The yardstick is a copy: the same number of bytes, moved once by one process.
"""

import argparse
import time

import numpy as np
import torch
from safetensors import safe_open
from torch.utils.data import DataLoader

from lipkit.data.clips import ClipFile
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows

ROUNDS = 3
BATCH = 32


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared")
    parser.add_argument("--split", default=None)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    prepared = PreparedSet.open(options.prepared)
    windows = {raw: Windows(prepared, options.split, raw=raw) for raw in (True, False)}
    count = len(windows[True])
    print(f"{count} windows of {len(windows[True].clip_ids)} clips, best of {ROUNDS} rounds\n")

    copied = _rate(_copying(windows[True], count), count)
    rows = [("copy of as many raw bytes, 1 process", copied)]
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).tolist()
    batches = [order[i : i + BATCH] for i in range(0, count, BATCH)]
    for raw, data in windows.items():
        kind = "raw" if raw else "float32"
        rows.append((f"{kind}, no loader", _rate(lambda d=data: [*map(d.batch, batches)], count)))
        loader = DataLoader(
            data, BATCH, shuffle=True, num_workers=options.workers, persistent_workers=True
        )
        rows.append((f"{kind}, {options.workers} loader processes", _rate(_all(loader), count)))
    rows += _readers(prepared)
    for name, rate in rows:
        print(f"{name:42s} {rate:9,.0f} windows/s   {rate / copied:6.3f} of copy")


def _rate(work, count: int) -> float:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return count / min(seconds)


def _all(loader: DataLoader):
    def work() -> None:
        for _ in loader:
            pass

    return work


def _copying(windows: Windows, count: int):
    size = sum(tensor.nbytes for tensor in windows.batch([0]).values())
    # More than any cache holds, so that it is memory that is measured.
    source = np.ones((2048, size), np.uint8)

    def work() -> None:
        for first in range(0, count, BATCH):
            np.copy(source[first % 1024 : first % 1024 + BATCH])

    return work


def _readers(prepared: PreparedSet) -> list[tuple[str, float]]:
    """One window of lips from each clip, opened anew: our memory map and the library."""
    paths = [str(prepared.folder / file) for file in prepared.clips().file]

    def ours() -> None:
        for path in paths:
            ClipFile(path).rows("lips", 0, 16).copy()

    def library() -> None:
        for path in paths:
            with safe_open(path, framework="numpy") as file:
                file.get_slice("lips")[0:16]

    return [
        ("open and read a window: lipkit.data.clips", _rate(ours, len(paths))),
        ("open and read a window: safetensors", _rate(library, len(paths))),
    ]


if __name__ == "__main__":
    main()
