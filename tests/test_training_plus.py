"""`plus` goes through the same training loop as every preset."""

import json
import math

import pytest
import torch
from training_sets import make_set

from lipkit.losses import MotionLoss
from lipkit.presets import Preset, preset
from lipkit.training import train
from lipkit.weights import load_weights

pytestmark = pytest.mark.slow

SMALL = {
    "generator.width": 1 / 16,
    "data.window": 10,
    "data.rendered": 4,
    "data.stride": 2,
    "train.batch_size": 2,
    "train.steps": 4,
    "loss.patch.start": 0.25,
    "train.warmup_steps": 2,
    "train.checkpoint_steps": 2,
    "train.sample_steps": 100,
    "train.workers": 0,
    "train.device": "cpu",
}


def plus(**changes) -> Preset:
    return preset("plus", SMALL | {name.replace("__", "."): v for name, v in changes.items()})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"), {"train": 4, "val": 1}, frames=14)


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train(prepared, plus(), out, progress=False)
    return out


def log(run) -> list[dict]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_every_loss_of_plus_is_computed_and_logged(run):
    lines = log(run)
    assert len(lines) == 4
    assert [line["patch"] > 0 for line in lines] == [False, True, True, True]
    assert [line["patch_dis"] > 0 for line in lines] == [False, True, True, True]
    for name in ("loss", "mouth", "warped", "ssim", "sharpness", "motion", "points"):
        assert all(math.isfinite(line[name]) and line[name] > 0 for line in lines)
    assert not {"corr", "perc", "gen", "dis", "pix"} & lines[0].keys()


def test_interrupted_and_resumed_is_as_undisturbed(prepared, run, tmp_path, monkeypatch):
    calls, honest = iter(range(1, 9)), MotionLoss.forward

    def interrupted(*arguments):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return honest(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(MotionLoss, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(prepared, plus(), tmp_path, progress=False)
    train(prepared, plus(), tmp_path, resume=True, progress=False)
    assert [row["loss"] for row in log(tmp_path)] == [row["loss"] for row in log(run)]
    weights, expected = (load_weights(f).generator.state_dict() for f in (tmp_path, run))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_the_weights_make_any_length(run):
    generator, card = load_weights(run)
    assert card.preset.generator.architecture == "warp"
    with torch.inference_mode():
        video = generator(torch.zeros(1, 3, 64, 64), torch.zeros(1, 1, 4 * 23, 128))
    assert video.shape == (1, 3, 23, 64, 64)
