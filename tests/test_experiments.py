"""Experiments: the paper's tables as data, and from a plan to results and verdicts."""

import csv
import dataclasses
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from training_sets import ALL_LOSSES, make_set

import lipkit.experiments.job
import lipkit.experiments.queue
from lipkit.cli import run_command
from lipkit.errors import Diverged, LipkitError, UsageError
from lipkit.evaluation.split import spread
from lipkit.experiments import job, pages, queue
from lipkit.experiments.claims import HELD, UNDECIDED
from lipkit.experiments.collect import (
    CURVE_POINTS,
    change_at_end,
    curves,
    paper_values,
    rows_of,
)
from lipkit.experiments.columns import experiment
from lipkit.experiments.measure import (
    Measured,
    MeasureOptions,
    _joined,
    to_measure,
    whole_runs,
)
from lipkit.experiments.outcome import finish
from lipkit.experiments.plan import CLAIM, PlanOptions, claim, make_plan
from lipkit.experiments.records import DIVERGED, FAILED, read_record
from lipkit.experiments.restarts import diverged, with_restarts
from lipkit.files import owning
from lipkit.losses import weights
from lipkit.presets import preset
from lipkit.training.run_folder import read_log

TRAIN, TEST = "s1_train", "s1_test"
SMALL = {key: value for key, value in ALL_LOSSES.items() if key != "train.steps"}
METRICS = ["ssim", "psnr", "ssim_paper"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("set"), {TRAIN: 3, TEST: 4}, frames=24)


def plan_of(prepared, out, name="ablation", **options):
    options = {"preset": "tiny", "settings": SMALL, "steps": 2, "train_split": TRAIN} | options
    return make_plan(name, prepared, out, PlanOptions(**options))


def told(**options) -> MeasureOptions:
    return MeasureOptions(workers=0, progress=False, **options)


@pytest.fixture
def in_process(monkeypatch):
    """Trains in this process; gives the names of the runs that were begun."""
    begun = []

    def train_here(task, processes=None):
        folder = Path(task.folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / job.ORDER).write_text(json.dumps(task.order))
        begun.append(folder.name)
        job.main(folder)
        record = read_record(folder)
        return record["reason"] if record["status"] == FAILED else ""

    monkeypatch.setattr(queue, "train_apart", train_here)
    return begun


def test_each_column_switches_what_the_paper_says(prepared, tmp_path):
    #      corr pix perc gen, third stream, derivatives
    hand = {
        "a": (0, 0, 0, 1, "three", True),
        "b": (0, 1, 0, 0, "three", True),
        "c1": (1, 1, 0, 1, "three", True),
        "c2": (1, 0, 0, 1, "three", True),
        "d": (0, 1, 1, 1, "three", True),
        "e": (1, 1, 1, 1, "three", True),
        "f": (1, 0, 1, 1, "three", True),
        "g": (1, 1, 1, 1, "two", True),
        "h": (1, 1, 1, 1, "two", False),
        "i": (1, 1, 1, 1, "frame_difference", True),
    }
    for base in ("paper", "tiny"):
        loss = preset(base).loss
        on = (loss.corr.weight, loss.pix.weight, loss.perc.weight, loss.gen.weight)
        plan = plan_of(prepared, tmp_path, preset=base, settings={}, cells=list(hand))
        assert [run.cell.name for run in plan.runs] == list(hand)
        for run in plan.runs:
            loss = run.preset.loss
            found = (loss.corr.weight, loss.pix.weight, loss.perc.weight, loss.gen.weight)
            *switches, streams, derivative = hand[run.cell.name]
            assert found == tuple(w * s for w, s in zip(on, switches, strict=True)), run.cell.name
            assert (loss.gen.streams, loss.corr.derivative) == (streams, derivative)
            assert run.preset.generator == preset(base).generator


def test_of_two_readings_one_is_the_default():
    names = [cell.name for cell in experiment("ablation").choose()]
    assert names[:9] == ["a", "b", "c1", "d", "e", "f", "g", "h", "i"]
    assert names[9:] == ["d_longer", "e_pearson", "e_mended", "e_placebo"]


