"""Correlation of two series over a range of offsets, for one clip, many clips, all pairs.

One sentence fixes the sign: **a positive offset d compares the sound at step t with the
lips at step t + d, so a peak at d > 0 means that the lips come later than the sound, a peak
at d < 0 that they lead** (fact sheet section 4; Fig. 3's "flow field shifted forward").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PIECE = 16
"""Steps over which Pearson's r is taken; a clip's r is the mean over its pieces."""
OFFSETS = np.arange(-15, 16)
"""Offsets in frames, as in the authors' first runs."""


@dataclass(frozen=True)
class Pieces:
    """The clips' series in standardised 16-step pieces, which turn r into a dot product.

    ``sounds[k]`` and ``lips[k]`` belong to ``offsets[k]``: the pieces of all clips
    ``[clips, pieces * 16]``, each of mean 0 and norm 1, and which are used ``[clips, pieces]``.
    """

    offsets: np.ndarray
    sounds: list[tuple[np.ndarray, np.ndarray]]
    lips: list[tuple[np.ndarray, np.ndarray]]

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.sounds[0][0])

    @property
    def curves(self) -> np.ndarray:
        """r of every clip with its own lips, ``[clips, offsets]``; NaN where no piece is left."""
        return self.repaired(np.arange(self.clips))

    def repaired(self, partner: np.ndarray) -> np.ndarray:
        """``[clips, offsets]``: the sound of clip i with the lips of clip ``partner[i]``."""
        r = np.empty((self.clips, len(self.offsets)))
        for k, ((a, a_used), (b, b_used)) in enumerate(zip(self.sounds, self.lips, strict=True)):
            pieces = np.einsum("np,np->n", a_used, b_used[partner])
            with np.errstate(invalid="ignore"):
                r[:, k] = np.einsum("ns,ns->n", a, b[partner]) / pieces
        return r

    def pairing(self) -> "Pairing":
        """Every sound with all lips, as one matrix product per offset."""
        r = np.empty((len(self.offsets), self.clips, self.clips), np.float32)
        for k, ((a, a_used), (b, b_used)) in enumerate(zip(self.sounds, self.lips, strict=True)):
            with np.errstate(invalid="ignore"):
                r[k] = (a @ b.T) / (a_used @ b_used.T)
        return Pairing(self.offsets, r)


@dataclass(frozen=True)
class Pairing:
    """Correlations of the sound of every clip with the lips of every clip.

    ``r`` is f32 ``[offsets, clips, clips]``: ``r[k, i, j]`` belongs to sound i, lips j,
    offset ``offsets[k]``; NaN where no piece of the pair can be used.

    >>> import numpy as np
    >>> series = list(np.random.default_rng(0).normal(size=(3, 60)))  # three clips of 60 steps
    >>> pairing = cut_to_pieces(series, series, np.arange(-2, 3)).pairing()
    >>> pairing.r.shape, pairing.curves[:, 2].round(3).tolist()  # at offset 0, equal series
    ((5, 3, 3), [1.0, 1.0, 1.0])
    """

    offsets: np.ndarray
    r: np.ndarray

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return self.r.shape[1]

    @property
    def curves(self) -> np.ndarray:
        """``[clips, offsets]``: every clip with its own lips."""
        return np.diagonal(self.r, axis1=1, axis2=2).T

    def repaired(self, partner: np.ndarray) -> np.ndarray:
        """``[clips, offsets]``: the sound of clip i with the lips of clip ``partner[i]``."""
        return self.r[:, np.arange(len(partner)), partner].T


def correlate(sound: np.ndarray, lips: np.ndarray, offsets: np.ndarray = OFFSETS) -> np.ndarray:
    """Pearson's r of two series ``[n]`` at each offset, averaged over 16-step pieces.

    At offset d the series overlap in n - abs(d) steps, which are cut into whole pieces from
    their start. A piece in which either series is constant has no r and is left out.

    Returns
    -------
    numpy.ndarray
        ``[offsets]``; NaN where no piece is left.

    >>> import numpy as np
    >>> lips = np.random.default_rng(0).normal(size=64)
    >>> late = np.roll(lips, 2)  # the sound, two steps after the lips
    >>> correlate(late, lips, np.array([-2, 0, 2])).round(2).tolist()
    [1.0, 0.09, 0.19]
    """
    return cut_to_pieces([sound], [lips], offsets).curves[0]


def correlate_all(
    sounds: Sequence[np.ndarray], lips: Sequence[np.ndarray], offsets: np.ndarray = OFFSETS
) -> Pairing:
    """:func:`correlate` for every sound with every lip series.

    Series may differ in length; a pair shares the pieces that both have. The result grows
    with the square of the clips: 100 MB for 900. For more than a thousand clips or so, take
    :func:`cut_to_pieces`, which re-pairs as it goes.

    >>> import numpy as np
    >>> series = [np.random.default_rng(seed).normal(size=64) for seed in (0, 1, 2)]
    >>> pairing = correlate_all(series, series, np.array([-1, 0, 1]))
    >>> pairing.r.shape, pairing.curves[:, 1].round(3).tolist()
    ((3, 3, 3), [1.0, 1.0, 1.0])
    """
    return cut_to_pieces(sounds, lips, offsets).pairing()


def cut_to_pieces(
    sounds: Sequence[np.ndarray], lips: Sequence[np.ndarray], offsets: np.ndarray = OFFSETS
) -> Pieces:
    """Cut the series ``[n]`` of all clips for each offset, as :func:`correlate` says."""
    length = max(map(len, [*sounds, *lips]))
    padded_sounds, padded_lips = _padded(sounds, length), _padded(lips, length)
    cut_sounds, cut_lips = [], []
    for offset in map(int, offsets):
        overlap = max(0, length - abs(offset))
        sound_start, lips_start = max(0, -offset), max(0, offset)
        cut_sounds.append(_standard_pieces(padded_sounds[:, sound_start : sound_start + overlap]))
        cut_lips.append(_standard_pieces(padded_lips[:, lips_start : lips_start + overlap]))
    return Pieces(np.asarray(offsets), cut_sounds, cut_lips)


def _padded(series: Sequence[np.ndarray], length: int) -> np.ndarray:
    out = np.full((len(series), length), np.nan, np.float64)
    for row, values in zip(out, series, strict=True):
        row[: len(values)] = values
    return out


def _standard_pieces(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of mean 0 and norm 1, ``[N, P*16]``, and which of them are used, ``[N, P]``."""
    pieces = series.shape[1] // PIECE
    cut = series[:, : pieces * PIECE].reshape(len(series), pieces, PIECE)
    centred = cut - cut.mean(axis=2, keepdims=True)
    norm = np.linalg.norm(centred, axis=2, keepdims=True)
    # Rounding leaves a constant piece with a norm of some 1e-15 of its level.
    level = np.abs(cut).max(axis=2, keepdims=True)
    used = np.isfinite(norm) & (norm > 1e-9 * np.maximum(level, 1e-9))
    with np.errstate(invalid="ignore", divide="ignore"):
        standard = np.where(used, centred / norm, 0.0)
    return standard.reshape(len(series), -1), used[:, :, 0].astype(np.float64)
