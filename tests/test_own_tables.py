"""An experiment of one's own: its file says everything, and is registered before the first run."""

import json

import pytest
from training_sets import make_set

from lipkit.cli import run_command
from lipkit.errors import LipkitError, UsageError
from lipkit.experiments.own_tables import (
    REGISTRATION,
    digest,
    parse_table,
    read_registration,
    read_table,
    register,
)
from lipkit.experiments.plan import RUNS

TABLE = """\
title = "Does it help?"
placebo = ["off", "deaf"]
[run]
preset = "tiny"
steps = 2
seeds = 3
clips = 6
[run.set]
"generator.width" = 0.0625
"loss.corr.form" = "contrastive"
"loss.perc.weight" = 0
"loss.gen.weight" = 0
[matters]
ssim = 0.02
[cells]
off = { title = "without", set = { "loss.corr.weight" = 0 } }
on = { title = "with" }
deaf = { title = "placebo", set = { "loss.corr.sound" = "other" } }
[contrasts]
claim = { from = "off", to = "on", metrics = ["ssim"], side = "better", claim = "it helps" }
"""


def test_a_table_says_everything():
    table = parse_table(TABLE, "mine.toml")
    assert table.experiment.name == "mine"
    assert table.experiment.full == "on"
    assert (table.preset, table.steps, table.seeds, table.clips) == ("tiny", 2, 3, 6)
    assert table.metrics == ["ssim"]
    assert table.experiment.placebo == ("off", "deaf")
    assert table.experiment.cells["on"].settings == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title = ", "titel = ", "titel is unknown; did you mean 'title'"),
        ('placebo = ["off", "deaf"]', 'placebo = ["of", "deaf"]', "'of' is unknown"),
        ('placebo = ["off", "deaf"]', 'placebo = ["off"]', "names two cells"),
        ("steps = 2", "", "run: steps is missing"),
        ("seeds = 3", "seeds = true", "must be a whole number"),
        ("clips = 6", "clips = 0", "must be at least 1"),
        ("ssim = 0.02", "ssim = 0", "must be a number above 0"),
        ("ssim = 0.02", "", "matters.ssim"),
        ('to = "on"', 'to = "onn"', "'onn' is unknown; did you mean 'on'"),
        ('["ssim"]', '["sim"]', "'sim' is unknown; did you mean 'ssim'"),
        ('side = "better"', 'side = "up"', "'up' is unknown"),
        ('from = "off", ', "", "from is missing"),
        ("claim = { from", "claim = [", "is not TOML"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(old, new, said):
    assert old in TABLE
    with pytest.raises(LipkitError, match=r"mine\.toml") as raised:
        parse_table(TABLE.replace(old, new), "mine.toml")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_table_may_not_take_the_name_of_one_of_the_kit():
    with pytest.raises(LipkitError, match="give the file another name"):
        parse_table(TABLE, "ablation.toml")


def test_what_was_registered_stays(tmp_path):
    table = parse_table(TABLE, "mine.toml")
    when = register(table, tmp_path)
    assert register(table, tmp_path) == when
    found = read_registration(tmp_path)
    assert found == {"digest": digest(TABLE), "registered": when, "table": TABLE}
    easier = parse_table(TABLE.replace("0.02", "0.001"), "mine.toml")
    with pytest.raises(UsageError, match="another table was registered here"):
        register(easier, tmp_path)
    assert read_registration(tmp_path) == found
    (tmp_path / REGISTRATION).unlink()
    (tmp_path / RUNS).mkdir()
    with pytest.raises(UsageError, match="holds runs"):
        register(easier, tmp_path)


def test_line_ends_do_not_change_a_registration():
    assert digest(TABLE) == digest(TABLE.replace("\n", "\r\n")) != digest(TABLE + "# later")


@pytest.fixture
def prepared(tmp_path):
    return make_set(tmp_path / "set", {"train": 3, "val": 6}, frames=24)


def test_the_command_leaves_to_the_table_what_it_says(prepared, tmp_path, capsys):
    path = tmp_path / "mine.toml"
    path.write_text(TABLE)
    out = str(tmp_path / "out")
    words = ["experiment", str(path), str(prepared), "--out", out, "--test-split", "val"]
    assert run_command([*words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "9 runs, preset tiny, seeds 0, 1, 2" in said
    assert not (tmp_path / "out").exists()
    for more in (
        ["--seeds", "2"],
        ["--set", "train.ema=0"],
        ["--metric", "psnr"],
        ["--clips", "3"],
    ):
        assert run_command([*words, *more]) == 2
        assert f"{more[0]}: your table decides it" in capsys.readouterr().err
    assert run_command(["experiment", str(tmp_path / "no.toml"), *words[2:]]) == 1
    assert "no.toml: cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"loss.corr.weight" = 0 }', '"loss.cor.weight" = 0 }', "did you mean 'loss.corr"),
        ("on = { title", '"../../on" = { title', "cells.../../on: must be named by letters"),
        ("on = { title", '"a,b" = { title', "cells.a,b: must be named by letters"),
        ("deaf = { title", '"frozen lips" = { title', "cells.frozen lips: must be named"),
        ('"with" }', '"with", set = { "train.steps" = 9 } }', "cell on: sets train.steps"),
        (
            '"with" }',
            '"with", set = { "train.seed" = 9 } }',
            "the same for every cell; leave it out",
        ),
        ('"loss.perc.weight" = 0', '"prepare.crop" = "per_frame"', "has no part in training"),
    ],
)
def test_a_cell_that_cannot_be_trained_is_one_line(prepared, tmp_path, capsys, old, new, said):
    path = tmp_path / "mine.toml"
    assert old in TABLE
    path.write_text(TABLE.replace(old, new))
    words = ["experiment", str(path), str(prepared), "--test-split", "val", "--dry-run"]
    assert run_command([*words, "--out", str(tmp_path / "out")]) in (1, 2)
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("warm_processes")
def test_an_edited_table_is_refused_after_the_first_run(prepared, tmp_path, capsys):
    path, out = tmp_path / "mine.toml", tmp_path / "out"
    path.write_text(TABLE.replace("seeds = 3", "seeds = 1"))
    words = ["experiment", str(path), str(prepared), "--out", str(out), "--test-split", "val"]
    assert run_command([*words, "--cells", "off,on"]) == 0
    assert "registered " in capsys.readouterr().out
    (row,) = json.loads((out / "claims.json").read_text())["claims"]
    assert (row["from"], row["to"], row["metric"], row["matters"]) == ("off", "on", "ssim", 0.02)
    path.write_text(path.read_text().replace("0.02", "0.001"))
    before = (out / "claims.json").read_bytes()
    assert run_command([*words, "--stage", "evaluate"]) == 2
    assert "another table was registered here" in capsys.readouterr().err
    assert (out / "claims.json").read_bytes() == before
    assert read_table(path).digest != read_registration(out)["digest"]
