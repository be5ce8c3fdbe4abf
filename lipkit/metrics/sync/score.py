"""Sync: do the lips say the sound, and how many frames off? In the manner of LSE-C and LSE-D.

For each offset d in -15 to 15 the embeddings of the lips (:mod:`lipkit.models.sync_network`)
are compared with those of the sound d frames earlier; D(d) is the mean of 1 - cosine over all
frames, from 0 (the same) to 2. Then, as SyncNet defines them,

    offset = argmin_d D(d),   distance = min_d D(d),   confidence = median_d D(d) - min_d D(d)

**A positive offset means that the lips come later than the sound**, as in
:mod:`lipkit.analysis.offsets`. They are not the numbers of SyncNet, which takes whole faces
and Euclidean distances, and compare only with others measured here. What to know about them:

- Distance and confidence are taken at the best offset, so neither sees a constant delay: the
  offset does, and so does D(0) (:attr:`SyncResult.at_zero`).
- Confidence also depends on how much of a piece is speech. Compare like with like: the same
  stretches of the same clips.
- Another clip's sound does not bring confidence to 0, since sentences share their rhythm; frozen
  lips nearly do. Read a figure beside those of true, foreign and frozen lips.
- By confidence, one window of 16 frames hardly recognises its own sound, since the least of 31
  distances is small by chance; D(0) does so far better, and so do four windows joined.

How far this holds is measured by :mod:`lipkit.metrics.sync.proof`; what was found for the shipped
weights stands in their card (:func:`read_sync_card`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lipkit.config import COLUMNS_PER_FRAME, LIP_SIZE, MEL_BANDS, WINDOW
from lipkit.errors import UsageError
from lipkit.metrics.metric import Context, Metric
from lipkit.metrics.sync.weights import SHIPPED, load_sync, read_sync_card
from lipkit.models.sync_network import OFFSETS, STACK, SyncNetwork, similarities, to_grey

__all__ = ["METRICS", "SyncResult", "join", "load_sync", "read_sync_card", "sync"]

MIN_EMBEDDINGS = (WINDOW - STACK + 1) // 2
"""An offset at which fewer embeddings overlap is left out: half of what a window has."""


@dataclass(frozen=True, eq=False)
class SyncResult:
    """What :func:`sync` found; the numbers follow from the distances."""

    distances: np.ndarray
    """f64 ``[31]``: D by offset -15 to 15; NaN where too little overlaps."""
    counts: np.ndarray
    """int ``[31]``: embeddings behind each of them."""

    @property
    def offset(self) -> int:
        """Frames; positive: the lips come later than the sound."""
        return OFFSETS[int(np.nanargmin(self.distances))]

    @property
    def distance(self) -> float:
        """The least distance, in [0, 2]; lower is better (LSE-D)."""
        return float(np.nanmin(self.distances))

    @property
    def at_zero(self) -> float:
        """D(0): the distance between what is seen and heard at the same time; a delay counts."""
        return float(self.distances[OFFSETS.index(0)])

    @property
    def confidence(self) -> float:
        """Median minus least distance, at least 0; higher is better (LSE-C)."""
        return float(np.nanmedian(self.distances)) - self.distance


def sync(
    lips: np.ndarray, logmel: np.ndarray, start: int = 0, network: SyncNetwork | None = None
) -> SyncResult:
    """Compare lips with their sound at 31 offsets.

    Parameters
    ----------
    lips
        u8 ``[T, 64, 64, 3]``, T >= 16. 3 s give a trustworthy offset, 16 frames do not:
        :func:`join` windows.
    logmel
        dB ``[4F, 128]``: the sound of at least these frames. Give the whole clip's, where there
        is more, so that every offset has all frames.
    start
        The frame of the sound at which the lips begin.
    network
        Default: the shipped one.

    Raises
    ------
    UsageError
        When shapes or lengths are wrong.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> lips = rng.integers(0, 256, (25, 64, 64, 3), dtype=np.uint8)
    >>> result = sync(lips, rng.normal(-40, 20, (100, 128)).astype(np.float32))
    >>> -15 <= result.offset <= 15
    True
    """
    lips, logmel = np.asarray(lips), np.asarray(logmel)
    frames = len(lips)
    if lips.dtype != np.uint8 or lips.shape[1:] != (LIP_SIZE, LIP_SIZE, 3) or frames < WINDOW:
        raise UsageError(
            f"sync: lips are {lips.dtype} {list(lips.shape)}; "
            f"give u8 [T, {LIP_SIZE}, {LIP_SIZE}, 3] with T >= {WINDOW}"
        )
    if logmel.ndim != 2 or logmel.shape[1] != MEL_BANDS or len(logmel) % COLUMNS_PER_FRAME:
        raise UsageError(f"sync: the log-mel is {list(logmel.shape)}; give [4T, {MEL_BANDS}]")
    if not 0 <= start <= len(logmel) // COLUMNS_PER_FRAME - frames:
        raise UsageError(
            f"sync: {frames} frames of lips from frame {start} on, but sound of "
            f"{len(logmel) // COLUMNS_PER_FRAME} frames; give the sound of all these frames"
        )
    if not np.isfinite(logmel).all():
        raise UsageError("sync: the log-mel has values that are not numbers; compute it again")
    network = network or load_sync()
    with torch.inference_mode():
        seen = network.embed_lips(to_grey(torch.from_numpy(lips)[None]))
        heard = network.embed_sound(torch.from_numpy(logmel.astype(np.float32))[None])
        found = similarities(seen, heard, start)[0].double().numpy()  # [T-4, 31]
    return _result(np.nansum(1 - found, axis=0), np.isfinite(found).sum(axis=0))


def join(results: Sequence[SyncResult]) -> SyncResult:
    """Several pieces, such as the windows of one clip, as if they were one.

    Raises
    ------
    UsageError
        When there is none.
    """
    if not results:
        raise UsageError("sync: nothing to join; give at least one result")
    counts = sum(r.counts for r in results)
    return _result(sum(np.nan_to_num(r.distances) * r.counts for r in results), counts)


def _result(total: np.ndarray, counts: np.ndarray) -> SyncResult:
    enough = counts >= MIN_EMBEDDINGS
    distances = np.where(enough, total / np.maximum(counts, 1), np.nan)
    return SyncResult(distances, np.where(enough, counts, 0))


def _of_clip(lips: np.ndarray, sound: np.ndarray, context: Context) -> SyncResult:
    """One pass of the network for confidence, distance and offset of the same piece."""

    def compared() -> SyncResult:
        if context.clip_sound is None:
            return sync(lips, sound)
        return sync(lips, context.clip_sound, context.start)

    return context.once("sync", (lips, sound), compared)


def _confidence(
    prediction: np.ndarray, truth: np.ndarray, sound: np.ndarray, context: Context
) -> float:
    return _of_clip(prediction, sound, context).confidence


def _distance(
    prediction: np.ndarray, truth: np.ndarray, sound: np.ndarray, context: Context
) -> float:
    return _of_clip(prediction, sound, context).distance


def _offset(
    prediction: np.ndarray, truth: np.ndarray, sound: np.ndarray, context: Context
) -> float:
    return float(_of_clip(prediction, sound, context).offset)


METRICS = (
    Metric(
        name="sync_confidence",
        label="Sync-C",
        unit="",
        better="higher",
        convention="standard",
        meaning="median less least distance of lips and sound over offsets -15 to 15 (as LSE-C)",
        measure=_confidence,
        over="clip",
        reads=(SHIPPED,),
    ),
    Metric(
        name="sync_distance",
        label="Sync-D",
        unit="",
        better="lower",
        convention="standard",
        meaning="least mean distance, 1 - cosine, of lips and sound over the offsets (as LSE-D)",
        measure=_distance,
        over="clip",
        reads=(SHIPPED,),
    ),
    Metric(
        name="sync_offset",
        label="offset",
        unit="frames",
        better="truth",
        convention="standard",
        meaning="offset of the least distance; positive: the lips come later than the sound",
        measure=_offset,
        over="clip",
        reads=(SHIPPED,),
    ),
)
