"""Results read back: scores, spread, verdicts in words; and the figures that draw them."""

import csv
import json
import math
import shutil

import numpy as np
import pytest
from stored_results import MEASURED, SPLITS, write_folder
from test_experiments import in_process, prepared, words  # noqa: F401
from test_own_tables import TABLE

from lipkit.cli import run_command
from lipkit.errors import LipkitError, UsageError
from lipkit.experiments import stored
from lipkit.experiments.claims import HELD, UNDECIDED, VERDICTS
from lipkit.experiments.stored import Stored, in_words, overall, read_results
from lipkit.plots import ablation as figures
from lipkit.plots import claims as claims_figures
from lipkit.plots.style import ACCENT, to_png
from lipkit.report.tables import write_csv


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("ablation"))


@pytest.fixture(scope="module")
def ablation(folder) -> Stored:
    return read_results("ablation", folder)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory) -> Stored:
    place = tmp_path_factory.mktemp("comparison")
    return read_results("comparison", write_folder(place, "comparison"))


@pytest.fixture
def nothing(tmp_path, monkeypatch) -> Stored:
    monkeypatch.setattr(stored, "RESULTS", tmp_path / "results")
    return read_results("ablation")


@pytest.mark.slow
def test_what_lipkit_experiment_leaves_is_read(prepared, tmp_path, in_process):  # noqa: F811
    out = tmp_path / "out"
    assert run_command(words(prepared, out, "--cells", "d,e", "--clips", "2")) == 0
    found = read_results("ablation", out)
    (split,) = found.splits
    assert found.cells(split) == ["ground truth", "frozen lips", "mean lips", "d", "e"]
    score = found.score(split, "e", "ssim")
    assert len(score.seeds) == 1
    assert score.low <= score.value <= score.high
    assert [row["contrast"] for row in found.judged(split, "correlation")] == ["correlation"]
    assert found.judged(split, convention="paper")[0]["metric"] == "ssim_paper"
    assert found.curves[0]["cell"] == "d"
    assert found.curves[0]["pix"] > 0
    assert "2 runs of 2 steps" in found.budget()
    assert "4 windows of 2 clips" in found.measured(split)


def test_results_of_rows_that_are_only_measured_are_read(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "out")
    write_csv(tmp_path / "out/curves.csv", [])  # as an experiment without training leaves it
    found = read_results("ablation", tmp_path / "out")
    assert found.curves == []
    assert found.rows


def test_results_of_an_own_table_are_made_by_its_file(tmp_path):
    table = tmp_path / "mine.toml"
    table.write_text(TABLE)
    with pytest.raises(LipkitError) as told:
        read_results(str(table), tmp_path / "nothing")
    order = f"lipkit experiment {table} data/prepared --out runs/mine"
    assert str(told.value).endswith(f"make it by: {order}")


def test_a_score_is_the_mean_of_its_seeds_and_spans_their_intervals(folder, ablation):
    with (folder / "results.csv").open() as file:
        lines = [
            line
            for line in csv.DictReader(file)
            if (line["split"], line["cell"], line["metric"]) == ("s1_test", "d", "ssim")
        ]
    score = ablation.score("s1_test", "d", "ssim")
    assert score.seeds == tuple(float(line["value"]) for line in lines)
    assert score.value == pytest.approx(sum(score.seeds) / 2)
    assert score.low == min(float(line["low"]) for line in lines)
    assert score.high == max(float(line["high"]) for line in lines)


def test_what_was_not_measured_or_is_infinite_has_no_score(ablation):
    assert ablation.score("s1_test", "c2", "lmd") is None
    assert ablation.score("s1_test", "d", "lmd_paper") is None
    assert ablation.score("s1_test", "ground truth", "psnr") is None


def test_the_papers_numbers_stand_beside_those_only_that_mean_the_same(ablation, comparison):
    assert ablation.paper("e", "ssim_paper") == 0.73
    assert ablation.paper("e", "lmd") == 1.18
    assert ablation.paper("e", "ssim") is None
    assert comparison.paper("chung", "psnr_paper") == 29.36
    assert comparison.paper("ground truth", "cpbd_paper") == 0.141
    assert comparison.paper("plus", "lmd") is None
    correlation = ablation.experiment.contrasts[0]
    assert ablation.paper_difference(correlation, "cpbd") == pytest.approx(-0.034)


