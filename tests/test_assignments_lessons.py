"""No lesson prints the answer of an assignment, nor do its solutions: not in words, and not by
what they compute."""

import ast
import builtins
import copy
import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from assignment_cells import ALL, SHORT, gaps, marks, source

from lipkit.config.places import NOTEBOOKS
from lipkit.course import blindness
from lipkit.course.notebooks import read_notebook

SOLVED = sorted(f"solutions/{path.stem}" for path in NOTEBOOKS.glob("solutions/[0-9]*.ipynb"))
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb")) + SOLVED


@pytest.fixture(scope="module")
def lessons() -> dict[str, list[ast.Module]]:
    """The cells of each lesson and of its solutions, parsed."""
    found = {name: trees(read_notebook(NOTEBOOKS / f"{name}.ipynb")) for name in LESSONS}
    assert len(found) > 20
    return found


def trees(notebook) -> list[ast.Module]:
    return [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]


def functions(parsed: list[ast.Module]) -> list[ast.FunctionDef]:
    found = [node for tree in parsed for node in ast.walk(tree)]
    return [node for node in found if isinstance(node, ast.FunctionDef)]


def imported(parsed: list[ast.Module]) -> set[str]:
    found = [node for tree in parsed for node in ast.walk(tree)]
    imports = [node for node in found if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}


class Unnamed(ast.NodeTransformer):
    """Own names become numbers, in the order in which they turn up; `np.mean` becomes `mean`."""

    def __init__(self, known: set[str]) -> None:
        self.known = known | set(dir(builtins))
        self.numbers: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        name = node.id
        if name not in self.known:
            name = self.numbers.setdefault(name, f"_{len(self.numbers)}")
        return ast.Name(name)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self.known:
            return ast.Name(node.attr)
        return self.generic_visit(node)


def said(function: ast.FunctionDef, known: set[str]) -> str:
    """What a function does, without its names and its words."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    unnamed = Unnamed(known)
    return "\n".join(ast.dump(unnamed.visit(copy.deepcopy(line))) for line in body)


def test_names_and_words_make_no_difference():
    a = "def f(x, d):\n    'Says.'\n    parts = [x[t] for t in d]\n    return np.mean(parts)"
    b = "def g(sound, e):\n    p = [sound[i] for i in e]\n    return mean(p)"
    other = "def g(x, d):\n    p = [d[i] for i in d]\n    return np.mean(p)"
    first, second, third = (functions([ast.parse(text)])[0] for text in (a, b, other))
    assert said(first, {"np"}) == said(second, {"mean"}) != said(third, {"np"})


@pytest.fixture(scope="module")
def said_in_lessons(lessons) -> list[tuple[str, str]]:
    """Each function of a lesson: where it stands, and what it does."""
    return [
        (f"{lesson}: {function.name}", said(function, known))
        for lesson, parsed in lessons.items()
        for known in [imported(parsed)]
        for function in functions(parsed)
    ]


@pytest.mark.parametrize("name", ALL)
def test_no_lesson_says_a_solution(name, said_in_lessons):
    notebook = source(name)
    known = imported(trees(notebook))
    answers = {said(f, known): f.name for cell in gaps(notebook) for f in own(cell)}
    assert answers
    for where, text in said_in_lessons:
        assert text not in answers, f"{where} is {name}'s {answers[text]}"


def own(cell) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]


def takes(function, count: int) -> bool:
    """Whether a function can be called with so many arguments in their places."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


@pytest.fixture(scope="module")
def of_lessons(lessons) -> Iterator[dict[str, object]]:
    """Every function that a lesson defines at its top, with the imports of its lesson."""
    sys.path.insert(0, str(NOTEBOOKS))  # lessons import the page beside them
    found = {}
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    for lesson, parsed in lessons.items():
        space = {"np": np}
        for node in (node for tree in parsed for node in tree.body if isinstance(node, kept)):
            with suppress(NameError):  # some are made of what their lesson has computed
                exec(compile(ast.Module([node], []), lesson, "exec"), space)
                if isinstance(node, ast.FunctionDef):
                    found[f"{lesson}: {node.name}"] = space[node.name]
    yield found
    sys.path.remove(str(NOTEBOOKS))


@pytest.fixture
def read_once(monkeypatch) -> None:
    """A test's clips are the same at every trial; their flow takes longer than the trial."""
    read, known = blindness.speeches, {}

    def speeches(prepared, split, limit=None):
        key = prepared.folder, split, limit
        if key not in known:
            known[key] = read(prepared, split, limit)
        return known[key]

    monkeypatch.setattr(blindness, "speeches", speeches)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("read_once")
@pytest.mark.parametrize("name", SHORT)
def test_a_perfect_submission_passes_and_no_function_of_a_lesson_does(name, of_lessons):
    """Each is put into the place of each answer, and must fail its tests; the answer does not."""
    assert len(of_lessons) > 50
    space, answered, tried = {"__name__": "__main__"}, [], 0
    for cell in (cell for cell in source(name).cells if cell.cell_type == "code"):
        exec(compile(cell.source, name, "exec"), space)
        if marks(cell).get("solution"):
            answered = own(cell)
        elif marks(cell).get("grade"):
            for answer in answered:
                solution = space[answer.name]
                count = len(inspect.signature(solution).parameters)
                least = count - len(answer.args.defaults)
                for where, function in of_lessons.items():
                    # Any loss that works may be trained by, and solutions hold several.
                    trains = where.split(":")[0] in SOLVED and ".backward()" in cell.source
                    if takes(function, least) and not trains:
                        tried += 1
                        space[answer.name] = function
                        assert not passes(cell.source, space), f"{where} is {answer.name}"
                space[answer.name] = solution
    assert tried


def passes(test: str, space: dict) -> bool:
    try:
        exec(compile(test, "test", "exec"), dict(space))
    except Exception:
        return False
    return True
