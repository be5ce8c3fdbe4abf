"""Generating and measuring what is not yet known, clip by clip."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing

from lipkit.data.clips import read_clip
from lipkit.errors import LipkitError
from lipkit.evaluation.clip_scores import REFERENCES, ClipTask, measure
from lipkit.evaluation.parts import Parts
from lipkit.evaluation.predictions import Model, predict
from lipkit.evaluation.retrieval import Retrieval
from lipkit.evaluation.scores import ClipScores
from lipkit.evaluation.split import SplitClip
from lipkit.jobs.pool import Lost, each
from lipkit.jobs.progress import progress_bar

HELD_CLIPS = 128
"""Clips of one model whose generated lips are held in memory: 200 MB."""


class Work:
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
        known = {clip.clip_id: self._parts.load(clip) for clip in clips}
        todo = [clip for clip in clips if self._missing(known[clip.clip_id])]
        # Starting a process costs more than the work of one clip.
        workers = 0 if workers == 1 or len(todo) == 1 else workers
        bar = progress_bar(
            total=len(clips),
            initial=len(clips) - len(todo),
            desc="evaluate",
            unit="clip",
            shown=progress,
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
                    self._parts.store(both, by_id[found.clip_id])
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
