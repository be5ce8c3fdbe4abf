"""Servers, listings and archives that are broken or mean harm: one line, nothing harmed."""

import bz2
import gzip
import hashlib
import io
import json
import os
import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
import requests
from faulty_server import CONTENT, MD5, QUICK, packed, tarred

from lipkit.corpora.fetch import archives, bounds
from lipkit.corpora.fetch.checksums import parse_checksum
from lipkit.corpora.fetch.download import fetch, fetch_json
from lipkit.corpora.fetch.zenodo import record_files
from lipkit.corpora.tree import walk_files
from lipkit.errors import LipkitError, UsageError


def one_line(caught) -> str:
    assert "\n" not in str(caught.value)
    return str(caught.value)


def get(server, folder: Path, **known) -> Path:
    known = {"patience": QUICK, "progress": False, **known}
    return fetch(f"{server.url}/f", folder / "f", **known)


# The line


def breaking_once(monkeypatch, fault: Exception) -> None:
    """The first body breaks in its middle by ``fault``."""
    whole, times = requests.Response.iter_content, [1]

    def iter_content(self, size):
        for place, chunk in enumerate(whole(self, size)):
            if times and place == 100:
                times.pop()
                raise fault
            yield chunk

    monkeypatch.setattr(requests.Response, "iter_content", iter_content)


@pytest.mark.parametrize(
    "fault",
    [
        requests.exceptions.SSLError("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
        requests.exceptions.SSLError(),
        requests.exceptions.ContentDecodingError("gzip"),
        requests.exceptions.ConnectionError("reset"),
    ],
)
def test_any_fault_in_mid_body_is_resumed(server, tmp_path, monkeypatch, fault):
    breaking_once(monkeypatch, fault)
    assert get(server, tmp_path, size=len(CONTENT), checksum=MD5).read_bytes() == CONTENT
    assert server.ranges("/f") == [None, "bytes=1600-"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), "is not trusted"),
        (requests.exceptions.TooManyRedirects("30"), r"cannot be fetched \(30\)"),
    ],
)
def test_what_stays_broken_is_one_line_at_once(server, tmp_path, monkeypatch, fault, said):
    asked = []

    def refuse(*_, **__):
        asked.append(1)
        raise fault

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(LipkitError, match=said) as caught:
        get(server, tmp_path)
    assert one_line(caught).startswith(f"{server.url}/f: ")
    assert asked == [1]


@pytest.mark.parametrize("url", ["http://.x.y/f", "http://" + "a" * 70 + ".org/f"])
def test_a_name_that_no_host_can_have(tmp_path, url):
    with pytest.raises(LipkitError) as caught:
        fetch(url, tmp_path / "f", patience=QUICK, progress=False)
    one_line(caught)


# Bounds


def test_more_than_declared_is_refused_before_anything_is_written(server, tmp_path):
    with pytest.raises(
        LipkitError, match="announces 10,240 bytes where the file has at most 9,000"
    ):
        get(server, tmp_path, size=9000)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(
        LipkitError, match="announces 10,240 bytes where the file has at most 9,000"
    ):
        get(server, tmp_path, at_most=9000)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_does_not_say_how_long_is_cut_at_the_bound(server, tmp_path):
    server.faults["/f"] = ["no length"]
    with pytest.raises(LipkitError, match="sends more where the file has at most 5,000 bytes"):
        get(server, tmp_path, at_most=5000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("known", [{}, {"size": len(CONTENT)}])
def test_too_little_space_is_said_before_anything_is_written(server, tmp_path, monkeypatch, known):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(5000))
    with pytest.raises(LipkitError, match=r"needs 0\.0 GB, 0\.0 GB are free"):
        get(server, tmp_path, **known)
    assert list(tmp_path.iterdir()) == []


class Usage:
    """Stands for the disk's sizes."""

    def __init__(self, free: int) -> None:
        self.free = free


def test_a_stream_without_end_leaves_a_reserve_on_the_disk(server, tmp_path, monkeypatch):
    server.faults["/f"] = ["no length"]
    monkeypatch.setattr(bounds, "LOOK_EVERY", 1000)
    free = iter(range(bounds.RESERVE + 3000, 0, -1000))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(next(free)))
    with pytest.raises(LipkitError, match="are free"):
        get(server, tmp_path)
    assert 0 < (tmp_path / "f.part").stat().st_size < len(CONTENT)


def test_a_document_without_end_is_not_read_into_memory(server, monkeypatch):
    monkeypatch.setattr("lipkit.corpora.fetch.server.LARGEST_DOCUMENT", 5000)
    server.faults["/f"] = ["no length"]
    with pytest.raises(LipkitError, match="the answer has more than 5,000 bytes"):
        fetch_json(f"{server.url}/f", QUICK)


