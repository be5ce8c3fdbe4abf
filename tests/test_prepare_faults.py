"""Preparation that is killed, interrupted, or loses processes, folders, the disk."""

import dataclasses
import errno
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import lipkit.data.clips
import lipkit.data.prepare
from lipkit.config import PrepareConfig
from lipkit.corpora.record import ClipRecord
from lipkit.data.manifest import one_line
from lipkit.data.prepare import prepare
from lipkit.data.prepared import PreparedSet
from lipkit.data.sources import EDGE, is_source, settings_text, source_bytes
from lipkit.errors import LipkitError
from lipkit.files import LOCK_NAME, TEMPORARY_MARK, owning

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).with_name("preparation_run.py")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


def start(out: Path, *options: str) -> subprocess.Popen:
    """Start the test program in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, PROGRAM, out, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    """Exit code, output and error output."""
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


def content(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, temporary ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def whole_clips(folder: Path) -> list[Path]:
    """Prepared clips, without temporary files."""
    return [p for p in folder.rglob("*.safetensors") if not p.name.startswith(TEMPORARY_MARK)]


def group_is_gone(group: int) -> bool:
    """Whether no process of the group lives, within ten seconds.

    An orphan that has ended but that nobody waits for, as in a container without an init, is gone.
    """
    for _ in range(200):
        if not any(_lives_in(process, group) for process in psutil.process_iter()):
            return True
        time.sleep(0.05)
    return False


def _lives_in(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    """The set that the test program makes when left alone."""
    out = tmp_path_factory.mktemp("undisturbed") / "set"
    code, output, errors = finish(start(out))
    assert code == 0, errors
    assert output.split() == ["36", "4", "0"]
    return content(out)


@posix
def test_killed_at_any_moment_and_run_again_gives_the_same_set(tmp_path, undisturbed):
    """Killed again and again: as it starts, at work, as it ends."""
    draw = random.Random(0)
    out, killed_at = tmp_path / "set", []
    for kill in range(5):
        process = start(out, "--seconds", "0.03")
        # From the start on, or from the moment when new clips appear.
        seen = len(whole_clips(out))
        deadline = time.monotonic() + 60
        while kill and process.poll() is None and len(whole_clips(out)) == seen:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert group_is_gone(process.pid)
        killed_at.append(len(whole_clips(out)))
        if out.exists() and len(undisturbed) > len(content(out)):
            with pytest.raises(LipkitError, match=r"did not finish|not a prepared set"):
                PreparedSet.open(out)
    assert killed_at == sorted(killed_at)
    assert any(0 < count < 36 for count in killed_at)
    code, output, errors = finish(start(out))
    assert code == 0, errors
    assert output.split() == ["36", "4", str(killed_at[-1])]
    assert content(out) == undisturbed


def test_what_a_killed_writer_left_is_removed_and_a_cut_file_is_made_again(tmp_path, undisturbed):
    out = tmp_path / "set"
    finish(start(out))
    (out / "clips/s0" / f"{TEMPORARY_MARK}0123abcd-c000.safetensors").write_bytes(b"half")
    (out / f"{TEMPORARY_MARK}0123abcd-manifest.csv").write_bytes(b"half")
    cut = out / "clips/s0/c000.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1])
    (out / "clips/s1/c001.safetensors").write_bytes(b"")
    (out / "manifest.csv").unlink()
    code, output, _ = finish(start(out))
    assert (code, output.split()) == (0, ["36", "4", "34"])
    assert content(out) == undisturbed


def test_a_second_preparation_of_the_folder_is_refused(tmp_path):
    out = tmp_path / "set"
    with owning(out):
        code, _, errors = finish(start(out))
        assert os.listdir(out) == [LOCK_NAME]
    assert code == 1
    assert errors.strip() == (
        f"{out}: another lipkit command is at work there; wait until it ends or choose "
        "another folder"
    )


@posix
def test_ctrl_c_ends_in_one_line_and_the_next_run_continues(tmp_path, undisturbed):
    out = tmp_path / "set"
    process = start(out, "--seconds", "0.05")
    deadline = time.monotonic() + 60
    while len(whole_clips(out)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    code, _, errors = finish(process)
    assert code == 130
    said = errors.replace("\r", "\n").strip().splitlines()[-1]
    assert f"{out}: stopped; " in said
    assert "run the same again to continue" in said
    assert "Traceback" not in errors
    assert group_is_gone(process.pid)
    kept = len(whole_clips(out))
    assert 3 <= kept < 36
    assert not [name for name in content(out) if TEMPORARY_MARK in name]
    code, output, _ = finish(start(out))
    assert (code, output.split()) == (0, ["36", "4", str(kept)])
    assert content(out) == undisturbed


@posix
def test_processes_end_when_their_parent_is_killed(tmp_path):
    process = start(tmp_path / "set", "--seconds", "0.2")
    while not whole_clips(tmp_path / "set"):
        time.sleep(0.01)
    process.kill()  # the parent alone
    process.communicate()
    assert group_is_gone(process.pid)


@posix
def test_a_clip_that_kills_its_process_is_one_failed_row(tmp_path, undisturbed):
    out = tmp_path / "set"
    code, output, errors = finish(start(out, "--die", "s0/c004"))
    assert (code, output.split()) == (0, ["35", "5", "0"]), errors
    manifest = PreparedSet.open(out).manifest.set_index("clip_id")
    assert manifest.status["s0/c004"] == "failed"
    assert "the process that worked on it died" in manifest.reason["s0/c004"]
    assert manifest.status.drop("s0/c004").value_counts().to_dict() == {"ok": 35, "failed": 4}


@posix
def test_a_process_that_dies_once_costs_nothing(tmp_path, undisturbed):
    out = tmp_path / "set"
    code, output, errors = finish(start(out, "--die-once", "s0/c004"))
    assert (code, output.split()) == (0, ["36", "4", "0"]), errors
    assert (tmp_path / "died").exists()
    assert content(out) == undisturbed


# What follows runs in this process, on clips of numbers.


@pytest.fixture
def records(tmp_path, monkeypatch) -> list[ClipRecord]:
    """Six records and a pipeline that makes numbers of them."""
    from prepared_sets import noise_clip

    def made_up_clip(record: ClipRecord, config: PrepareConfig, limits=None):
        clip = noise_clip(20, int(record.clip_id[-1]))
        clip.meta |= {
            "settings": settings_text(config),
            "source_bytes": source_bytes(record),
            "notes": "",
            "logmel_sum": "1.0",
            "logmel_squares": "2.0",
        }
        return clip

    class NoModel:
        def load(self) -> None:
            pass

    monkeypatch.setattr(lipkit.data.prepare, "prepare_clip", made_up_clip)
    monkeypatch.setattr(lipkit.data.prepare, "_landmarks", NoModel)
    (tmp_path / "raw").mkdir()
    made = []
    for i in range(6):
        video = tmp_path / "raw" / f"c{i}.mpg"
        video.write_bytes(b"raw")
        made.append(ClipRecord(f"s1/c{i}", "s1", "grid", video, sentence=f"{i}", split="train"))
    return made


def run(records, out, **options):
    """Prepare in this process, quietly."""
    return prepare(records, out, workers=0, progress=False, **options)


def test_running_again_keeps_what_is_there(tmp_path, records):
    assert run(records[:4], tmp_path / "set").ok == 4
    before = content(tmp_path / "set")
    done = run(records, tmp_path / "set")
    assert (done.ok, done.failed, done.skipped) == (6, 0, 4)
    after = content(tmp_path / "set")
    assert all(after[name] == before[name] for name in before if name.endswith("safetensors"))


def test_calls_add_to_the_set_and_end_in_the_same_bytes_in_any_order(tmp_path, records):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(records, whole)
    done = run(records[3:], parts)
    assert (done.ok, done.clips) == (3, 3)
    done = run(records[:4], parts)
    assert (done.ok, done.skipped, done.clips, done.remarks) == (4, 1, 6, ())
    assert content(parts) == content(whole)
    opened = PreparedSet.open(parts)
    assert list(opened.clips().clip_id) == [record.clip_id for record in records]
    assert opened.description["counts"]["clips"] == 6


def test_failed_clips_of_earlier_calls_stay_listed_with_their_reason(tmp_path, records):
    broken = dataclasses.replace(records[0], clip_id="s9/x", note="odd")
    run(records[:2], tmp_path / "set")
    good = lipkit.data.prepare.prepare_clip

    def refuse(record, config, limits):
        raise LipkitError(f"{record.video}: no face")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lipkit.data.prepare, "prepare_clip", refuse)
        run([broken], tmp_path / "set")
    assert lipkit.data.prepare.prepare_clip is good
    run(records[2:], tmp_path / "set")
    row = PreparedSet.open(tmp_path / "set").manifest.set_index("clip_id").loc["s9/x"]
    assert (row.status, row.reason, row.notes) == ("failed", f"{broken.video}: no face", "odd")
    assert len(PreparedSet.open(tmp_path / "set").manifest) == 7


def test_what_vanished_is_said_and_leaves_the_manifest(tmp_path, records):
    out = tmp_path / "set"
    run(records[:4], out)
    (out / "clips/s1/c1.safetensors").unlink()
    (out / "clips/s1/c2.safetensors").write_bytes(b"cut")
    done = run(records[4:], out)
    (remark,) = done.remarks
    assert "2 clips of earlier calls vanished" in remark
    assert "clips/s1/c1.safetensors" in remark
    assert "\n" not in remark
    assert list(PreparedSet.open(out).clips().clip_id) == ["s1/c0", "s1/c3", "s1/c4", "s1/c5"]


def test_a_manifest_that_cannot_be_read_is_made_anew_and_said(tmp_path, records):
    out = tmp_path / "set"
    run(records[:4], out)
    (out / "manifest.csv").write_text("clip_id\n")
    (remark,) = run(records[4:], out).remarks
    assert "it was made anew" in remark
    assert list(PreparedSet.open(out).clips().clip_id) == ["s1/c4", "s1/c5"]
    run(records, out)
    assert len(PreparedSet.open(out).clips()) == 6


def test_a_clip_whose_header_tells_what_cannot_be_is_made_again(tmp_path, records):
    out = tmp_path / "set"
    run(records, out)
    path = out / "clips/s1/c3.safetensors"
    path.write_bytes(path.read_bytes().replace(b'"logmel_sum":"1.0"', b'"logmel_sum":"nan"'))
    assert run(records, out).skipped == 5
    assert PreparedSet.open(out).statistics["logmel_mean"] < 1


def test_a_source_that_was_replaced_is_prepared_again(tmp_path, records):
    run(records, tmp_path / "set")
    records[2].video.write_bytes(b"another, longer file")
    assert run(records, tmp_path / "set").skipped == 5


def test_a_source_of_the_same_size_is_noticed_and_old_marks_still_count(tmp_path, records):
    run(records, tmp_path / "set")
    records[2].video.write_bytes(b"war")
    assert run(records, tmp_path / "set").skipped == 5
    told = source_bytes(records[2])
    assert is_source(records[2], told)
    assert is_source(records[2], "3")  # of a set that was prepared before there were checksums
    assert not is_source(records[2], "4")
    records[2].video.write_bytes(bytes(3 * EDGE))
    told = source_bytes(records[2])
    records[2].video.write_bytes(bytes(3 * EDGE - 1) + b"a")
    assert not is_source(records[2], told)


@pytest.mark.parametrize("name", ["s1/a  7", "s1/a7 ", "s1/a\u00a07", "s1/a\n7", "s1/\udcff7"])
def test_a_name_of_odd_white_space_is_a_clip_like_others(tmp_path, records, name):
    odd = dataclasses.replace(records[0], clip_id=name)
    assert run([odd, *records[1:]], tmp_path / "set").ok == 6
    assert len(PreparedSet.open(tmp_path / "set").clips("train")) == 6
    assert run([odd, *records[1:]], tmp_path / "set").skipped == 6
    with pytest.raises(LipkitError, match="has the clip id"):
        run([odd, dataclasses.replace(odd, clip_id=one_line(name))], tmp_path / "other")


def test_prepared_clips_outlive_their_source(tmp_path, records):
    run(records, tmp_path / "set")
    records[2].video.unlink()
    assert run(records, tmp_path / "set").skipped == 6


def test_a_failed_clip_is_tried_again_and_leaves_no_stale_file(tmp_path, records, monkeypatch):
    run(records, tmp_path / "set")
    records[2].video.write_bytes(b"now broken")
    good = lipkit.data.prepare.prepare_clip

    def broken(record, config, limits):
        if record.clip_id == "s1/c2":
            raise RuntimeError("odd\nthing")
        return good(record, config)

    monkeypatch.setattr(lipkit.data.prepare, "prepare_clip", broken)
    done = run(records, tmp_path / "set")
    assert done.reasons == {"s1/c2": f"{records[2].video}: unexpected RuntimeError: odd thing"}
    assert not (tmp_path / "set/clips/s1/c2.safetensors").exists()
    monkeypatch.setattr(lipkit.data.prepare, "prepare_clip", good)
    done = run(records, tmp_path / "set")
    assert (done.ok, done.failed, done.skipped) == (6, 0, 5)


def test_too_little_memory_for_one_clip_is_its_own_fault(tmp_path, records, monkeypatch):
    def hungry(record, config, limits):
        raise MemoryError

    monkeypatch.setattr(lipkit.data.prepare, "prepare_clip", hungry)
    done = run(records, tmp_path / "set")
    assert done.ok == 0
    assert "too large for the memory" in done.reasons["s1/c0"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"crop": "per_frame"}, "was prepared with crop=stable, not per_frame"),
        ({"crop_scale": 1.5}, "was prepared with crop_scale=1.3, not 1.5"),
    ],
)
def test_a_set_of_other_settings_is_refused(tmp_path, records, change, said):
    run(records, tmp_path / "set")
    before = content(tmp_path / "set")
    with pytest.raises(LipkitError, match=said):
        run(records, tmp_path / "set", config=PrepareConfig(**change))
    assert content(tmp_path / "set") == before


def test_a_set_of_another_corpus_is_refused(tmp_path, records):
    run(records, tmp_path / "set")
    with pytest.raises(LipkitError, match="was prepared with corpus=grid, not synthetic"):
        run(records, tmp_path / "set", corpus="synthetic")


def test_a_set_of_another_format_is_refused(tmp_path, records):
    run(records, tmp_path / "set")
    path = tmp_path / "set/prepare.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 0'))
    with pytest.raises(LipkitError, match="prepared in format 0, this version of lipkit has"):
        run(records, tmp_path / "set")


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path, records):
    (tmp_path / "set").mkdir()
    mine = tmp_path / "set" / "thesis.txt"
    leftover = tmp_path / "set" / f"{TEMPORARY_MARK}0123abcd-mine"
    mine.write_text("mine")
    leftover.write_text("mine too")
    with pytest.raises(LipkitError, match=r"holds files \(thesis\.txt\) but no prepared set"):
        run(records, tmp_path / "set")
    assert {p.name for p in (tmp_path / "set").iterdir()} == {mine.name, leftover.name}


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path, records):
    (tmp_path / "set").write_text("a file")
    for out in (tmp_path / "set", tmp_path / "set" / "below"):
        with pytest.raises(LipkitError, match="a file stands where a folder is needed") as caught:
            run(records, out)
        assert "\n" not in str(caught.value)


def test_a_file_in_place_of_a_speakers_folder_ends_the_run(tmp_path, records):
    (tmp_path / "set").mkdir()
    run(records[:1], tmp_path / "set")
    other = [dataclasses.replace(r, clip_id=r.clip_id.replace("s1", "s2")) for r in records]
    (tmp_path / "set/clips/s2").write_text("a file")
    with pytest.raises(LipkitError, match="a file stands where a folder is needed"):
        run(other, tmp_path / "set")


def _full_after(monkeypatch, files: int) -> None:
    """Let the disk be full once ``files`` clips are written."""
    write, count = lipkit.data.prepare.write_clip, iter(range(1000))

    def full(path, clip):
        if next(count) < files:
            return write(path, clip)
        with lipkit.data.clips.replacing(path) as temporary:
            temporary.write_bytes(b"half a clip")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(lipkit.data.prepare, "write_clip", full)


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)], ids=["here", "executor"])
def test_a_full_disk_ends_the_run_in_one_line(tmp_path, records, monkeypatch, executor):
    out = tmp_path / "set"
    with monkeypatch.context() as patched:
        _full_after(patched, 3)
        with pytest.raises(LipkitError, match=r"cannot be written: the disk is full") as caught:
            run(records, out, executor=executor)
    assert "\n" not in str(caught.value)
    assert len(whole_clips(out)) == 3
    assert not [name for name in content(out) if TEMPORARY_MARK in name]
    done = run(records, out)  # space was made
    assert (done.ok, done.skipped) == (6, 3)


def test_a_fault_of_the_disk_ends_the_run_in_one_line(tmp_path, records, monkeypatch):
    def broken(path, clip):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(lipkit.data.prepare, "write_clip", broken)
    for executor in (None, ThreadPoolExecutor(1)):
        with pytest.raises(LipkitError, match=r"c\d\.safetensors: cannot be written \(Input"):
            run(records, tmp_path / "set", executor=executor)


def test_a_real_full_disk_ends_the_run_in_one_line(tmp_path, records):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a small disk can be mounted by the administrator only")
    try:
        with pytest.raises(LipkitError, match="the disk is full"):
            run(records, disk / "set")
        assert 0 < len(whole_clips(disk / "set")) < 6
        assert not [name for name in content(disk / "set") if TEMPORARY_MARK in name]
        subprocess.run(["mount", "-o", "remount,size=20M", str(disk)], check=True)
        assert run(records, disk / "set").ok == 6
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_executor_that_is_shut_down_is_one_line(tmp_path, records):
    class Closing(Executor):
        def submit(self, function, /, *arguments):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(LipkitError, match=r"the executor gave up \(CancelledError\)"):
        run(records, tmp_path / "set", executor=Closing())


def test_two_clips_of_one_name_are_refused(tmp_path, records):
    with pytest.raises(LipkitError, match="has the clip id s1/c0 of"):
        run([*records, records[0]], tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_clip_name_that_leads_out_of_the_set_is_refused(tmp_path, records):
    with pytest.raises(LipkitError, match="leads out of the prepared set"):
        run([dataclasses.replace(records[0], clip_id="../x")], tmp_path / "set")


def test_no_clips_at_all_is_one_line(tmp_path):
    with pytest.raises(LipkitError, match="no clip to prepare"):
        run([], tmp_path / "set")


def test_without_a_landmark_model_nothing_begins(tmp_path, records, monkeypatch):
    monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", str(tmp_path / "no model.dat"))
    with pytest.raises(LipkitError, match=r"no model\.dat"):
        run(records, tmp_path / "set")
    assert not (tmp_path / "set").exists()
