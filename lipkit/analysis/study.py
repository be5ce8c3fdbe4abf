"""Fig. 3 of a prepared set, by several formulas at once, each beside what chance gives."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from lipkit.analysis.extraction import ClipSeries, extract
from lipkit.analysis.offsets import OFFSETS, PIECE, Pieces, cut_to_pieces
from lipkit.analysis.series import FORMULAS, SeriesFormula, find_formula
from lipkit.analysis.statistics import (
    Band,
    band,
    best_offsets,
    chi_square,
    histogram,
    histogram_p,
    simulate,
    simulated_p,
)
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.flow.cache import FlowCache
from lipkit.report.bootstrap import ends, means, times_drawn

_MANY = 1500
"""As many clips as still fit, with the correlations of each sound with all lips, in 300 MB."""


@dataclass(frozen=True)
class FormulaResult:
    """Fig. 3 by one formula. Arrays over offsets follow the study's ``offsets``."""

    name: str
    meaning: str
    offsets: np.ndarray
    clip_ids: tuple[str, ...]
    curves: np.ndarray = field(repr=False)
    """f32 ``[clips, offsets]``: r of each clip with its own lips (Fig. 3 a)."""
    mean: np.ndarray
    """``[offsets]``: the mean curve."""
    interval: Band
    """The mean curve with its 95 % bootstrap interval, clips drawn anew."""
    null: Band
    """Middle 95 % of the mean curve when sounds and lips are re-paired."""
    best: np.ndarray
    """``[clips]``: the offset of each clip's largest r."""
    counts: np.ndarray
    """``[offsets]``: clips whose best offset it is (Fig. 3 b)."""
    null_counts: Band
    """Middle 95 % of the counts when sounds and lips are re-paired."""
    chi_square: tuple[float, int, float]
    """Chi-square of the counts against equal counts, for comparison with the authors' histogram:
    statistic, degrees of freedom, p."""
    histogram_p: tuple[float, float]
    """Chi-square of the counts against the null's mean counts, and the share of re-pairings
    that reach it."""
    peak_interval: tuple[int, int]
    """95 % bootstrap interval of the mean curve's peak offset."""
    peak_p: float
    """Share of re-pairings whose mean curve rises as far above the null's mean as this one
    does, at any offset. Speakers begin to talk at a similar time in every clip, so the null's
    own curve is not flat, and its highest point says nothing about a peak."""
    deviation: int
    """The offset at which the mean curve is farthest from the null's mean, above or below."""
    deviation_p: float
    """Share of re-pairings whose mean curve lies as far from the null's mean at any offset."""

    @property
    def peak(self) -> int:
        """The offset at which the mean curve is largest."""
        return int(self.offsets[np.argmax(self.mean)])

    @property
    def excess(self) -> int:
        """The offset at which the mean curve is highest above the null's mean."""
        return int(self.offsets[np.argmax(self.mean - self.null.mean)])

    @property
    def peak_r(self) -> float:
        """The mean curve's largest value."""
        return float(self.mean.max())


@dataclass(frozen=True)
class Study:
    """The derivative correlation of one prepared set."""

    offsets: np.ndarray
    """Frames; positive: the lips come later than the sound."""
    results: dict[str, FormulaResult]
    """By the formula's name, in the order asked for."""
    clips: list[ClipSeries] = field(repr=False)
    """All clips, with their series or the reason why they have none."""
    settings: dict[str, object]
    """What was asked for: split, shift, repairings, seed."""

    @property
    def usable(self) -> list[ClipSeries]:
        """The clips that the figures are made from."""
        return [clip for clip in self.clips if not clip.reason]

    @property
    def unusable(self) -> list[ClipSeries]:
        """The clips that were left out; each has its ``reason``."""
        return [clip for clip in self.clips if clip.reason]


@dataclass(frozen=True)
class StudyOptions:
    """Which clips a study takes, and how it is made.

    >>> StudyOptions(split="train").repairings
    1000
    """

    split: str | None = None
    """One split of the set; None takes all clips."""
    speakers: Collection[str] | None = None
    """Names of speakers; None takes all."""
    offsets: np.ndarray = field(default_factory=lambda: OFFSETS)
    """Frames, whole and increasing."""
    repairings: int = 1000
    """How often all sounds are given the lips of other clips, for the null."""
    seed: int = 0
    shift: int = 0
    """Frames by which the sound is moved later, for teaching: the peak moves by ``-shift``."""


