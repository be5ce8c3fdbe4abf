"""The commands that join several parts: prepare, analyse, train, generate.

The command line (:mod:`lipkit.cli`) only reads options; these do the work and print what
came of it.
"""

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipkit.config import preset as find_preset
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.analysis.study import Study
    from lipkit.prepare import Summary
    from lipkit.prepared import PreparedSet


def prepare_corpus(
    corpus: str,
    root: Path,
    out: Path,
    protocol: str | None = None,
    lists: Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    preset: str = "paper",
    settings: dict[str, Any] | None = None,
    progress: bool = True,
) -> tuple[int, int]:
    """List a corpus and prepare it; print a report. Return (usable clips, unusable clips)."""
    config = find_preset(preset, settings).prepare
    from lipkit.corpora import list_clips
    from lipkit.prepare import prepare

    protocol = protocol or default_protocol(corpus, root, lists)
    records = list_clips(corpus, root, protocol=protocol, lists=lists)
    with _executor(scheduler) as executor:
        summary = prepare(
            records,
            out,
            config,
            corpus=corpus,
            workers=workers,
            executor=executor,
            progress=progress,
        )
    print(report(summary, out, protocol))
    return summary.ok, summary.failed


def default_protocol(corpus: str, root: Path, lists: Path | None = None) -> str:
    """The split protocol where none is named: lists win, LRW has official splits."""
    if lists is not None or any((root / "splits").glob("*.txt")):
        return "file"
    return "paper" if corpus == "lrw" else "seen"


def report(summary: "Summary", out: Path, protocol: str) -> str:
    """What a preparation came to: one line, then every fault with its count and first clip."""
    done = summary.ok + summary.failed
    # Of a run that was continued, the speed says nothing.
    speed = f", {done / summary.seconds:.1f} clips/s" if not summary.skipped else ""
    lines = [
        f"{out}: {summary.ok} clips usable ({summary.skipped} of them were there), "
        f"{summary.failed} not; {summary.seconds:.0f} s{speed}; splits by protocol {protocol}"
    ]
    for title, entries in (("not usable", summary.reasons), ("usable, but", summary.notes)):
        if entries:
            lines += ["", f"{title}:", *_table(entries)]
    return "\n".join(lines)


def _table(entries: dict[str, str]) -> list[str]:
    clips: dict[str, list[str]] = {}
    for clip_id, text in entries.items():
        # Without its file's name, the same fault of two clips is one line.
        kind = text.partition(": ")[2] if text.split(": ")[0].count("/") else text
        clips.setdefault(kind, []).append(clip_id)
    rows = sorted(clips.items(), key=lambda row: -len(row[1]))
    return [f"{len(ids):6d}  {kind}  (first: {ids[0]})" for kind, ids in rows]


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return contextlib.nullcontext()
    from lipkit.cluster import dask_executor

    return dask_executor(scheduler)


def train_run(
    prepared: Path,
    out: Path,
    preset: str,
    settings: dict[str, Any],
    resume: bool = False,
    progress: bool = True,
) -> None:
    """Train, and print what came of it."""
    config = find_preset(preset, settings)
    from lipkit.training import train

    result = train(prepared, config, out, resume=resume, progress=progress)
    print(f"{result.weights}: {result.step} steps, {result.windows_per_second:.1f} windows/s")
    if result.metrics:
        ours, frozen = result.metrics["val_l1"], result.metrics["val_l1_frozen"]
        print(f"validation: mean absolute error {ours:.4f} in [-1, 1]; frozen lips {frozen:.4f}")


def generate_video(identity: Path, audio: Path, out: Path, **options: Any) -> None:
    """Generate, and print what came of it."""
    from lipkit.config import FPS
    from lipkit.generation import generate

    result = generate(identity, audio, out, **options)
    for note in result.notes:
        print(note)
    seconds = result.frames / FPS
    print(f"{result.path}: {seconds:.1f} s of video, made at {result.realtime:.1f} x real time")


def analyse_prepared(
    prepared: Path,
    out: Path,
    formulas: list[str],
    split: str | None = None,
    speakers: list[str] | None = None,
    raw: Path | None = None,
    cache: Path | None = None,
    reach: int = 15,
    **options: Any,
) -> None:
    """Analyse a prepared set, write tables and figures, and print what came of it."""
    import numpy as np

    from lipkit.analysis.study import analyse
    from lipkit.analysis.tables import write_study
    from lipkit.flow.cache import FlowCache
    from lipkit.prepared import PreparedSet

    if raw is not None and options.get("shift"):
        raise UsageError("--raw and --shift exclude each other; give one")
    opened = PreparedSet.open(prepared)
    study = analyse(
        opened,
        formulas,
        split,
        offsets=np.arange(-reach, reach + 1),
        cache=FlowCache(cache) if cache else None,
        speakers=speakers,
        **options,
    )
    _write_figures(study, out)
    if raw is not None:
        _write_leads(opened, raw, out, split, speakers)
    write_study(study, out, prepared.name)
    used, left = len(study.usable), len(study.unusable)
    print(f"{out}: {used} clips, {left} left out (clips.csv says why)")
    for result in study.results.values():
        low, high = result.interval.low, result.interval.high
        at = int(np.argmax(result.mean))
        print(
            f"{result.name:16s} peak r = {result.peak_r:.3f} [{low[at]:.3f}, {high[at]:.3f}] at "
            f"offset {result.peak:+d} (chance up to {result.null.high[at]:.3f}; "
            f"p = {result.peak_p:.3g}), {result.counts[at]} clips have their best there"
        )
        if result.deviation != result.excess:
            at = list(study.offsets).index(result.deviation)
            print(
                f"{'':16s} but farthest from chance: {result.mean[at]:.3f} at {result.deviation:+d}"
            )


def _write_figures(study: "Study", out: Path) -> None:
    from lipkit.files import replacing
    from lipkit.plots import to_png
    from lipkit.plots.correlation import fig3_figure

    single = {f"fig3_{name}.png": {name: result} for name, result in study.results.items()}
    for name, results in {"fig3.png": study.results, **single}.items():
        with replacing(out / name) as temporary:
            temporary.write_bytes(to_png(fig3_figure(results), scale=2))


def _write_leads(
    prepared: "PreparedSet",
    raw: Path,
    out: Path,
    split: str | None,
    speakers: list[str] | None,
) -> None:
    """Measure the lead of the lips by the raw corpus's times; write and print leads.csv."""
    from lipkit.analysis.corpus_leads import corpus_leads
    from lipkit.analysis.tables import write_csv

    rows = corpus_leads(prepared, raw, split, speakers)
    write_csv(out / "leads.csv", rows)
    if prepared.corpus == "grid":
        print("GRID's word times lie 11 ms before its decoded sound, and begin with the closure")
    width = max((len(row["group"]) for row in rows), default=0)
    for row in rows:
        print(
            f"{row['group']:{width}s} lips lead by {row['lead_ms']:+5.0f} ms "
            f"[{row['low_ms']:+.0f}, {row['high_ms']:+.0f}], {row['count']} times"
        )
