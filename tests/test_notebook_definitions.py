"""A notebook that spells out what lipkit also has must say the same as lipkit."""

import ast
from collections.abc import Callable

import numpy as np
import pytest

from lipkit.config.places import NOTEBOOKS
from lipkit.course.notebooks import read_notebook
from lipkit.data.spectrogram import log_mel, mel_filters


def definition(stem: str, name: str, **names: object) -> Callable:
    """The function ``name`` as a cell of the notebook defines it, given the ``names`` it uses."""
    path = NOTEBOOKS / f"{stem}.ipynb"
    for cell in read_notebook(path).cells:
        if cell.cell_type == "code" and f"def {name}(" in cell.source:
            tree = ast.parse(cell.source)
            tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
            exec(compile(tree, str(path), "exec"), names)
            return names[name]
    raise AssertionError(f"{path} does not define {name}")


@pytest.mark.parametrize("count", [1764, 5 * 1764 + 1000, 30 * 1764])
def test_log_mel_by_hand_is_the_package_log_mel(count):
    by_hand = definition("01_data_preparation", "log_mel_by_hand", np=np, mel_filters=mel_filters)
    noise = np.random.default_rng(count).normal(0, 0.1, count).astype(np.float32)
    noise[: count // 3] = 0  # silence, where the floor of -100 dB is reached
    expected, found = log_mel(noise), by_hand(noise)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.05