@pytest.mark.parametrize("name", ["vondrick", "chung"])
def test_a_baseline_takes_the_losses_of_its_preset_and_our_width(prepared, tmp_path, name):
    settings = {"generator.width": 0.5, "train.batch_size": 8}
    plan = plan_of(
        prepared, tmp_path, "comparison", preset="paper", settings=settings, cells=[name]
    )
    (made,) = [run.preset for run in plan.runs]
    own = preset(name)
    assert made.generator.architecture == own.generator.architecture == name
    assert (made.generator.width, made.train.batch_size) == (0.5, 8)
    mine, theirs = weights(made.loss), weights(own.loss)
    assert {name for name in mine if mine[name]} == {name for name in theirs if theirs[name]}
    if own.loss.gen.weight > 0:
        assert made.loss.gen.streams == own.loss.gen.streams


def test_a_preset_of_its_own_keeps_data_and_minutes(prepared, tmp_path):
    plan = plan_of(
        *(prepared, tmp_path, "comparison"),
        cells=["landmarks", "retrieval", "plus"],
        minutes=3,
        settings=SMALL | {"train.precision": "bf16"},
    )
    (run,) = plan.runs
    train, own = run.preset.train, preset("landmarks").train
    assert (train.train_split, train.minutes, train.precision) == (TRAIN, 3, "bf16")
    assert (train.batch_size, train.steps) == (own.batch_size, own.steps)
    said = f"has its own preset's budget: {own.steps:,} steps of {own.batch_size} windows."
    assert f"landmarks {said}" in pages._training(plan)
    assert [cell.name for cell in plan.measured] == ["retrieval", "plus"]


