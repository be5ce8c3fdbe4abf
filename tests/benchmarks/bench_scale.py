"""A set of half a million clips: opening it, its windows, an epoch's start, time and memory.

    python tests/benchmarks/bench_scale.py FOLDER [--clips 540000] [--workers 2] [--engines]

The set is a simulation: FOLDER gets a manifest of LRW's size and form and that many names of
one small clip (hard links, so it takes little disk; it is kept for the next time). Memory is
the proportional set size of this process and its loader processes, which counts what they
share once. Goals at 540,000 clips: open, clips("train") and windows together under 3 s and
600 MB with two loader processes, and an epoch that begins at once. On a machine that is busy
with other work, look at the seconds of the processor.

--engines measures instead what a clip costs beside its own work: in a pool of processes, and
on a Dask cluster of this machine, whose scheduler shares this process.
"""

import argparse
import csv
import json
import os
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from prepared_sets import noise_clip, write_description

from lipkit.data.clips import write_clip
from lipkit.data.manifest import COLUMNS, MANIFEST, prepared_file

PER_WORD = 1080
"""Clips of each word, of which 980 are to train on, about as in LRW."""
MOST_LINKS = 30_000
"""Names of one file; file systems allow some more."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=540_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engines", action="store_true")
    options = parser.parse_args()
    if options.engines:
        for name, value in engines(options.workers):
            print(f"{name:52s} {value}")
        return
    began = time.perf_counter()
    simulate(options.folder, options.clips)
    print(f"simulated in {time.perf_counter() - began:.1f} s\n")
    for name, value in measure(options.folder, options.workers):
        print(f"{name:52s} {value}")


def simulate(folder: Path, clips: int) -> None:
    """Write the set, unless it is there."""
    if (folder / MANIFEST).is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for number in range(-(-clips // MOST_LINKS)):
        sources.append(folder / f"source{number}.safetensors")
        write_clip(sources[-1], noise_clip(29))
    for word in range(-(-clips // PER_WORD)):
        (folder / "clips" / f"WORD{word:06d}").mkdir(parents=True, exist_ok=True)
    write_description(folder)
    with open(folder / MANIFEST, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number in range(clips):
            word, count = f"WORD{number // PER_WORD:06d}", number % PER_WORD
            clip_id = f"{word}/{word}_{count:05d}"
            split = "train" if count < 980 else "val" if count < 1030 else "test"
            file_name = prepared_file(clip_id)
            os.link(sources[number // MOST_LINKS], folder / file_name)
            row = (clip_id, "unknown", "lrw", split, word.lower(), 29, file_name, "ok", "", "")
            writer.writerow(row)


def measure(folder: Path, workers: int) -> list[tuple[str, str]]:
    """What opening and reading the set takes."""
    import torch
    from torch.utils.data import DataLoader

    from lipkit.data.draws import Shuffled
    from lipkit.data.prepared import PreparedSet
    from lipkit.data.windows import Windows, lone_worker

    torch.set_num_threads(1)
    import pandas  # noqa: F401 - part of the start, not of the reading

    rows = [("memory of the imports", megabytes(proportional()))]
    times = {}

    def timed(name, work):
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        times[name] = time.perf_counter() - wall, time.process_time() - cpu
        return result

    prepared = timed("open", lambda: PreparedSet.open(folder))
    table = timed("read the manifest", lambda: prepared.table)
    clips = timed('clips("train")', lambda: prepared.clips("train"))
    windows = timed("windows", lambda: Windows(prepared, "train", raw=True))
    total = [sum(value) for value in zip(*times.values(), strict=True)]
    rows += [(name, seconds(value)) for name, value in times.items()]
    rows.append(("all of it (goal: 3 s)", seconds(total)))
    rows.append(("clips; windows", f"{len(table):,}; {len(windows):,}"))
    count = len(clips)
    rows.append(("memory with the data frame of the split", megabytes(proportional())))
    del clips  # a training has no use for it
    wall = time.perf_counter()
    order = Shuffled(len(windows), seed=0, epoch=3)
    order.part(len(windows) // 2, 32)
    found = 1000 * (time.perf_counter() - wall)
    rows.append(("the middle of an epoch is found", f"{found:.1f} ms"))
    batches = [order.part(first, 32) for first in range(0, 32 * 200, 32)]
    loader = DataLoader(
        windows, batch_sampler=batches, num_workers=workers, worker_init_fn=lone_worker
    )
    with ThreadPoolExecutor(1) as watcher:
        at_work = [True]
        peak = watcher.submit(lambda: max(watch(at_work)))
        wall = time.perf_counter()
        read = sum(len(batch["index"]) for batch in loader)
        rate = read / (time.perf_counter() - wall)
        at_work.clear()
    rows.append(
        (f"peak memory, {workers} loader processes (goal: 600 MB)", megabytes(peak.result()))
    )
    rows.append(("windows per second, start of the processes included", f"{rate:,.0f}"))
    print(json.dumps({"to train on": count, "cores": os.cpu_count()}))
    return rows


def engines(workers: int, items: int = 4000) -> list[tuple[str, str]]:
    """Processor time per item of the process that hands the items out, and its memory."""
    from distributed import LocalCluster

    from lipkit.corpora.record import ClipRecord
    from lipkit.jobs.cluster import dask_executor
    from lipkit.jobs.pool import each

    def cost(executor=None) -> str:
        began = time.process_time()
        for _ in each(abs, range(items), workers=workers, executor=executor):
            pass
        return f"{1000 * (time.process_time() - began) / items:.2f} ms of the processor per item"

    rows = [(f"{workers} processes", cost())]
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        dask_executor(cluster.scheduler_address) as executor,
    ):
        rows.append((f"Dask, {workers} workers", cost(executor)))
    tracemalloc.start()
    made = [
        ClipRecord(f"W/W_{i:05d}", "unknown", "lrw", Path("/data/lrw/W/train", f"W_{i:05d}.mp4"))
        for i in range(items)
    ]
    size = tracemalloc.get_traced_memory()[0] / len(made)
    tracemalloc.stop()
    return [*rows, ("memory of a listed clip", f"{size:,.0f} bytes")]


def watch(at_work: list):
    """Memory of this process and its children, again and again while there is work."""
    yield proportional()
    while at_work:
        time.sleep(0.2)
        yield proportional()


def proportional() -> int:
    """Proportional set size of this process and its children, bytes (Linux)."""
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    total = 0
    for process in (str(me), *children):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:  # it ended meanwhile
            continue
        line = next(line for line in text.splitlines() if line.startswith("Pss:"))
        total += int(line.split()[1]) * 1024
    return total


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def seconds(pair) -> str:
    return f"{pair[0]:.2f} s ({pair[1]:.2f} s of the processor)"


if __name__ == "__main__":
    main()