def test_a_document_nested_too_deep_is_not_json(server):
    server.files["/j"] = b"[" * 100_000
    with pytest.raises(LipkitError, match="the answer is not JSON"):
        fetch_json(f"{server.url}/j", QUICK)


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", ""])
def test_a_length_that_is_no_number_is_none(server, tmp_path, monkeypatch, length):
    real = requests.get

    def edited(*arguments, **named):
        response = real(*arguments, **named)
        response.headers["Content-Length"] = length
        return response

    monkeypatch.setattr(requests, "get", edited)
    assert get(server, tmp_path, size=len(CONTENT)).read_bytes() == CONTENT


# Checksums and listings

SHAPES = [None, ["md5:" + "0" * 32], "crc99:00", "md5:", "md5:zz", "md5", "", 7, "shake_128:00"]


@pytest.mark.parametrize("checksum", SHAPES)
def test_a_checksum_that_is_none(server, tmp_path, checksum):
    with pytest.raises(UsageError, match=r"checksum .* is not understood") as caught:
        parse_checksum(checksum)
    one_line(caught)
    if checksum is not None:
        with pytest.raises(UsageError, match="is not understood"):
            get(server, tmp_path, checksum=checksum)
        assert server.requests == []
    server.files["/api/records/3625687"] = json.dumps(
        {"files": [{"key": "s1.zip", "size": 1, "checksum": checksum}]}
    ).encode()
    with pytest.raises(LipkitError, match="its list of files is not understood") as caught:
        record_files(server.url, QUICK)
    one_line(caught)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        [],
        {"key": "../x.zip", "size": 1, "checksum": MD5},
        {"key": "a/x.zip", "size": 1, "checksum": MD5},
        {"key": 7, "size": 1, "checksum": MD5},
        {"key": "s1.zip", "size": -1, "checksum": MD5},
        {"key": "s1.zip", "size": "1", "checksum": MD5},
        {"key": "s1.zip", "size": True, "checksum": MD5},
        {"key": "s1.zip", "size": None, "checksum": MD5},
    ],
)
def test_a_listing_that_is_none(server, run_script, tmp_path, entry):
    server.files["/api/records/3625687"] = json.dumps({"files": [entry]}).encode()
    code, _, error = run_script("get_grid", tmp_path, "--speakers", "1", "--base-url", server.url)
    assert code == 1
    assert "its list of files is not understood" in error
    assert len(error.splitlines()) == 1


