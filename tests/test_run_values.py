"""``lipkit run`` refuses what a lesson would refuse, before a kernel starts."""

import numpy as np
import pytest
from prepared_sets import write_set

from lipkit.cli import run_command
from lipkit.course import runner, sweep
from lipkit.course.notebooks import Parameter, find_notebook, read_parameters
from lipkit.course.syllabus import COURSE
from lipkit.course.unfit import check_values
from lipkit.errors import LipkitError


@pytest.fixture
def type_it(monkeypatch, tmp_path, capsys):
    """Type ``lipkit run`` where no kernel can start; give its exit code and its error."""

    def refuse(*_, **__):
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(runner, "_execute", refuse)
    monkeypatch.setattr(sweep, "_run", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()

    def run(*words: str) -> tuple[int, str]:
        code = run_command(["run", *words, "--out", str(tmp_path / "out"), "--quiet"])
        return code, capsys.readouterr().err

    return run


WRONG = {
    "clips=-3": (2, "clips=-3: must be at least 2"),
    "clips=1e9": (2, "clips=1000000000: the synthetic corpus has at most 192,000"),
    "corpus=gird": (2, "did you mean 'grid'?"),
    "corpus=grid": (2, "needs data_root, the folder that holds it"),
    "data_root=nowhere": (1, "nowhere: no such folder; give data_root the corpus's folder"),
    "preset=tinny": (2, "did you mean 'tiny'?"),
    "seed=-1": (2, "seed=-1: must be at least 0"),
}


@pytest.mark.parametrize("given", WRONG)
def test_a_wrong_value_is_refused_at_once(type_it, tmp_path, given):
    code, message = WRONG[given]
    done, err = type_it("01", "-p", given)
    assert done == code
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_values_that_go_together(type_it):
    code, err = type_it("01", "-p", "corpus=grid", "-p", "data_root=empty")
    assert (code, err.count("\n")) == (1, 1)
    assert "empty" in err
    code, err = type_it("02", "-p", "prepared=empty")
    assert (code, err.count("\n")) == (1, 1)
    assert "empty" in err


@pytest.mark.parametrize(
    ("notebook", "given", "message"),
    [
        ("04", "steps=0", "steps=0: must be at least 1"),
        ("12", "people=-1", "people=-1: must be at least 1"),
        ("08", "portrait=none.jpg", "portrait='none.jpg': no such file"),
        ("11", "results=nowhere", "results='nowhere': no such folder"),
    ],
)
def test_other_parameters_of_the_course(type_it, notebook, given, message):
    code, err = type_it(notebook, "-p", given)
    assert code == 2
    assert message in err


def least_values() -> list[tuple[str, str, int]]:
    """Lesson, parameter, least value, for each parameter whose help says how small it may be."""
    return [
        (lesson.stem[:2], name, parameter.least)
        for lesson in COURSE
        for name, parameter in read_parameters(find_notebook(lesson.stem)).items()
        if parameter.least is not None
    ]


@pytest.mark.parametrize(("notebook", "name", "least"), least_values())
def test_a_value_below_what_a_parameter_says_is_refused(type_it, notebook, name, least):
    assert type_it(notebook, "-p", f"{name}={least - 1}") == (
        2,
        f"lipkit: {name}={least - 1}: must be at least {least}\n",
    )
    check_values(find_notebook(notebook), [{name: least}])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("warm_processes")
def test_a_lesson_whose_results_need_steps_runs_with_one(tmp_path):
    """What few clips and steps cannot show is measured, and not asserted.

    The other such lesson, 05, is run so by ``test_distribution.py``.
    """
    least = read_parameters(find_notebook("06"))["clips"].least
    words = ["run", "06", "-p", f"clips={least}", "-p", "steps=1", "--quiet"]
    assert run_command([*words, "--out", str(tmp_path / "out")]) == 0


def test_what_a_parameter_says_of_its_least_value():
    def least(told: str) -> int | None:
        return Parameter("clips", int, 12, told).least

    assert least("how many clips, at least 8") == 8
    assert least("at least 12, of which every fourth is held out") == 12
    assert least("how many clips; GRID has 33,000") is None


def test_a_set_with_too_few_clips_for_a_lesson_is_refused(type_it, tmp_path):
    least = read_parameters(find_notebook("02"))["clips"].least
    write_set(tmp_path / "few", [16] * (least - 1))
    code, err = type_it("02", "-p", "prepared=few")
    assert (code, err.count("\n")) == (1, 1)
    assert f"few: holds {least - 1} clips; this lesson needs at least {least}" in err
    write_set(tmp_path / "enough", [16] * least)
    check_values(find_notebook("02"), [{"prepared": str(tmp_path / "enough")}])


def test_a_sweep_with_one_wrong_cell_runs_none(type_it, tmp_path):
    code, err = type_it("01", "--grid", "clips=4,5,-3", "--grid", "seed=0,1")
    assert code == 2
    assert "clips=-3: must be at least 2" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("notebook", [f"{number:02d}" for number in range(13)])
def test_the_defaults_are_not_refused(notebook):
    check_values(find_notebook(notebook), [{}])


def test_a_notebook_that_is_no_lesson_may_take_anything(tmp_path):
    import nbformat
    from nbformat import v4

    cell = v4.new_code_cell("clips: int = 1  # any", metadata={"tags": ["parameters"]})
    nbformat.write(v4.new_notebook(cells=[cell]), tmp_path / "own.ipynb")
    check_values(tmp_path / "own.ipynb", [{"clips": -3}])


def test_clips_of_a_corpus_are_looked_up(tmp_path):
    from lipkit.media import write_video

    frames = [np.zeros((32, 32, 3), np.uint8)] * 3
    (tmp_path / "s1").mkdir()
    write_video(tmp_path / "s1" / "bbaf2n.mp4", frames, np.zeros(3 * 1764, np.float32))
    source, given = find_notebook("01"), {"corpus": "grid", "data_root": str(tmp_path)}
    check_values(source, [given | {"clip": "s1/bbaf2n"}])
    with pytest.raises(LipkitError, match=r"clip 's1/bbaf2m' is unknown; did you mean 's1/bbaf2n'"):
        check_values(source, [given | {"clip": "s1/bbaf2m"}])
