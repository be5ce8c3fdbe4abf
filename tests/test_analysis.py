"""Derivative correlation: the offset's sign, the plain loop, the null, the histogram."""

import numpy as np
import pytest

from lipkit.analysis.offsets import (
    OFFSETS,
    PIECE,
    correlate,
    correlate_all,
    cut_to_pieces,
)
from lipkit.analysis.statistics import (
    band,
    best_offsets,
    chi_square,
    derangement,
    histogram,
    histogram_p,
    simulate,
    simulated_p,
)
from lipkit.report.bootstrap import means, times_drawn

STORED_COUNTS = [
    *(191, 172, 193, 175, 184, 198, 191, 182, 181, 191, 202, 213, 189, 203, 208, 184, 203)
]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 110))


def plain_correlation(sound: np.ndarray, lips: np.ndarray, offset: int) -> float:
    """The definition, step by step."""
    pairs = [(sound[t], lips[t + offset]) for t in range(len(sound)) if 0 <= t + offset < len(lips)]
    pieces = [pairs[i : i + PIECE] for i in range(0, len(pairs) - PIECE + 1, PIECE)]
    return float(np.mean([np.corrcoef(np.transpose(piece))[0, 1] for piece in pieces]))


def test_agrees_with_the_plain_loop(noise: np.ndarray) -> None:
    sounds, lips = noise[:3, :74], noise[3:6, :74]
    r = correlate_all(list(sounds), list(lips)).r
    for k, offset in enumerate(OFFSETS):
        for i in range(3):
            for j in range(3):
                assert r[k, i, j] == pytest.approx(
                    plain_correlation(sounds[i], lips[j], offset), abs=1e-6
                )


@pytest.mark.parametrize("delay", [-7, -1, 0, 3, 12])
def test_the_peak_lies_where_the_lips_are_shifted_to(noise: np.ndarray, delay: int) -> None:
    source = noise[0]
    sound, lips = source[20:94], source[20 - delay : 94 - delay]  # lips[t] = sound[t - delay]
    r = correlate(sound, lips)
    assert OFFSETS[np.argmax(r)] == delay
    assert r.max() == pytest.approx(1.0, abs=1e-6)


def test_series_of_different_length_share_their_pieces(noise: np.ndarray) -> None:
    long, short = noise[0, :74], noise[0, :60]
    assert correlate_all([long], [short]).r[15, 0, 0] == pytest.approx(1.0, abs=1e-6)


def test_constant_pieces_are_left_out_and_never_nan(noise: np.ndarray) -> None:
    sound, lips = noise[0, :74].copy(), noise[1, :74].copy()
    sound[:20] = 3.7
    assert np.isfinite(correlate(sound, lips)).all()
    assert np.isnan(correlate(np.full(74, 0.1), lips)).all()


def test_a_derangement_leaves_nothing_in_its_place() -> None:
    generator = np.random.default_rng(0)
    for count in (2, 3, 10):
        partner = derangement(count, generator)
        assert sorted(partner) == list(range(count))
        assert (partner != np.arange(count)).all()


def test_the_null_covers_unrelated_pairs_and_not_related_ones(noise: np.ndarray) -> None:
    unrelated = correlate_all(list(noise[:20, :74]), list(noise[20:, :74]))
    chance = band(simulate(unrelated, repairings=300).means)
    mean = unrelated.curves.mean(axis=0)
    assert ((chance.low <= mean) & (mean <= chance.high)).mean() > 0.8
    related = correlate_all(list(noise[:20, 3:77]), list(noise[:20, :74]))
    simulation = simulate(related, repairings=300)
    chance, counts = band(simulation.means), band(simulation.counts)
    peak = list(OFFSETS).index(3)
    assert related.curves.mean(axis=0)[peak] > chance.high[peak] + 0.5
    assert histogram(best_offsets(related.curves, OFFSETS), OFFSETS)[peak] > counts.high[peak]


def test_the_bootstrap_interval_shrinks_with_clips(noise: np.ndarray) -> None:
    curves = np.random.default_rng(1).normal(0.2, 0.1, size=(400, 5))
    few, many = (
        band(means(times_drawn(len(some)), some, np.ones((len(some), 1))))
        for some in (curves[:25], curves)
    )
    assert ((many.high - many.low) < 0.5 * (few.high - few.low)).all()
    assert ((many.low < 0.2) & (many.high > 0.2)).all()


def test_the_authors_histogram_is_uniform() -> None:
    statistic, freedom, p = chi_square(np.array(STORED_COUNTS))
    assert sum(STORED_COUNTS) == 3260
    assert statistic == pytest.approx(11.08, abs=0.01)
    assert freedom == 16
    assert p == pytest.approx(0.80, abs=0.005)


def test_re_pairing_as_it_goes_equals_the_whole_matrix(noise: np.ndarray) -> None:
    sounds, lips = (
        [row[:74] for row in noise[:6]],
        [row[: 70 + i] for i, row in enumerate(noise[6:12])],
    )
    pieces = cut_to_pieces(sounds, lips)
    partner = np.array([3, 0, 1, 5, 2, 4])
    np.testing.assert_allclose(pieces.curves, pieces.pairing().curves, atol=1e-6)
    np.testing.assert_allclose(
        pieces.repaired(partner), pieces.pairing().repaired(partner), atol=1e-6
    )
    ours, theirs = simulate(pieces, 20), simulate(pieces.pairing(), 20)
    np.testing.assert_allclose(ours.means, theirs.means, atol=1e-6)


def test_a_histogram_is_held_against_what_chance_gives(noise: np.ndarray) -> None:
    # A slow rise in every series: chance itself prefers some offsets.
    rise = np.cumsum(noise, axis=1)
    unrelated = cut_to_pieces(list(rise[:20, :74]), list(rise[20:, :74]))
    simulation = simulate(unrelated, 300)
    counts = histogram(best_offsets(unrelated.curves, OFFSETS), OFFSETS)
    assert histogram_p(counts, simulation)[1] > 0.05
    assert histogram_p(np.where(OFFSETS == 2, 20, 0), simulation)[1] < 0.01


def test_chi_square_against_any_expectation() -> None:
    statistic, freedom, p = chi_square(np.array([10, 20, 30]), np.array([1, 2, 3]))
    assert (statistic, freedom, p) == (0, 2, 1)
    assert chi_square(np.array([10, 20, 30]))[0] == pytest.approx(10)


def test_simulated_p_counts_the_observed_one() -> None:
    assert simulated_p(np.arange(9.0), 8.5) == pytest.approx(0.1)
    assert simulated_p(np.arange(9.0), -1) == 1


def test_a_null_of_one_clip_is_refused(noise: np.ndarray) -> None:
    with pytest.raises(ValueError, match="two clips"):
        simulate(cut_to_pieces([noise[0]], [noise[1]]))
