"""Prepared sets with wrong, impossible or hostile content: one line, whoever reads them."""

import json
import os
import random
import struct

import numpy as np
import pytest
from prepared_sets import noise_clip, write_set

from lipkit.data.clips import LAYOUT, ClipFile, read_clip, write_clip
from lipkit.data.description import DESCRIPTION
from lipkit.data.manifest import MANIFEST
from lipkit.data.prepared import PreparedSet
from lipkit.data.table import read_table
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError


@pytest.fixture
def folder(tmp_path):
    return write_set(tmp_path / "set", [20, 30, 40])


def every_window(folder) -> None:
    windows = Windows(PreparedSet.open(folder), None)
    windows.batch(list(range(len(windows))))


def refused(folder, match: str) -> None:
    """Everything that a training reads first, ends in one line."""
    with pytest.raises(LipkitError, match=match) as caught:
        every_window(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


# prepare.json


def describe(folder, **changes) -> None:
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "statistics",
    [
        {"logmel_mean": -40.0, "logmel_std": 0},
        {"logmel_mean": -40.0, "logmel_std": 0.0},
        {"logmel_mean": -40.0, "logmel_std": -1.0},
        {"logmel_mean": -40.0, "logmel_std": 1e-300},
        {"logmel_mean": -40.0, "logmel_std": float("nan")},
        {"logmel_mean": float("inf"), "logmel_std": 20.0},
        {"logmel_mean": "-40", "logmel_std": 20.0},
        {"logmel_mean": True, "logmel_std": 20.0},
        {"logmel_mean": None, "logmel_std": 20.0},
        {"logmel_mean": 10**400, "logmel_std": 20.0},
        {"logmel_mean": -40.0},
        {},
        [],
        None,
    ],
)
def test_statistics_to_divide_by_are_numbers_that_a_sound_has(folder, statistics):
    describe(folder, statistics=statistics)
    refused(folder, r"prepare\.json: not the description of a prepared set \(its ")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": True},
        {"format": "1"},
        {"format": None},
        {"corpus": 7},
        {"corpus": ""},
        {"settings": None},
        {"settings": []},
        {"settings": {"crop": "oval"}},
        {"settings": {"crop": ["stable"]}},
        {"settings": {"min_frames": -1}},
        {"settings": {"smell": 1}},
        {"versions": {"numpy": 2}},
        {"versions": []},
        {"counts": 7},
    ],
)
def test_a_description_of_the_wrong_shape(folder, changes):
    describe(folder, **changes)
    refused(folder, r"prepare\.json: not the description of a prepared set \(")


@pytest.mark.parametrize("text", ["[" * 100_000, "\ufeff{}", '{"format": NaN}', "1e999", "null"])
def test_a_description_that_is_no_object(folder, text):
    (folder / DESCRIPTION).write_text(text)
    refused(folder, "not the description")


PIECES = (b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'"', b"9" * 30)


def mutated(whole: bytes, count: int, seed: int):
    """``count`` copies with some bytes changed, taken out or put in."""
    draw = random.Random(seed)
    for _ in range(count):
        wrong = bytearray(whole)
        for _ in range(draw.choice((1, 1, 2, 4))):
            place = draw.randrange(len(wrong))
            kind = draw.randrange(5)
            if kind == 0:
                wrong[place] = draw.randrange(256)
            elif kind == 1:
                del wrong[place : place + draw.randrange(1, 20)]
            elif kind == 2:
                other = draw.randrange(len(wrong))
                wrong[place:place] = wrong[other : other + draw.randrange(1, 30)]
            elif kind == 3:
                piece = draw.choice(PIECES)
                wrong[place : place + draw.randrange(3)] = piece
            else:
                wrong[place] = draw.choice(b'0,"[]{}:\n/.')
            wrong = wrong or bytearray(b" ")
        yield bytes(wrong)


def survived(name: str, folder, seed: int, count: int) -> int:
    """Mutants of a file that were taken; all others must be one line."""
    whole, taken = (folder / name).read_bytes(), 0
    said = []
    for wrong in mutated(whole, count, seed):
        (folder / name).write_bytes(wrong)
        try:
            prepared = PreparedSet.open(folder)
            prepared.settings  # noqa: B018
            Windows(prepared, None).batch([0])
            taken += 1
        except LipkitError as fault:
            said.append(str(fault))
    (folder / name).write_bytes(whole)
    assert not [text for text in said if "\n" in text]
    assert taken < count
    return taken


