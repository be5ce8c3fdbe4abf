"""Weights files: what is saved comes back; what is not ours is refused in one line."""

import json
import os
import pickle
import stat
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lipkit.config import GeneratorConfig, Preset
from lipkit.errors import LipkitError
from lipkit.models.generator import Generator
from lipkit.weights import WEIGHTS_NAME, Card, load_weights, read_card, save_weights

SMALL = GeneratorConfig(width=1 / 32, residual_blocks=1)


def make_card(**values) -> Card:
    defaults = {
        "preset": Preset(name="mine", generator=SMALL),
        "statistics": {"logmel_mean": -40.0, "logmel_std": 20.0},
        "corpus": "grid",
        "split": "train",
        "clips": 3,
        "step": 7,
        "date": "2024-05-01",
        "metrics": {"val_l1": 0.05},
        "data_licence": "CC BY 4.0",
    }
    return Card(**defaults | values)


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    generator = Generator(SMALL)
    # Running statistics that differ from those of a new network.
    generator(torch.randn(2, 3, 64, 64), torch.randn(2, 1, 8, 128))
    return generator


def test_round_trip(tmp_path, generator):
    path = tmp_path / "größe weights.safetensors"
    save_weights(path, generator, make_card())
    loaded, card = load_weights(path)
    assert card == make_card() == read_card(path)
    assert not loaded.training
    for name, tensor in generator.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


def test_a_run_folder_stands_for_its_weights(tmp_path, generator):
    with pytest.raises(LipkitError, match="--resume"):
        load_weights(tmp_path)
    save_weights(tmp_path / WEIGHTS_NAME, generator, make_card())
    assert load_weights(tmp_path).card.step == 7


def test_header_is_readable_by_others(tmp_path, generator):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    with safe_open(path, "pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["data_licence"] == "CC BY 4.0"
    assert card["preset"]["generator"]["residual_blocks"] == 1


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_others_may_read_the_file(tmp_path, generator):
    umask = os.umask(0o022)
    try:
        save_weights(tmp_path / "w.safetensors", generator, make_card())
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "w.safetensors").stat().st_mode) == 0o644


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["torch", "torch-old", "pickle"])
def test_a_pickle_is_refused_and_not_run(tmp_path, kind):
    path, sprung = tmp_path / "w.safetensors", tmp_path / "sprung"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Trap(sprung)))
    else:
        torch.save(Trap(sprung), path, _use_new_zipfile_serialization=kind == "torch")
    with pytest.raises(LipkitError, match=r"w\.safetensors: is a pickle file.*refused"):
        load_weights(path)
    assert not sprung.exists()


def test_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(LipkitError, match="lipkit train"):
        load_weights(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello, world, this is text", bytes(100)])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(LipkitError, match="not a whole safetensors file"):
        load_weights(path)


def test_a_cut_off_file_is_refused(tmp_path, generator):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LipkitError, match="not a whole safetensors file"):
        load_weights(path)


def test_tensors_without_a_card_are_refused(tmp_path, generator):
    path = tmp_path / "w.safetensors"
    tensors = {name: t.contiguous() for name, t in generator.state_dict().items()}
    save_file(tensors, path)
    with pytest.raises(LipkitError, match="no card"):
        load_weights(path)
    for card in ("[]", "{", json.dumps({"format": 99})):
        save_file(tensors, path, {"card": card})
        with pytest.raises(LipkitError, match="no card"):
            load_weights(path)


@pytest.mark.parametrize("other", [{"width": 1 / 16}, {"residual_blocks": 2}])
def test_weights_of_another_shape_are_refused(tmp_path, generator, other):
    path = tmp_path / "w.safetensors"
    wrong = GeneratorConfig(**{"width": 1 / 32, "residual_blocks": 1} | other)
    save_weights(path, generator, make_card(preset=Preset(name="mine", generator=wrong)))
    with pytest.raises(LipkitError, match="another shape"):
        load_weights(path)