def test_a_receipt_that_is_no_text_is_no_receipt(server, run_script, tmp_path):
    content = packed(**{"s1/bbaf2n.mpg": b"v"})
    checksum = "md5:" + hashlib.md5(content).hexdigest()
    server.files["/records/3625687/files/s1.zip"] = content
    server.files["/api/records/3625687"] = json.dumps(
        {"files": [{"key": "s1.zip", "size": len(content), "checksum": checksum}]}
    ).encode()
    (tmp_path / ".received").mkdir()
    (tmp_path / ".received/s1.zip.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "s1").mkdir()
    options = ["--speakers", "1", "--no-alignments", "--quiet", "--base-url", server.url]
    assert run_script("get_grid", tmp_path, *options)[0] == 0
    assert (tmp_path / "s1/bbaf2n.mpg").read_bytes() == b"v"


def test_a_model_that_unpacks_without_end_is_not_written(server, run_script, tmp_path):
    bomb = bz2.compress(bytes(120_000_000))
    server.files["/shape_predictor_68_face_landmarks.dat.bz2"] = bomb
    options = ["--download", tmp_path, "--base-url", server.url, "--quiet"]
    code, _, error = run_script("get_landmark_model", *options)
    assert code == 1
    assert "it is not dlib's model" in error
    assert list(tmp_path.iterdir()) == []
    code, _, error = run_script("get_landmark_model", *options, "--checksum", "crc99:00")
    assert code == 2
    assert len(error.splitlines()) == 1


# Archives


def deflated(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("s1/a.mpg", content)
    return buffer.getvalue()


def test_a_corrupt_deflate_stream_is_one_line(tmp_path):
    whole = bytearray(deflated(random.Random(0).randbytes(3000) * 3))
    start = 30 + len("s1/a.mpg")
    whole[start] = 0xFF  # a type of block that does not exist
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(LipkitError, match=r"a\.zip: is a damaged zip") as caught:
        archives.unzip(tmp_path / "a.zip", tmp_path / "out", progress=False)
    assert isinstance(caught.value.__cause__, zlib.error)
    one_line(caught)
    assert not list((tmp_path / "out").rglob("*.mpg"))


def mutants(whole: bytes, count: int) -> list[bytes]:
    draw = random.Random(1)
    made = []
    for _ in range(count):
        wrong = bytearray(whole)
        for _ in range(draw.choice((1, 1, 2, 5))):
            kind, place = draw.randrange(4), draw.randrange(len(wrong))
            if kind == 0:
                wrong[place] ^= 1 << draw.randrange(8)
            elif kind == 1:
                wrong[place] = draw.choice((0, 0xFF, 0x7F, 0x80))
            elif kind == 2:
                del wrong[place : place + draw.randrange(1, 40)]
            else:
                wrong[place : place + 4] = struct.pack("<i", draw.choice((-1, 2**31 - 1, 0)))
            wrong = wrong or bytearray(b"\0")
        made.append(bytes(wrong))
    return made


@pytest.mark.parametrize("kind", ["zip", "tar", "gz"])
def test_archives_with_wrong_bytes_unpack_or_are_one_line(tmp_path, kind):
    members = {f"s1/{name}.mpg": random.Random(name).randbytes(300) for name in "abc"}
    whole = deflated(bytes(2000)) if kind == "zip" else tarred(**members)
    whole = gzip.compress(whole) if kind == "gz" else whole
    said = []
    for number, wrong in enumerate(mutants(whole, 300)):
        path, out = tmp_path / f"{number}.{kind}", tmp_path / f"out{number}"
        path.write_bytes(wrong)
        try:
            if kind == "zip":
                archives.unzip(path, out, progress=False)
            else:
                archives.untar([path], out, progress=False)
        except LipkitError as fault:
            said.append(str(fault))
    assert len(said) > 20
    assert not [text for text in said if "\n" in text]
    assert not list(tmp_path.rglob(".part-*"))


def untar_one(path: Path, folder: Path, progress: bool) -> int:
    return archives.untar([path], folder, progress)


def test_archives_that_are_none(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    for name, said in (("folder", "Is a directory"), ("gone", "no such file"), ("empty", "is a")):
        for unpack in (
            archives.unzip,
            lambda path, *rest, **more: archives.untar([path], *rest, **more),
        ):
            with pytest.raises(LipkitError, match=said) as caught:
                unpack(tmp_path / name, tmp_path / "out", progress=False)
            assert str(tmp_path / name) in one_line(caught)


def test_a_zip_that_would_unpack_to_far_more_is_refused_before_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 1000)
    (tmp_path / "a.zip").write_bytes(deflated(bytes(1_000_000)))
    with pytest.raises(LipkitError, match="more than 20 times its size"):
        archives.unzip(tmp_path / "a.zip", tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_tar_that_would_unpack_to_far_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SMALL", 1000)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tarred(a=bytes(1_000_000))))
    with pytest.raises(LipkitError, match="more than 20 times its size"):
        archives.untar([tmp_path / "a.tar.gz"], tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_tar_with_holes_or_beyond_the_disk_is_refused(tmp_path, monkeypatch):
    info = tarfile.TarInfo("s1/a.mpg")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"77777777777\0"  # the size with its holes: 8 GB
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "holes.tar").write_bytes(bytes(block) + bytes(1024))
    with pytest.raises(LipkitError, match="has holes; not unpacked"):
        archives.untar([tmp_path / "holes.tar"], tmp_path / "out", progress=False)
    (tmp_path / "a.tar").write_bytes(tarred(a=bytes(5000)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(4000))
    with pytest.raises(LipkitError, match="are free"):
        archives.untar([tmp_path / "a.tar"], tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_an_archive_does_not_write_through_a_link(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "s1").symlink_to(tmp_path / "victim")
    (tmp_path / "a.zip").write_bytes(packed(**{"s1/a.mpg": b"x"}))
    (tmp_path / "a.tar").write_bytes(tarred(**{"s1/a.mpg": b"x"}))
    with pytest.raises(LipkitError, match="by a link"):
        archives.unzip(tmp_path / "a.zip", tmp_path / "out", progress=False)
    with pytest.raises(LipkitError, match="by a link"):
        archives.untar([tmp_path / "a.tar"], tmp_path / "out", progress=False)
    assert list((tmp_path / "victim").iterdir()) == []


# Folders


def test_layout_ldc_copies_nothing_from_outside_the_source(run_script, tmp_path):
    (tmp_path / "private").write_text("secret")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "F02_b.mov").write_text("secret")
    disc = tmp_path / "disc" / "F02"
    disc.mkdir(parents=True)
    (disc / "F02_good.mov").write_text("good")
    for make in (
        lambda: (disc / "F02_a.mov").symlink_to(tmp_path / "private"),
        lambda: (disc / "F02_good.txt").symlink_to(tmp_path / "private"),
        lambda: (disc / "more").symlink_to(tmp_path / "secrets"),
    ):
        made = set(disc.iterdir())
        make()
        options = [tmp_path / "disc", tmp_path / "ldc", "--copy"]
        code, _, error = run_script("layout_ldc", *options)
        assert code == 1
        assert "leads out of" in error
        assert len(error.splitlines()) == 1
        assert not (tmp_path / "ldc").exists()
        (new,) = set(disc.iterdir()) - made
        new.unlink()
    assert run_script("layout_ldc", *options)[0] == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_among_the_clips_is_passed_over(tmp_path):
    os.mkfifo(tmp_path / "a.mpg")
    (tmp_path / "b.mpg").touch()
    (tmp_path / "c.mpg").symlink_to(tmp_path / "gone")
    assert [path.name for path in walk_files(tmp_path)] == ["b.mpg", "c.mpg"]