@pytest.mark.parametrize("name", [DESCRIPTION, MANIFEST])
def test_mutated_books_are_read_or_one_line(folder, name):
    survived(name, folder, seed=1, count=300)


def test_mutated_clips_are_read_or_one_line(folder):
    path = folder / "clips/s1/c000.safetensors"
    content = path.read_bytes()
    length = 8 + int.from_bytes(content[:8], "little")
    said = []
    for wrong in mutated(content[:length], 500, seed=2):
        path.write_bytes(wrong + content[length:])
        try:
            read_clip(path)
        except LipkitError as fault:
            said.append(str(fault))
    assert len(said) > 100
    assert not [text for text in said if "\n" in text]


# manifest.csv


def rewrite(folder, change) -> None:
    """Change the columns of the second clip's row, or the list of all rows."""
    path = folder / MANIFEST
    rows = [line.split(",") for line in path.read_text().splitlines()]
    change(rows)
    path.write_text("\n".join(",".join(row) for row in rows) + "\n")


CLIP_ID, FRAMES, FILE, STATUS, REASON = 0, 5, 6, 7, 8


def set_to(column: int, value: str):
    def change(rows):
        rows[2][column] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.append(rows[1]), "'s1/c000' is listed twice"),
        (lambda rows: rows.insert(2, rows[1]), "'s1/c000' is listed twice"),
        (set_to(FRAMES, "-30"), "row 3: '-30' is not a number of frames"),
        (set_to(FRAMES, "0"), "row 3: '0' is not a number of frames"),
        (set_to(FRAMES, "30.0"), "is not a number of frames"),
        (set_to(FRAMES, "9" * 30), "is not a number of frames"),
        (set_to(FRAMES, "٣"), "is not a number of frames"),
        (set_to(FRAMES, ""), "is not a number of frames"),
        (set_to(FRAMES, "31"), "has 30 frames, not the manifest's 31"),
        (set_to(FRAMES, "29"), "has 30 frames, not the manifest's 29"),
        (set_to(FILE, "clips/s1/c000.safetensors"), "is not the file of 's1/c001'"),
        (set_to(FILE, "../../etc/passwd"), "is not the file of 's1/c001'"),
        (set_to(FILE, "/etc/passwd"), "is not the file of 's1/c001'"),
        (set_to(FILE, ""), "is not the file of 's1/c001'"),
        (set_to(CLIP_ID, "../../victim"), "'../../victim' is not a clip id"),
        (set_to(CLIP_ID, "/victim"), "'/victim' is not a clip id"),
        (set_to(CLIP_ID, ""), "'' is not a clip id"),
        (set_to(STATUS, "fine"), "its status is 'fine', not ok or failed"),
        (set_to(REASON, "no face"), "its status is ok, its reason 'no face'"),
        (set_to(STATUS, "failed"), "its status is failed, its reason ''"),
        (lambda rows: rows[2].append("more"), "manifest.csv: cannot be read"),
        (lambda rows: rows[2].__delitem__(slice(4, None)), "manifest.csv: cannot be read"),
        (lambda rows: rows[0].__setitem__(5, "length"), "it has no column 'frames'"),
        (lambda rows: rows.clear(), "manifest.csv: cannot be read"),
        (lambda rows: rows.__delitem__(slice(1, None)), "no usable clip"),
    ],
)
def test_a_row_that_cannot_be_true(folder, change, said):
    rewrite(folder, change)
    with pytest.raises(LipkitError) as caught:
        every_window(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_in_another_order_with_blank_lines_and_a_mark_are_read(folder):
    path = folder / MANIFEST
    head, *rows = path.read_text().splitlines()
    path.write_bytes("\n".join(["\ufeff" + head, "", *reversed(rows), "", ""]).encode("utf-8"))
    assert list(read_table(path).ids) == ["s1/c002", "s1/c001", "s1/c000"]


def test_many_rows_are_compared_across_parts(folder, monkeypatch):
    monkeypatch.setattr("lipkit.data.table._ROWS", 2)
    rewrite(folder, lambda rows: rows.append(rows[1]))
    refused(folder, "'s1/c000' is listed twice")
    rewrite(folder, lambda rows: rows.pop())
    assert list(PreparedSet.open(folder).clips().frames) == [20, 30, 40]


@pytest.mark.parametrize("content", [b"\xff\xfe", b'"', b"a" * 300_000, b"\0" * 100])
def test_a_manifest_that_is_no_table(folder, content):
    (folder / MANIFEST).write_bytes(content)
    refused(folder, "manifest.csv: cannot be read")


def test_names_that_look_like_numbers_stay_names(folder):
    rewrite(folder, set_to(4, "007"))
    rewrite(folder, set_to(1, "nan"))
    row = PreparedSet.open(folder).manifest.iloc[1]
    assert (row.sentence, row.speaker) == ("007", "nan")


# Clips


@pytest.mark.parametrize("name", ["logmel", "landmarks", "box"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_neither_written_nor_read(folder, name, value):
    path = folder / "clips/s1/c000.safetensors"
    clip = noise_clip(20)
    getattr(clip, name)[3, 1] = value
    with pytest.raises(LipkitError, match=f"its {name} holds numbers that are not finite"):
        write_clip(path, clip)
    header = json.loads(path.read_bytes()[8:].split(b"}}")[0] + b"}}")
    begin = 8 + int.from_bytes(path.read_bytes()[:8], "little") + header[name]["data_offsets"][0]
    content = bytearray(path.read_bytes())
    code = "<e" if name == "logmel" else "<f"
    content[begin : begin + struct.calcsize(code)] = struct.pack(code, value)
    path.write_bytes(content)
    with pytest.raises(LipkitError, match=f"{name} holds numbers that are not finite; delete it"):
        read_clip(path)
    if name == "logmel":
        refused(folder, "not finite")


def test_a_box_without_a_side_is_refused(tmp_path):
    clip = noise_clip(20)
    clip.box[4, 2] = 0
    with pytest.raises(LipkitError, match="side that is not positive"):
        write_clip(tmp_path / "x", clip)


def headed(path, change) -> None:
    """Write a clip whose header was changed."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["lips"].update(data_offsets=[]),
        lambda h: h["lips"].update(data_offsets=[0]),
        lambda h: h["lips"].update(data_offsets=None),
        lambda h: h["lips"].update(data_offsets=[0.0, 1.0]),
        lambda h: h["lips"].update(data_offsets=["0", "1"]),
        lambda h: h["lips"].update(shape=[float("inf"), 64, 64, 3]),
        lambda h: h["lips"].update(shape=[10**30, 64, 64, 3]),
        lambda h: h["lips"].update(shape=[-1, 64, 64, 3]),
        lambda h: h["lips"].update(shape=[True, 64, 64, 3]),
        lambda h: h["lips"].update(shape=[]),
        lambda h: h["lips"].update(shape=None),
        lambda h: h["lips"].update(dtype=["U8"]),
        lambda h: h.update(lips=[]),
        lambda h: h.update(__metadata__=[]),
        lambda h: h["__metadata__"].update(notes=7),
        lambda h: h["__metadata__"].update(format=1),
        lambda h: h.clear(),
    ],
)
def test_a_header_of_the_wrong_shape(folder, change):
    path = folder / "clips/s1/c000.safetensors"
    headed(path, change)
    with pytest.raises(LipkitError, match="not a whole prepared clip") as caught:
        ClipFile(path)
    assert "\n" not in str(caught.value)
    refused(folder, "not a whole prepared clip")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_or_folder_in_place_of_a_clip_is_one_line(folder):
    path = folder / "clips/s1/c000.safetensors"
    path.unlink()
    os.mkfifo(path)
    refused(folder, "it is not a file")
    path.unlink()
    path.mkdir()
    refused(folder, "c000.safetensors: (cannot be read|not a whole)")


def test_every_tensor_has_a_check_of_its_numbers():
    assert set(LAYOUT) == {"landmarks", "box", "logmel", "lips"}
