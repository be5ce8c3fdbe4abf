"""Files are whole or absent, and a refusal of the file system is one line."""

import errno
import os
from pathlib import Path

import pytest

from lipkit.errors import LipkitError
from lipkit.files import TEMPORARY_MARK, remove_leftovers, replacing


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
