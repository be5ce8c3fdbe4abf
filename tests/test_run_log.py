"""A run's log read back: what a kill cut off is left out, what is broken is one line."""

import json
import random

import pytest

from lipkit.errors import LipkitError
from lipkit.training.run_folder import read_log

ROWS = [{"step": i, "loss": 1 / i, "seconds": 0.5 * i} for i in range(1, 6)]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS)


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "log.jsonl").write_text(TEXT[:-9])
    assert read_log(tmp_path) == ROWS[:4]
    (tmp_path / "log.jsonl").write_bytes(TEXT.encode() + b"\xff\xfe")
    assert read_log(tmp_path) == ROWS
    assert read_log(tmp_path / "absent") == []


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe", b"[1]", b'{"loss": 1}', b'{"step": "2"}', b'{"step": 1}', b"null", b"[" * 9999],
)
def test_a_broken_line_before_the_last_is_one_line_that_names_it(tmp_path, line):
    lines = TEXT.encode().splitlines()
    lines[2] = line
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(LipkitError, match=r"log\.jsonl: line 3 is broken") as caught:
        read_log(tmp_path)
    assert "\n" not in str(caught.value)


def test_mutations_are_read_or_refused_in_one_line(tmp_path):
    draw, ends = random.Random(0), set()
    for _ in range(400):
        data = bytearray(TEXT.encode())
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        (tmp_path / "log.jsonl").write_bytes(data)
        try:
            rows = read_log(tmp_path)
            ends.add("read")
            assert all(type(value) in (int, float) for row in rows for value in row.values())
        except LipkitError:
            ends.add("refused")
    assert ends == {"read", "refused"}
