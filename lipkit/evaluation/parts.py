"""What is measured already, clip by clip, so that a stopped evaluation goes on where it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lipkit.evaluation.scores import ClipScores, RowScores, Score
from lipkit.files import replacing

FORMAT = 2
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Parts:
    """The finished parts of one evaluation: a JSON file for each clip.

    A score is handed back only if whatever decided it is what it was: the settings and the code
    that measures a clip, the clip's files, the row's network or search, and the metric's own
    code and files.

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
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        rows: Mapping[str, str],
        metrics: Mapping[str, str],
    ) -> None:
        self._folder, self._rows, self._metrics = folder, rows, metrics
        # As it will be read back: tuples are lists in JSON.
        self._settings = json.loads(json.dumps({"format": FORMAT, **settings}))

    def load(self, clip_id: str, clip_key: Any) -> ClipScores:
        """What is known of the clip: the wanted rows, each with the wanted metrics it has.

        Parameters
        ----------
        clip_key
            Changes with the clip's files.
        """
        try:
            part = self._read(clip_id, clip_key)
            known = {}
            for name in self._rows:
                row = part["rows"].get(name)
                if row is not None and row["digest"] == self._rows[name]:
                    windows = [self._current(w, row["metrics"]) for w in row["windows"]]
                    known[name] = RowScores(windows, self._current(row["clip"], row["metrics"]))
            told = {name: part[name] for name in ("fault", "paste_back", "jitter", "implausible")}
            return ClipScores(clip_id, known, **told)
        except _UNUSABLE:
            return ClipScores(clip_id, {})  # missing or broken: measured again

    def store(self, scores: ClipScores, clip_key: Any) -> None:
        """Keep the scores of a clip, beside those of rows that this call does not have."""
        try:
            others = self._read(scores.clip_id, clip_key)["rows"]
        except _UNUSABLE:
            others = {}
        told = asdict(scores)
        rows = {
            name: {"digest": self._rows[name], "metrics": dict(self._metrics), **row}
            for name, row in told.pop("rows").items()
        }
        part = {"settings": self._settings, "clip": clip_key, **told, "rows": others | rows}
        with replacing(self._path(scores.clip_id)) as temporary:
            temporary.write_text(json.dumps(part, allow_nan=False), encoding="utf-8")

    def _current(self, scores: dict[str, Any], digests: dict[str, str]) -> dict[str, Score]:
        return {
            name: Score(**score)
            for name, score in scores.items()
            if name in self._metrics and digests[name] == self._metrics[name]
        }

    def _read(self, clip_id: str, clip_key: Any) -> dict[str, Any]:
        """The part of a clip; ValueError when it is of other settings or files."""
        part = json.loads(self._path(clip_id).read_text(encoding="utf-8"))
        if part["settings"] != self._settings or part["clip"] != clip_key:
            raise ValueError
        return part

    def _path(self, clip_id: str) -> Path:
        return self._folder / f"{clip_id}.json"
