"""One single clip: prepared, trained on, and learnt by heart."""

import json

import pytest

from lipkit.cli import run_command

pytestmark = pytest.mark.slow

SMALL = (
    "generator.width=0.03125",
    "generator.residual_blocks=1",
    "loss.gen.width=0.03125",
    "loss.corr.weight=0",
    "loss.perc.weight=0",
    "train.batch_size=2",
    "train.workers=0",
)


def test_a_network_learns_one_clip_by_heart(tmp_path, capsys):
    raw, data, run = (str(tmp_path / name) for name in ("raw", "set", "run"))
    assert run_command(["synth", raw, "--speakers", "1", "--clips", "1", "--quiet"]) == 0
    prepare = ["prepare", "synthetic", raw, data, "--workers", "1", "--quiet"]
    assert run_command(prepare) == 1
    assert "take the protocol file, or overfit, which trains on all" in capsys.readouterr().err
    assert run_command([*prepare, "--protocol", "overfit"]) == 0

    train = ["train", data, "--preset", "tiny", "--out", run, "--steps", "30", "--quiet"]
    train += ["--resume", *(word for setting in SMALL for word in ("--set", setting))]
    assert run_command(train) == 1
    assert "train without it: --set loss.gen.mismatched=0" in capsys.readouterr().err
    assert run_command([*train, "--set", "loss.gen.mismatched=0"]) == 0
    assert (
        f"{run}: holds no checkpoint to resume; a new run begins there" in capsys.readouterr().out
    )
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [row["pix"] for row in rows if "pix" in row]
    assert losses[-1] < 0.8 * losses[0]
