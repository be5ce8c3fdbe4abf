"""What was measured: of a piece, of a row on one clip, of a clip. Plain numbers, kept as JSON."""

from dataclasses import dataclass

import numpy as np

Scores = dict[str, "Score"]


@dataclass(frozen=True)
class Score:
    """One metric of one piece of video, summed up: plain numbers, to be kept as JSON."""

    mean: float | None
    """Over the values that are finite; None when there is none."""
    finite: int
    undefined: int
    """Values that could not be measured (NaN)."""
    infinite: int

    @classmethod
    def of(cls, values: np.ndarray | float) -> "Score":
        """Of one value, or of one value per frame."""
        values = np.atleast_1d(np.asarray(values, np.float64))
        finite = values[np.isfinite(values)]
        return cls(
            mean=float(finite.mean()) if len(finite) else None,
            finite=len(finite),
            undefined=int(np.isnan(values).sum()),
            infinite=int(np.isinf(values).sum()),
        )


NOT_APPLICABLE = Score(None, 0, 0, 0)


@dataclass(frozen=True)
class RowScores:
    """What one row of the table scored on one clip."""

    windows: list[Scores]
    clip: Scores

    def joined(self, later: "RowScores") -> "RowScores":
        """These scores with those by other metrics, or by the same ones measured later."""
        windows = [a | b for a, b in zip(self.windows, later.windows, strict=True)]
        return RowScores(windows, self.clip | later.clip)


@dataclass(frozen=True)
class ClipScores:
    """What :func:`measure` found."""

    clip_id: str
    rows: dict[str, RowScores]
    fault: str = ""
    """Why no landmarks were found in the whole clip."""
    paste_back: float | None = None
    """LMD of the untouched frames against the true lips pasted back into them, pixels."""
    jitter: float | None = None
    """How far the mouth points of a picture that stands still wander, pixels
    (:func:`lipkit.evaluation.trust.jitter`)."""
    implausible: float | None = None
    """Share of the true frames whose mouth points are not those of a mouth
    (:func:`lipkit.evaluation.trust.implausible_share`)."""

    def joined(self, later: "ClipScores") -> "ClipScores":
        """These scores with those that were measured later, which win."""
        rows = dict(self.rows)
        for name, row in later.rows.items():
            rows[name] = rows[name].joined(row) if name in rows else row
        told = {
            name: getattr(self, name) if getattr(later, name) is None else getattr(later, name)
            for name in ("paste_back", "jitter", "implausible")
        }
        return ClipScores(self.clip_id, rows, later.fault or self.fault, **told)
