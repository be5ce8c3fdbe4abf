"""What an evaluation may be told besides its models, its split and its place."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of :func:`lipkit.evaluation.evaluate`; each has a default that suits most.

    >>> EvaluationOptions(metrics=("ssim",)).seed
    0
    """

    metrics: tuple[str, ...] | None = None
    """Names out of :data:`lipkit.metrics.METRICS`; None takes all that are not slow."""
    seed: int = 0
    """Decides each window's identity image."""
    most: int | None = None
    """Measure on at most so many clips, evenly spread over the split; the table says so."""
    raw: str | Path | None = None
    """The folder of the raw corpus, where its clips have moved since they were prepared."""
    landmark_model: str | Path | None = None
    """dlib's 68-point model, if it is not found."""
    retrieval: str | None = None
    """A training split of the same set, or ``FOLDER:SPLIT`` of another; adds the row of the lips
    whose sound is nearest there (:class:`lipkit.evaluation.retrieval.Retrieval`)."""
    same_speaker: bool = False
    """Retrieval searches the window's own speaker only."""
    batch_norm: str = "running"
    """``running``; ``batch``, as the authors' code has it at test; or ``both``, a row for each
    (:data:`lipkit.evaluation.predictions.BATCH_NORM`)."""
    articulation: tuple[float, ...] = ()
    """Adds a row for each model and amount, in which its lips go so much as far
    (:func:`lipkit.models.articulation.articulated`)."""
    other_sound: bool = False
    """Adds a row for each model, in which it hears another clip's sound
    (:class:`lipkit.evaluation.other_sound.OtherSounds`)."""
