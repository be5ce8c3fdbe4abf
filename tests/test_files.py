"""Files are whole or absent, and a refusal of the file system is one line."""

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lipkit.errors import LipkitError
from lipkit.files import (
    TEMPORARY_MARK,
    content,
    inside,
    is_relative,
    owning,
    remove_abandoned,
    remove_leftovers,
    replacing,
)


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{TEMPORARY_MARK}*"))


def test_writes_whole_and_makes_the_folder(tmp_path):
    path = tmp_path / "a" / "b" / "naïve file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.suffix == ".txt"
    assert path.read_text() == "whole"
    assert not leftovers(tmp_path)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert path.read_text() == "old"
    assert not leftovers(tmp_path)


def test_an_interrupt_leaves_nothing(tmp_path):
    def interrupt() -> None:
        with replacing(tmp_path / "x.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not list(tmp_path.iterdir())


def test_folders_are_replaced_too(tmp_path):
    def fail() -> None:
        with replacing(tmp_path / "set") as temporary:
            temporary.mkdir()
            (temporary / "part").write_text("x")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any
        fail()
    assert not list(tmp_path.iterdir())
    with replacing(tmp_path / "set") as temporary:
        temporary.mkdir()
        (temporary / "part").write_text("x")
    assert (tmp_path / "set" / "part").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
    ],
)
def test_a_refusal_is_one_line_with_a_remedy(tmp_path, code, words):
    path = tmp_path / "clip.safetensors"

    def refuse() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise OSError(code, os.strerror(code))

    with pytest.raises(LipkitError, match=words) as caught:
        refuse()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "out").write_text("in the way")
    with (
        pytest.raises(LipkitError, match="a file stands where a folder is needed"),
        replacing(tmp_path / "out" / "x.txt"),
    ):
        pytest.fail("no folder could be made")


def test_a_reading_fault_inside_is_not_called_a_writing_fault(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x.txt"):
        (tmp_path / "absent").read_text()


def test_leftovers_of_killed_writers_are_removed(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f"{TEMPORARY_MARK}12-x.txt").write_text("half")
    (tmp_path / f"{TEMPORARY_MARK}34-set").mkdir()
    (tmp_path / "whole.txt").write_text("whole")
    assert remove_leftovers(tmp_path) == 2
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["whole.txt"]


# One command per folder


HOLDER = """
import sys
from lipkit.files import owning
with owning(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``tmp_path / "run"``."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_folder_that_another_process_owns_is_refused_in_one_line(tmp_path, holder):
    with pytest.raises(LipkitError, match="another lipkit command is at work there") as caught:
        owning(tmp_path / "run").__enter__()
    assert str(tmp_path / "run") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_killed_process_lets_its_folder_go(tmp_path, holder):
    holder.kill()
    holder.wait()
    with owning(tmp_path / "run"):
        (tmp_path / "run" / "x").touch()
    assert os.listdir(tmp_path / "run") == ["x"]


def test_another_thread_is_refused_too(tmp_path):
    faults = []

    def second() -> None:
        try:
            with owning(tmp_path):
                pass
        except LipkitError as fault:
            faults.append(fault)

    with owning(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(faults) == 1
    with owning(tmp_path):
        pass


def test_owning_leaves_no_trace(tmp_path):
    with owning(tmp_path / "a" / "new"):
        assert content(tmp_path / "a" / "new") == []
    assert not (tmp_path / "a" / "new").exists()
    with pytest.raises(ValueError), owning(tmp_path / "new"):  # noqa: PT011 - any
        raise ValueError
    assert not (tmp_path / "new").exists()
    with owning(tmp_path / "a"):
        pass
    assert os.listdir(tmp_path / "a") == []


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LipkitError, match="a file stands where a folder is needed"):
        owning(tmp_path / "file").__enter__()
    with pytest.raises(LipkitError, match="a file stands where a folder is needed"):
        owning(tmp_path / "file" / "below").__enter__()


def test_content_leaves_out_what_the_house_itself_leaves(tmp_path):
    for name in ("b", "a", ".hidden", f"{TEMPORARY_MARK}1-x", ".lipkit-lock"):
        (tmp_path / name).touch()
    assert content(tmp_path) == [".hidden", "a", "b"]
    assert content(tmp_path / "missing") == content(tmp_path / "a") == []


# Names that files give


OUTWARD = [
    "/etc/passwd",
    "../victim",
    "a/../../victim",
    "..",
    "",
    ".",
    "a\0b",
    "C:\\victim",
    "c:victim",
    "..\\victim",
    "\\\\server\\share",
    None,
    7,
    ["a"],
]


@pytest.mark.parametrize("name", OUTWARD)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(LipkitError, match=r"stages\.json: .* leads out of") as caught:
        inside(tmp_path, name, tmp_path / "stages.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a..b", ".hidden", "größe 声.mp4", "a/./b"])
def test_a_name_inside_is_taken(tmp_path, name):
    assert is_relative(name)
    assert inside(tmp_path, name, "x") == tmp_path / name


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "x").touch()
    home = tmp_path / "home"
    (home / "real").mkdir(parents=True)
    (home / "out").symlink_to(tmp_path / "victim")
    (home / "here").symlink_to(home / "real")
    (home / "self").symlink_to(home)
    for name in ("out", "out/x", "out/new", "self"):
        with pytest.raises(LipkitError, match="by a link"):
            inside(home, name, "x")
    assert inside(home, "here/x", "x") == home / "here/x"
    (tmp_path / "link").symlink_to(home)
    assert inside(tmp_path / "link", "real", "x") == tmp_path / "link" / "real"


KILLED_WRITER = """
import os, signal, sys
from lipkit.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    path = tmp_path / "a [1].mp4"
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(path)], check=False)
    (half,) = tmp_path.iterdir()
    foreign = tmp_path / f"{TEMPORARY_MARK}0123abcd-{path.name}"
    foreign.write_bytes(b"of an older version")
    with replacing(path) as living:
        living.write_bytes(b"whole")
        assert remove_abandoned(tmp_path / "other.mp4") == 0
        assert remove_abandoned(path) == 1
        assert not half.exists()
        assert living.exists()
    assert path.read_bytes() == b"whole"
    assert sorted(tmp_path.iterdir()) == sorted([path, foreign])


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="cannot wait and leave the process known")
def test_a_writer_that_was_killed_and_is_waited_for_by_nobody_is_not_at_work(tmp_path):
    path = tmp_path / "a.mp4"
    process = subprocess.Popen([sys.executable, "-c", KILLED_WRITER, str(path)])
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert len(list(tmp_path.iterdir())) == 1
        assert remove_abandoned(path) == 1
    finally:
        process.wait()