def test_all_cells_of_a_seed_come_before_the_next(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["e", "d"], seeds=2, minutes=6)
    assert [run.name for run in plan.runs] == ["e-seed0", "d-seed0", "e-seed1", "d-seed1"]
    assert [run.preset.train.seed for run in plan.runs] == [0, 0, 1, 1]
    text = plan.text()
    assert "4 runs" in text
    assert "6 minutes or 2 steps, whichever comes first" in text
    assert "at most 0.4 hours" in text
    assert "loss.corr.weight=0" in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cells": ["d", "k1"]}, "did you mean"),
        ({"cells": ["d", "d"]}, "twice"),
        ({"cells": []}, "names no cell"),
        ({"settings": {"loss.gen.streams": "two"}}, "leave it out"),
        ({"settings": {"train.seed": 3}}, "--seeds"),
        ({"settings": {"loss.pix.weight": 0}}, "loss.pix.weight is 0"),
        ({"settings": {"loss.pixs.weight": 0}}, "did you mean 'loss.pix.weight'"),
        ({"preset": "plus", "settings": {}}, "is 0 in preset plus"),
        ({"settings": {"train.guided": 0.5}}, "glance cannot take true mouth points"),
        ({"train_split": "s2_train"}, "its splits: s1_test, s1_train"),
        ({"name": "ablatoin"}, "did you mean 'ablation'"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(prepared, tmp_path, options, said):
    with pytest.raises(UsageError, match=said):
        plan_of(prepared, tmp_path, **options)


def test_a_folder_belongs_to_one_experiment(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path / "a", cells=["d"])
    claim(plan)
    claim(plan_of(prepared, tmp_path / "a", cells=["e"], seeds=2))
    claim(plan_of(prepared, tmp_path / "a", settings=SMALL | {"train.workers": 2}))
    with pytest.raises(UsageError, match=r"train\.steps=2, not 3"):
        claim(plan_of(prepared, tmp_path / "a", steps=3))
    with pytest.raises(UsageError, match="experiment=ablation, not comparison"):
        claim(plan_of(prepared, tmp_path / "a", "comparison"))
    other = make_set(tmp_path / "set", {TRAIN: 3}, statistics={"logmel_mean": 0, "logmel_std": 1})
    with pytest.raises(UsageError, match="logmel_mean"):
        claim(plan_of(other, tmp_path / "a"))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").touch()
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        claim(plan_of(prepared, tmp_path / "b"))


def test_a_setting_that_is_newer_than_the_folder_has_its_default(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["d"])
    claim(plan)
    old = json.loads((tmp_path / CLAIM).read_text())
    del old["settings"]["train"]["ema"]
    (tmp_path / CLAIM).write_text(json.dumps(old))
    claim(plan_of(prepared, tmp_path, settings=SMALL | {"train.ema": 0}))
    with pytest.raises(UsageError, match=r"train\.ema"):
        claim(plan)


def words(prepared, out, *more) -> list[str]:
    options = [f"--set={key}={value}" for key, value in SMALL.items()]
    metrics = [word for name in METRICS for word in ("--metric", name)]
    return [
        *("experiment", "ablation", str(prepared), "--out", str(out), "--preset", "tiny"),
        *("--steps", "2", "--train-split", TRAIN, "--test-split", TEST, "--workers", "1"),
        *options,
        *metrics,
        *more,
    ]


@pytest.mark.slow
def test_from_a_command_to_results_and_claims(prepared, tmp_path, in_process, capsys, monkeypatch):
    train = job.train

    def faulty(folder, order, preset):
        if order["cell"] == "d" and order["seed"] == 1:
            raise LipkitError(f"{folder}: the pixel loss is nan; take a smaller rate")
        return train(folder, order, preset)

    monkeypatch.setattr(lipkit.experiments.job, "train", faulty)
    out = tmp_path / "out"
    command = words(prepared, out, "--cells", "d,e", "--seeds", "2", "--clips", "3")
    assert run_command(command) == 1
    said = capsys.readouterr()
    assert "d-seed1: " in said.out
    assert "the pixel loss is nan" in said.out
    last = said.err.splitlines()[-1]
    assert last.startswith(f"lipkit: {out}: 1 of 4 runs failed, such as d-seed1: ")
    assert in_process == ["d-seed0", "e-seed0", "d-seed1", "e-seed1"]
    (claimed, *_) = json.loads((out / "claims.json").read_text())["claims"]
    assert (len(claimed["seeds"]), claimed["block"]) == (1, "paper")

    monkeypatch.setattr(lipkit.experiments.job, "train", train)
    in_process.clear()
    assert run_command(command) == 0
    assert in_process == ["d-seed1"], "whole runs are kept, the failed one is tried again"

    with (out / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    cells = ["ground truth", "frozen lips", "mean lips", "d", "e"]
    assert {row["cell"] for row in rows} == set(cells)
    assert len(rows) == (3 + 2 * 2) * len(METRICS)
    ssim = {(r["cell"], r["seed"]): r for r in rows if r["metric"] == "ssim_paper"}
    assert float(ssim["e", "1"]["paper"]) == 0.73
    assert float(ssim["e", "1"]["low"]) <= float(ssim["e", "1"]["value"])
    assert (ssim["e", "1"]["clips"], ssim["e", "1"]["windows"]) == ("3", "6")
    assert next(r for r in rows if r["metric"] == "ssim")["paper"] == ""

    about = json.loads((out / "results.json").read_text())
    assert about["budget_of_each_run"]["steps"] == 2
    assert [run["steps"] for run in about["runs"]] == [2, 2, 2, 2]
    assert all(run["torch"] and run["device"] and run["threads"] for run in about["runs"])
    assert about["runs"][0]["set"]["loss.corr.weight"] == 0

    claims = json.loads((out / "claims.json").read_text())["claims"]
    assert {row["contrast"] for row in claims} == {"correlation"}
    row = next(row for row in claims if row["metric"] == "ssim_paper")
    assert row["paper"] == pytest.approx(0.03)
    values = [float(ssim[cell, seed]["value"]) for seed in "01" for cell in "de"]
    by_hand = [values[1] - values[0], values[3] - values[2]]
    np.testing.assert_allclose(row["seeds"], by_hand, atol=2e-5)
    assert row["difference"] == pytest.approx(np.mean(by_hand), abs=2e-5)
    assert row["low"] < row["difference"] < row["high"]
    assert row["matters"] == 0.02
    assert row["verdict"] in (UNDECIDED, HELD, "not held", "too small to matter")
    with (out / "people.csv").open() as file:
        people = list(csv.DictReader(file))
    assert {line["person"] for line in people} == {"s1"}
    assert len(people) == len(rows)

    assert (out / "strip.png").read_bytes()[1:4] == b"PNG"
    assert "](strip.png)" in (out / "page.md").read_text()
    page = (out / "table.md").read_text()
    for needed in ("2 steps", "0.730", "frozen lips", "3 of the split's 4 clips", "Held:", "±"):
        assert needed in page
    lines = (out / "table.tex").read_text().splitlines()
    columns = [line.count(" & ") for line in lines if line.endswith(r"\\")]
    assert set(columns) == {3}
    with (out / "curves.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [p["step"] for p in points if (p["cell"], p["seed"]) == ("e", "1")] == ["1", "2"]
    assert {p["corr"] for p in points if p["cell"] == "d"} == {""}


@pytest.mark.slow
def test_a_contrast_of_cells_that_no_column_is_read_for(
    prepared, tmp_path, in_process, monkeypatch
):
    """Our own cells have no confidence: that they are what they are called is not in doubt."""
    table = experiment("ablation")
    own = [dataclasses.replace(table.cells[name], confidence=None) for name in "bd"]
    one = dataclasses.replace(table.contrasts[0], origin="b", target="d", metrics=("ssim",))
    changed = dataclasses.replace(
        table, cells=table.cells | {c.name: c for c in own}, contrasts=(one,)
    )
    monkeypatch.setattr("lipkit.experiments.own_tables.experiment", lambda name: changed)
    plan = plan_of(prepared, tmp_path, cells=["b", "d"], steps=1)
    claim(plan)
    queue.run_all(plan, progress=False)
    page = finish(plan, to_measure(prepared, [TEST]), told(metrics=("ssim",)))
    (judged,) = json.loads((tmp_path / "claims.json").read_text())["claims"]
    assert judged["confidence"] is None
    assert "paper claims" in page.split("## Claims")[1]
    assert page.split("## Claims")[1].split("\n")[6].endswith("| – |")


@pytest.mark.slow
def test_a_half_trained_run_is_continued_and_its_seconds_count(prepared, tmp_path, in_process):
    early = plan_of(prepared, tmp_path, cells=["b"], steps=2)
    queue.run_all(early, progress=False)
    (run,) = early.runs
    before = read_log(run.folder)
    (run.folder / "run.json").unlink()

    late = plan_of(prepared, tmp_path, cells=["b"], steps=4)
    with ThreadPoolExecutor(1) as executor:  # any will do
        queue.run_all(late, executor=executor, progress=False)
    after = read_log(run.folder)
    assert [row["step"] for row in after] == [1, 2, 3, 4]
    assert after[:2] == before
    assert after[2]["seconds"] > before[1]["seconds"], "the clock goes on"
    assert read_record(run.folder)["seconds"] == pytest.approx(after[3]["seconds"], abs=0.06)


@pytest.mark.slow
def test_a_run_whose_minutes_are_over_ends_at_once(prepared, tmp_path, in_process):
    early = plan_of(prepared, tmp_path, cells=["b"], steps=2, minutes=1e-6)
    queue.run_all(early, progress=False)
    (run,) = early.runs
    assert read_record(run.folder)["steps"] == 1


@pytest.mark.slow
def test_spent_counts_what_the_checkpoint_holds(prepared, tmp_path, in_process):
    plan = plan_of(prepared, tmp_path, cells=["b"], steps=2)
    assert job.spent(plan.runs[0].folder) == 0
    queue.run_all(plan, progress=False)
    log = read_log(plan.runs[0].folder)
    with (plan.runs[0].folder / "log.jsonl").open("a") as file:
        file.write(json.dumps(log[-1] | {"step": 3, "seconds": 999}) + "\n")
    assert round(job.spent(plan.runs[0].folder), 3) == log[1]["seconds"]  # the log rounds


@pytest.mark.slow
def test_a_run_has_a_process_of_its_own(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["b"], steps=1)
    assert queue.run_all(plan, progress=False) == []
    (run,) = plan.runs
    assert read_record(run.folder)["status"] == "whole"
    assert "memory:" in (run.folder / queue.OUTPUT).read_text()


def test_a_process_that_dies_costs_its_run(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(lipkit.experiments.queue.sys, "executable", "false")
    plan = plan_of(prepared, tmp_path, cells=["b", "e"], steps=1)
    assert queue.run_all(plan, workers=2, progress=False) == list(plan.runs)
    assert "ended by code 1" in read_record(plan.runs[1].folder)["reason"]


def test_two_commands_are_not_at_work_in_one_folder(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["b"])
    with owning(tmp_path), pytest.raises(LipkitError, match="another lipkit command"):
        queue.run_all(plan, progress=False)


def of_error(folder: Path, error: float | None, status: str = "whole") -> None:
    """What a run leaves whose error on the validation clips is this."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {} if error is None else {"val_l1": error, "val_l1_frozen": 0.06}
    record = {"status": status, "reason": "", "steps": 2, "seconds": 1.0, "metrics": metrics}
    (folder / "run.json").write_text(json.dumps(record | {"settings": {}}))
    (folder / "weights.safetensors").write_bytes(b"")


def test_who_diverged_is_decided_by_the_rule(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["f", "h"], seeds=3)
    errors = {"f": (0.30, 0.31, 0.32), "h": (0.056, 0.278, 0.057)}
    for run in plan.runs:
        of_error(run.folder, errors[run.cell.name][run.seed])
    assert [run.name for run in diverged(plan)] == ["h-seed1"], "f is bad with every seed"
    again = with_restarts(plan)
    (new,) = again.runs[len(plan.runs) :]
    assert (new.name, new.replaces, new.preset.train.seed) == ("h-seed3", "h-seed1", 3)
    names = [run.name for run in whole_runs(again)]
    assert "h-seed1" in names, "it stays until the other is whole"
    of_error(new.folder, 0.30)
    names = [run.name for run in whole_runs(again)]
    assert ("h-seed1" in names, "h-seed3" in names) == (False, True), "a second failure counts"
    assert with_restarts(plan).runs == again.runs, "once, and no more"


@pytest.mark.slow
def test_a_loss_that_is_not_finite_restarts_the_cell_once(
    prepared, tmp_path, in_process, monkeypatch, capsys
):
    train = job.train

    def faulty(folder, order, preset):
        if order["cell"] == "b" and order["seed"] == 0:
            raise Diverged(f"{folder}: the pixel loss is nan")
        return train(folder, order, preset)

    monkeypatch.setattr(lipkit.experiments.job, "train", faulty)
    plan = plan_of(prepared, tmp_path, cells=["b"], steps=1)
    claim(plan)
    assert queue.run_all(plan) == []
    assert in_process == ["b-seed0", "b-seed1"]
    assert "b-seed0 diverged: b-seed1 is trained in its place" in capsys.readouterr().out
    assert read_record(plan.runs[0].folder)["status"] == DIVERGED
    in_process.clear()
    assert queue.run_all(plan, progress=False) == []
    assert in_process == [], "it would diverge again"
    page = finish(plan, to_measure(prepared, [TEST]), told(metrics=("ssim",)))
    assert "the pixel loss is nan" in page
    assert "in place of b-seed0" in page
    with (tmp_path / "results.csv").open() as file:
        seeds = [row["seed"] for row in csv.DictReader(file) if row["cell"] == "b"]
    assert seeds == ["1"]


@pytest.mark.slow
def test_one_training_serves_several_tests(prepared, tmp_path, in_process, tmp_path_factory):
    other = make_set(tmp_path_factory.mktemp("other"), {TEST: 2, "strangers": 3}, frames=24)
    plan = plan_of(prepared, tmp_path / "out", cells=["b"], steps=1)
    claim(plan)
    queue.run_all(plan, progress=False)
    tests = to_measure(prepared, [TEST], [f"{other}:{TEST}", f"{other}:strangers"])
    assert [test.name for test in tests] == [TEST, f"{other.name}-{TEST}", "strangers"]
    finish(plan, tests, told(metrics=("ssim",)))
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["cell"] == "b"]
    assert {row["split"]: row["clips"] for row in rows} == {
        TEST: "4",
        f"{other.name}-{TEST}": "2",
        "strangers": "3",
    }
    about = json.loads((tmp_path / "out" / "results.json").read_text())
    assert about["splits"]["strangers"]["split"] == "strangers"


@pytest.mark.slow
def test_a_cell_may_be_trained_on_a_variant_and_another_measured_otherwise(
    prepared, tmp_path, in_process, tmp_path_factory
):
    variant = make_set(tmp_path_factory.mktemp("variant"), {TRAIN: 3, TEST: 4}, frames=24)
    small = {key: value for key, value in SMALL.items() if not key.startswith("data.")}
    options = {"settings": small, "steps": 1, "cells": ["clean", "batch_norm", "per_frame"]}
    plan = plan_of(prepared, tmp_path, "faults", **options)
    assert [cell.name for cell in plan.left_out] == ["per_frame"]
    assert "give --variant per_frame=PREPARED" in plan.text()
    plan = plan_of(prepared, tmp_path, "faults", variants={"per_frame": variant}, **options)
    assert [run.prepared for run in plan.runs] == [prepared, variant]
    claim(plan)
    queue.run_all(plan, progress=False)
    finish(plan, to_measure(prepared, [TEST]), told(metrics=("ssim", "psnr")))
    claims = json.loads((tmp_path / "claims.json").read_text())["claims"]
    another = shutil.copytree(variant, tmp_path_factory.mktemp("another") / "set")
    told_of = json.loads((another / "prepare.json").read_text())
    told_of["statistics"]["logmel_mean"] -= 1
    (another / "prepare.json").write_text(json.dumps(told_of))
    with pytest.raises(UsageError, match=r"per_frame-seed0: was made with prepared\.statistics"):
        claim(plan_of(prepared, tmp_path, "faults", variants={"per_frame": another}, **options))
    assert {row["contrast"] for row in claims} == {"batch_norm", "per_frame"}
    assert {row["block"] for row in claims} == {"faults"}
    with (tmp_path / "results.csv").open() as file:
        cells = {row["cell"] for row in csv.DictReader(file)}
    assert cells == {"ground truth", "frozen lips", "mean lips", "clean", "batch_norm", "per_frame"}


def test_a_cell_of_equal_time_has_more_steps(prepared, tmp_path):
    plan = plan_of(prepared, tmp_path, cells=["d", "d_longer"], steps=100, minutes=8)
    budgets = {run.cell.name: run.preset.train for run in plan.runs}
    assert (budgets["d"].steps, budgets["d"].minutes) == (100, 8)
    assert (budgets["d_longer"].steps, budgets["d_longer"].minutes) == (125, 10)


def test_each_gpu_gets_a_run(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert queue.gpus() == ["2", "5"]
    seen = []
    monkeypatch.setattr(queue, "train_apart", lambda task, _: seen.append(task.variables))
    machine = queue.Machine(2)
    for _ in range(2):
        machine.train(queue.Task("x", {}, {"A": "b"}))
    assert [s["CUDA_VISIBLE_DEVICES"] for s in seen] == ["2", "5"]
    assert seen[0]["A"] == "b"


def test_nothing_whole_is_one_line(prepared, tmp_path, capsys):
    assert run_command(words(prepared, tmp_path / "o", "--stage", "evaluate", "-q")) == 1
    err = capsys.readouterr().err
    assert "no run is whole yet; train first" in err
    assert err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_where_every_run_failed_the_reason_is_said(prepared, tmp_path, monkeypatch, capsys):
    def full(folder, order, preset):
        raise LipkitError(f"{folder}: the disk is full; free some space")

    monkeypatch.setattr(lipkit.experiments.job, "train", full)
    assert run_command(words(prepared, tmp_path / "o", "--cells", "d", "-q")) == 1
    err = capsys.readouterr().err
    last = err.splitlines()[-1]
    assert "no run is whole yet (d-seed0: " in last
    assert "the disk is full" in last


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--cells", "d,k1"], "did you mean"),
        (["--test-split", "s9_test"], "its splits"),
        (["--test-split", ""], "names no split"),
        (["--metric", "ssmi"], "did you mean 'ssim'"),
        (["--stage", "bake"], "all, train, evaluate"),
        (["--scheduler", "tcp://h:1"], "exclude each other"),
    ],
)
def test_what_is_typed_wrong_is_one_line_and_writes_nothing(prepared, tmp_path, capsys, more, said):
    assert run_command(words(prepared, tmp_path / "o", *more)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_dry_run_shows_the_plan_and_writes_nothing(prepared, tmp_path, capsys):
    assert run_command(words(prepared, tmp_path / "o", "--dry-run", "--seeds", "2")) == 0
    assert "26 runs" in capsys.readouterr().out
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_the_landmark_model_may_be_missing(prepared, tmp_path, monkeypatch, in_process):
    def absent(_=None):
        raise LipkitError("no landmark model; get one")

    monkeypatch.setattr("lipkit.face.landmarks.find_landmark_model", absent)
    plan = plan_of(prepared, tmp_path, cells=["b"], steps=1)
    claim(plan)
    queue.run_all(plan, progress=False)
    page = finish(plan, to_measure(prepared, [TEST]), told(metrics=("ssim", "lmd")))
    assert "LMD: left out; no landmark model" in page


def test_a_curve_is_thinned_to_means(prepared, tmp_path, monkeypatch):
    rows = [{"step": i + 1, "loss": float(i), "seconds": 0.5 * i} for i in range(1000)]
    plan = plan_of(prepared, tmp_path, cells=["b"])
    monkeypatch.setattr("lipkit.experiments.collect.whole_runs", lambda plan: plan.runs)
    monkeypatch.setattr("lipkit.training.run_folder.read_log", lambda folder: rows)
    found = curves(plan)
    assert len(found) == CURVE_POINTS
    assert found[0] == {"cell": "b", "seed": 0, "step": 10, "seconds": 4.5, "loss": 4.5}


def test_a_run_that_was_whole_too_late_has_no_row(prepared, tmp_path, monkeypatch):
    """Another command may train into the folder while this one measures."""
    plan = plan_of(prepared, tmp_path, cells=["b", "d"], seeds=2)
    monkeypatch.setattr("lipkit.experiments.collect.whole_runs", lambda plan: plan.runs)
    measured = Measured({"rows": [{"name": n} for n in ("b-seed0", "d-seed0", "d-seed1")]}, {}, {})
    assert rows_of(plan, measured) == {"b": ["b-seed0"], "d": ["d-seed0", "d-seed1"]}


def test_rows_of_another_evaluation_are_averaged_over_the_same_people():
    def measured(row, averaged):
        rows = {"a": {"ssim": 0.2}, "b": {"ssim": 0.6}, "c": {"ssim": None}}
        people = [
            {"name": name, "averaged": name in averaged, "rows": {row: own}}
            for name, own in rows.items()
        ]
        value = {"mean": 0.9, "low": 0.8, "high": 1.0}
        told = {"rows": [{"name": row, "metrics": {"ssim": value}}], "people": people}
        clips = {(row, "ssim"): dict.fromkeys("abc", 0.5)}
        return Measured(told, clips, {name: name for name in averaged})

    same = _joined(measured("one", "ab"), measured("other", "ab")).summary["rows"][1]
    assert same["metrics"]["ssim"] == {"mean": 0.9, "low": 0.8, "high": 1.0}
    other = _joined(measured("one", "abc"), measured("other", "b")).summary["rows"][1]
    assert other["metrics"]["ssim"]["mean"] == pytest.approx(0.4)
    none = _joined(measured("one", "c"), measured("other", "b")).summary["rows"][1]
    assert none["metrics"]["ssim"]["mean"] is None


def test_retrieval_is_not_measured_on_what_it_searches(prepared, tmp_path, capsys):
    own = ["experiment", "comparison", str(prepared), "--out", str(tmp_path / "o"), "--dry-run"]
    own += ["--preset", "tiny", "--train-split", TEST, "--test-split", TEST]
    assert run_command(own) == 2
    assert "each window would find itself" in capsys.readouterr().err


def test_a_run_that_still_falls_says_so():
    steady = [{"step": i, "loss": 9.0, "pix": 2.0} for i in range(50)]
    falling = [{"step": i, "loss": 100.0 - i} for i in range(50)]
    assert change_at_end(steady) == 0
    assert change_at_end(falling) == pytest.approx((100 - 44.5) / (100 - 34.5) - 1)
    assert change_at_end(steady[:9]) is None


def test_clips_are_evenly_spread():
    assert spread(list("abcdefg"), 3)[0] == ["a", "c", "e"]
    assert spread(list("ab"), 5) == (["a", "b"], [])


def test_the_papers_numbers_are_those_of_the_fact_sheet():
    cells = experiment("ablation").cells
    assert paper_values(cells["e"], "grid") == {
        "lmd": 1.18,
        "ssim": 0.73,
        "psnr": 29.98,
        "cpbd": 0.175,
    }
    full = experiment("comparison").cells["full"]
    assert paper_values(full, "lrw")["lmd"] == 1.92
    assert paper_values(full, "synthetic")["psnr"] == 29.89
    assert paper_values("ground truth", "grid") == {"lmd": 0.0, "cpbd": 0.141}
    assert paper_values("frozen lips", "grid") == {}
    expected = {  # fact sheet 9.2, "contrasts usable as claims"
        ("correlation", "lmd"): -0.13,
        ("correlation", "ssim"): 0.03,
        ("correlation", "cpbd"): -0.034,
        ("derivative", "lmd"): -0.03,
        ("derivative", "ssim"): 0.09,
        ("flow_stream", "lmd"): -0.21,
        ("flow", "lmd"): -0.22,
        ("pixel", "lmd"): -0.78,
        ("pixel", "ssim"): 0.21,
        ("pixel", "cpbd"): -0.043,
    }
    found = {
        (c.name, m): cells[c.target].paper[m] - cells[c.origin].paper[m]
        for c in experiment("ablation").contrasts
        if c.block == "paper"
        for m in c.metrics
    }
    assert found == pytest.approx(expected)
