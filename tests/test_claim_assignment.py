"""A claim of one's own: its evidence, its judgement, and what a wrong hand-in loses."""

import datetime
import json

import numpy as np
import pytest
from assignment_cells import checks, gaps, marks, source
from test_own_tables import TABLE

from lipkit.course.assignments import claim
from lipkit.errors import LipkitError
from lipkit.experiments.measure import FOLDER
from lipkit.experiments.own_tables import digest, parse_table, register
from lipkit.report.tables import write_csv

CELLS = ("off", "on", "deaf")
CLIPS = [f"s1/c{i}" for i in range(6)]
SEAL = f"{digest(TABLE)[: claim.MARK]} 2026-01-02T03:04:05+00:00"


def scores(on: float, deaf: float = 0.001, luck: float = 0.005) -> str:
    """A hand-in's table: both cells above ``off`` by so much, with some luck for each run."""
    rng = np.random.default_rng(0)
    hard = rng.uniform(0.5, 0.8, 6)
    runs = {
        f"{cell}-seed{seed}": hard + gain + rng.normal(0, luck) + rng.normal(0, luck, 6)
        for cell, gain in zip(CELLS, (0, on, deaf), strict=True)
        for seed in range(3)
    }
    lines = [",".join(["clip", *runs])]
    for i, name in enumerate(CLIPS):
        lines.append(",".join([name, *(f"{own[i]:.4f}" for own in runs.values())]))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("on", "luck", "said"),
    [
        (0.1, 0.005, "held"),
        (-0.1, 0.005, "not held"),
        (0.0, 0.005, "too small to matter"),
        (0.02, 0.05, "undecided"),
    ],
)
def test_a_claim_is_judged_by_its_registration(on, luck, said):
    found = claim.judge(TABLE, scores(on, luck=luck))
    assert found.verdict == said
    assert found.low < found.difference < found.high
    assert found.side == 1


def test_what_the_placebo_makes_counts_where_it_is_larger():
    assert claim.judge(TABLE, scores(0.1)).least == 0.02
    found = claim.judge(TABLE, scores(0.1, deaf=0.3))
    assert found.least == pytest.approx(0.3, abs=0.02)
    assert found.verdict != "held"


def test_a_claim_of_worse_values_is_on_the_other_side():
    worse = TABLE.replace('"better"', '"worse"')
    assert claim.judge(worse, scores(-0.1)).verdict == "held"
    assert claim.judge(worse, scores(0.1)).verdict == "not held"


def test_the_interval_covers_clips_and_seeds():
    rng = np.random.default_rng(1)
    clips = [rng.normal(0, 1, (4, 20)) * [[1]] for _ in range(2)]
    of_clips = np.diff(claim.interval(np.repeat(clips[0][:1], 4, 0), np.repeat(clips[1][:1], 4, 0)))
    of_seeds = np.diff(claim.interval(*(np.repeat(rng.normal(0, 1, (4, 1)), 20, 1),) * 2))
    assert of_clips[0] == pytest.approx(2 * 1.96 * np.sqrt(2 / 20), rel=0.4)
    assert of_seeds[0] > 0.5
    hard = np.repeat(rng.normal(0, 5, (1, 20)), 4, 0)
    low, high = claim.interval(hard, hard + 1)
    assert (low, high) == (pytest.approx(1), pytest.approx(1)), "a hard clip is hard for both"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["ssim"]', '["ssim", "psnr"]', "by one metric"),
        ('placebo = ["off", "deaf"]\n', "", "name a placebo"),
        ('placebo = ["off", "deaf"]', 'placebo = ["on", "off"]', "name a placebo"),
        ("seeds = 3", "seeds = 2", "2 seeds say nothing; take 3 or more"),
        ("clips = 6", "clips = 5", "5 clips say nothing; take 6 or more"),
        ('from = "off"', 'from = "frozen lips"', "from one cell to another"),
        ("ssim", "cpbd", "no better side"),
    ],
)
def test_a_registration_that_says_too_little_is_refused(old, new, said):
    text = TABLE.replace(old, new).replace("ssim = 0.02", "ssim = 0.02\npsnr = 0.5")
    with pytest.raises(LipkitError, match=said):
        claim.claimed(text)


@pytest.mark.parametrize(
    ("seal", "said"),
    [
        (SEAL, ""),
        ("0" + SEAL, "changed after the first run"),
        (SEAL.split()[0], "is not a time"),
        (SEAL.removesuffix("+00:00"), "with its zone"),
        (SEAL.replace("2026-01", "2999-01"), "not a time that has passed"),
    ],
)
def test_a_seal_is_of_one_text_and_of_a_time(seal, said):
    if not said:
        assert claim.sealed(TABLE, seal).year == 2026
        return
    with pytest.raises(LipkitError, match=said):
        claim.sealed(TABLE, seal)


def test_an_edited_registration_breaks_the_seal():
    with pytest.raises(LipkitError, match="changed after the first run"):
        claim.sealed(TABLE.replace("0.02", "0.01"), SEAL)


@pytest.mark.parametrize(
    ("torn", "said"),
    [
        (lambda s: s.rpartition("\n")[0], "5 clips, but 6"),
        (lambda s: s + "\n" + s.rpartition("\n")[2], "7 clips, but 6"),
        (lambda s: s.replace("on-seed2", "on2-seed2"), "2 runs of on, but 3"),
        (lambda s: s.rpartition(",")[0] + ",nan", "not every run has a number"),
        (lambda s: s.rpartition(",")[0], "not every run has a number"),
        (lambda s: "", "scores: hold no table"),
    ],
)
def test_nothing_that_was_registered_may_be_missing(torn, said):
    with pytest.raises(LipkitError, match=said):
        claim.scores_of(TABLE, torn(scores(0.1)))


