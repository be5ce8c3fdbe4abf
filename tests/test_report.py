"""Tables as files, and the bootstrap against plain loops."""

import csv
import json

import numpy as np
import pytest

from lipkit.report.bootstrap import crossed_means, ends, means, times_drawn
from lipkit.report.tables import (
    escape_tex,
    head_of,
    latex_table,
    markdown_table,
    number,
    with_ends,
    write_csv,
    write_json,
)


def test_the_interval_of_a_mean_is_that_of_a_plain_loop():
    values = np.random.default_rng(0).normal(30, 2, 25)
    rng = np.random.default_rng(5)
    loop = [np.mean([values[k] for k in rng.integers(0, 25, 25)]) for _ in range(4000)]
    found = ends(means(times_drawn(25), values, np.ones(25)))
    assert found == pytest.approx(np.quantile(loop, [0.025, 0.975]), abs=0.1)


def test_units_count_by_how_many_values_they_have():
    # A unit of three values 2 and one of one value 6: (3 * 2 + 6) / 4 where both are drawn.
    found = means(np.array([[1, 1], [2, 0], [0, 2]]), np.array([6.0, 6.0]), np.array([3.0, 1.0]))
    assert found == pytest.approx([3, 2, 6])
    assert np.isnan(means(np.array([[0, 2]]), np.array([1.0, 0.0]), np.array([1.0, 0.0])))


def test_curves_have_an_interval_at_each_place():
    curves = np.random.default_rng(0).normal([0, 5, 10], 1, (30, 3))
    low, high = ends(means(times_drawn(30), curves, np.ones((30, 1))))
    assert low.shape == high.shape == (3,)
    assert (low < curves.mean(0)).all()
    assert (curves.mean(0) < high).all()


def test_a_crossed_mean_is_that_of_a_plain_loop():
    values = np.random.default_rng(3).normal(size=(2, 7))
    values[1, 4] = np.nan
    rng, loop = np.random.default_rng(9), []
    for _ in range(4000):
        rows, columns = rng.integers(2, size=2), rng.integers(7, size=7)
        some = [values[r, c] for r in rows for c in columns if np.isfinite(values[r, c])]
        if some:
            loop.append(sum(some) / len(some))
    found = ends(crossed_means(times_drawn(2, 4000), times_drawn(7, 4000, seed=1), values))
    np.testing.assert_allclose(found, np.quantile(loop, [0.025, 0.975]), atol=0.05)


def test_one_unit_has_no_interval():
    assert ends(means(times_drawn(1), np.ones(1), np.ones(1))) == (None, None)


def test_a_value_and_its_interval_in_words():
    assert with_ends(1.185, 1.1, 1.3, 2) == "1.19 [1.10, 1.30]"
    assert with_ends(-0.13, -0.2, 0.06, 2, "+") == "-0.13 [-0.20, +0.06]"
    assert with_ends(1.0, None, None, 1) == "1.0"
    assert [with_ends(None, None, None, 2), number(None, 2)] == ["–", "–"]
    assert head_of("LMD", "px", "lower") == "LMD, px ↓"
    assert head_of("SSIM", "", "higher") == "SSIM ↑"


def test_a_cell_breaks_no_table():
    lines = markdown_table(["", "a"], [["x|y\nz", "1"]])
    assert lines == ["|  | a |", "| :-- | --: |", "| x\\|y z | 1 |"]


def test_latex_is_balanced_and_escaped():
    text = "\n".join(latex_table(["a", "b"], [["s1_test", "∞"]], "50 % of {it}"))
    assert text.count("\\begin{") == text.count("\\end{") == 2
    assert "s1\\_test & $\\infty$ \\\\" in text
    assert "50 \\% of \\{it\\}" in text
    assert escape_tex("a→b") == "a$\\rightarrow$b"


def test_files_are_read_back(tmp_path):
    write_csv(tmp_path / "a.csv", ({"a": i, "b": None} for i in range(2)))
    with (tmp_path / "a.csv").open() as file:
        assert list(csv.DictReader(file)) == [{"a": "0", "b": ""}, {"a": "1", "b": ""}]
    write_csv(tmp_path / "empty.csv", [])
    assert (tmp_path / "empty.csv").read_text() == ""
    write_json(tmp_path / "a.json", {"ö": [1.5, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"ö": [1.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()
