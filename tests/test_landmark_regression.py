"""Landmark regression: from sound and one frame's mouth points to the points of every frame."""

import numpy as np
import pytest
import torch
from prepared_sets import noise_clip
from training_sets import make_set
from typer.testing import CliRunner

from lipkit.cli import app
from lipkit.config import DataConfig
from lipkit.data.clips import read_clip, write_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import scramble
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation.predictions import load_models, predict
from lipkit.experiments.job import spent
from lipkit.face.lips import lip_points
from lipkit.losses import PointsLoss
from lipkit.models.catalogue import build_generator, generator_settings, network_of
from lipkit.models.generator import GeneratorConfig
from lipkit.models.network import parameter_count
from lipkit.presets import preset
from lipkit.training import train
from lipkit.training.run_folder import read_log
from lipkit.training.spoken_points import SpokenPoints
from lipkit.weights import load_weights, read_card

pytestmark = pytest.mark.slow

QUICK = {
    "generator.width": 1 / 16,
    "train.batch_size": 8,
    "train.steps": 5,
    "train.warmup_steps": 0,
    "train.device": "cpu",
}


def settings(**changes):
    return preset("landmarks", QUICK | {n.replace("__", "."): v for n, v in changes.items()})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Mouths, wide as they please, that open with the loudness of their frame."""
    folder = make_set(tmp_path_factory.mktemp("set"), {"train": 6, "val": 2}, frames=24)
    for i, path in enumerate(sorted(folder.glob("clips/s1/*.safetensors"))):
        clip, rng = read_clip(path), np.random.default_rng(i)
        loudness = (clip.logmel.reshape(24, -1)[:, 0].astype(np.float32) + 80) / 60
        angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        clip.box[:] = [100.0, 80.0, 64.0]
        clip.landmarks[:, 48:, 0] = 100 + rng.uniform(18, 22) * np.cos(angle)
        clip.landmarks[:, 48:, 1] = 80 + (2 + 12 * loudness[:, None]) * np.sin(angle)
        write_clip(path, clip)
    return folder


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    train(prepared, settings(train__steps=150, train__learning_rate=3e-3), out, progress=False)
    return out


def test_parameters_are_those_of_its_two_halves():
    with torch.device("meta"):
        made = build_generator(generator_settings("landmarks"))
    c, f = 192, 256  # channels on log-mel columns and on frames

    def layer(n):
        return (3 * n * n + n) + 2 * n + (n * n + n)

    speech = (128 * c * 3 + c) + 2 * layer(c) + (c * f * 4 + f) + 5 * layer(f)
    person = (40 * f + f) + (f * f + f)
    points = (f * f + f) + 2 * f + (f * f + f) + (f * 40 + 40)
    assert parameter_count(made) == speech + person + points
    assert made.context == 11
    assert not network_of(made.config).draws
    assert network_of(GeneratorConfig()).draws


def test_it_starts_from_the_points_it_is_given_and_follows_them():
    torch.manual_seed(0)
    network = build_generator(generator_settings("landmarks", width=1 / 16)).eval()
    points, logmel = torch.rand(2, 20, 2) * 64, torch.randn(2, 1, 40, 128)
    with torch.no_grad():
        made = network(points, logmel)
        assert made.shape == (2, 10, 20, 2)
        # A mouth elsewhere moves alike.
        assert torch.allclose(network(points + 7, logmel), made + 7, atol=1e-4)
        assert not torch.allclose(network(points, logmel.flip(0)), made)
        network.point_motion.layers[-1].weight.zero_()
        network.point_motion.layers[-1].bias.zero_()
        assert torch.equal(network(points, logmel), points[:, None].expand(-1, 10, -1, -1))
    with pytest.raises(ValueError, match=r"expected \[B, 20, 2\]"):
        network(points[:, :19], logmel)


@pytest.mark.parametrize(
    "data",
    [DataConfig(window=8), DataConfig(window=8, sound_shift=2, mel_axes="scrambled")],
)
def test_windows_are_cut_from_their_own_clip(tmp_path, data):
    folder = make_set(tmp_path / "set", {"train": 3}, frames=9)
    for i, frames in ((0, 9), (1, 9), (2, 9)):
        write_clip(folder / f"clips/s1/train{i}.safetensors", noise_clip(frames, i))
    opened = PreparedSet.open(folder)
    clips = SpokenPoints(opened, "train", data)
    clip, start, identity = np.array([2, 0]), np.array([1, 0]), np.array([0, 8])
    found = clips.take(clip, start, identity)
    for i in range(2):
        read = read_clip(folder / f"clips/s1/train{clip[i]}.safetensors")
        points = lip_points(read.landmarks, read.box)
        assert np.array_equal(found["identity_points"][i], points[identity[i]])
        assert np.array_equal(found["points"][i], points[start[i] : start[i] + 8])
        frames = (np.arange(start[i], start[i] + 8) + data.sound_shift).clip(0, 8)
        heard = read.logmel.reshape(9, 4, 128)[frames].reshape(32, 128).astype(np.float32)
        if data.mel_axes == "scrambled":
            heard = scramble(heard)
        assert np.allclose(found["logmel"][i, 0], (heard + 50) / 20, atol=1e-5)
    first, again, other = (clips.draw(6, 3, step) for step in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["logmel"], other["logmel"])


def test_it_learns_to_open_the_mouth_with_the_sound(prepared, run):
    rows = read_log(run)
    assert len(rows) == 150
    assert np.mean([r["loss"] for r in rows[-10:]]) < 0.4 * np.mean([r["loss"] for r in rows[:10]])
    card = read_card(run)
    assert card.metrics["val_lmd"] < 0.4 * card.metrics["val_lmd_frozen"]
    assert (card.step, card.clips, card.split) == (150, 6, "train")
    # The prediction for a clip that it has not seen, through the evaluation's own way.
    model = load_models([run])[0]
    clip = read_clip(prepared / "clips/s1/val0.safetensors")
    made = predict(model, clip, "s1/val0", (0, 8), (20, 1), 16)
    assert made.shape == (2, 16, 20, 2)
    true = lip_points(clip.landmarks, clip.box)
    opening = made[0, :, 5, 1] - made[0, :, 15, 1]
    assert np.corrcoef(opening, (true[:, 5, 1] - true[:, 15, 1])[:16])[0, 1] > 0.9
    # Frame 20 tells the mouth's width: it is not the mean mouth's.
    assert np.ptp(made[0, 0, :, 0]) == pytest.approx(np.ptp(true[0, :, 0]), abs=1.5)


def test_same_settings_same_weights(prepared, tmp_path):
    for name, changes in (("a", {}), ("b", {}), ("c", {"train__seed": 1})):
        train(prepared, settings(**changes), tmp_path / name, progress=False)
    a, b, c = (load_weights(tmp_path / n, pictures=False).generator.state_dict() for n in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_interrupted_and_resumed_is_as_undisturbed(prepared, tmp_path, monkeypatch):
    """Dropout included: what is drawn in a step depends on the step alone."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    wanted = settings(train__steps=6, train__checkpoint_steps=2, train__ema=0.9)
    train(prepared, wanted, whole, progress=False)
    calls, honest = iter(range(1, 9)), PointsLoss.forward

    def interrupted(*given):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return honest(*given)

    with monkeypatch.context() as patch:
        patch.setattr(PointsLoss, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(prepared, wanted, cut, progress=False)
    train(prepared, wanted, cut, resume=True, progress=False)
    assert [r["loss"] for r in read_log(cut)] == [r["loss"] for r in read_log(whole)]
    a, b = (load_weights(f, pictures=False).generator.state_dict() for f in (cut, whole))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_what_is_spent_of_its_minutes_stays_spent(prepared, tmp_path):
    """A run that is tried again has the rest of its budget, not the whole."""
    endless = settings(train__steps=10**6, train__minutes=0.02)
    first = train(prepared, endless, tmp_path, progress=False)
    assert 1 < first.step < 10**6
    assert spent(tmp_path) >= 0.02 * 60
    again = train(prepared, endless, tmp_path, True, progress=False, spent=spent(tmp_path))
    assert again.step <= first.step + 1


def test_a_finished_run_is_kept_and_another_is_refused(prepared, tmp_path):
    out = tmp_path / "run"
    done = train(prepared, settings(), out, progress=False)
    before = (out / "weights.safetensors").read_bytes()
    again = train(prepared, settings(), out, resume=True, progress=False)
    assert (again.step, again.metrics) == (done.step, done.metrics)
    assert (out / "weights.safetensors").read_bytes() == before
    with pytest.raises(UsageError, match="already holds a run; add --resume"):
        train(prepared, settings(), out, progress=False)
    with pytest.raises(UsageError, match=r"was made with train\.seed=0, not 5"):
        train(prepared, settings(train__seed=5), out, resume=True, progress=False)


def test_budget_and_faults(prepared, tmp_path, monkeypatch):
    done = train(prepared, settings(train__minutes=0.0), tmp_path / "short", progress=False)
    assert done.step == 1
    with pytest.raises(LipkitError, match=r"no clip of 30 frames; set a smaller data.window"):
        train(prepared, settings(data__window=30), tmp_path / "long", progress=False)
    monkeypatch.setattr(PointsLoss, "forward", lambda self, made, *_: made.sum() * np.nan)
    with pytest.raises(LipkitError, match="stopped at step 1: the points loss is nan"):
        train(prepared, settings(), tmp_path / "wild", progress=False)
    assert not (tmp_path / "wild/weights.safetensors").exists()


def test_who_needs_pictures_refuses_it_in_one_line(prepared, run):
    with pytest.raises(LipkitError, match="predicts mouth points and draws no lips"):
        load_weights(run)
    arguments = ["generate", "--identity", "x.png", "--audio", "x.wav", "--out", "x.mp4"]
    result = CliRunner().invoke(app, [*arguments, "--weights", str(run)])
    assert result.exit_code != 0
    arguments = ["evaluate", str(run), str(prepared), "--split", "val", "--out", str(run / "t")]
    result = CliRunner().invoke(app, [*arguments, "--metric", "ssim", "--quiet"])
    assert isinstance(result.exception, UsageError)
    assert "it has LMD, Opening r, Amplitude only" in str(result.exception)


def test_the_command_line_trains_it(prepared, tmp_path):
    options = [part for key, value in QUICK.items() for part in ("--set", f"{key}={value}")]
    arguments = ["train", str(prepared), "--preset", "landmarks", "--out", str(tmp_path), "-q"]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 0, result.output
    assert "validation: LMD" in result.output
    assert read_card(tmp_path).statistics == {"logmel_mean": -50.0, "logmel_std": 20.0}
