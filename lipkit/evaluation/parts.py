"""What is measured already, clip by clip, so that a stopped evaluation goes on where it was."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lipkit.evaluation.clip_scores import ClipScores, RowScores, Score
from lipkit.files import replacing

FORMAT = 1
"""Raised when the same settings give other scores."""


class Parts:
    """The finished parts of one evaluation: a JSON file for each clip.

    Parameters
    ----------
    folder : where they lie.
    settings : all that the scores of every row depend on; parts of other settings do not count.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder
        # As it will be read back: tuples are lists in JSON.
        self._settings = json.loads(json.dumps({"format": FORMAT, **settings}))

    def load(
        self, clip_id: str, clip_key: Any, rows: dict[str, str], metrics: tuple[str, ...]
    ) -> ClipScores | None:
        """What is known of the clip; only rows of the wanted digest with all ``metrics``.

        Parameters
        ----------
        clip_key : changes with the clip's files.
        rows : name -> digest.
        """
        try:
            part = self._read(clip_id, clip_key)
            known = {
                name: _row(part["rows"][name])
                for name, digest in rows.items()
                if name in part["rows"]
                and part["rows"][name]["digest"] == digest
                and _has(part["rows"][name], metrics)
            }
            return ClipScores(clip_id, known, part["fault"], part["paste_back"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # missing or broken: measured again

    def store(self, scores: ClipScores, clip_key: Any, digests: dict[str, str]) -> None:
        """Keep the scores of a clip, beside those of rows that this call does not have."""
        try:
            others = self._read(scores.clip_id, clip_key)["rows"]
        except (OSError, ValueError, KeyError, TypeError):
            others = {}
        rows = {name: {"digest": digests[name], **asdict(row)} for name, row in scores.rows.items()}
        part = {
            "settings": self._settings,
            "clip": clip_key,
            "fault": scores.fault,
            "paste_back": scores.paste_back,
            "rows": others | rows,
        }
        with replacing(self._path(scores.clip_id)) as temporary:
            temporary.write_text(json.dumps(part, allow_nan=False), encoding="utf-8")

    def _read(self, clip_id: str, clip_key: Any) -> dict[str, Any]:
        """The part of a clip; ValueError when it is of other settings or files."""
        part = json.loads(self._path(clip_id).read_text(encoding="utf-8"))
        if part["settings"] != self._settings or part["clip"] != clip_key:
            raise ValueError
        return part

    def _path(self, clip_id: str) -> Path:
        return self._folder / f"{clip_id}.json"


def _has(row: dict[str, Any], metrics: tuple[str, ...]) -> bool:
    return set(metrics) <= row["clip"].keys() | row["windows"][0].keys()


def _row(row: dict[str, Any]) -> RowScores:
    windows = [_scores(scores) for scores in row["windows"]]
    return RowScores(windows, _scores(row["clip"]))


def _scores(scores: dict[str, Any]) -> dict[str, Score]:
    return {name: Score(**score) for name, score in scores.items()}
