"""Effects against simulation, Holm by hand, verdicts by the rule, and who counts as diverged."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lipkit.experiments.claims import (
    HELD,
    NOT_HELD,
    TOO_SMALL,
    UNDECIDED,
    CellScores,
    judge,
    power_in_words,
    verdict,
)
from lipkit.experiments.columns import BLOCKS, Contrast, experiment, tables
from lipkit.experiments.effects import (
    Effect,
    Spread,
    effect,
    holm_levels,
    pooled_spread,
    run_means,
    smallest_that_matters,
)

CLIP, SEED, NOISE = 0.3, 0.05, 0.1


def cell(rng, mean, hard, seeds=3):
    """Scores of one cell: clips that are hard for all, seeds, and noise."""
    runs = rng.normal(0, SEED, (seeds, 1))
    return mean + hard + runs + rng.normal(0, NOISE, (seeds, len(hard)))


def experiment_of(rng, change, cells=6, clips=40):
    """Two cells that differ by ``change``, and the spread of some more."""
    hard = rng.normal(0, CLIP, clips)
    made = [cell(rng, 1.0, hard) for _ in range(cells)]
    made.append(cell(rng, 1.0 + change, hard))
    return made[0], made[-1], pooled_spread([run_means(c) for c in made])


def test_an_interval_misses_the_truth_as_often_as_it_says():
    rng, missed, found = np.random.default_rng(0), 0, 0
    for _ in range(600):
        origin, target, spread = experiment_of(rng, -0.1)
        known = effect(origin, target, spread=spread)
        low, high = known.interval(0.05)
        missed += not low <= -0.1 <= high
        found += high < 0
    assert 0.02 < missed / 600 < 0.08
    assert 0.2 < found / 600 < 0.95, "an effect twice the spread of seeds is often found"


def test_the_effect_that_could_be_seen_is_found_in_four_of_five_cases():
    rng, found, sizes = np.random.default_rng(1), 0, []
    for _ in range(200):  # one budget after another: what it says of itself varies
        origin, target, spread = experiment_of(rng, 0)
        sizes.append(effect(origin, target, spread=spread).seen())
    size = np.mean(sizes)
    for _ in range(400):
        origin, target, spread = experiment_of(rng, size)
        found += effect(origin, target, spread=spread).interval()[0] > 0
    assert 0.7 < found / 400 < 0.95


def test_an_effect_is_taken_clip_by_clip():
    # Clips differ wildly, the change does not: only the pairing makes the interval narrow.
    origin = np.array([[1.0, 50, 100, 7], [2, 60, 90, 8]])
    found = effect(origin, origin + 0.1, spread=Spread(0.0, 5))
    assert found.mean == pytest.approx(0.1)
    own = run_means(origin).var(ddof=1) / 2  # a cell that varies more than all counts by its own
    assert found.error == pytest.approx(np.sqrt(2 * own))


def test_people_count_alike_whoever_has_more_clips():
    people = ["a"] * 6 + ["b", "c"]
    origin = np.zeros((1, 8))
    target = np.array([[1.0] * 6 + [2.0, 6.0]])
    found = effect(origin, target, people, trained=(False, False))
    assert (found.mean, found.units) == (3, 3)
    assert found.error == pytest.approx(np.std([1, 2, 6], ddof=1) / np.sqrt(3))
    assert found.freedom == pytest.approx(2)
    low, high = found.interval()
    assert high - low == pytest.approx(2 * 4.303 * found.error, rel=1e-3), "t of two people more"


def test_what_says_nothing_is_no_effect():
    one = np.ones((2, 5))
    assert effect(one, one * np.nan, spread=Spread(1, 3)) is None
    assert effect(one[:, :1], one[:, :1], spread=Spread(1, 3)) is None
    assert effect(one, one, spread=None) is None, "one seed each: no spread is known"
    assert effect(one, one, spread=None, trained=(False, False)).mean == 0


def test_the_spread_is_pooled_over_cells_by_a_plain_loop():
    rng = np.random.default_rng(0)
    cells = [rng.normal(i, 1, n) for i, n in enumerate((3, 2, 1, 4))]
    squares = sum(((c - c.mean()) ** 2).sum() for c in cells)
    found = pooled_spread([*cells, np.array([np.nan, 1.0])])
    assert found == Spread(pytest.approx(squares / 6), 6)
    assert pooled_spread([np.ones(1)]) is None


def test_a_cell_that_falls_apart_does_not_make_the_others_uncertain():
    rng, missed, left_out = np.random.default_rng(3), 0, 0
    for _ in range(300):
        hard = rng.normal(0, CLIP, 40)
        calm = [cell(rng, 1.0, hard) for _ in range(6)]
        wild = cell(rng, 1.0, hard) + rng.normal(0, 40 * SEED, (3, 1))
        spread = pooled_spread([run_means(c) for c in [*calm, wild]])
        left_out += spread == pooled_spread([run_means(c) for c in calm])
        low, high = effect(calm[0], wild, spread=spread).interval(0.05)
        missed += not low <= 0 <= high
    assert left_out > 290, "but where its three runs fell close together"
    assert missed / 300 < 0.08, "the wild cell counts by its own three runs"


def test_cells_that_differ_as_cells_do_are_all_pooled():
    rng, all_pooled = np.random.default_rng(4), 0
    for _ in range(400):
        found = pooled_spread([rng.normal(0, 1, 3) for _ in range(7)])
        all_pooled += found.freedom == 14
    assert all_pooled > 380
    assert pooled_spread([np.ones(3), np.array([1.0, 2.0])]) == Spread(0.5 / 3, 3)


def test_holm_by_hand():
    # Sorted .001 .012 .03 .04: .001 < .05/4, .012 < .05/3, .03 > .05/2: that and the rest stop.
    assert holm_levels([0.03, 0.001, 0.04, 0.012]) == pytest.approx(
        [0.025, 0.0125, 0.025, 0.05 / 3]
    )
    assert holm_levels([0.04]) == [0.05]
    assert holm_levels([]) == []


def test_all_claims_of_a_block_err_together_as_often_as_it_says():
    rng, wrong = np.random.default_rng(2), 0
    for _ in range(400):
        effects = [Effect(rng.normal(), 1.0, 1e6, 40) for _ in range(8)]
        levels = holm_levels([e.p for e in effects])
        wrong += any(
            not e.interval(v)[0] < 0 < e.interval(v)[1]
            for e, v in zip(effects, levels, strict=True)
        )
    assert wrong / 400 < 0.09


MATTERS = 0.1


def known(mean, reach):
    """An effect whose 95 % interval is mean ± reach."""
    return Effect(mean, reach / stats.norm.isf(0.025), 1e9, 40)


@pytest.mark.parametrize(
    ("mean", "reach", "side", "expected"),
    [
        (-0.2, 0.1, -1, HELD),
        (0.2, 0.1, 1, HELD),
        (-0.2, 0.1, 1, NOT_HELD),  # the other side
        (-0.1, 0.15, 1, NOT_HELD),  # no effect that matters on its side, maybe one on the other
        (0.01, 0.05, 1, TOO_SMALL),
        (0.05, 0.04, 1, TOO_SMALL),  # beyond 0, and still of no matter
        (-0.05, 0.04, 1, TOO_SMALL),
        (0.05, 0.2, 1, UNDECIDED),
        (0.2, 0.25, 1, UNDECIDED),
        (0.09, 0.05, 1, UNDECIDED),  # on its side, too small or not
    ],
)
def test_the_verdict_by_the_rule(mean, reach, side, expected):
    assert verdict(known(mean, reach), side, MATTERS) == expected


def test_nothing_known_is_undecided_and_a_wider_interval_changes_verdicts():
    assert verdict(None, 1, MATTERS) == UNDECIDED
    assert verdict(known(0.2, 0.18), 1, MATTERS, 0.05) == HELD
    assert verdict(known(0.2, 0.18), 1, MATTERS, 0.005) == UNDECIDED


CONTRAST = Contrast("x", "it helps", "d", "e", ("cpbd", "lmd", "ssim"))
NAMES = {"cpbd": ["cpbd"], "lmd": ["lmd"], "ssim": ["ssim"]}
BETTER = {"cpbd": "truth", "lmd": "lower", "ssim": "higher"}


def scored(seeds=3, change=-0.3, trained=("d", "e")):
    rng = np.random.default_rng(0)
    hard = rng.normal(0, CLIP, 40)
    values = {}
    for metric in BETTER:
        values["d", metric] = cell(rng, 1.0, hard, seeds if "d" in trained else 1)
        values["e", metric] = cell(rng, 1.0 + change, hard, seeds)
    return CellScores(values, frozenset(trained), [""] * 40, BETTER, dict.fromkeys(BETTER, 0.1))


def test_runs_that_were_measured_twice_count_once_in_the_seeds_spread():
    once = scored()
    values = dict(once.values) | {("d again", "lmd"): once.values["d", "lmd"] + 1}
    trained = once.trained | {"d again"}
    twice = replace(once, values=values, trained=trained, again=frozenset({"d again"}))
    assert twice.spread("lmd") == once.spread("lmd")
    assert twice.effect("d", "d again", "lmd") is not None
    assert replace(twice, again=frozenset()).spread("lmd").freedom > once.spread("lmd").freedom


def test_a_claim_is_judged_by_the_papers_side_or_that_of_better_values():
    rows = judge([CONTRAST], scored(), {("x", "cpbd"): -0.034}, NAMES)
    assert {row["metric"]: (row["side"], row["verdict"]) for row in rows} == {
        "cpbd": (-1, HELD),
        "lmd": (-1, HELD),
        "ssim": (1, NOT_HELD),
    }
    (row,) = (row for row in rows if row["metric"] == "lmd")
    assert row["difference"] == pytest.approx(-0.3, abs=0.12)
    assert row["low"] < row["difference"] < row["high"] < 0
    assert (row["units"], len(row["seeds"]), row["matters"]) == (40, 3, 0.1)
    worse = replace(CONTRAST, side="worse")
    rows = judge([worse], scored(), {("x", "lmd"): -0.13}, NAMES)
    assert {row["metric"]: row["verdict"] for row in rows} == {"lmd": NOT_HELD, "ssim": HELD}


def test_a_larger_placebo_raises_the_bar():
    rows = judge([CONTRAST], scored(), {}, NAMES, {"lmd": 0.6, "ssim": -0.01})
    found = {row["metric"]: row for row in rows}
    assert found["lmd"]["matters"] == 0.6
    assert found["lmd"]["verdict"] == TOO_SMALL
    assert found["ssim"]["matters"] == 0.1


def test_a_reference_has_no_seeds_and_one_seed_alone_decides_nothing():
    rows = judge([CONTRAST], scored(trained=("e",)), {}, NAMES)
    assert {len(row["seeds"]) for row in rows} == {3}
    rows = judge([CONTRAST], scored(seeds=1), {}, NAMES)
    assert {row["verdict"] for row in rows} == {UNDECIDED}
    assert {row["difference"] for row in rows} == {None}


def test_power_is_said_for_each_metric():
    lines = power_in_words(judge([CONTRAST], scored(), {}, NAMES))
    assert [line.split(":")[0] for line in lines] == ["lmd", "ssim"]
    assert "0.1 matters" in lines[0]


def test_what_matters_is_the_larger_of_luck_and_placebo():
    spread = Spread(0.04, 20)
    luck = stats.t.isf(0.025, 20) * np.sqrt(2 * 0.04 / 3)
    assert smallest_that_matters(spread, 3) == pytest.approx(luck)
    assert smallest_that_matters(spread, 3, -9.0) == 9
    assert smallest_that_matters(None, 3) is None


def test_the_tables_hold_together():
    for table in tables().values():
        ends = {end for c in table.contrasts for end in (c.origin, c.target)}
        assert ends <= set(table.cells) | {"frozen lips"}
        assert {c.block for c in table.contrasts} <= set(BLOCKS)
        for made in table.cells.values():
            assert not made.of or made.of in table.cells
        assert table.full in table.cells
    ablation = experiment("ablation")
    assert ablation.blocks == ["paper", "ours"]
    assert set(ablation.placebo) <= set(ablation.cells)
    assert ablation.cells["e"].settings["loss.corr.form"] == "cosine", "as printed"
    assert json.dumps(dict(ablation.matters))
