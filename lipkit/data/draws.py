"""Draws that anyone can repeat, asked for one at a time: nothing is made per epoch or window.

Half a million clips have four million windows. What an epoch draws for them is therefore
never made as a whole: each draw is computed from its seed, epoch and place when it is asked
for, and is the same whoever asks first.
"""

from dataclasses import dataclass

import numpy as np

from lipkit.data.table import Table

SHUFFLED_AS_A_WHOLE = 1 << 18
"""Up to so many windows an epoch's order is made at once: some milliseconds and 2 MB."""
_ROUNDS = 8


class EpochDraws:
    """Numbers in [0, 1) by place: those of ``Generator(Philox(key=[seed, epoch])).random``."""

    def __init__(self, seed: int, epoch: int) -> None:
        self.seed, self.epoch = seed, epoch
        self._source = np.random.Philox(key=[seed, epoch])
        self._block = 0

    def __getitem__(self, place: int) -> float:
        # The counter of this generator can be set: four numbers per count.
        block, within = divmod(place, 4)
        self._source.advance((block - self._block) % (1 << 256))
        self._block = block + 1
        return (int(self._source.random_raw(4)[within]) >> 11) * 2.0**-53


class OtherSentences:
    """Draws, for a window, one of those that say another sentence, all equally likely.

    Windows in the order of their sentences are runs, one for each sentence, so a draw from
    all others is a draw of one number that steps over the own run. A clip without a known
    sentence counts as its own sentence.

    Parameters
    ----------
    rows : the clips.
    ends : int64 ``[clips]``, one more than the last window of each.
    """

    def __init__(self, rows: Table, ends: np.ndarray) -> None:
        counts = np.diff(ends, prepend=0)
        self._window_ends, self._total = ends, int(ends[-1])
        self._sentence = _ranks(rows)
        self._order = np.argsort(self._sentence, kind="stable").astype(np.int32)
        self._ends = np.cumsum(counts[self._order])
        self._sizes = np.bincount(self._sentence, weights=counts).astype(np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes

    @property
    def is_one(self) -> bool:
        """Whether all windows say the same."""
        return int(self._sizes.max()) == self._total

    def draw(self, clip: int, number: float) -> int:
        """A window that says another sentence than ``clip``; ``number`` in [0, 1) decides."""
        sentence = self._sentence[clip]
        start, size = int(self._starts[sentence]), int(self._sizes[sentence])
        place = int(number * max(self._total - size, 1))
        place = (place + size * (place >= start)) % self._total
        ordered = int(np.searchsorted(self._ends, place, side="right"))
        # As many windows from the end of the clip as from the end of its part of the run.
        return int(self._window_ends[self._order[ordered]] + place - self._ends[ordered])


def _ranks(rows: Table) -> np.ndarray:
    """int32 ``[clips]``: the place of each clip's sentence among all of them, sorted."""
    known = rows.texts["sentence"]
    nameless = known.equal("")
    own = [f"clip {clip_id}" for clip_id in rows.ids.take(nameless)]
    rank = {name: place for place, name in enumerate(sorted({*known.used(), *own} - {""}))}
    ranks = np.array([rank.get(name, 0) for name in known.names], np.int32)[known.codes]
    ranks[nameless] = [rank[name] for name in own]
    return ranks


@dataclass(frozen=True)
class WindowWeights:
    """How often the windows of each clip come, compared with those of others."""

    ends: np.ndarray
    """int64 ``[clips]``: one more than the last window of each clip."""
    weights: np.ndarray
    """f64 ``[clips]``, of every window of the clip; they need not add up to 1."""

    def cumulated(self) -> np.ndarray:
        """f64 ``[clips]``: share of all draws that falls on the clips up to each."""
        total = np.cumsum(self.weights * np.diff(self.ends, prepend=0))
        return total / total[-1]


class Shuffled:
    """The numbers 0 to ``count - 1`` in an order that depends on (seed, epoch) alone."""

    def __init__(self, count: int, seed: int, epoch: int) -> None:
        self.count, self._order = count, None
        if count <= SHUFFLED_AS_A_WHOLE:
            self._order = np.random.default_rng([seed, epoch]).permutation(count)
        self._bits = max(1, -(-(count - 1).bit_length() // 2))
        self._keys = np.random.SeedSequence([seed, epoch]).generate_state(_ROUNDS, np.uint64)

    def part(self, first: int, size: int) -> list[int]:
        """The numbers at the places ``first`` to ``first + size - 1``."""
        places = np.arange(first, min(first + size, self.count))
        if self._order is not None:
            return self._order[places].tolist()
        values = self._encipher(places.astype(np.uint64))
        # A cipher of 2^(2 bits) numbers: one that falls outside goes round again.
        while (outside := values >= self.count).any():
            values[outside] = self._encipher(values[outside])
        return values.tolist()

    def _encipher(self, values: np.ndarray) -> np.ndarray:
        """A Feistel network: one to one on the numbers below 2^(2 bits)."""
        bits, mask = np.uint64(self._bits), np.uint64((1 << self._bits) - 1)
        left, right = values >> bits, values & mask
        for key in self._keys:
            left, right = right, left ^ (_mixed(right + key) & mask)
        return (left << bits) | right


def _mixed(values: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014): every bit decides every bit."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        values = (values ^ (values >> np.uint64(shift))) * np.uint64(factor)
    return values ^ (values >> np.uint64(31))


class Weighted:
    """Windows drawn with replacement, as often as their weights say."""

    def __init__(self, weights: WindowWeights, seed: int, epoch: int) -> None:
        self._ends, self._shares = weights.ends, weights.cumulated()
        self._counts = np.diff(self._ends, prepend=0)
        self._seed = [seed, epoch]

    def part(self, first: int, size: int) -> list[int]:
        """The draws at the places ``first`` to ``first + size - 1``."""
        source = np.random.PCG64(self._seed)
        source.advance(first)
        numbers = np.random.Generator(source).random(min(size, int(self._ends[-1]) - first))
        clips = np.searchsorted(self._shares, numbers, side="right")
        low = np.where(clips > 0, self._shares[clips - 1], 0.0)
        within = (numbers - low) / (self._shares[clips] - low) * self._counts[clips]
        windows = np.minimum(within.astype(np.int64), self._counts[clips] - 1)
        return (self._ends[clips] - self._counts[clips] + windows).tolist()
