"""Weights files: what is saved comes back; what is not ours is refused in one line."""

import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzz.breaking import broken_bytes
from safetensors import safe_open
from safetensors.torch import save_file

import lipkit
from lipkit.errors import LipkitError
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.models.generator import Generator, GeneratorConfig
from lipkit.presets import Preset
from lipkit.weights import (
    WEIGHTS_NAME,
    Card,
    load_weights,
    quiet_levels,
    read_card,
    save_weights,
    shipped,
)

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


def test_every_architecture_comes_back(tmp_path):
    config = generator_settings("warp", width=1 / 16)
    made = build_generator(config).eval()
    save_weights(
        tmp_path / "w.safetensors", made, make_card(preset=Preset("mine", generator=config))
    )
    loaded = load_weights(tmp_path / "w.safetensors").generator
    assert type(loaded) is type(made)
    given = torch.rand(1, 3, 64, 64), torch.randn(1, 1, 12, 128)
    with torch.inference_mode():
        assert torch.equal(loaded(*given), made(*given))


def test_half_is_half_the_size_and_comes_back_whole(tmp_path, generator):
    whole = save_weights(tmp_path / "whole.safetensors", generator, make_card())
    size = save_weights(tmp_path / "half.safetensors", generator, make_card(), half=True)
    assert size == (tmp_path / "half.safetensors").stat().st_size
    kernels = sum(t.numel() for t in generator.state_dict().values() if t.dim() > 1)
    assert whole - size == pytest.approx(2 * kernels, abs=1000)
    loaded = load_weights(tmp_path / "half.safetensors").generator.state_dict()
    for name, tensor in generator.state_dict().items():
        assert loaded[name].dtype == tensor.dtype
        if tensor.dim() < 2:
            assert torch.equal(loaded[name], tensor), name
        else:
            torch.testing.assert_close(loaded[name], tensor, rtol=2**-11, atol=1e-7)


def test_numbers_too_large_for_half_are_refused(tmp_path, generator):
    with torch.no_grad():
        generator.decoder.layers[0].weight[0, 0] = 1e5
    save_weights(tmp_path / "whole.safetensors", generator, make_card())
    with pytest.raises(LipkitError, match=r"half\.safetensors: decoder.* not finite"):
        save_weights(tmp_path / "half.safetensors", generator, make_card(), half=True)
    assert not (tmp_path / "half.safetensors").exists()


def test_shipped_weights_are_found_by_name(tmp_path, generator, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LipkitError, match="mine: no such weights; known names: none"):
        load_weights("mine")
    save_weights(tmp_path / "mine.safetensors", generator, make_card(step=1))
    assert load_weights("mine").card.step == load_weights(Path("mine")).card.step == 1
    with pytest.raises(LipkitError, match="mime: no such weights; known names: mine"):
        load_weights("mime")
    save_weights(tmp_path / "mine" / WEIGHTS_NAME, generator, make_card(step=2))
    assert load_weights("mine").card.step == 2, "what lies there goes before a name"


def test_quiet_is_what_bands_fall_to():
    rng = np.random.default_rng(0)
    clips = [rng.uniform(-60, 0, (400, 128)).astype(np.float16) for _ in range(5)]
    columns = np.concatenate(clips).astype(float)
    expected = [sorted(band)[round(0.05 * (len(band) - 1))] for band in columns.T]
    assert quiet_levels(clips) == pytest.approx(expected, abs=0.2)
    assert quiet_levels([]) == []


def test_a_quiet_of_other_bands_is_refused(tmp_path, generator):
    save_weights(tmp_path / "w.safetensors", generator, make_card(quiet=[-50.0] * 3))
    with pytest.raises(LipkitError, match="no card"):
        load_weights(tmp_path / "w.safetensors")


def test_a_header_of_any_length_is_no_pickle(tmp_path, generator):
    """Its length stands first, and its first byte may be a pickle's."""
    path = tmp_path / "w.safetensors"
    for padding in range(256):
        save_weights(path, generator, make_card(data_licence="x" * padding))
        if path.read_bytes()[0] == 0x80:
            break
    assert path.read_bytes()[0] == 0x80
    assert load_weights(path).card.data_licence == "x" * padding


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
    with pytest.raises(LipkitError, match="do not have the shape"):
        load_weights(path)


