"""The training loop: budgets, logs, samples, resuming, refusals; it learns."""

import csv
import io
import pickle
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import training_sets
from training_sets import PIXEL_ONLY, make_set

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.losses import PixelLoss
from lipkit.presets import Preset
from lipkit.training import EpochBatches, train
from lipkit.training.generator_run import Run
from lipkit.training.run_folder import CHECKPOINT_NAME, load_checkpoint, read_log, save_checkpoint
from lipkit.weights import load_weights, read_card

pytestmark = pytest.mark.slow


def settings(**changes) -> Preset:
    return training_sets.settings(PIXEL_ONLY, **changes)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("prepared"), {"train": 3, "val": 1})


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory) -> Path:
    """An undisturbed run of six steps."""
    out = tmp_path_factory.mktemp("run")
    train(prepared, settings(), out, progress=False)
    return out


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["loss"]) for row in read_log(folder)]


def stop_at(monkeypatch, step: int, fault) -> None:
    """Make the loss of one step be ``fault``, or raise it."""
    calls = iter(range(1, 1000))
    honest = PixelLoss.forward

    def forward(self, generated, real):
        if next(calls) != step:
            return honest(self, generated, real)
        if isinstance(fault, BaseException):
            raise fault
        return generated.sum() * fault

    monkeypatch.setattr(PixelLoss, "forward", forward)


def test_a_run_leaves_what_it_promises(run):
    names = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert names == {
        "settings.json",
        "log.csv",
        "log.jsonl",
        "samples/000006.png",
        "checkpoint.pt",
        "weights.safetensors",
    }
    rows = read_log(run)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["loss"] > 0 and row["windows_per_second"] > 0 for row in rows)
    with (run / "log.csv").open(newline="") as file:
        table = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert table == rows


def test_the_card_tells_the_run(run):
    card = read_card(run)
    assert (card.corpus, card.split, card.clips, card.step) == ("grid", "train", 3, 6)
    assert card.preset == settings()
    assert card.statistics == {"logmel_mean": -50.0, "logmel_std": 20.0}
    assert "CC BY 4.0" in card.data_licence
    assert card.metrics["val_l1"] > 0
    assert card.metrics["val_l1_frozen"] > 0


def test_the_card_has_the_preparation_of_the_set(tmp_path):
    prepared = make_set(tmp_path / "set", {"train": 1}, crop="per_frame")
    train(prepared, settings(train__steps=1), tmp_path / "run", progress=False)
    assert read_card(tmp_path / "run").preset.prepare.crop == "per_frame"


def test_strip_has_two_rows_a_window(run):
    strip = cv2.imread(str(run / "samples" / "000006.png"))
    # Three validation windows; identity and every other of four frames.
    assert strip.shape == (3 * 2 * 64, 3 * 64, 3)
    assert (strip[64:128, :64] == 255).all()


def test_it_learns(prepared, tmp_path):
    changes = {"train__steps": 30, "train__learning_rate": 1e-2}
    train(prepared, settings(**changes), tmp_path / "run", progress=False)
    found = [loss for _, loss in losses(tmp_path / "run")]
    assert np.mean(found[-5:]) < 0.5 * np.mean(found[:5])


def test_same_settings_same_losses(prepared, run, tmp_path):
    train(prepared, settings(), tmp_path / "run", progress=False)
    assert losses(tmp_path / "run") == losses(run)
    train(prepared, settings(train__seed=1), tmp_path / "other", progress=False)
    assert losses(tmp_path / "other") != losses(run)


def test_loader_processes_change_nothing(prepared, run, tmp_path):
    train(prepared, settings(train__workers=1), tmp_path / "run", progress=False)
    assert losses(tmp_path / "run") == losses(run)


