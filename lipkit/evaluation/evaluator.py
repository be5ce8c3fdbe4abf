"""Evaluate: models x a split -> files. Stopped, in whatever way, the same call goes on."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from lipkit.config import DataConfig
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation.clip_scores import REFERENCES, ClipScores, ClipTask, measure
from lipkit.evaluation.keys import measuring_key, metric_keys
from lipkit.evaluation.options import EvaluationOptions
from lipkit.evaluation.parts import Parts
from lipkit.evaluation.predictions import Model, load_models, predict
from lipkit.evaluation.retrieval import RETRIEVAL, Retrieval
from lipkit.evaluation.score_tables import write_all
from lipkit.evaluation.split import SplitClip, find_sources, split_clips, spread
from lipkit.evaluation.summary import summarise
from lipkit.face.landmarks import find_landmark_model
from lipkit.files import owning
from lipkit.jobs.pool import Lost, each
from lipkit.metrics import METRICS
from lipkit.settings import did_you_mean

HELD_CLIPS = 128
"""Clips of one model whose generated lips are held in memory: 200 MB."""
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
    """
    options = options or EvaluationOptions()
    chosen = _metrics(options.metrics)
    opened = PreparedSet.open(prepared)
    windows = Windows(opened, split, DataConfig(), seed=options.seed, mismatched=False)
    clips, notes = spread(split_clips(opened, split, windows), options.most)
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
    _require_metrics(loaded, chosen)
    notes += _other_crops(loaded, opened)
    window, stride = windows.config.window, windows.config.stride
    searched = _search_of(options, opened, split, clips, window)

    out = Path(out) if Path(out).suffix == ".json" else Path(out) / TABLE
    made = ([searched] if searched else []) + loaded
    fixed = {"seed": options.seed, "window": window, "stride": stride, "code": measuring_key()}
    digests = dict.fromkeys(REFERENCES, "") | {row.label: row.digest for row in made}
    folder = out.with_name(f"{out.stem}_parts")
    parts = Parts(folder, fixed, digests, metric_keys(chosen, model_file))
    work = _Work(parts, tuple(digests), tuple(chosen), model_file, window)
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
    if split in (None, options.retrieval):
        raise UsageError(
            f"--retrieval {options.retrieval}: its windows are measured and would find "
            "themselves; search a training split"
        )
    return Retrieval(opened, options.retrieval, clips, window, options.same_speaker)


def _other_crops(models: Sequence[Model], prepared: PreparedSet) -> list[str]:
    ours = prepared.settings.crop
    return [
        f"{model.label}: was trained on crop {theirs}, this set has crop {ours}; "
        "its scores are not what it can do"
        for model in models
        if (theirs := model.card.preset.prepare.crop) != ours
    ]


def _require_metrics(models: Sequence[Model], chosen: Sequence[str]) -> None:
    fit = [metric.label for metric in METRICS.values() if metric.points_only]
    for model in models:
        if not model.draws and not any(METRICS[name].points_only for name in chosen):
            raise UsageError(
                f"{model.path}: predicts points only, so it has {' and '.join(fit)} only; measure "
                "one of them (they need the raw clips, --raw) or leave it out"
            )


class _Work:
    """Generates and measures what is not yet known; counts the seconds of both."""

    def __init__(
        self,
        parts: Parts,
        rows: tuple[str, ...],
        metrics: tuple[str, ...],
        landmark_model: str,
        window: int,
    ) -> None:
        self._parts, self._rows, self._metrics = parts, rows, metrics
        self._landmark_model, self._window = landmark_model, window
        self.generating = self.measuring = 0.0

    def run(
        self,
        clips: Sequence[SplitClip],
        models: Sequence[Model],
        searched: Retrieval | None,
        workers: int | None,
        progress: bool,
    ) -> list[ClipScores]:
        """Scores of all rows on all clips, in order; what is done is kept at once."""
        known = {clip.clip_id: self._parts.load(clip.clip_id, clip.key) for clip in clips}
        todo = [clip for clip in clips if self._missing(known[clip.clip_id])]
        # Starting a process costs more than the work of one clip.
        workers = 0 if workers == 1 or len(todo) == 1 else workers
        bar = tqdm(
            total=len(clips),
            initial=len(clips) - len(todo),
            desc="evaluate",
            unit="clip",
            disable=not progress,
        )
        with bar:
            rows = len(models) + (searched is not None)
            for some in _pieces(todo, max(1, HELD_CLIPS // max(1, rows))):
                tasks = []
                self._search(searched, [c for c in some if self._lacks(searched, known[c.clip_id])])
                for clip in some:
                    tasks.append(self._task(clip, known[clip.clip_id], models, searched))
                    bar.set_postfix_str(f"generated {len(tasks)} of {len(some)}", refresh=True)
                bar.set_postfix_str("measuring")
                by_id = {clip.clip_id: clip for clip in some}
                for found in self._measured(tasks, workers):
                    both = known[found.clip_id].joined(found)
                    self._parts.store(both, by_id[found.clip_id].key)
                    known[found.clip_id] = both
                    bar.update()
        return [known[clip.clip_id] for clip in clips]

    def _missing(self, known: ClipScores) -> dict[str, set[str]]:
        """Row -> the metrics that it lacks; rows that lack none are left out."""
        lacking = {}
        for name in self._rows:
            row = known.rows.get(name)
            found = row.clip.keys() | row.windows[0].keys() if row else set()
            if missing := set(self._metrics) - found:
                lacking[name] = missing
        return lacking

    def _lacks(self, searched: Retrieval | None, known: ClipScores) -> bool:
        return searched is not None and searched.label in self._missing(known)

    def _search(self, searched: Retrieval | None, clips: Sequence[SplitClip]) -> None:
        began = time.monotonic()
        if searched is not None and clips:
            searched.search(clips)
        self.generating += time.monotonic() - began

    def _task(
        self,
        clip: SplitClip,
        known: ClipScores,
        models: Sequence[Model],
        searched: Retrieval | None,
    ) -> ClipTask:
        missing = self._missing(known)
        lacking = set().union(*missing.values())
        began = time.monotonic()
        wanted = [model for model in models if model.label in missing]
        prepared = read_clip(clip.file) if wanted else None
        predictions = {
            model.label: predict(
                model, prepared, clip.clip_id, clip.starts, clip.identities, self._window
            )
            for model in wanted
        }
        if self._lacks(searched, known):
            predictions[searched.label] = searched.lips(clip.clip_id)
        self.generating += time.monotonic() - began
        return ClipTask(
            clip.clip_id,
            str(clip.file),
            clip.source,
            self._landmark_model,
            self._window,
            clip.starts,
            clip.identities,
            tuple(name for name in REFERENCES if name in missing),
            predictions,
            tuple(name for name in self._metrics if name in lacking),
        )

    def _measured(self, tasks: list[ClipTask], workers: int | None) -> Iterator[ClipScores]:
        began = time.monotonic()
        with closing(each(measure, tasks, workers=workers)) as results:
            for task, result in results:
                if isinstance(result, Lost):
                    raise LipkitError(
                        f"{task.file}: {result.reason}; run again with fewer workers, what is "
                        "done is kept"
                    )
                yield result
        self.measuring += time.monotonic() - began


def _pieces(clips: Sequence[SplitClip], size: int) -> Iterator[Sequence[SplitClip]]:
    for i in range(0, len(clips), size):
        yield clips[i : i + size]
