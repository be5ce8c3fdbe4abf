"""Widgets without a browser: what the controls say is what the picture shows."""

import re

import numpy as np
import pytest
from nbformat import v4

from lipkit.analysis.extraction import ClipSeries
from lipkit.analysis.offsets import OFFSETS, correlate
from lipkit.course import runner
from lipkit.errors import UsageError
from lipkit.widgets import OffsetExplorer, draw_offset
from lipkit.widgets.offset import describe_offset
from lipkit.widgets.shown import WIDGET_VIEW


@pytest.fixture(scope="module")
def clips() -> list[ClipSeries]:
    rng = np.random.default_rng(0)

    def pair(delay: int) -> tuple[np.ndarray, np.ndarray]:
        source = rng.normal(size=120)
        return source[20:94], source[20 - delay : 94 - delay]

    found = [
        ClipSeries(f"s1/{name}", "s1", "", 75, {"authors": pair(2), "level_opening": pair(-5)})
        for name in "ab"
    ]
    return [*found, ClipSeries("s1/c", "s1", "", 12, reason="too short")]


def _alt(explorer: OffsetExplorer) -> str:
    return re.search(r'alt="([^"]*)"', explorer.picture.value).group(1)


def test_the_callback_draws_the_clip_formula_and_offset_it_is_given(clips) -> None:
    left, right = draw_offset(clips, "s1/b", "level_opening", -5).axes
    assert left.get_title(loc="left") == "s1/b, level_opening"
    assert right.get_title(loc="left") == "at −5: 1.00"
    r = correlate(*clips[1].pairs["level_opening"])
    drawn = next(np.asarray(item.get_ydata()) for item in right.lines if len(item.get_xdata()) > 4)
    assert np.allclose(drawn, r)


@pytest.mark.parametrize(
    ("clip", "formula", "offset", "message"),
    [
        ("s1/z", "authors", 0, "clip 's1/z' has no series"),
        ("s1/c", "authors", 0, "clip 's1/c' has no series"),
        ("s1/a", "autors", 0, "did you mean 'authors'"),
        ("s1/a", "authors", 16, "must be from -15 to 15"),
    ],
)
def test_the_callback_refuses_what_is_not_there(clips, clip, formula, offset, message) -> None:
    with pytest.raises(UsageError, match=message):
        draw_offset(clips, clip, formula, offset)


def test_each_control_changes_the_picture(clips) -> None:
    explorer = OffsetExplorer(clips)
    seen = [explorer.picture.value]
    for control, value in (
        (explorer.offset, 2),
        (explorer.formula, "level_opening"),
        (explorer.clip, "s1/b"),
    ):
        control.value = value
        assert explorer.picture.value not in seen
        seen.append(explorer.picture.value)
    assert _alt(explorer) == describe_offset(clips, "s1/b", "level_opening", 2)
    explorer.offset.value = -5
    assert "at offset -5: correlation 1.00" in _alt(explorer)


def test_controls_offer_what_there_is_and_wait_until_they_are_let_go(clips) -> None:
    explorer = OffsetExplorer(clips, clip="s1/b", formula="level_opening", offset=-3)
    assert explorer.clip.options == ("s1/a", "s1/b")
    assert explorer.formula.options == ("authors", "level_opening")
    assert (explorer.offset.min, explorer.offset.max) == (OFFSETS[0], OFFSETS[-1])
    assert explorer.offset.continuous_update is False
    assert "at offset -3" in _alt(explorer)
    assert {explorer.clip, explorer.formula} == set(explorer.children[0].children)


def test_without_a_usable_clip_there_is_nothing_to_explore(clips) -> None:
    with pytest.raises(UsageError, match="no usable clip"):
        OffsetExplorer(clips[2:])


def test_a_viewer_without_a_kernel_shows_a_sentence(clips) -> None:
    bundle = OffsetExplorer(clips)._repr_mimebundle_()
    assert WIDGET_VIEW in bundle
    assert bundle["text/plain"].startswith("Sliders: run this cell")
    output = v4.new_output("display_data", data=dict(bundle))
    notebook = v4.new_notebook(cells=[v4.new_code_cell("explorer", outputs=[output])])
    runner.clean(notebook)
    assert list(notebook.cells[0].outputs[0].data) == ["text/plain"]