@pytest.mark.parametrize("step", [2, 4, 5])
def test_interrupted_and_resumed_is_as_undisturbed(prepared, run, tmp_path, monkeypatch, step):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stop_at(patch, step, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            train(prepared, settings(), out, progress=False)
    result = train(prepared, settings(), out, resume=True, progress=False)
    assert result.step == 6
    assert losses(out) == losses(run)
    weights, expected = (load_weights(f).generator.state_dict() for f in (out, run))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_setting_that_is_newer_than_the_checkpoint_has_its_default(prepared, tmp_path):
    train(prepared, settings(train__steps=1), tmp_path, progress=False)
    path = tmp_path / CHECKPOINT_NAME
    state = load_checkpoint(path)
    del state["preset"]["flow"]["steps"]
    save_checkpoint(path, state)
    assert train(prepared, settings(train__steps=2), tmp_path, True, progress=False).step == 2


def test_a_finished_run_can_be_resumed_further(prepared, tmp_path):
    out = tmp_path / "run"
    train(prepared, settings(train__steps=2), out, progress=False)
    again = train(prepared, settings(train__steps=2), out, resume=True, progress=False)
    assert again.step == 2
    further = train(prepared, settings(train__steps=3), out, resume=True, progress=False)
    assert further.step == 3
    assert [step for step, _ in losses(out)] == [1, 2, 3]


def test_minutes_end_training_after_the_step_in_hand(prepared, tmp_path):
    result = train(prepared, settings(train__minutes=0), tmp_path / "run", progress=False)
    assert result.step == 1
    assert read_card(tmp_path / "run").step == 1


def test_progress_shows_loss_and_speed(prepared, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lipkit.jobs.progress.is_watched", lambda: True)
    train(prepared, settings(train__steps=2), tmp_path / "run")
    shown = capsys.readouterr().err
    assert "loss=" in shown
    assert "windows_per_s=" in shown


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good(
    prepared, tmp_path, monkeypatch, fault
):
    out = tmp_path / "run"
    stop_at(monkeypatch, 5, fault)
    with pytest.raises(LipkitError, match=r"stopped at step 5: the pixel loss is (nan|-?inf)") as e:
        train(prepared, settings(), out, progress=False)
    assert "\n" not in str(e.value)
    state = torch.load(out / CHECKPOINT_NAME, weights_only=True)
    assert state["step"] == 3
    for network in state["networks"].values():
        assert all(torch.isfinite(t).all() for t in network.values())
    assert not (out / "weights.safetensors").exists()


def test_weights_that_are_not_finite_are_not_kept(prepared, tmp_path):
    out = tmp_path / "run"
    run = Run(PreparedSet.open(prepared), settings(), out)
    with torch.no_grad():
        next(run.recipe.networks.generator.parameters()).fill_(float("nan"))
    with pytest.raises(LipkitError, match="a weight is not finite"):
        run.trainer.save()
    assert not (out / CHECKPOINT_NAME).exists()


def test_a_used_folder_is_not_overwritten(prepared, run):
    before = (run / CHECKPOINT_NAME).read_bytes()
    with pytest.raises(UsageError, match="--resume"):
        train(prepared, settings(), run, progress=False)
    assert (run / CHECKPOINT_NAME).read_bytes() == before


def test_resuming_with_other_settings_is_refused(prepared, run):
    with pytest.raises(UsageError, match=r"generator\.residual_blocks=1, not 2"):
        train(
            prepared,
            settings(generator__residual_blocks=2),
            run,
            resume=True,
            progress=False,
        )
    with pytest.raises(UsageError, match=r"train\.seed=0, not 1"):
        train(prepared, settings(train__seed=1), run, resume=True, progress=False)


def test_resuming_on_another_set_is_refused(run, tmp_path):
    other = make_set(tmp_path / "set", {"train": 4, "val": 1})
    with pytest.raises(UsageError, match="another prepared set"):
        train(other, settings(), run, resume=True, progress=False)


def saved(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"text", pickle.dumps(Path()), saved(Path()), saved({"step": 1})[:-50]]
)
def test_a_broken_checkpoint_is_refused(prepared, tmp_path, content):
    (tmp_path / CHECKPOINT_NAME).write_bytes(content)
    with pytest.raises(LipkitError, match="not a whole checkpoint"):
        train(prepared, settings(), tmp_path, resume=True, progress=False)


def test_splits_by_name(tmp_path):
    prepared = make_set(tmp_path / "set", {"s1_train": 1, "s1_val": 1, "s1_test": 1})
    with pytest.raises(LipkitError, match="s1_train"):
        train(prepared, settings(), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    one_step = settings(train__train_split="s1_train", train__steps=1)
    assert train(prepared, one_step, tmp_path / "run", progress=False).metrics
    missing = settings(train__train_split="s1_train", train__val_split="val")
    with pytest.raises(LipkitError, match="val"):
        train(prepared, missing, tmp_path / "none", progress=False)
    itself = settings(train__train_split="s1_train", train__val_split="s1_train")
    with pytest.raises(UsageError, match="is the training split"):
        train(prepared, itself, tmp_path / "none", progress=False)


def test_without_a_validation_split_there_are_no_metrics(tmp_path):
    prepared = make_set(tmp_path / "set", {"train": 1})
    result = train(prepared, settings(train__steps=1), tmp_path / "run", progress=False)
    assert result.metrics == {}


def test_a_folder_that_is_no_prepared_set(tmp_path):
    with pytest.raises(LipkitError, match="not a prepared set"):
        train(tmp_path, settings(), tmp_path / "run", progress=False)


def test_epochs_are_shuffled_and_whole():
    batches = EpochBatches(windows=11, batch_size=3, seed=5)
    first = list(batches)
    assert len(first) == len(batches) == 3
    assert len({i for batch in first for i in batch}) == 9
    batches.epoch = 1
    assert list(batches) != first
    batches.epoch, batches.skip = 0, 2
    assert list(batches) == first[2:]
    assert len(next(iter(EpochBatches(windows=2, batch_size=8, seed=0)))) == 2


def test_training_needs_no_face_detector_and_no_decoder(prepared, tmp_path, warm_python):
    one_step = PIXEL_ONLY | {"train.steps": 1}
    code = f"""
import sys
for name in ("dlib", "librosa", "av"):
    sys.modules[name] = None  # an import of it fails
from lipkit.presets import preset
from lipkit.training import train
train({str(prepared)!r}, preset("tiny", {one_step!r}), {str(tmp_path / "run")!r})
"""
    done = subprocess.run([warm_python, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
