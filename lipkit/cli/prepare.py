"""``lipkit prepare``."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lipkit.cli.options import (
    LimitOption,
    PresetOption,
    QuietOption,
    SetOption,
    WorkersOption,
    assignments,
    join_options,
    read_limits,
)
from lipkit.corpora import CORPORA, PROTOCOLS, corpus_table, find_corpus
from lipkit.corpora.people import NAME as PEOPLE
from lipkit.corpora.people import missing
from lipkit.corpora.splits import STRANGERS
from lipkit.corpora.tree import natural
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.corpora import ClipRecord
    from lipkit.data.prepare import Summary


def _show_corpora(show: bool) -> None:
    if show:
        print(corpus_table(), end="")
        raise typer.Exit


def prepare(
    corpus: Annotated[str, typer.Argument(help=f"{', '.join(CORPORA)}.")],
    root: Annotated[Path, typer.Argument(help="Where its clips lie.")],
    out: Annotated[Path, typer.Argument(help="Folder of the prepared set.")],
    protocol: Annotated[
        str | None,
        typer.Option(
            help=f"Splits: {', '.join(PROTOCOLS)}.",
            show_default="ROOT/splits/*.txt, else the corpus's",
        ),
    ] = None,
    lists: Annotated[
        Path | None, typer.Option(help="Folder of SPLIT.txt files, one speaker/clip per line.")
    ] = None,
    workers: WorkersOption = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Use a Dask cluster.")
    ] = None,
    crop: Annotated[
        str | None, typer.Option(help="stable or per_frame.", show_default="stable")
    ] = None,
    preset: PresetOption = "paper",
    settings: SetOption = None,
    limit: LimitOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit code 1 if any clip is unusable.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List people, splits and clips, and stop.")
    ] = False,
    corpora: Annotated[
        bool,
        typer.Option(
            "--corpora", callback=_show_corpora, is_eager=True, help="Show all corpora and exit."
        ),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Prepare a corpus for training.

    Writes the prepared set that everything else reads. Run again, it continues. A clip that
    cannot be used is reported, is listed in manifest.csv with the reason, and does not stop the
    rest. Exit code 0 when at least one clip is usable (with --strict: all of them), else 1.

    People only for testing, the split strangers: lipkit prepare people data/people OUT.

    Example: lipkit prepare grid data/grid data/prepared --protocol seen --workers 8
    """
    values: dict[str, Any] = assignments(settings, "--set")
    limits = read_limits(limit)
    for name in values:
        if not name.startswith("prepare."):
            raise UsageError(
                f"--set {name}: has no part in preparing; give settings of prepare.… here"
            )
    values = join_options(values, {"prepare.crop": crop})
    if scheduler is not None and workers is not None:
        raise UsageError("--workers and --scheduler exclude each other; give only one")
    # Imported here, so that --help needs no torch.
    from lipkit.corpora import list_clips
    from lipkit.presets import preset as find_preset

    config = find_preset(preset, values).prepare

    protocol = protocol or default_protocol(corpus, root, lists)
    records = list_clips(corpus, root, protocol=protocol, lists=lists)
    if dry_run:
        print(_plan(records, corpus, protocol))
        return
    from lipkit.data.prepare import prepare as prepare_clips

    with _executor(scheduler) as executor:
        summary = prepare_clips(
            records,
            out,
            config,
            corpus=corpus,
            workers=workers,
            executor=executor,
            progress=not quiet,
            limits=limits,
        )
    print(_report(summary, out, protocol))
    print(_missing(records, corpus, protocol), end="")
    raise typer.Exit(1 if summary.ok == 0 or (strict and summary.failed) else 0)


def default_protocol(corpus: str, root: Path, lists: Path | None = None) -> str:
    """The split protocol if none is named: lists come first, then what the corpus declares."""
    found = find_corpus(corpus)
    listed = not found.test_only and any((root / "splits").glob("*.txt"))
    return "file" if lists is not None or listed else found.protocol


def _plan(records: "list[ClipRecord]", corpus: str, protocol: str) -> str:
    """People, splits and numbers of clips, a line each."""
    clips = Counter((r.corpus, r.speaker, r.split or "-") for r in records)
    rows = sorted(clips, key=lambda row: (row[0], natural(row[1]), row[2]))
    lines = [f"{'corpus':10s} {'speaker':10s} {'split':20s} clips"]
    lines += [f"{row[0]:10s} {row[1]:10s} {row[2]:20s} {clips[row]:5d}" for row in rows]
    total = f"{len(records)} clips; splits by protocol {protocol}"
    return "\n".join([*lines, total, *_missing(records, corpus, protocol).splitlines()])


def _missing(records: "list[ClipRecord]", corpus: str, protocol: str) -> str:
    """A line that names the strangers who are not there; empty under another protocol."""
    absent = missing(records) if protocol == STRANGERS else []
    names = ", ".join(f"{c} {who}" for c, who in absent if corpus in (c, PEOPLE))
    return f"strangers who are not there: {names}\n" if names else ""


def _report(summary: "Summary", out: Path, protocol: str) -> str:
    """What came of a preparation: one line, then every fault with its count and first clip."""
    done = summary.ok + summary.failed
    # The speed of a run that was continued says nothing.
    speed = f", {done / summary.seconds:.1f} clips/s" if not summary.skipped else ""
    lines = [
        f"{out}: {summary.ok} clips usable ({summary.skipped} of them were already there), "
        f"{summary.failed} not; {summary.seconds:.0f} s{speed}; splits by protocol {protocol}"
    ]
    if summary.clips > done:
        lines.append(f"with those of earlier calls the set has {summary.clips} clips")
    lines += summary.remarks
    for title, entries in (("not usable", summary.reasons), ("usable, but", summary.notes)):
        if entries:
            lines += ["", f"{title}:", *_table(entries)]
    return "\n".join(lines)


def _table(entries: dict[str, str]) -> list[str]:
    clips: dict[str, list[str]] = {}
    for clip_id, text in entries.items():
        # Without the file's name, the same fault in two clips makes one line.
        kind = text.partition(": ")[2] if text.split(": ")[0].count("/") else text
        clips.setdefault(kind, []).append(clip_id)
    rows = sorted(clips.items(), key=lambda row: -len(row[1]))
    return [f"{len(ids):6d}  {kind}  (first: {ids[0]})" for kind, ids in rows]


def _executor(scheduler: str | None) -> Any:
    if scheduler is None:
        return contextlib.nullcontext()
    from lipkit.jobs.cluster import dask_executor

    return dask_executor(scheduler)