def rewritten(path: Path, card=None, change=None) -> None:
    """The same weights with another card, or with one tensor changed."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        values = json.loads(file.metadata()["card"])
    if change is not None:
        change(tensors)
    save_file(tensors, path, {"card": json.dumps(card(values) if card else values)})


def refused(path: Path, match: str) -> None:
    with pytest.raises(LipkitError, match=match) as caught:
        load_weights(path)
    assert "\n" not in str(caught.value)


KERNEL, VARIANCE = "decoder.layers.0.weight", "running_var"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(tmp_path, generator, value):
    """They would draw a black or grey video and say nothing."""
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    rewritten(path, change=lambda t: t[KERNEL].view(-1)[3:4].fill_(value))
    refused(path, rf"w\.safetensors: {KERNEL} holds numbers that are not finite; ")


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.bool, torch.float64])
def test_numbers_of_another_kind_are_refused(tmp_path, generator, dtype):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    rewritten(path, change=lambda t: t.update({KERNEL: t[KERNEL].to(dtype)}))
    refused(path, rf"{KERNEL} is {str(dtype).removeprefix('torch.')}, which is not read; ")


def test_a_variance_below_0_is_refused(tmp_path, generator):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    name = next(name for name in generator.state_dict() if name.endswith(VARIANCE))
    rewritten(path, change=lambda t: t[name].fill_(-1.0))
    refused(path, f"{name} holds variances below 0")


@pytest.mark.parametrize(
    "changes",
    [
        {"statistics": {"logmel_mean": -40.0, "logmel_std": 0}},
        {"statistics": {"logmel_mean": -40.0, "logmel_std": float("nan")}},
        {"statistics": {"logmel_mean": "-40", "logmel_std": 20.0}},
        {"statistics": {"logmel_mean": -40.0}},
        {"statistics": []},
        {"statistics": None},
        {"step": "7"},
        {"step": -1},
        {"clips": None},
        {"corpus": 7},
        {"note": []},
        {"date": {}},
        {"metrics": {"val_l1": "small"}},
        {"metrics": {"val_l1": float("nan")}},
        {"metrics": 7},
        {"quiet": 7},
        {"quiet": [float("nan")] * 128},
        {"quiet": ["low"] * 128},
        {"preset": None},
        {"preset": []},
        {"preset": {"name": "mine", "generator": {"width": 1e9}}},
        {"preset": {"name": "mine", "generator": {"width": float("inf")}}},
        {"preset": {"name": "mine", "generator": {"residual_blocks": 10**9}}},
        {"smell": "sweet"},
        {"format": "2"},
    ],
)
def test_a_card_that_says_what_cannot_be_is_refused(tmp_path, generator, changes):
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    rewritten(path, card=lambda values: values | changes)
    refused(path, "no card that this version of lipkit can read")


def test_mutated_weights_load_or_are_one_line(tmp_path, generator):
    """Header, card and numbers: whatever bytes change, nothing is left uncaught."""
    path = tmp_path / "w.safetensors"
    save_weights(path, generator, make_card())
    whole = path.read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    said = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        # Most of a file is kernels, and most of its faults lie in the header.
        header = broken_bytes(whole[:length], rng) if seed % 4 else whole[:length]
        rest = whole[length:] if seed % 4 else broken_bytes(whole[length:], rng)
        path.write_bytes(header + rest)
        try:
            loaded = load_weights(path).generator
            assert all(t.isfinite().all() for t in loaded.state_dict().values())
        except LipkitError as error:
            said.append(str(error))
    assert len(said) > 150
    assert not [text for text in said if "\n" in text]


@pytest.mark.parametrize("name", [None, *shipped.names()])
def test_a_generator_is_loaded_by_one_line(name):
    generator = lipkit.load() if name is None else lipkit.load(name)
    assert isinstance(generator, torch.nn.Module)
    assert not generator.training
    expected = load_weights(name or shipped.DEFAULT).generator.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in generator.state_dict().items())
    video = generator(torch.zeros(2, 3, 64, 64), torch.zeros(2, 1, 4 * 3, 128))
    assert video.shape == (2, 3, 3, 64, 64)


def test_a_given_file_is_loaded_by_one_line(tmp_path, generator):
    save_weights(tmp_path / "mine.safetensors", generator, make_card())
    assert isinstance(lipkit.load(tmp_path / "mine.safetensors"), Generator)
    with pytest.raises(LipkitError, match="no such weights"):
        lipkit.load("nobody")


def test_importing_the_package_imports_no_network():
    code = "import sys, lipkit; print('torch' in sys.modules, 'load' in dir(lipkit))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="'lipkit' has no attribute 'lode'"):
        lipkit.lode  # noqa: B018
