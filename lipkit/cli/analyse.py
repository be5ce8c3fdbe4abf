"""``lipkit analyse``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lipkit.cli.options import QuietOption, SeedOption, WorkersOption
from lipkit.errors import UsageError

if TYPE_CHECKING:
    from lipkit.analysis.study import Study
    from lipkit.data.prepared import PreparedSet


def analyse(
    prepared: Annotated[Path, typer.Argument(help="A prepared set.")],
    out: Annotated[Path, typer.Option(help="Folder of the tables and figures.")],
    formulas: Annotated[
        list[str] | None,
        typer.Option(
            "--formula",
            help="authors, magnitude, level_opening, signed_opening; may be repeated.",
            show_default="all",
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="One split.", show_default="all clips")] = None,
    speakers: Annotated[
        list[str] | None,
        typer.Option("--speaker", help="May be repeated.", show_default="all"),
    ] = None,
    shift: Annotated[int, typer.Option(help="Frames by which the sound is delayed.")] = 0,
    reach: Annotated[int, typer.Option(min=1, max=60, help="Largest offset, frames.")] = 15,
    repairings: Annotated[int, typer.Option(min=200, help="Re-pairings for the null.")] = 1000,
    raw: Annotated[
        Path | None,
        typer.Option(help="The raw corpus: also measure the lead of the lips, using its times."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder in which to keep the flow for the next time.")
    ] = None,
    seed: SeedOption = 0,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Correlate the change of the sound with the motion of the lips (Fig. 3).

    Writes curves.csv, best_offsets.csv, clips.csv, summary.json and figures: r at each
    offset with its interval, the histogram of best offsets, and beside both what chance
    gives. A positive offset means that the lips come later than the sound.

    Example: lipkit analyse data/prepared --out runs/fig3 --formula magnitude
    """
    import numpy as np

    from lipkit.analysis.series import FORMULAS, find_formula
    from lipkit.analysis.study import StudyOptions
    from lipkit.analysis.study import analyse as study_clips
    from lipkit.analysis.study_files import write_study
    from lipkit.data.prepared import PreparedSet
    from lipkit.files import owning
    from lipkit.flow.cache import FlowCache

    chosen = list(dict.fromkeys(formulas or FORMULAS))
    for name in chosen:
        find_formula(name)
    if raw is not None and shift:
        raise UsageError("--raw and --shift exclude each other; give only one")
    opened = PreparedSet.open(prepared)
    offsets = np.arange(-reach, reach + 1)
    options = StudyOptions(split, speakers, offsets, repairings, seed, shift)
    flow = FlowCache(cache) if cache else None
    with owning(out):
        study = study_clips(opened, chosen, options, flow, workers, progress=not quiet)
        _write_figures(study, out)
        if raw is not None:
            _write_leads(opened, raw, out, split, speakers)
        write_study(study, out, prepared.name)
    _print(study, out)


def _write_figures(study: "Study", out: Path) -> None:
    from lipkit.files import replacing
    from lipkit.plots import to_png
    from lipkit.plots.derivative_correlation import fig3_figure

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
    """Measure the lead of the lips, using the raw corpus's times; write and print leads.csv."""
    from lipkit.analysis.corpus_leads import corpus_leads
    from lipkit.corpora import CORPORA
    from lipkit.report.tables import write_csv

    rows = corpus_leads(prepared, raw, split, speakers)
    write_csv(out / "leads.csv", rows)
    if prepared.corpus in CORPORA and (note := CORPORA[prepared.corpus].times_note):
        print(note)
    width = max((len(row["group"]) for row in rows), default=0)
    for row in rows:
        print(
            f"{row['group']:{width}s} lips lead by {row['lead_ms']:+5.0f} ms "
            f"[{row['low_ms']:+.0f}, {row['high_ms']:+.0f}], {row['count']} times"
        )


def _print(study: "Study", out: Path) -> None:
    used, left = len(study.usable), len(study.unusable)
    print(f"{out}: {used} clips, {left} left out (clips.csv says why)")
    for result in study.results.values():
        low, high = result.interval.low, result.interval.high
        at = int(result.mean.argmax())
        print(
            f"{result.name:16s} peak r = {result.peak_r:.3f} [{low[at]:.3f}, {high[at]:.3f}] at "
            f"offset {result.peak:+d} (chance up to {result.null.high[at]:.3f}; "
            f"p = {result.peak_p:.3g}), {result.counts[at]} clips have their best offset there"
        )
        if result.deviation != result.excess:
            at = list(study.offsets).index(result.deviation)
            print(
                f"{'':16s} but farthest from chance: {result.mean[at]:.3f} at {result.deviation:+d}"
            )
