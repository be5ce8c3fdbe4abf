"""Training with every network: what each step changes, what is kept, what stops it."""

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_sets import ALL_LOSSES, make_set, settings

from lipkit.cli import run_command
from lipkit.data.clips import FORMAT
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.losses import AdversarialLoss, CorrelationLoss, PerceptualLoss
from lipkit.presets import PRESETS
from lipkit.settings import to_dict
from lipkit.training import train
from lipkit.training.averaging import MovingAverage
from lipkit.training.generator_run import Run
from lipkit.training.run_folder import CHECKPOINT_NAME, load_checkpoint, read_log
from lipkit.weights import load_weights

pytestmark = pytest.mark.slow

TERMS = ("pix", "corr", "perc", "gen")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("prepared"), {"train": 3, "val": 1}, frames=20)


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory) -> Path:
    """An undisturbed run of five steps."""
    out = tmp_path_factory.mktemp("run")
    train(prepared, settings(ALL_LOSSES), out, progress=False)
    return out


def losses(folder: Path) -> list[dict[str, float]]:
    clocks = {"seconds", "windows_per_second"}
    return [{k: v for k, v in row.items() if k not in clocks} for row in read_log(folder)]


def begun(prepared: Path, out: Path, **changes) -> tuple[Run, dict]:
    """A run before its first step, and a batch for it."""
    made = Run(PreparedSet.open(prepared), settings(ALL_LOSSES, **changes), out)
    return made, next(iter(made.recipe.feed.batches(0, 1)))


def test_every_loss_is_logged_and_the_objective_is_their_weighted_sum(run):
    config = settings(ALL_LOSSES).loss
    weights = dict(
        zip(
            TERMS,
            (config.pix.weight, config.corr.weight, config.perc.weight, config.gen.weight),
            strict=True,
        )
    )
    assert [row["step"] for row in losses(run)] == [1, 2, 3, 4, 5]
    for row in losses(run):
        assert row.keys() == {"step", "loss", "dis", *TERMS}
        assert row["loss"] == pytest.approx(sum(weights[n] * row[n] for n in TERMS), rel=1e-5)


@pytest.mark.parametrize("at", [1, 4])
def test_killed_and_resumed_is_as_undisturbed(prepared, run, tmp_path, at, warm_python):
    out = tmp_path / "run"
    code = f"""
import os, signal, sys
import torch
from training_sets import ALL_LOSSES, settings
from lipkit.losses import PixelLoss
from lipkit.training import train
torch.set_num_threads({torch.get_num_threads()})
calls, honest = iter(range(1, 100)), PixelLoss.forward
def forward(self, *videos):
    if next(calls) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return honest(self, *videos)
PixelLoss.forward = forward
train({str(prepared)!r}, settings(ALL_LOSSES), {str(out)!r}, progress=False)
"""
    tests = str(Path(__file__).parent)
    done = subprocess.run([warm_python, "-c", code], env=os.environ | {"PYTHONPATH": tests})
    assert done.returncode == -signal.SIGKILL
    assert load_checkpoint(out / CHECKPOINT_NAME)["step"] == {1: 0, 4: 2}[at]
    train(prepared, settings(ALL_LOSSES), out, resume=True, progress=False)
    assert losses(out) == losses(run)
    weights, expected = (load_weights(f).generator.state_dict() for f in (out, run))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_the_checkpoint_holds_every_network_and_optimiser(run):
    state = load_checkpoint(run / CHECKPOINT_NAME)
    assert state["networks"].keys() == {
        "generator",
        "average",
        "correlation",
        "flow",
        "discriminator",
        "perceptual",
    }
    assert state["optimisers"].keys() == {"generator", "correlation", "discriminator"}
    assert state["preset"] == to_dict(settings(ALL_LOSSES))


def test_the_weights_are_the_moving_average(run):
    state = load_checkpoint(run / CHECKPOINT_NAME)["networks"]
    weights = load_weights(run).generator.state_dict()
    assert all(torch.equal(weights[name], state["average"][name]) for name in weights)
    same = [torch.equal(weights[name], state["generator"][name]) for name in weights]
    # The running statistics alone are copied.
    named = dict(zip(weights, same, strict=True))
    assert all(named[name] == ("running" in name or "tracked" in name) for name in named)


