"""An answer that calls lipkit's own is found and named."""

import pytest
from nbformat import v4

from lipkit.course.assignments.grade import grade
from lipkit.course.assignments.own_answers import own_answers


def notebook(answer: str, given: str = "import numpy as np"):
    """An assignment with one gap, filled with ``answer``."""
    gap = {"grade": False, "solution": True, "locked": False, "grade_id": "gap"}
    test = {"grade": True, "solution": False, "locked": True, "grade_id": "test", "points": 2}
    body = "from lipkit.settings import did_you_mean\nprint(f(1))\nassert f(1) == 2"
    return v4.new_notebook(
        cells=[
            v4.new_code_cell(given),
            v4.new_code_cell(answer, metadata={"nbgrader": gap}),
            v4.new_code_cell(body, metadata={"nbgrader": test}),
        ]
    )


SOURCE = notebook("def f(x):\n    return 2 * x")


@pytest.mark.parametrize(
    "answer",
    [
        "from lipkit.report import tables\ndef f(x):\n    return tables(x)",
        "def f(x):\n    from lipkit.report import tables as t\n    return t(x)",
        "import lipkit.report.tables\ndef f(x):\n    return lipkit.report.tables(x)",
        "%precision 3\nfrom lipkit.report import tables\ndef f(x):\n    return tables(x)",
        "%%time\n\nfrom lipkit.report import tables\ndef f(x):\n    return tables(x)",
        "import importlib\ndef f(x):\n    return importlib.import_module('lipkit.report.tables')",
    ],
)
def test_a_call_of_lipkit_is_named(answer):
    (called,) = own_answers(notebook(answer), SOURCE).values()
    assert called == ["lipkit.report.tables"]


@pytest.mark.parametrize(
    "answer", ["def f(x):\n    return x + x", "lipkit = 2\ndef f(x):\n    return lipkit * x", "1 +"]
)
def test_an_answer_of_one_s_own_is_not(answer):
    assert own_answers(notebook(answer), SOURCE) == {}


def test_what_the_solution_calls_too_is_allowed():
    solved = notebook("from lipkit.files import replacing\ndef f(x):\n    return 2 * x")
    solved.cells[1].source += "\n    replacing"
    assert own_answers(solved, solved) == {}


@pytest.mark.slow
def test_such_an_answer_waits_for_a_reader_and_says_why():
    answer = (
        "from lipkit.settings import did_you_mean\ndef f(x):\n    did_you_mean\n    return 2 * x"
    )
    _, (mark,) = grade(notebook(answer), SOURCE)
    assert mark.points is None
    assert "lipkit.settings.did_you_mean" in mark.note
    _, (mark,) = grade(SOURCE, SOURCE)
    assert mark.points == 2
