"""Evaluate: models x a split -> files. Stopped, in whatever way, the same call goes on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lipkit.config import DataConfig
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalised_silence
from lipkit.data.windows import Windows
from lipkit.errors import UsageError
from lipkit.evaluation.clip_scores import REFERENCES
from lipkit.evaluation.keys import code_key, measuring_key, metric_keys
from lipkit.evaluation.options import EvaluationOptions
from lipkit.evaluation.other_sound import OtherSounds
from lipkit.evaluation.parts import Parts
from lipkit.evaluation.predictions import Model, load_models
from lipkit.evaluation.retrieval import RETRIEVAL, Retrieval, place
from lipkit.evaluation.score_tables import write_all
from lipkit.evaluation.split import SplitClip, find_sources, split_clips, spread
from lipkit.evaluation.summary import summarise
from lipkit.evaluation.work import Work
from lipkit.face.landmarks import find_landmark_model
from lipkit.files import owning
from lipkit.metrics import METRICS
from lipkit.models.articulation import articulated
from lipkit.provenance import file_digest
from lipkit.settings import did_you_mean

TABLE = "table.json"


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` came to."""

    summary: dict[str, Any]
    """The content of the JSON file."""
    files: list[Path]
    generating: float
    """Seconds spent in the generators, this time."""
    measuring: float


