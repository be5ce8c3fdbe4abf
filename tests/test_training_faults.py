"""What the machine does to a training: a full disk, a damaged checkpoint, no shared memory."""

import errno
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from fuzz.breaking import broken_bytes
from training_sets import ALL_LOSSES, PIXEL_ONLY, make_set, settings

from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError
from lipkit.files import TEMPORARY_MARK
from lipkit.training import train
from lipkit.training.generator_run import Run
from lipkit.training.run_folder import CHECKPOINT_NAME, load_checkpoint, read_log, save_checkpoint

resource = pytest.importorskip("resource", reason="limits of POSIX")
pytestmark = pytest.mark.slow

SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return make_set(tmp_path_factory.mktemp("prepared"), {"train": 3, "val": 1}, frames=24)


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory) -> Path:
    """A run of two steps with every network."""
    out = tmp_path_factory.mktemp("run")
    train(prepared, settings(ALL_LOSSES, train__steps=2), out, progress=False)
    return out


def one_line(caught) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


# The disk


def test_a_real_full_disk_is_one_line_and_the_run_goes_on_later(prepared, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can be mounted by the administrator only")
    try:
        with pytest.raises(LipkitError, match=r"cannot be written: the disk is full") as caught:
            train(prepared, settings(PIXEL_ONLY), disk / "run", progress=False)
        one_line(caught)
        assert not list(disk.rglob(f"{TEMPORARY_MARK}*"))
        subprocess.run(["mount", "-o", "remount,size=50M", str(disk)], check=True)
        train(prepared, settings(PIXEL_ONLY), disk / "run", resume=True, progress=False)
        train(prepared, settings(PIXEL_ONLY), tmp_path / "whole", progress=False)
        rows = [
            [(row["step"], row["loss"]) for row in read_log(folder)]
            for folder in (disk / "run", tmp_path / "whole")
        ]
        assert rows[0] == rows[1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_checkpoint_that_the_system_cuts_off_is_one_line_and_the_old_one_stays(tmp_path):
    path = tmp_path / CHECKPOINT_NAME
    state = {"step": 1, "networks": {}, "numbers": torch.zeros(200_000)}
    save_checkpoint(path, state)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(LipkitError, match="cannot be written: it would be larger") as caught:
            save_checkpoint(path, state | {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    one_line(caught)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(f"{TEMPORARY_MARK}*"))


@pytest.mark.parametrize("when", ["write", "flush"])
def test_a_log_that_cannot_grow_is_one_line(prepared, tmp_path, monkeypatch, when):
    run = Run(PreparedSet.open(prepared), settings(PIXEL_ONLY), tmp_path / "run")
    run.begin(resume=False)
    open_file = Path.open

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            return self.refuse() if when == "write" else len(text)

        def flush(self) -> None:
            if when == "flush":
                self.refuse()

        def refuse(self) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(path: Path, mode: str = "r", *rest, **named):
        return Full() if mode == "a" else open_file(path, mode, *rest, **named)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(LipkitError, match=r"log.*cannot be written: the disk is full") as caught:
        run.trainer.fit()
    one_line(caught)


# The checkpoint


def resumed(prepared: Path, out: Path, steps: int = 3) -> None:
    train(prepared, settings(ALL_LOSSES, train__steps=steps), out, resume=True, progress=False)


def first_network(state: dict) -> dict:
    return next(iter(state["networks"].values()))


def first_moments(state: dict) -> dict:
    optimiser = next(o for o in state["optimisers"].values() if o["state"])
    return optimiser["state"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("networks"),
        lambda s: s.pop("optimisers"),
        lambda s: s.pop("step"),
        lambda s: s.update(step="2"),
        lambda s: s.update(step=-1),
        lambda s: s.update(phase="sleep"),
        lambda s: s.update(phase=None),
        lambda s: s.update(preset=[]),
        lambda s: s.update(seconds=float("nan")),
        lambda s: s.update(networks=[]),
        lambda s: s["networks"].update(generator=None),
        lambda s: s["networks"].pop("generator"),
        lambda s: s["optimisers"].update(generator={}),
        lambda s: s["optimisers"]["generator"].update(param_groups=[]),
        lambda s: s["optimisers"]["generator"].update(state=None),
        lambda s: first_network(s).popitem(),
        lambda s: first_network(s).update(more=torch.zeros(1)),
        lambda s: next(iter(first_network(s).values())).resize_(1),
        lambda s: next(iter(first_network(s).values())).fill_(float("nan")),
        lambda s: first_moments(s)["exp_avg"].resize_(1, 1),
        lambda s: first_moments(s)["exp_avg_sq"].fill_(float("inf")),
    ],
)
def test_a_state_that_no_run_left_is_one_line(prepared, run, tmp_path, change):
    state = load_checkpoint(run / CHECKPOINT_NAME)
    change(state)
    torch.save(state, tmp_path / CHECKPOINT_NAME)
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()
    with pytest.raises(LipkitError, match=r"checkpoint\.pt: is not a whole checkpoint") as caught:
        resumed(prepared, tmp_path)
    one_line(caught)
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == before


def test_mutated_checkpoints_are_read_or_one_line(run, tmp_path):
    """Bytes of the archive, and of the pickle inside it with its checksum made right again."""
    path, whole = tmp_path / CHECKPOINT_NAME, (run / CHECKPOINT_NAME).read_bytes()
    said = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        path.write_bytes(broken_bytes(whole, rng) if seed % 3 == 0 else _other_pickle(whole, rng))
        try:
            load_checkpoint(path)
        except LipkitError as error:
            said.append(str(error))
    assert len(said) > 75
    assert not [text for text in said if "\n" in text]


def _other_pickle(whole: bytes, rng: np.random.Generator) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, broken_bytes(content, rng) if name.endswith("data.pkl") else content)
    return made.getvalue()


# Loader processes and shared memory


def test_a_damaged_clip_is_one_line_with_loader_processes_too(tmp_path):
    folder = make_set(tmp_path / "set", {"train": 3, "val": 1})
    path = folder / "clips/s1/train1.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    said = set()
    for workers in (0, 1):
        with pytest.raises(LipkitError, match=r"train1\.safetensors: not a whole") as caught:
            train(
                folder,
                settings(PIXEL_ONLY, train__workers=workers),
                tmp_path / str(workers),
                progress=False,
            )
        said.add(one_line(caught))
    assert len(said) == 1


SCRIPT = """
import ctypes, subprocess, sys
NEW_MOUNTS = 0x2_0000
mount = ["mount", "-t", "tmpfs", "-o", sys.argv[3], "none", "/dev/shm"]
alone = ["mount", "--make-rprivate", "/"]
if __name__ == "__main__":
    if ctypes.CDLL(None).unshare(NEW_MOUNTS) or any(subprocess.call(w) for w in (alone, mount)):
        sys.exit(77)
from pathlib import Path
from training_sets import PIXEL_ONLY, settings
from lipkit.errors import LipkitError
from lipkit.jobs.pool import each
from lipkit.training import train
if __name__ == "__main__":
    for workers in (1, 0):
        out = Path(sys.argv[2], str(workers))
        try:
            train(sys.argv[1], settings(PIXEL_ONLY, train__workers=workers), out, progress=False)
            print("trained", flush=True)
        except LipkitError as error:
            print(error, flush=True)
    try:
        list(each(abs, [1], workers=1))
    except LipkitError as error:
        print(error, flush=True)
"""


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="this system has no /dev/shm")
@pytest.mark.parametrize("options", ["ro", "size=16k"])
def test_without_shared_memory_the_remedy_is_named_and_works(
    prepared, tmp_path, options, warm_python
):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [warm_python, script, prepared, tmp_path, options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    if done.returncode == 77:
        pytest.skip("shared memory can be taken away by the administrator only")
    lines = done.stdout.splitlines()
    assert "train with --set train.workers=0" in lines[0]
    assert lines[1] == "trained"
    assert "/dev/shm" in lines[2]
    assert len(lines) == 3
    assert "Traceback" not in done.stderr
