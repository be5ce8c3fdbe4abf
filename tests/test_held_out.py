"""Whom the lessons test on was in no shipped model's training."""

import ast
import re
from contextlib import suppress

import pytest

from lipkit.config.places import NOTEBOOKS
from lipkit.course.held_out import HELD_OUT_PEOPLE
from lipkit.course.notebooks import read_notebook, read_parameters
from lipkit.weights import read_card, shipped

LESSONS = sorted(NOTEBOOKS.glob("0[089]_*.ipynb")) + sorted(NOTEBOOKS.glob("12_*.ipynb"))
"""The notebooks in which a shipped model meets drawn people."""


def trained_people() -> int:
    """Drawn people 0 to n - 1 are in some generator's training, by the cards' own words."""
    counts = []
    for name in shipped.names():
        card = read_card(name)
        # The crowd's people (lipkit.talker.anybody) are others than the cast's, by number.
        if "synthetic" in card.corpus and "nobody of the cast" not in card.note:
            said = re.search(r"(\d+) (?:synthetic|drawn) people", card.note)
            assert said, f"{name}: its card does not say how many drawn people it was trained on"
            counts.append(int(said[1]))
    return max(counts, default=0)


def test_held_out_people_are_in_no_training():
    assert trained_people() > 0
    assert min(HELD_OUT_PEOPLE) >= trained_people()


def people_named(path) -> set[int]:
    """Numbers of the people whom a notebook draws by ``person(NUMBER, …)``, at its defaults."""
    known = {name: p.default for name, p in read_parameters(path).items()}
    found = set()
    for cell in read_notebook(path).cells:
        if cell.cell_type != "code" or "person(" not in cell.source:
            continue
        tree, choices = ast.parse(cell.source), {}
        for node in ast.walk(tree):
            if isinstance(node, (ast.comprehension, ast.For)) and isinstance(node.target, ast.Name):
                with suppress(NameError, TypeError):
                    choices[node.target.id] = list(eval(ast.unparse(node.iter), {}, known))
        for node in ast.walk(tree):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if called and node.func.id == "person":
                names = [n.id for n in ast.walk(node.args[0]) if isinstance(n, ast.Name)]
                loops = [name for name in names if name in choices]
                for value in choices[loops[0]] if loops else [0]:
                    given = known | ({loops[0]: value} if loops else {})
                    found.add(eval(ast.unparse(node.args[0]), {}, given))
    return found


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lessons_draw_strangers_for_shipped_models(path):
    people = people_named(path)
    assert all(number >= trained_people() for number in people), people


def test_lessons_do_draw_people():
    """Else the test above would hold of nothing."""
    assert sum(len(people_named(path)) for path in LESSONS) >= 6
