"""Figures of training: they show what the log holds, while it grows and afterwards."""

import json
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from lipkit.losses import LOSSES
from lipkit.plots import training

ROWS = [
    {"step": i, "loss": 4 / i, "dis": 1.0, "pix": 1 / i, "seconds": 0.1 * i} for i in range(1, 31)
]


def drawn(figure: mpl.figure.Figure) -> mpl.figure.Figure:
    training.to_png(figure, scale=0.5)
    return figure


def write_log(folder: Path, rows: list[dict]) -> None:
    folder.mkdir(exist_ok=True)
    # In one step: a plot that looks while it is written would be drawn once more.
    (folder / "new").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "new").replace(folder / "log.jsonl")


def test_each_logged_loss_has_a_panel_with_every_step():
    figure = drawn(training.losses_figure(ROWS, {"pix": [("frozen", 0.2)]}, steps=60))
    objective, pixel, judge = figure.axes[:3]
    assert [ax.get_visible() for ax in figure.axes] == [True] * 3
    assert list(pixel.lines[0].get_ydata()) == [row["pix"] for row in ROWS]
    assert pixel.lines[2].get_ydata()[0] == 0.2
    assert pixel.texts[0].get_text().strip() == "frozen"
    assert len(objective.lines) == len(judge.lines) == 2
    assert objective.get_xlim() == (0, 60)


def test_losses_of_other_presets_are_drawn_too():
    rows = [{"step": i, "loss": 1 / i, "mouth": 2 / i, "patch_dis": 0.5} for i in range(1, 9)]
    titles = [ax.get_title("left") for ax in drawn(training.losses_figure(rows)).axes]
    assert titles[1:] == [LOSSES["mouth"].label, LOSSES["patch"].learner]


def test_the_first_steps_do_not_flatten_the_rest_and_the_reference_is_in_sight():
    rows = [{"step": i, "pix": 100.0 if i == 1 else 1.0 + 0.1 / i} for i in range(1, 41)]
    low, high = drawn(training.losses_figure(rows, {"pix": [("", 0.5)]})).axes[0].get_ylim()
    assert low < 0.5
    assert 1.04 < high < 2
    both = {"pix": [("", 0.5), ("", 3.0)]}
    low, high = drawn(training.losses_figure(rows, both)).axes[0].get_ylim()
    assert low < 0.5
    assert high > 3


def test_one_step_can_be_drawn_and_none_cannot():
    drawn(training.losses_figure(ROWS[:1]))
    with pytest.raises(ValueError, match="no step"):
        training.losses_figure([])


def test_running_mean_by_a_plain_loop():
    values = np.random.default_rng(0).normal(size=20)
    for i, mean in enumerate(training.running_mean(values)):
        weights = [training.SMOOTH * (1 - training.SMOOTH) ** (i - j) for j in range(i + 1)]
        expected = sum(w * x for w, x in zip(weights, values, strict=False)) / sum(weights)
        assert mean == pytest.approx(expected)


def test_pulls_stand_side_by_side_on_one_axis():
    pulls = {"a": {"corr": 30.0, "pix": 0.5}, "b": {"corr": 0.3, "pix": 1.0}}
    left, right = drawn(training.pull_figure(pulls)).axes
    for ax, terms in zip((left, right), pulls.values(), strict=True):
        assert ax.collections[0].get_offsets()[:, 0].tolist() == list(terms.values())
    assert left.get_xlim() == right.get_xlim()
    assert [t.get_text() for t in left.get_yticklabels()] == [r"$\ell_{corr}$", r"$\ell_{pix}$"]


def test_windows_figure_has_a_dot_a_window_and_their_mean():
    model, frozen = np.array([1.0, 3.0]), np.array([2.0, 2.0])
    dots, mean = drawn(training.windows_figure(model, frozen, "px")).axes[0].collections[1:]
    assert dots.get_offsets().tolist() == [[2, 1], [2, 3]]
    assert mean.get_offsets().tolist() == [[2, 2]]


class Screen:
    """Stands in for IPython's display handle."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def display(self, what: object) -> None:
        self.shown.append(what)

    update = display


@pytest.fixture
def screen(monkeypatch) -> Screen:
    made = Screen()
    monkeypatch.setattr("IPython.display.DisplayHandle", lambda: made)
    return made


def wait_for(condition, seconds: float = 120.0) -> bool:
    """Between two drawings lies nine times what one takes, a long time on a busy machine."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def test_the_live_plot_is_redrawn_as_the_log_grows_and_ends_in_one_line(tmp_path, screen):
    run = tmp_path / "run"
    with training.LivePlot(run, steps=30, every=0.01):
        assert "waiting" in screen.shown[0].data
        write_log(run, ROWS[:10])
        assert wait_for(lambda: len(screen.shown) == 2)
        write_log(run, ROWS)
        assert wait_for(lambda: len(screen.shown) == 3)
    assert screen.shown[1].data.startswith(b"\x89PNG")
    assert screen.shown[1].data != screen.shown[2].data
    assert screen.shown[3].data == "*30 of 30 steps are in the log.*"


def test_the_live_plot_lets_an_interruption_pass(tmp_path, screen):
    plot = training.LivePlot(tmp_path / "never", steps=5, every=0.01)
    with pytest.raises(KeyboardInterrupt), plot:
        raise KeyboardInterrupt
    assert not plot._thread.is_alive()
    assert screen.shown[-1].data == "*0 of 5 steps are in the log.*"
