"""No lesson prints the answer of an assignment."""

import ast
import builtins
import copy

import pytest
from assignment_cells import gaps, source

from lipkit.config.places import NOTEBOOKS
from lipkit.course.assignments.release import SOURCES
from lipkit.course.notebooks import read_notebook

ALL = sorted(path.stem for path in SOURCES.glob("*.ipynb"))
LESSONS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def lessons() -> dict[str, list[ast.Module]]:
    """Each lesson's cells, parsed."""
    found = {name: trees(read_notebook(NOTEBOOKS / f"{name}.ipynb")) for name in LESSONS}
    assert len(found) > 10
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


@pytest.mark.parametrize("name", ALL)
def test_no_lesson_says_a_solution(name, lessons):
    notebook = source(name)
    known = imported(trees(notebook))
    answers = {said(f, known): f.name for cell in gaps(notebook) for f in own(cell)}
    assert answers
    for lesson, parsed in lessons.items():
        for function in functions(parsed):
            found = answers.get(said(function, imported(parsed)))
            assert found is None, f"{lesson}: {function.name} is {name}'s {found}"


def own(cell) -> list[ast.FunctionDef]:
    return [node for node in ast.parse(cell.source).body if isinstance(node, ast.FunctionDef)]
