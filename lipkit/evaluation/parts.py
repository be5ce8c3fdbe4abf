"""What is measured already, clip by clip, so that a stopped evaluation goes on where it was."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lipkit.evaluation.scores import ClipScores, RowScores, Score, Scores
from lipkit.evaluation.split import SplitClip
from lipkit.files import replacing
from lipkit.metrics import METRICS

FORMAT = 3
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Parts:
    """The finished parts of one evaluation: a JSON file for each clip.

    A score is handed back only if whatever decided it is what it was: the settings and the code
    that measures a clip, the clip's prepared file and windows, the row's network or search, and
    the metric's own code and files, with the raw clip where it reads that. What is told of the
    faces in a raw clip is handed back only where a metric is wanted that looks at them.

    Parameters
    ----------
    folder
        Where they lie.
    settings
        All that the scores of every row depend on.
    rows
        Name of a row -> its digest.
    metrics
        Name of a metric -> its digest.
    landmark_model
        Digest of dlib's model; empty where no metric needs it.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        rows: Mapping[str, str],
        metrics: Mapping[str, str],
        landmark_model: str = "",
    ) -> None:
        self._folder, self._rows, self._metrics = folder, rows, metrics
        self._landmark_model = landmark_model
        self._of_raw = [name for name in metrics if "truth_points" in METRICS[name].needs]
        # As it will be read back: tuples are lists in JSON.
        self._settings = json.loads(json.dumps({"format": FORMAT, **settings}))

    def load(self, clip: SplitClip) -> ClipScores:
        """What is known of the clip: the wanted rows, each with the wanted metrics it has."""
        try:
            part, digests = self._read(clip), self._digests(clip)
            known = {}
            for name in self._rows:
                row = part["rows"].get(name)
                if row is not None and row["digest"] == self._rows[name]:
                    current = {m for m, own in digests.items() if row["metrics"].get(m) == own}
                    windows = [_scores(window, current) for window in row["windows"]]
                    known[name] = RowScores(windows, _scores(row["clip"], current))
            faces = part["faces"]
            told = faces["told"] if self._of_raw and faces["digest"] == self._faces(clip) else {}
            return ClipScores(clip.clip_id, known, **told)
        except _UNUSABLE:
            return ClipScores(clip.clip_id, {})  # missing or broken: measured again

    def store(self, scores: ClipScores, clip: SplitClip) -> None:
        """Keep the scores of a clip, beside the rows and metrics that this call does not have."""
        try:
            before = self._read(clip)
            others, faces = before["rows"], before["faces"]
        except _UNUSABLE:
            others, faces = {}, {"digest": "", "told": {}}
        told, digests = asdict(scores), self._digests(clip)
        rows = {
            name: _beside(others.get(name), {"digest": self._rows[name], "metrics": digests, **row})
            for name, row in told.pop("rows").items()
        }
        del told["clip_id"]
        if self._of_raw:
            faces = {"digest": self._faces(clip), "told": told}
        part = {"settings": self._settings, "clip": clip.key, "faces": faces}
        with replacing(self._path(clip.clip_id)) as temporary:
            text = json.dumps(part | {"rows": others | rows}, allow_nan=False)
            temporary.write_text(text, encoding="utf-8")

    def _digests(self, clip: SplitClip) -> dict[str, str]:
        """Metric -> what decides its scores of this clip."""
        raw = clip.raw_key if self._of_raw else ""
        return {m: own + (raw if m in self._of_raw else "") for m, own in self._metrics.items()}

    def _faces(self, clip: SplitClip) -> str:
        """What decides what is told of the clip's faces."""
        return self._landmark_model + clip.raw_key

    def _read(self, clip: SplitClip) -> dict[str, Any]:
        """The part of a clip; ValueError when it is of other settings, files or windows."""
        part = json.loads(self._path(clip.clip_id).read_text(encoding="utf-8"))
        if part["settings"] != self._settings or part["clip"] != clip.key:
            raise ValueError
        return part

    def _path(self, clip_id: str) -> Path:
        return self._folder / f"{clip_id}.json"


def _scores(stored: Mapping[str, Any], wanted: Collection[str]) -> Scores:
    return {name: Score(**score) for name, score in stored.items() if name in wanted}


def _beside(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A row's new scores, and the old ones by metrics that were not measured now."""
    if old is None or old["digest"] != new["digest"]:
        return new
    windows = [a | b for a, b in zip(old["windows"], new["windows"], strict=True)]
    both = {"metrics": old["metrics"] | new["metrics"], "windows": windows}
    return new | both | {"clip": old["clip"] | new["clip"]}