def test_chance_is_pooled_over_the_cells_by_a_plain_loop(ablation):
    squares, count = 0.0, 0
    for cell in ablation.experiment.choose():
        cell = cell.name
        one, two = ablation.score("s1_test", cell, "lmd").seeds
        squares += (one - two) ** 2 / 2
        count += 1
    expected = 1.96 * math.sqrt(2) * math.sqrt(squares / count)
    assert ablation.chance("s1_test", "lmd") == pytest.approx(expected)
    changes = ablation.seed_differences("s1_test", "lmd")
    widest = ablation.widest("s1_test", "lmd")
    assert abs(changes[widest]) == max(map(abs, changes.values()))
    squares -= changes[widest] ** 2 / 2
    expected = 1.96 * math.sqrt(2) * math.sqrt(squares / (count - 1))
    assert ablation.chance("s1_test", "lmd", widest) == pytest.approx(expected)
    assert changes["d"] == pytest.approx(np.diff(ablation.score("s1_test", "d", "lmd").seeds)[0])
    assert "frozen lips" not in changes


def test_the_budget_is_that_of_the_runs_that_share_it(ablation, comparison):
    assert ablation.budget().startswith("26 runs of 300 steps, 3 to 4 minutes; preset tiny")
    assert comparison.budget().startswith("8 runs of 300 steps")
    assert comparison.budget().endswith("split s1_train; landmarks by the preset landmarks")


def test_one_seed_has_no_spread(tmp_path):
    single = read_results("ablation", write_folder(tmp_path, seeds=1, splits=("s1_test",)))
    assert single.chance("s1_test", "lmd") is None
    assert single.widest("s1_test", "lmd") is None
    assert {row["verdict"] for row in single.claims} == {UNDECIDED}


def test_verdicts_in_words():
    row = {"metric": "lmd", "difference": -0.13, "low": -0.2, "high": -0.06, "paper": -0.13}
    row |= {"verdict": HELD, "seeds": [-0.11, None, -0.15]}
    assert in_words(row) == "lmd -0.13 [-0.2, -0.06], by seed -0.11, -0.15, paper -0.13: held"
    assert "paper" not in in_words(row | {"paper": None})
    other = row | {"verdict": UNDECIDED}
    assert overall([]) == "not measured"
    assert overall([row, row]) == HELD
    assert overall([row, other, row]) == "held by 2, undecided by 1 of 3 metrics"


def test_without_results_the_command_is_said_and_the_paper_remains(nothing):
    assert not nothing
    assert "lipkit experiment ablation" in nothing.missing()
    assert nothing.paper("e", "lmd") == 1.18
    assert nothing.splits == []
    with pytest.raises(LipkitError, match="lipkit experiment"):
        nothing.budget()


def test_folders_that_are_something_else_are_refused(folder, tmp_path):
    with pytest.raises(UsageError, match="did you mean"):
        read_results("ablatoin")
    with pytest.raises(LipkitError, match=r"holds no results\.csv"):
        read_results("ablation", tmp_path)
    with pytest.raises(LipkitError, match="not the comparison"):
        read_results("comparison", folder)
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LipkitError, match=r"results\.json: cannot be read"):
        read_results("ablation", tmp_path)
    about = json.loads((folder / "results.json").read_text())
    (tmp_path / "results.json").write_text(json.dumps(about))
    with pytest.raises(LipkitError, match=r"results\.csv: is not a table"):
        read_results("ablation", tmp_path)


def points(ax, colour):
    """All (x, y) of markers in a colour"""
    found = [line for line in ax.lines if line.get_color() == colour and line.get_marker() != "|"]
    return [xy for line in found for xy in zip(*line.get_data(), strict=True)]