def evaluate(
    models: Sequence[str | os.PathLike],
    prepared: str | os.PathLike,
    split: str | None,
    out: str | os.PathLike,
    options: EvaluationOptions | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Evaluation:
    """Measure models, and always the ground truth and the frozen lips, on one split.

    Windows of 16 frames, every 8 (fact sheet 1.2); each window's identity image is a frame
    outside of it, chosen by the seed alone. The faces that LMD needs come from the raw clips:
    each prepared clip names its own. Without raw clips what needs them is left out, and a
    note says so.

    Parameters
    ----------
    models
        Runs, weights, or names of weights that come with the kit; may be none.
    prepared
        The prepared set.
    split
        One of its splits; None: all clips.
    out
        A folder, or the name of the JSON file; the others lie beside it.
    options
        Metrics, seed, where things lie, further rows.
    workers
        Processes (default: one per core); 0 works in this process.
    progress
        Show a bar.

    Raises
    ------
    UsageError
        For an unknown metric or split.
    LipkitError
        For weights that cannot be read or make no pictures, for files that cannot be written,
        and when another evaluation is writing the same table.

    >>> import tempfile
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> from lipkit.evaluation import EvaluationOptions
    >>> prepared, options = prepared_set(clips=2), EvaluationOptions(metrics=("ssim",), most=1)
    >>> with tempfile.TemporaryDirectory() as out:
    ...     found = evaluate([], prepared.folder, None, out, options, workers=0, progress=False)
    >>> truth, frozen = (row["metrics"]["ssim"]["mean"] for row in found.summary["rows"][:2])
    >>> round(truth, 3), frozen < truth
    (1.0, True)
    """
    options = options or EvaluationOptions()
    chosen = wanted = _metrics(options.metrics)
    opened = PreparedSet.open(prepared)
    windows = Windows(opened, split, DataConfig(), seed=options.seed, mismatched=False)
    all_clips = split_clips(opened, split, windows)
    clips, notes = spread(all_clips, options.most)
    notes += find_sources(opened, clips, options.raw, chosen)
    if not any(clip.source for clip in clips):
        chosen = [name for name in chosen if "truth_points" not in METRICS[name].needs]
    if not chosen:
        raise UsageError(f"{opened.folder}: no metric is left; give the raw clips with --raw")
    model_file = str(options.landmark_model or "")
    if any(METRICS[name].needs for name in chosen):
        model_file = str(find_landmark_model(options.landmark_model))
    paths = [os.fspath(path) for path in models]
    loaded = load_models(paths, [*REFERENCES, RETRIEVAL], options.batch_norm)
    loaded, left_out = _measurable(loaded, chosen, wanted)
    notes += left_out
    loaded = _each_articulated(loaded, options.articulation)
    if options.other_sound:
        loaded = _each_with_other_sound(loaded, OtherSounds(all_clips))
    notes += _other_crops(loaded, opened)
    window, stride = windows.config.window, windows.config.stride
    searched = _search_of(options, opened, split, clips, window)

    out = Path(out) if Path(out).suffix == ".json" else Path(out) / TABLE
    made = ([searched] if searched else []) + loaded
    fixed = {"seed": options.seed, "window": window, "stride": stride, "code": measuring_key()}
    digests = dict.fromkeys(REFERENCES, "") | {row.label: row.digest for row in made}
    folder = out.with_name(f"{out.stem}_parts")
    model_key = file_digest(model_file) if model_file else ""
    parts = Parts(folder, fixed, digests, metric_keys(chosen, model_file), model_key)
    work = Work(parts, tuple(digests), tuple(chosen), model_file, window)
    with owning(folder):
        scores = work.run(clips, loaded, searched, workers, progress)

        faults = [f"{clip.clip_id}: no landmarks, {clip.fault}" for clip in scores if clip.fault]
        notes += faults[:3] + ([f"… and {len(faults) - 3} clips more"] if len(faults) > 3 else [])
        settings = {
            "title": f"lipkit evaluate: {', '.join(m.label for m in loaded) or 'references'}",
            "prepared": str(opened.folder),
            "corpus": opened.corpus,
            "crop": opened.settings.crop,
            "split": split or "all",
            "window": window,
            "stride": stride,
            "seed": options.seed,
        }
        rows = {name: {"kind": "reference"} for name in REFERENCES}
        rows |= {row.label: row.about for row in made}
        people = {clip.clip_id: clip.speaker for clip in clips}
        summary = summarise(scores, rows, chosen, settings, notes, people)
        files = write_all(out, summary, scores, clips)
    return Evaluation(summary, files, work.generating, work.measuring)


def _metrics(names: Sequence[str] | None) -> list[str]:
    if names is None:
        return [name for name, metric in METRICS.items() if not metric.slow]
    for name in names:
        if name not in METRICS:
            raise UsageError(f"metric {name!r} is unknown; {did_you_mean(name, METRICS)}")
    return [name for name in METRICS if name in names]


def _each_articulated(models: Sequence[Model], amounts: Sequence[float]) -> list[Model]:
    if amounts and not models:
        raise UsageError("--articulation is about models; name one, or leave it out")
    if 1.0 in amounts:
        raise UsageError("--articulation 1 is how every model is measured anyway; leave it out")
    rows, code = [], code_key("lipkit.models.articulation")[:16]
    for model in models:
        rows.append(model)
        for amount in dict.fromkeys(amounts):
            silence = normalised_silence(model.card.statistics)
            rows.append(
                replace(
                    model,
                    label=f"{model.label}, articulation {amount:g}",
                    digest=f"{model.digest}-articulation-{amount!r}-{code}",
                    generator=articulated(model.generator, amount, silence),
                    articulation=amount,
                )
            )
    return rows


def _each_with_other_sound(models: Sequence[Model], sounds: OtherSounds) -> list[Model]:
    if not models:
        raise UsageError("--other-sound is about models; name one, or leave it out")
    rows, code = [], code_key("lipkit.evaluation.other_sound")[:16]
    for model in models:
        label = f"{model.label}, other sound"
        digest = f"{model.digest}-{sounds.digest[:16]}-{code}"
        rows += [model, replace(model, label=label, digest=digest, other_sound=sounds.of)]
    return rows


def _search_of(
    options: EvaluationOptions,
    opened: PreparedSet,
    split: str | None,
    clips: Sequence[SplitClip],
    window: int,
) -> Retrieval | None:
    if options.retrieval is None:
        if options.same_speaker:
            raise UsageError("--same-speaker is about --retrieval SPLIT; give both")
        return None
    searched, name = place(options.retrieval, opened)
    if searched is opened and split in (None, name):
        raise UsageError(
            f"--retrieval {options.retrieval}: its windows are measured and would find "
            "themselves; search a training split"
        )
    return Retrieval(searched, name, clips, window, options.same_speaker)


def _other_crops(models: Sequence[Model], prepared: PreparedSet) -> list[str]:
    ours = prepared.settings.crop
    return [
        f"{model.label}: was trained on crop {theirs}, this set has crop {ours}; "
        "its scores are not what it can do"
        for model in models
        if (theirs := model.card.preset.prepare.crop) != ours
    ]


def _measurable(
    models: Sequence[Model], chosen: Sequence[str], wanted: Sequence[str]
) -> tuple[Sequence[Model], list[str]]:
    """The models that have one of the chosen metrics; a line for each that has none.

    Where metrics were wanted that fit it, and only the raw clips are missing, a model is left
    out beside others, so that a long measurement does not end for its sake.
    """
    if any(METRICS[name].points_only for name in chosen):
        return models, []
    without = [model for model in models if not model.draws]
    beside = len(without) < len(models)
    if without and not (beside and any(METRICS[name].points_only for name in wanted)):
        fit = [metric.label for metric in METRICS.values() if metric.points_only]
        raise UsageError(
            f"{without[0].path}: predicts points only, so it has {', '.join(fit)} only; measure "
            "one of them (they need the raw clips, --raw) or leave it out"
        )
    why = "left out: it predicts mouth points only, and the raw clips to measure them are not there"
    return [model for model in models if model.draws], [f"{m.label}: {why}" for m in without]