def analyse(
    prepared: PreparedSet,
    formulas: Sequence[str | SeriesFormula] = tuple(FORMULAS),
    options: StudyOptions | None = None,
    cache: FlowCache | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Study:
    """Correlate sound and lips of every clip at every offset, and test for a peak.

    The same arguments give the same study for any number of workers.

    Parameters
    ----------
    formulas
        Names in :data:`lipkit.analysis.series.FORMULAS`, or objects that make the two
        series of a clip, such as a trained network (:class:`SeriesFormula`).
    options
        Clips, offsets, re-pairings, seed.
    cache
        Where flow is kept between calls.
    workers
        Processes that make the series (default: one per core where that pays); 0: none.
    progress
        Show a bar.

    Raises
    ------
    LipkitError
        When fewer than two clips can be used, for an unknown formula or split.

    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> options = StudyOptions(repairings=20)
    >>> study = analyse(prepared_set(clips=2), ["level_opening"], options, progress=False)
    >>> study.results["level_opening"].curves.shape  # clips, offsets from -15 to 15
    (2, 31)
    """
    chosen = [find_formula(f) if isinstance(f, str) else f for f in formulas]
    names = [formula.name for formula in chosen]
    if not chosen or len(set(names)) < len(names):
        raise LipkitError(f"formulas {', '.join(names) or 'none'}: give each once, at least one")
    options = options or StudyOptions()
    offsets, speakers = np.asarray(options.offsets, np.int64), options.speakers
    least = PIECE + int(np.abs(offsets).max())
    which = options.split, speakers, options.shift
    clips = extract(prepared, chosen, *which, least, cache, workers, progress)
    clips = _with_curves(clips, names, offsets)
    usable = [clip for clip in clips if not clip.reason]
    if len(usable) < 2:
        raise LipkitError(_too_few(prepared, usable, clips))
    results = {
        formula.name: _result(formula, usable, offsets, options.repairings, options.seed)
        for formula in chosen
    }
    settings = {
        "split": options.split,
        "speakers": None if speakers is None else sorted(speakers),
        "shift": options.shift,
        "repairings": options.repairings,
        "seed": options.seed,
    }
    return Study(offsets, results, clips, settings)


def _with_curves(
    clips: list[ClipSeries], names: list[str], offsets: np.ndarray
) -> list[ClipSeries]:
    """Give clips that have no r at some offset a reason.

    A clip that one formula cannot use is used by none, so that all speak of the same clips.
    """
    marked = list(clips)
    for name in names:
        members = [i for i, clip in enumerate(marked) if not clip.reason]
        if not members:
            break
        curves = _pieces([marked[i] for i in members], name, offsets).curves
        for i, curve in zip(members, curves, strict=True):
            if not np.isfinite(curve).all():
                offset = offsets[~np.isfinite(curve)][0]
                reason = f"still or silent: {name} has no changing piece at offset {offset}"
                marked[i] = replace(marked[i], reason=reason)
    return marked


def _pieces(clips: Sequence[ClipSeries], name: str, offsets: np.ndarray) -> Pieces:
    sounds, lips = zip(*(clip.pairs[name] for clip in clips), strict=True)
    return cut_to_pieces(sounds, lips, offsets)


def _result(
    formula: SeriesFormula,
    clips: list[ClipSeries],
    offsets: np.ndarray,
    repairings: int,
    seed: int,
) -> FormulaResult:
    pieces = _pieces(clips, formula.name, offsets)
    curves = pieces.curves
    simulation = simulate(pieces.pairing() if len(clips) <= _MANY else pieces, repairings, seed)
    draws = times_drawn(len(curves), seed=seed)
    resampled = means(draws, curves, np.ones((len(curves), 1)))
    mean = curves.mean(axis=0)
    best = best_offsets(curves, offsets)
    counts = histogram(best, offsets)
    null = band(simulation.means)
    chance, above = simulation.means - null.mean, mean - null.mean
    interval = replace(band(resampled), mean=mean)
    low, high = ends(offsets[np.argmax(resampled, axis=1)])
    return FormulaResult(
        name=formula.name,
        meaning=formula.meaning,
        offsets=offsets,
        clip_ids=tuple(clip.clip_id for clip in clips),
        curves=curves,
        mean=mean,
        interval=interval,
        null=null,
        best=best,
        counts=counts,
        null_counts=band(simulation.counts),
        chi_square=chi_square(counts),
        histogram_p=histogram_p(counts, simulation),
        peak_interval=(int(np.floor(low)), int(np.ceil(high))),
        peak_p=simulated_p(chance.max(axis=1), above.max()),
        deviation=int(offsets[np.argmax(np.abs(above))]),
        deviation_p=simulated_p(np.abs(chance).max(axis=1), np.abs(above).max()),
    )


def _too_few(prepared: PreparedSet, usable: list[ClipSeries], clips: list[ClipSeries]) -> str:
    reasons = [clip.reason for clip in clips if clip.reason]
    why = f" (the first reason: {reasons[0]})" if reasons else ""
    return (
        f"{prepared.folder}: {len(usable)} of {len(clips)} clips can be analysed{why}; "
        "take a set or split with at least two"
    )
