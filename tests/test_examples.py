"""Every function and class that a notebook imports shows in its docstring how it is called."""

import doctest
import sys

import pytest
from conftest import REPOSITORY
from notebook_names import functions_and_classes

WITHOUT = frozenset(
    {
        "lipkit.plots.losses.flow_figure",
        "lipkit.talker.clip.human_clip",
        "lipkit.talker.clip.talking_clip",
        "lipkit.training.generator_run.Run",
        "lipkit.training.generator_run.train",
        "lipkit.training.run_folder.read_log",
        "lipkit.training.step.Step",
        "lipkit.widgets.clip_browser.ClipBrowser",
        "lipkit.widgets.clip_browser.draw_clip",
        "lipkit.widgets.corruption.CorruptionExplorer",
        "lipkit.widgets.corruption.draw_corruption",
        "lipkit.widgets.loss_mixer.LossMixer",
        "lipkit.widgets.loss_mixer.describe_mix",
        "lipkit.widgets.loss_mixer.draw_mix",
        "lipkit.widgets.loss_mixer.winners",
        "lipkit.widgets.mixes.read_mixes",
        "lipkit.widgets.offset.OffsetExplorer",
        "lipkit.widgets.offset.draw_offset",
        "lipkit.widgets.playground.Playground",
        "lipkit.widgets.playground.talk",
        "lipkit.widgets.receptive_field.ReceptiveFieldExplorer",
        "lipkit.widgets.receptive_field.draw_field",
    }
)
"""Still to be written; a name that has an example, or that no notebook imports, must go."""

NAMED = functions_and_classes(REPOSITORY / "notebooks")
WITH = sorted(name for name, value in NAMED.items() if ">>>" in (value.__doc__ or ""))


def test_whatever_a_notebook_imports_has_an_example():
    assert set(NAMED) - set(WITH) == WITHOUT


@pytest.fixture(scope="module", autouse=True)
def clips():
    """The drawn clips of the examples, made before any of them is timed."""
    from lipkit.course.assignments.data import prepared_set

    return prepared_set(clips=2)


@pytest.mark.parametrize("name", [*WITH, "lipkit.weights.load"])
def test_an_example_gives_what_it_says(name):
    module, _, attribute = name.rpartition(".")
    value = getattr(sys.modules[module], attribute)
    found = doctest.DocTestFinder(recurse=False).find(value, name, globs=vars(sys.modules[module]))
    told: list[str] = []
    for example in found:
        doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert told == []
    assert any(example.examples for example in found)
