"""Every function and class that a notebook imports shows in its docstring how it is called."""

import doctest
import sys
from types import ModuleType

import pytest
from conftest import REPOSITORY
from notebook_names import functions_and_classes

NAMED = functions_and_classes(REPOSITORY / "notebooks")


def test_whatever_a_notebook_imports_has_an_example():
    assert [name for name, value in NAMED.items() if ">>>" not in (value.__doc__ or "")] == []


@pytest.fixture(scope="module")
def clips():
    """The drawn clips of the examples, made before any of them is timed."""
    from lipkit.course.assignments.data import prepared_set

    return prepared_set(clips=2), prepared_set(clips=4, held_out=1)


def made_in(module: ModuleType) -> dict[str, object]:
    """What a module itself defines: a reader of an example has its imports no more than ours."""
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    return {
        name: value
        for name, value in names.items()
        if name.isupper() or getattr(value, "__module__", None) == module.__name__
    }


@pytest.mark.slow
@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("name", sorted({*NAMED, "lipkit.weights.load"}))
def test_an_example_gives_what_it_says(name):
    module, _, attribute = name.rpartition(".")
    value, globs = getattr(sys.modules[module], attribute), made_in(sys.modules[module])
    found = doctest.DocTestFinder(recurse=False).find(value, name, globs=globs)
    told: list[str] = []
    for example in found:
        doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert told == []
    assert any(example.examples for example in found)
