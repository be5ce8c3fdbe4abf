"""Several processes train as one with the same global batch."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
import torch
from training_sets import TWO_STEPS, make_set, settings

from lipkit.training import EpochBatches, train
from lipkit.training.run_folder import CHECKPOINT_NAME, load_checkpoint, read_log
from lipkit.weights import load_weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("prepared"), {"train": 3, "val": 1}, frames=20)


LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"],
    "fabric run": ["lightning_fabric.cli", "--devices", "2"],
}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module", params=LAUNCHERS)
def two(request, prepared, tmp_path_factory, warm_python) -> Path:
    """A run of two processes."""
    out = tmp_path_factory.mktemp("two")
    script = Path(__file__).with_name("two_processes.py")
    launcher = [*LAUNCHERS[request.param]]
    if request.param == "fabric run":  # which else takes the same port on every machine
        launcher += ["--main-port", str(free_port())]
    command = [warm_python, "-m", *launcher, script, prepared, out]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def reports(two) -> list[dict]:
    return [json.loads((two / f"rank{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def one(prepared, tmp_path_factory) -> Path:
    """The same run of one process."""
    out = tmp_path_factory.mktemp("one")
    train(prepared, settings(TWO_STEPS), out, progress=False)
    return out


def test_two_processes_give_the_losses_of_one(one, two):
    expected, found = read_log(one), read_log(two)
    assert [row["step"] for row in expected] == [row["step"] for row in found] == [1, 2]
    for row, wanted in zip(found, expected, strict=True):
        for name in ("loss", "pix", "corr", "perc", "gen", "dis"):
            assert row[name] == pytest.approx(wanted[name], rel=3e-4), (row["step"], name)


def test_the_gradients_are_those_of_the_whole_batch(one, two):
    moments, expected = (load_checkpoint(f / CHECKPOINT_NAME)["optimisers"] for f in (two, one))
    assert expected.keys() == {"generator", "discriminator", "correlation"}
    for name in expected:
        # Adam's first moment is a mean of the gradients.
        gradient, wanted = (
            torch.cat([entry["exp_avg"].flatten() for entry in state[name]["state"].values()])
            for state in (moments, expected)
        )
        assert (gradient - wanted).norm() < 0.01 * wanted.norm(), name


def test_the_first_process_writes_the_weights(two):
    assert load_weights(two).card.step == 2
    assert load_weights(two).card.metrics["val_l1"] > 0


def test_batch_norm_is_over_all_processes(reports):
    for report in reports:
        assert report["world"] == 2
        assert len(report["batch_norm"]) == 8
        assert max(report["batch_norm"].values()) < 1e-6


def test_each_process_draws_for_itself_and_a_resumed_run_draws_the_same(reports):
    first, second = (report["drawn"]["whole"] for report in reports)
    assert len({*first, *second}) == 8, "no number twice: not in a step, not in a process"
    for report in reports:
        assert report["drawn"]["resumed"] == report["drawn"]["whole"]


def test_processes_part_before_they_end(two):
    """Left to Python's own end, a thread of Gloo aborts a process now and then."""
    assert [json.loads(path.read_text()) for path in two.glob("parted-*.json")] == [True, True]


def test_a_batch_that_cannot_be_shared_is_refused(reports):
    assert "train.batch_size=3: cannot be shared by 2 processes" in reports[0]["refused"]


def test_each_process_has_its_share_of_every_batch():
    whole = EpochBatches(windows=23, batch_size=6, seed=2)
    shares = [EpochBatches(23, 6, 2, rank, world=3) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert [len(part) for part in parts] == [2, 2, 2]
        assert [index for part in parts for index in part] == batch
    # A set smaller than the batch: the largest batch that can be shared.
    small = [EpochBatches(5, 6, 2, rank, world=2) for rank in range(2)]
    assert [len(next(iter(share))) for share in small] == [2, 2]