def test_evidence_is_what_the_folder_of_an_experiment_holds(tmp_path):
    with pytest.raises(LipkitError, match=r"registration\.json: no such file"):
        claim.evidence(tmp_path)
    when = register(parse_table(TABLE), tmp_path)
    with pytest.raises(LipkitError, match="nothing is measured yet"):
        claim.evidence(tmp_path)
    (_, *runs), *lines = (line.split(",") for line in scores(0.1).splitlines())
    rows = [
        {"row": name, "clip_id": clip, "speaker": "s1", "ssim": value}
        for i, name in enumerate(runs)
        for clip, *values in lines
        for value in [values[i]]
    ]
    rows.append({"row": "frozen lips", "clip_id": CLIPS[0], "speaker": "s1", "ssim": "1"})
    write_csv(tmp_path / FOLDER / "val" / "table_clips.csv", rows)
    found = eval(claim.evidence(tmp_path))
    assert found["scores"].strip() == scores(0.1)
    moment = claim.sealed(found["registration"], found["seal"])
    assert moment == datetime.datetime.fromisoformat(when)
    assert claim.judge(found["registration"], found["scores"]).verdict == "held"
    quoted = tmp_path / "quoted"
    register(parse_table(TABLE.replace('"it helps"', '"""it\nhelps"""')), quoted)
    write_csv(quoted / FOLDER / "val" / "table_clips.csv", rows)
    assert 'helps"""' in eval(claim.evidence(quoted))["registration"]
    write_csv(tmp_path / FOLDER / "other" / "table_clips.csv", rows)
    with pytest.raises(LipkitError, match="measured on other, val; name one"):
        claim.evidence(tmp_path)
    assert eval(claim.evidence(tmp_path, "val")) == found


# The assignment


def failed(change: str) -> set[str]:
    """The parts that a submission loses whose hand-in, or tool, is changed by some code."""
    space, lost = {"__name__": "__main__", "json": json}, set()
    for cell in source("claim_of_your_own").cells:
        if cell.cell_type != "code" or "install" in cell.metadata.get("tags", ()):
            continue
        try:
            exec(compile(cell.source, "cell", "exec"), space)
        except Exception:
            lost.add(marks(cell)["grade_id"])
        if marks(cell).get("grade_id") == "hand-in":
            exec(change, space)
    return lost


def changed(line: str) -> str:
    """The solution's hand-in with one thing changed."""
    return f"right = hand_in\ndef hand_in():\n    found = right()\n    {line}\n    return found"


OVER_CLIPS = """\
own = claims.scores_of(found["registration"], found["scores"])
    c = claims.claimed(found["registration"]).experiment.contrasts[0]
    d = own[c.target].mean(0) - own[c.origin].mean(0)
    i = np.random.default_rng(0).integers(len(d), size=(4000, len(d)))
    found["low"], found["high"] = np.quantile(d[i].mean(1), [0.025, 0.975])
    ends = found["low"], found["high"]
    side = claims.judge(found["registration"], found["scores"]).side
    found["verdict"] = verdict(found["difference"], *ends, side, found["least"])"""
EASIER = """\
import re
    found["registration"] = re.sub(r"ssim = [0-9.]+", "ssim = 0.019", found["registration"])
    found["least"] = claims.judge(found["registration"], found["scores"]).least
    found["verdict"] = verdict(
        found["difference"], found["low"], found["high"], 1, found["least"]
    )"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("pass", set()),
        (EASIER, {"test-kept"}),
        (OVER_CLIPS, {"test-own-interval"}),
        ("found['verdict'] = 'held'", {"test-own-verdict"}),
    ],
    ids=["right", "edited after the run", "interval over clips only", "against the rule"],
)
def test_a_typical_wrong_hand_in_loses_the_points_concerned(line, lost):
    assert failed(changed(line)) == lost


@pytest.mark.slow
def test_the_tools_tell_the_usual_mistakes_apart():
    space = {}
    for cell in source("claim_of_your_own").cells:
        if cell.cell_type == "code" and "install" not in cell.metadata.get("tags", ()):
            exec(compile(cell.source, "cell", "exec"), space)
    tests = {marks(cell)["grade_id"]: cell.source for cell in checks(source("claim_of_your_own"))}

    def over_seeds(origin, target):
        rng = np.random.default_rng(0)
        a, b = (
            cell.mean(1)[rng.integers(len(cell), size=(4000, len(cell)))]
            for cell in (origin, target)
        )
        return np.quantile(b.mean(1) - a.mean(1), [0.025, 0.975])

    def over_clips(origin, target):
        d = target.mean(0) - origin.mean(0)
        i = np.random.default_rng(0).integers(len(d), size=(4000, len(d)))
        return np.quantile(d[i].mean(1), [0.025, 0.975])

    for wrong in (over_seeds, over_clips):
        with pytest.raises(AssertionError):
            exec(tests["test-interval"], space | {"interval": wrong})
    exec(tests["test-interval"], dict(space))


def test_the_hand_in_has_a_cell_that_a_reader_can_follow():
    assert all(len(cell.source.splitlines()) <= 55 for cell in gaps(source("claim_of_your_own")))
