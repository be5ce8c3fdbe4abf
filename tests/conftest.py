"""Fixtures shared by all tests. Nothing here downloads; real clips are used where they lie."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def grid_root() -> Path:
    """Real GRID clips; the test is skipped where there are none."""
    root = Path(os.environ.get("LIPKIT_GRID", REPOSITORY.parent / "shared" / "grid"))
    if not (root / "s1").is_dir():
        pytest.skip(f"no GRID clips at {root}; set LIPKIT_GRID to a folder that holds s1/")
    return root