def test_the_table_draws_each_row_in_its_place(ablation):
    rows = ["b", "e"]
    figure = figures.table_figure(ablation, list(SPLITS), rows, ["lmd", "ssim"])
    to_png(figure, scale=0.4)
    lmd, ssim = figure.axes
    (one, two) = points(lmd, ACCENT)
    assert (one[0], two[0]) == (1.28, 1.18)
    assert points(ssim, ACCENT) == [], "standard SSIM is not what the paper printed"
    drawn = [x for x, _ in points(lmd, figures.FUSED)]
    for split in SPLITS:
        for row in rows:
            assert ablation.score(split, row, "lmd").value in drawn
    assert lmd.lines[0].get_xdata()[0] == ablation.score("s1_test", "frozen lips", "lmd").value
    names = [label.get_text() for label in lmd.get_yticklabels()]
    assert names == ["b  pixel loss only", "e  full: all four losses"]


def shown(figure, contrasts, families=("lmd", "ssim", "cpbd")):
    """(contrast, family) -> panel, without those of which the claim says nothing"""
    panels = iter(figure.axes)
    found = {(contrast, family): next(panels) for contrast in contrasts for family in families}
    return {key: ax for key, ax in found.items() if ax.axison}


def test_claims_are_coloured_and_named_by_their_verdict(ablation):
    figure = claims_figures.claims_figure(ablation, "s1_test", block="paper")
    to_png(figure, scale=0.4)
    judged = [row for row in ablation.judged("s1_test") if row["block"] == "paper"]
    panels = shown(figure, dict.fromkeys(row["contrast"] for row in judged))
    assert set(panels) == {(row["contrast"], row["metric"]) for row in judged}
    for row in judged:
        ax = panels[row["contrast"], row["metric"]]
        texts = [text.get_text() for text in ax.texts]
        (said,) = [text for text in texts if text.startswith(row["verdict"] + "\n")]
        assert f"{row['difference']:+.2g}" in said
        colour = claims_figures.VERDICTS[row["verdict"]]
        assert row["difference"] in [x for x, _ in points(ax, colour)]
        assert row["paper"] in [pytest.approx(x) for x, _ in points(ax, ACCENT)]
        assert f"{row['paper']:+.2g}" in texts


def test_a_large_effect_does_not_flatten_the_others(ablation):
    figure = claims_figures.claims_figure(ablation, "s1_test", block="paper")
    judged = [row for row in ablation.judged("s1_test") if row["block"] == "paper"]
    panels = shown(figure, dict.fromkeys(row["contrast"] for row in judged))
    for row in judged:
        low, high = panels[row["contrast"], row["metric"]].get_xlim()
        ends = row["low"], row["high"], row["paper"], *row["seeds"]
        assert max(abs(end) for end in ends) > 0.7 * high
        assert low < min(ends)
        assert max(ends) < high


def test_all_blocks_may_be_shown_though_a_family_was_not_measured(ablation):
    figure = claims_figures.claims_figure(ablation, "s1_test")
    heads = [ax.get_title() for ax in figure.axes if ax.get_title()]
    asked = dict.fromkeys(m for c in ablation.experiment.contrasts for m in c.metrics)
    assert len(heads) == len(asked)


def test_without_results_claims_show_the_paper_alone(nothing):
    figure = claims_figures.claims_figure(nothing, "s1_test", block="paper")
    to_png(figure, scale=0.4)
    contrasts = [c for c in nothing.experiment.contrasts if c.block == "paper"]
    panels = shown(figure, [c.name for c in contrasts])
    assert len(panels) == sum(len(c.metrics) for c in contrasts)
    for (name, family), ax in panels.items():
        contrast = next(c for c in contrasts if c.name == name)
        paper = nothing.paper_difference(contrast, family)
        assert [x for x, _ in points(ax, ACCENT)] == [paper]
        words = [text.get_text() for text in ax.texts if contrast.claim[:9] not in text.get_text()]
        assert words == [f"{paper:+.2g}"]
    to_png(figures.table_figure(nothing, [], ["d", "e"]), scale=0.4)
    to_png(figures.spread_figure(nothing, "", {"lmd": "lmd"}), scale=0.4)