def test_the_moving_average_follows_its_equation():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    average = MovingAverage(network, decay=0.6)
    expected = network[0].weight.detach().numpy().astype(np.float64)
    for step in range(1, 30):
        with torch.no_grad():
            network[0].weight += torch.randn(2, 3)
        network(torch.randn(4, 3))
        average.update(step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network[0].weight.detach().numpy()
    np.testing.assert_allclose(average.average[0].weight.numpy(), expected, rtol=1e-5)
    assert torch.equal(average.average[1].running_var, network[1].running_var)
    assert int(average.average[1].num_batches_tracked) == 29
    assert not average.average.training


def parameters(run: Run) -> dict[str, torch.Tensor]:
    return {
        name: torch.cat([p.detach().flatten().clone() for p in module.parameters()])
        for name, module in run.recipe.networks.modules.items()
        if any(True for _ in module.parameters())
    }


def test_each_half_step_moves_its_own_networks(prepared, tmp_path):
    made, batch = begun(prepared, tmp_path)
    step, before = made.recipe.take_step, parameters(made)
    scene = step.look(batch)
    step.learn_to_tell(scene)
    halfway = parameters(made)
    moved = {name for name in before if not torch.equal(before[name], halfway[name])}
    assert moved == {"discriminator"}
    assert all(p.grad is None for p in made.recipe.networks.generator.parameters())
    step.learn_to_generate(scene)
    after = parameters(made)
    moved = {name for name in before if not torch.equal(halfway[name], after[name])}
    assert moved == {"generator", "correlation"}
    assert all(p.requires_grad for p in made.recipe.networks.modules["discriminator"].parameters())


@pytest.mark.parametrize("term", ["corr", "gen", "perc"])
def test_each_loss_reaches_the_generator(prepared, tmp_path, term):
    alone = {f"loss__{name}__weight": float(name == term) for name in ("corr", "gen", "perc")}
    made, batch = begun(prepared, tmp_path, loss__pix__weight=0, **alone)
    before = parameters(made)
    found = made.recipe.take_step(batch)
    assert found["loss"] == found[term]
    after = parameters(made)
    assert not torch.equal(before["generator"], after["generator"])
    if term == "perc":
        assert torch.equal(before["perceptual"], after["perceptual"])


def test_the_discriminator_learns_to_tell(prepared, tmp_path):
    made, _ = begun(prepared, tmp_path, train__discriminator_rate=2e-3, train__learning_rate=1e-6)
    found = [
        made.recipe.take_step(batch)["dis"].item() for batch in made.recipe.feed.batches(0, 10)
    ]
    assert np.mean(found[-3:]) < 0.9 * np.mean(found[:3])


@pytest.mark.parametrize(
    "changes",
    [
        {
            "flow__kind": "flownet",
            "flow__width": 1 / 32,
            "flow__steps": 1,
            "loss__corr__form": "cosine",
            "loss__gen__streams": "two",
            "loss__perc__batch_statistics": True,
            "data__identity": "any",
            "data__sound_shift": 1,
            "data__mel_axes": "scrambled",
        },
        {
            "loss__corr__derivative": False,
            "loss__gen__streams": "frame_difference",
            "loss__perc__dimensions": 3,
        },
        {"loss__corr__weight": 0, "loss__gen__mismatched": 0},
    ],
    ids=["released", "non-derivative", "no correlation"],
)
def test_every_variant_trains(prepared, tmp_path, changes):
    made, batch = begun(prepared, tmp_path, **changes)
    before = parameters(made)
    assert all(torch.isfinite(value) for value in made.recipe.take_step(batch).values())
    if changes.get("flow__kind") == "flownet":
        assert not torch.equal(before["flow"], parameters(made)["flow"]), "it learns along"


@pytest.mark.parametrize(
    ("owner", "method", "name"),
    [
        (CorrelationLoss, "forward", "correlation loss"),
        (PerceptualLoss, "forward", "perceptual loss"),
        (AdversarialLoss, "generator", "generator's adversarial loss"),
        (AdversarialLoss, "discriminator", "discriminator's loss"),
    ],
)
def test_the_loss_that_is_not_finite_is_named(prepared, tmp_path, monkeypatch, owner, method, name):
    honest = getattr(owner, method)
    monkeypatch.setattr(owner, method, lambda *given: honest(*given) * float("nan"))
    with pytest.raises(LipkitError, match=f"stopped at step 1: the {name} is nan") as fault:
        train(prepared, settings(ALL_LOSSES), tmp_path / "run", progress=False)
    assert "\n" not in str(fault.value)
    kept = load_checkpoint(tmp_path / "run" / CHECKPOINT_NAME)
    assert kept["step"] == 0
    assert all(torch.isfinite(t).all() for n in kept["networks"].values() for t in n.values())


def test_the_perceptual_encoder_is_trained_first_and_then_frozen(prepared, tmp_path):
    made, batch = begun(prepared, tmp_path / "run", loss__perc__steps=12)
    video, encoder = batch["video"], made.recipe.networks.modules["perceptual"]
    with torch.no_grad():
        before = (encoder.train()(video) - video).square().mean()
    made.begin(resume=False)
    with torch.no_grad():
        after = (encoder.train()(video) - video).square().mean()
    assert after < 0.7 * before
    assert not any(p.requires_grad for p in encoder.parameters())
    made.recipe.networks.terms["perc"].loss.train()
    assert not encoder.training


def test_minutes_end_the_encoders_training_too(prepared, tmp_path):
    hurried = settings(ALL_LOSSES, loss__perc__steps=1000, train__minutes=0)
    assert train(prepared, hurried, tmp_path / "run", progress=False).step == 1


def test_bf16_computes_in_bf16_and_takes_losses_in_float32(prepared, tmp_path):
    made, batch = begun(prepared, tmp_path, train__precision="bf16", train__device="cpu")
    seen = set()
    for module in (made.recipe.networks.generator, made.recipe.networks.modules["discriminator"]):
        first = next(m for m in module.modules() if isinstance(m, nn.Conv2d))
        first.register_forward_hook(lambda *given: seen.add(given[2].dtype))
    found = made.recipe.take_step(batch)
    assert seen == {torch.bfloat16}
    assert {value.dtype for value in found.values()} == {torch.float32}
    modules = made.recipe.networks.modules.values()
    assert all(p.dtype == torch.float32 for module in modules for p in module.parameters())


@pytest.mark.parametrize(("setting", "compiled"), [("on", True), ("auto", False), ("off", False)])
def test_compile_is_a_choice(prepared, tmp_path, monkeypatch, setting, compiled):
    calls = []
    monkeypatch.setattr(torch, "compile", lambda f: calls.append(f) or f)
    monkeypatch.setattr(nn.Module, "compile", lambda self: calls.append(self))
    begun(prepared, tmp_path, train__compile=setting, train__device="cpu")
    assert bool(calls) == compiled


@pytest.mark.parametrize(("setting", "expected"), [("on", True), ("off", False)])
def test_channels_last_is_a_choice(prepared, tmp_path, setting, expected):
    made, _ = begun(prepared, tmp_path, train__channels_last=setting)
    for _, module in made.recipe.networks.modules.items():
        for layer in module.modules():
            if isinstance(layer, nn.Conv3d) and min(layer.weight.shape) > 1:
                last = layer.weight.is_contiguous(memory_format=torch.channels_last_3d)
                assert last == expected


def test_tensorboard_is_optional(prepared, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    one = settings(ALL_LOSSES, train__tensorboard=True, train__steps=1)
    train(prepared, one, tmp_path / "with", progress=False)
    folder = tmp_path / "with" / "tensorboard"
    (events,) = folder.glob("events*")
    assert list(folder.glob("log-perceptual-encoder/events*"))
    assert b"corr" in events.read_bytes()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"train\.tensorboard=true: TensorBoard is not installed"):
        train(prepared, one, tmp_path / "without", progress=False)
    assert not (tmp_path / "without").exists()


def test_a_missing_cuda_device_is_one_line(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"train\.device=cuda: PyTorch finds no CUDA device"):
        begun(prepared, tmp_path, train__device="cuda")


@pytest.mark.parametrize(
    ("clips", "description", "expected"),
    [
        ({"train": 2}, {"format": FORMAT + 1}, "format"),
        ({"test": 2}, {}, "no split 'train'"),
        ({"train": 2}, {"short": True}, "no clip of 16 frames"),
        ({"train": 1}, {}, "one sentence only"),
    ],
    ids=["another format", "no such split", "too short", "one sentence"],
)
def test_the_command_refuses_in_one_line(tmp_path, capsys, clips, description, expected):
    frames = 12 if description.pop("short", False) else 20
    folder = make_set(tmp_path / "set", clips, frames=frames, **description)
    code = run_command(["train", str(folder), "--preset", "tiny", "--out", str(tmp_path / "run")])
    error = capsys.readouterr().err
    assert code in (1, 2)
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_tiny_has_all_four_losses():
    loss = PRESETS["tiny"].loss
    assert min(loss.pix.weight, loss.corr.weight, loss.perc.weight, loss.gen.weight) > 0
