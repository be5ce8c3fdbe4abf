"""FOLDER:SPLIT as commands name a split of a prepared set."""

from pathlib import Path

import pytest

from lipkit.data.part import OFTEN, PART, RENAMED, Part, part
from lipkit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "form", "read"),
    [
        ("data/grid:train", PART, Part(Path("data/grid"), "train", "train", 1)),
        ("C:/data/grid:val", PART, Part(Path("C:/data/grid"), "val", "val", 1)),
        ("a:b*12", OFTEN, Part(Path("a"), "b", "b", 12)),
        ("a:b=c", RENAMED, Part(Path("a"), "b", "c", 1)),
        ("a:b=c*3", RENAMED, Part(Path("a"), "b", "c", 3)),
    ],
)
def test_what_is_named(text, form, read):
    assert part(text, form) == read


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("data/grid", PART),
        (":train", PART),
        ("data/grid:", PART),
        ("a:b*2", PART),
        ("a:b=c", PART),
        ("a:b=c", OFTEN),
        ("a:b*0", OFTEN),
        ("a:b*x", RENAMED),
        ("a:b*", RENAMED),
        ("a:=c", RENAMED),
        ("", RENAMED),
    ],
)
def test_other_texts_are_refused_in_one_line(text, form):
    with pytest.raises(UsageError) as told:
        part(text, form)
    assert str(told.value) == f"{text!r}: expected {form}, such as data/prepared:train"
