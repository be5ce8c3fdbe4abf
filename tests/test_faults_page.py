"""The page of faults names tests that exist."""

import ast
import re

import pytest
from conftest import REPOSITORY

PAGE = REPOSITORY / "notebooks" / "results" / "faults.md"
ROWS = [
    line.strip("| \n").split(" | ")
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| fault", "| what people have"))
]


def test_the_page_has_its_rows():
    assert len(ROWS) > 55
    assert {len(row) for row in ROWS} == {3}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_row_names_tests_that_exist(row):
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", row[2])
    assert named
    assert len(named) == row[2].count("::")
    for file, test in named:
        tree = ast.parse((REPOSITORY / "tests" / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
