"""What a step will hold in memory is told before the first, rightly, and changes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_sets import ALL_LOSSES, make_set, settings

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.training import train
from lipkit.training.generator_run import Run
from lipkit.training.memory import StepMemory
from lipkit.training.run_folder import read_log

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("prepared"), {"train": 3, "val": 1}, frames=24)


MEASURE = """
import json, os, sys
from pathlib import Path
import torch
from training_sets import ALL_LOSSES, settings
from lipkit.data.prepared import PreparedSet
from lipkit.training.generator_run import Run
torch.set_num_threads(1)
wide = {"generator.width": 0.25, "generator.residual_blocks": 9, "loss.perc.width": 0.25,
        "loss.gen.width": 0.25, "data.stride": 1}

def measure(windows):
    wanted = settings(ALL_LOSSES | wide | {"train.batch_size": windows})
    run = Run(PreparedSet.open(sys.argv[1]), wanted, Path(sys.argv[2], str(windows)))
    told = run.memory()
    batch = next(iter(run.recipe.feed.batches(0, 1)))
    run.recipe.take_step(batch)
    # Not ru_maxrss, which begins with the size of the process that started this one.
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"told": told.total, "each": told.per_window, "peak": peak}), flush=True)

# Each in a process of its own, whose peak is no other's; the libraries are loaded once.
for windows in map(int, sys.argv[3:]):
    child = os.fork()
    if not child:
        measure(windows)
        os._exit(0)
    os.waitpid(child, 0)
"""


def measured(prepared: Path, out: Path, *windows: int) -> list[dict[str, int]]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(prepared), str(out), *map(str, windows)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(windows), done.stderr
    return [json.loads(line) for line in lines]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's peak memory")
def test_what_is_told_is_what_a_step_takes(prepared, tmp_path):
    few, many = measured(prepared, tmp_path, 2, 6)
    grown = (many["peak"] - few["peak"]) / 4
    assert 0.75 < few["each"] / grown < 1.35
    assert 0.75 < many["told"] / many["peak"] < 1.35


def test_looking_changes_nothing(prepared, tmp_path, capsys):
    quick = settings(ALL_LOSSES, train__steps=2)
    train(prepared, quick, tmp_path / "told", progress=True)
    said = capsys.readouterr().err
    assert said.count("memory: about ") == 1
    train(prepared, quick, tmp_path / "quiet", progress=False)
    assert "memory" not in capsys.readouterr().err
    told, quiet = ([row["loss"] for row in read_log(tmp_path / n)] for n in ("told", "quiet"))
    assert told == quiet

    run = Run(PreparedSet.open(prepared), quick, tmp_path / "run")
    before = {k: t.clone() for m in run.trainer.modules.values() for k, t in m.state_dict().items()}
    state = torch.random.get_rng_state()
    run.memory()
    assert torch.equal(state, torch.random.get_rng_state())
    after = {k: t for m in run.trainer.modules.values() for k, t in m.state_dict().items()}
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        (StepMemory(10**8, 10**7, 24, 10**10), ["memory: about 0.3 GB"]),
        (
            StepMemory(10**9, 3 * 10**8, 24, 10**11),
            ["memory: about 8.2 GB", "--set train.batch_size=12 takes about 4.6 GB"],
        ),
        (
            StepMemory(10**9, 10**8, 24, 2 * 10**9),
            ["memory: about 3.4 GB", "only 2.0 GB are free", "--set train.batch_size=12"],
        ),
    ],
)
def test_what_is_scarce_or_much_is_said_with_what_halves_it(memory, said):
    lines = memory.lines()
    assert len(lines) == len(said)
    assert all(part in line for part, line in zip(said, lines, strict=True))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMore"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_memory_that_is_not_there_is_one_line(prepared, tmp_path, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr("lipkit.training.step.Step.__call__", refuse)
    with pytest.raises(LipkitError, match=r"take a smaller generator\.width") as caught:
        train(prepared, settings(ALL_LOSSES), tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    more = settings(ALL_LOSSES | {"train.batch_size": 4})
    with pytest.raises(LipkitError, match=r"--set train\.batch_size=2 takes about half"):
        train(prepared, more, tmp_path / "more", progress=False)


def test_another_fault_is_not_called_want_of_memory(prepared, tmp_path, monkeypatch):
    def refuse(*_):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("lipkit.training.step.Step.__call__", refuse)
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(prepared, settings(ALL_LOSSES), tmp_path / "run", progress=False)