def test_spread_shows_every_pair_of_seeds_both_ways(ablation):
    figure = figures.spread_figure(ablation, "s1_test", {"lmd": "lmd", "cpbd": "cpbd"})
    to_png(figure, scale=0.4)
    changes = ablation.seed_differences("s1_test", "lmd").values()
    drawn = [x for x, y in points(figure.axes[0], figures.FUSED) if y == 0]
    assert sorted(drawn) == sorted([*changes, *(-change for change in changes)])
    assert len(points(figure.axes[0], ACCENT)) == 5
    assert len(points(figure.axes[1], ACCENT)) == 2


def test_a_pair_outside_of_the_panel_is_written(tmp_path):
    folder = write_folder(tmp_path, splits=("s1_test",))
    lines = (folder / "results.csv").read_text().splitlines()
    astray = next(i for i, line in enumerate(lines) if line.startswith("s1_test,h,1,lmd,"))
    parts = lines[astray].split(",")
    lines[astray] = ",".join([*parts[:7], "9.0", *parts[8:]])
    (folder / "results.csv").write_text("\n".join(lines) + "\n")
    found = read_results("ablation", folder)
    assert found.widest("s1_test", "lmd") == "h"
    figure = figures.spread_figure(found, "s1_test", {"lmd": "lmd"})
    to_png(figure, scale=0.4)
    (ax,) = figure.axes
    assert [text.get_text()[:2] for text in ax.texts] == ["h:"]
    assert max(abs(x) for x, _ in points(ax, figures.FUSED)) < ax.get_xlim()[1] < 2


def test_the_budget_counts_the_runs_that_are_whole(tmp_path):
    folder = write_folder(tmp_path, splits=("s1_test",))
    about = json.loads((folder / "results.json").read_text())
    about["runs"][0]["status"] = "not run"
    (folder / "results.json").write_text(json.dumps(about))
    assert read_results("ablation", folder).budget().startswith("25 runs")


def test_curves_have_a_line_for_each_run_that_has_the_loss(ablation):
    figure = figures.curves_figure(ablation.curves, ["pix", "gen"], ["d", "e"])
    to_png(figure, scale=0.4)
    pix, gen = figure.axes
    assert len(pix.lines) == 2 * 11, "a and f have no pixel loss"
    assert len(gen.lines) == 2 * 12, "b has no discriminator"
    assert pix.lines[-1].get_color() != pix.lines[0].get_color()
    with pytest.raises(ValueError, match="no step"):
        figures.curves_figure([], ["pix"])


def test_true_and_wrapped_psnr_stand_on_one_line(comparison):
    rows = ["frozen lips", "chung", "plus"]
    figure = figures.wrapping_rows_figure(comparison, "s1_test", rows, 27.9)
    to_png(figure, scale=0.4)
    (ax,) = figure.axes
    drawn = [x for x, _ in points(ax, figures.FUSED)]
    for row in rows:
        for metric in ("psnr", "psnr_paper"):
            assert comparison.score("s1_test", row, metric).value in drawn
    assert [x for x, _ in points(ax, ACCENT)] == [29.36]
    assert set(MEASURED) >= {"psnr", "psnr_paper"}


def test_results_of_an_older_form_say_so(folder, tmp_path, ablation):
    assert ablation.old() == ""
    shutil.copytree(folder, tmp_path / "old")
    claims = json.loads((folder / "claims.json").read_text())
    del claims["form"]
    (tmp_path / "old" / "claims.json").write_text(json.dumps(claims))
    found = read_results("ablation", tmp_path / "old")
    assert found.form == 1
    assert "no correction for the number of claims" in found.old()


def test_every_verdict_has_a_colour_of_its_own():
    assert len({claims_figures.VERDICTS[verdict] for verdict in VERDICTS}) == 4


def test_an_effect_without_an_interval_is_said_in_words():
    row = {"metric": "lmd", "difference": None, "verdict": UNDECIDED}
    assert in_words(row) == "lmd has no interval, for want of seeds or clips: undecided"
