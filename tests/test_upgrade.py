"""Weights and checkpoints of the first card format come back as this one has them."""

import copy
import json
import subprocess

import pytest
import torch
from conftest import REPOSITORY
from safetensors.torch import load_file, save_file

from lipkit.errors import LipkitError, UsageError
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.presets import preset
from lipkit.presets.renamed import upgraded
from lipkit.settings import to_dict
from lipkit.training.run_folder import refuse_another_run
from lipkit.weights import load_weights, read_card
from lipkit.weights.upgrade import read_checkpoint, upgrade_file

PRESET = {
    "name": "paper",
    "prepare": {"crop": "stable", "crop_scale": 1.3},
    "data": {"window": 16, "identity": "any"},
    "generator": {
        "architecture": "glance",
        "width": 1 / 32,
        "residual_blocks": 1,
        "temporal_kernel": 3,
        "sees_identity": False,
        "deblur": False,
    },
    "loss": {
        "corr": {
            "weight": 0.5,
            "form": "cosine",
            "flow": "flownet",
            "flow_width": 0.125,
            "flow_steps": 200,
            "learning_rate": 5e-4,
        },
        "pix": 0.2,
        "perc": {"weight": 0.1, "steps": 60},
        "gen": {"weight": 1.0, "streams": "two"},
        "mouth": 0.0,
        "sharpness": 8.0,
        "patch": 1.8,
        "patch_from": 0.5,
    },
    "train": {"batch_size": 4, "ema": 0.998},
}
"""Settings as the first format had them."""
ABOUT = {"corpus": "grid", "split": "s1_train", "clips": 3, "date": "2026-11-01"}
CARD = {
    **ABOUT,
    "format": 1,
    "preset": PRESET,
    "statistics": {"logmel_mean": -40.0, "logmel_std": 20.0},
    "step": 7,
}


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    settings = PRESET["generator"]
    chosen = {name: settings[name] for name in ("width", "residual_blocks", "temporal_kernel")}
    return build_generator(generator_settings("glance", **chosen))


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.safetensors"
    tensors = {name: tensor.contiguous() for name, tensor in network().state_dict().items()}
    save_file(tensors, path, metadata={"card": json.dumps(CARD)})
    return path


def require_new_settings(found) -> None:
    assert found.loss.pix.weight == 0.2
    assert (found.loss.patch.weight, found.loss.patch.start) == (1.8, 0.5)
    assert (found.loss.corr.form, found.loss.corr.weight) == ("cosine", 0.5)
    assert (found.flow.kind, found.flow.width, found.flow.steps) == ("flownet", 0.125, 200)
    assert found.flow.learning_rate == found.loss.corr.learning_rate == 5e-4
    assert to_dict(found.generator) == {
        "architecture": "glance",
        "width": 1 / 32,
        "residual_blocks": 1,
        "temporal_kernel": 3,
    }


@pytest.mark.slow
def test_old_weights_are_one_line_and_the_script_makes_new_ones(old, tmp_path, warm_python):
    with pytest.raises(LipkitError, match=r"older lipkit; .*data_scripts/upgrade_weights\.py") as e:
        read_card(old)
    assert "\n" not in str(e.value)
    new = tmp_path / "new.safetensors"
    script = [warm_python, REPOSITORY / "data_scripts" / "upgrade_weights.py", old, new]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # What was called paper is mended.
    assert "preset mended, 7 steps" in done.stdout
    loaded, card = load_weights(new)
    require_new_settings(card.preset)
    assert (card.step, card.corpus, card.split) == (7, "grid", "s1_train")
    before, after = load_file(old), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_what_holds_no_old_weights_is_refused(tmp_path, old):
    upgrade_file(old, tmp_path / "new.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    for path in (tmp_path / "new.safetensors", broken, tmp_path / "missing"):
        with pytest.raises(LipkitError, match="holds no weights of lipkit's first format"):
            upgrade_file(path, tmp_path / "again.safetensors")
    assert not (tmp_path / "again.safetensors").exists()


@pytest.mark.parametrize("average", [False, True])
def test_an_old_checkpoint_gives_the_network_that_would_have_been_kept(average):
    state = {"preset": PRESET, "statistics": CARD["statistics"], "step": 400, "windows": 9}
    learning, mean = network().state_dict(), copy.deepcopy(network().state_dict())
    for tensor in mean.values():
        tensor.mul_(2)
    state["networks"] = {"generator": learning} | ({"average": mean} if average else {})
    generator, card = read_checkpoint(state, ABOUT)
    require_new_settings(card.preset)
    assert (card.step, card.statistics) == (400, CARD["statistics"])
    wanted = mean if average else learning
    found = generator.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    with pytest.raises(UsageError, match="made by an older lipkit"):
        refuse_another_run(state, {"preset": to_dict(preset("paper"))}, "checkpoint.pt")


def test_a_network_of_points_learned_from_its_points():
    """The old card of a landmark run told of four losses that had no part in it."""
    old = copy.deepcopy(PRESET)
    old["generator"] |= {"architecture": "landmarks"}
    loss = upgraded(old)["loss"]
    assert {name for name, settings in loss.items() if settings["weight"] > 0} == {"points"}
