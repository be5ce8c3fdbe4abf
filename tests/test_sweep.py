"""Sweeps: the product of a grid, run with real kernels, kept, collected, drawn, interrupted."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import v4

from lipkit.cli import run_command
from lipkit.course import runner
from lipkit.course.notebooks import read_notebook
from lipkit.course.records import MIME, read_records, record
from lipkit.course.runner import is_current, read_provenance
from lipkit.course.sweep import TABLE, plan, run_sweep, split_values
from lipkit.errors import UsageError
from lipkit.plots.sweep import sweep_figure

pytestmark = pytest.mark.slow

LIPKIT = Path(sys.executable).with_name("lipkit")

PARAMETERS = """\
work: str = "."  # where the log lies
seed: int = 0  # seed
rate: float = 0.5  # step size
names: list[str] = ["a"]  # several
"""
BODY = """\
from pathlib import Path
with (Path(work) / "log").open("a") as log:
    log.write(f"{rate},{seed}\\n")
if (rate, seed) == (0.1, 1) and (Path(work) / "fail").exists():
    raise ValueError("out of\\nluck")"""
RECORD = """\
import numpy as np
from lipkit.course.runner import record
record(score=np.float32(10 * rate + seed), label="x", rest=float("nan"))"""


def write(path: Path, *sources: str, note: str = "# One", parameters: str = PARAMETERS) -> Path:
    tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    cells = [v4.new_markdown_cell(note), tagged, *map(v4.new_code_cell, sources)]
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / TABLE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Swept:
    """A sweep of four cells by the command line, one of which fails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder, folder / "out"
        self.notebook = write(folder / "01_one.ipynb", BODY, RECORD)
        (folder / "fail").touch()
        self.code = self()

    def __call__(self, *more: str) -> int:
        grid = ["--grid", "rate=0.5,1e-1", "--grid", "seed=0,1", "-p", f"work={self.folder}"]
        arguments = ["run", str(self.notebook), *grid, "--workers", "2", *more]
        return run_command([*arguments, "--out", str(self.out)])

    @property
    def log(self) -> list[str]:
        return sorted((self.folder / "log").read_text().split())


@pytest.fixture(scope="module")
def swept(tmp_path_factory, warm_python):
    """Made by code that does not change while the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", warm_python)
        patch.setattr(runner, "made_by", lambda *_: "this")
        yield Swept(tmp_path_factory.mktemp("sweep"))


def test_every_cell_is_run_and_one_failure_does_not_stop_the_rest(swept):
    assert swept.code == 1
    assert swept.log == ["0.1,0", "0.1,1", "0.5,0", "0.5,1"]
    rows = table(swept.out)
    assert [row["status"] for row in rows] == ["whole", "whole", "whole", "failed"]
    assert rows[3]["reason"].count("\n") == 0
    assert "ValueError: out of luck" in rows[3]["reason"]


def test_the_table_holds_what_was_recorded_in_the_order_of_the_grid(swept):
    rows = table(swept.out)
    parameters, results = ["rate", "seed", "work"], ["score", "label", "rest"]
    assert list(rows[0]) == [*parameters, *results, "status", "seconds", "reason", "notebook"]
    assert [(row["rate"], row["seed"]) for row in rows] == [
        ("0.5", "0"),
        ("0.5", "1"),
        ("0.1", "0"),
        ("0.1", "1"),
    ]
    assert [float(row["score"]) for row in rows[:3]] == [5, 6, 1]
    assert [row["rest"] for row in rows] == ["nan", "nan", "nan", ""]
    assert {row["label"] for row in rows[:3]} == {"x"}
    assert float(rows[0]["seconds"]) > 0


def test_each_number_is_drawn(swept):
    figures = sorted(path.name for path in (swept.out / "figures").iterdir())
    assert figures == ["rest.png", "score.png"], "a text is no figure"
    assert (swept.out / "figures" / "score.png").read_bytes()[1:4] == b"PNG"


def test_each_output_says_what_it_was_made_by(swept):
    row = table(swept.out)[2]
    made_by = read_provenance(swept.out / row["notebook"])
    given = {"work": str(swept.folder), "seed": 0, "rate": 0.1, "names": ["a"]}
    assert made_by["parameters"] == given
    environment = made_by["environment"]
    assert environment["python"] == sys.version.split()[0]
    assert environment["packages"]["numpy"] == np.__version__
    assert {"lipkit", "system", "cores", "gpu"} <= environment.keys()


def test_only_what_is_not_whole_is_run_again(swept, capsys):
    kept = [swept.out / row["notebook"] for row in table(swept.out)[:3]]
    before = [path.stat().st_mtime_ns for path in kept]
    (swept.folder / "log").write_text("")
    (swept.folder / "fail").unlink()
    assert swept("--html") == 0
    assert "4 cells, 3 of them kept" in capsys.readouterr().out
    assert swept.log == ["0.1,1"]
    rows = table(swept.out)
    assert {row["status"] for row in rows} == {"whole"}
    assert [float(row["score"]) for row in rows] == [5, 6, 1, 2]
    names = {row["notebook"] for row in rows}
    assert {path.name for path in swept.out.glob("*.ipynb")} == names, "a failed one was left"
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert len(list(swept.out.glob("*.html"))) == 4, "kept cells lack their pages"


def test_a_page_is_not_touched_when_nothing_is_to_do(swept, capsys):
    (swept.folder / "log").write_text("")
    pages = {path: path.stat().st_mtime_ns for path in swept.out.glob("*.html")}
    assert swept("--html", "-q") == 0
    assert swept.log == []
    assert {path: path.stat().st_mtime_ns for path in pages} == pages


def test_a_result_is_current_for_the_same_code_cells_values_and_package(swept, monkeypatch):
    values = {"work": str(swept.folder), "seed": 1, "rate": 0.5}
    made = swept.out / table(swept.out)[1]["notebook"]
    other = swept.folder / "other.ipynb"
    assert is_current(made, swept.notebook, values)
    assert is_current(made, write(other, BODY, RECORD, note="# Other words"), values)
    assert not is_current(made, write(other, BODY, RECORD + "\n1"), values)
    changed = PARAMETERS.replace('["a"]', '["b"]')
    assert not is_current(made, write(other, BODY, RECORD, parameters=changed), values)
    assert not is_current(made, swept.notebook, values | {"rate": 0.25})
    assert not is_current(swept.notebook, swept.notebook, values)
    assert not is_current(swept.folder / "absent.ipynb", swept.notebook, values)
    monkeypatch.setattr(runner, "made_by", lambda *_: "other")
    assert not is_current(made, swept.notebook, values)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "sede=0,1"], "did you mean 'seed'"),
        (["--grid", "seed=0,1", "-p", "raet=1"], "did you mean 'rate'"),
        (["--grid", "seed=0,one"], "seed='one': must be a whole number"),
        (["--grid", "seed=0,,1"], "seed='': must be a whole number"),
        (["--grid", "rate=0.1,1e-1"], "rate=0.1: is in the grid twice"),
        (["--grid", "seed=1", "-p", "seed=2"], "as an axis of the grid and as a fixed value"),
        (["--grid", "seed="], "the grid needs values"),
        (["--grid", "seed"], "--grid name=value"),
        (["--grid", "seed=0", "--grid", "seed=1"], "given twice"),
        (["--grid", "seed=0", "--out", "x.ipynb"], "give a folder"),
        (["--workers", "2"], "--workers is for sweeps"),
        (["--grid", "seed=0", "--workers", "0"], "--workers"),
    ],
)
def test_a_fault_stops_before_anything_runs(tmp_path, monkeypatch, capsys, arguments, said):
    notebook = write(tmp_path / "01_one.ipynb", BODY)
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", str(notebook), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["01_one.ipynb"]


def test_the_plan_is_the_product_with_converted_values(tmp_path):
    notebook = write(tmp_path / "01_one.ipynb", BODY)
    grid = {"names": "[a,b],[c]", "seed": [0, "1"]}
    cells = plan(notebook, grid, {"rate": "1"}, tmp_path)
    assert [(c.values["names"], c.values["seed"]) for c in cells] == [
        (["a", "b"], 0),
        (["a", "b"], 1),
        (["c"], 0),
        (["c"], 1),
    ]
    assert {type(cell.values["rate"]) for cell in cells} == {float}
    assert len({cell.notebook for cell in cells}) == 4
    assert plan(notebook, grid, {"rate": "1"}, tmp_path) == cells
    for cell in cells:
        assert re.fullmatch(r"[\w.=,+-]+\.ipynb", cell.notebook.name)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2", ["1", "2"]),
        ("1", ["1"]),
        ("", []),
        (",a", ["", "a"]),
        ("[a,b],[],c", ["[a,b]", "[]", "c"]),
        ("(1,2), 3", ["(1,2)", "3"]),
    ],
)
def test_values_are_split_outside_brackets(text, values):
    assert split_values(text) == values


@pytest.mark.usefixtures("warm_processes")
def test_a_result_with_a_parameters_name_is_said(tmp_path):
    source = "from lipkit.course.runner import record\nrecord(seed=3)"
    notebook = write(tmp_path / "01_one.ipynb", source)
    sweep = run_sweep(notebook, {"seed": [0]}, out=tmp_path / "out", progress=False)
    assert [cell.status for cell in sweep.cells] == ["failed"]
    assert "it records 'seed'" in sweep.failed[0].reason


SLOW = """\
import os, time
from pathlib import Path
(Path(work) / f"pid{seed}").write_text(str(os.getpid()))
while not (Path(work) / "go").exists():
    time.sleep(0.05)"""


def started(tmp_path: Path) -> tuple[subprocess.Popen, list[int]]:
    """A sweep in a process of its own whose two kernels are at work."""
    notebook = tmp_path / "01_slow.ipynb"
    if not notebook.exists():
        write(notebook, SLOW)
    for path in tmp_path.glob("pid*"):
        path.unlink()
    arguments = ["run", notebook, "--grid", "seed=0,1", "-p", f"work={tmp_path}", "--workers", "2"]
    command = [LIPKIT, *arguments, "--out", tmp_path / "out"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    wait(lambda: all(f.exists() and f.read_text() for f in files))
    return process, [int(file.read_text()) for file in files]


def wait(condition, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_interrupted_and_killed_sweeps_leave_no_kernel_and_go_on(tmp_path):
    process, kernels = started(tmp_path)
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert time.monotonic() - began < 60, "it waited for the cells"
    assert process.returncode == 130
    assert said == "lipkit: interrupted; run the same command again to continue\n"
    assert not any(map(alive, kernels))
    assert list((tmp_path / "out").glob("*")) == []

    process, kernels = started(tmp_path)
    process.kill()
    process.communicate()
    wait(lambda: not any(map(alive, kernels)))
    assert list((tmp_path / "out").iterdir()) != [], "nothing to tidy up: the test tests nothing"

    (tmp_path / "go").touch()
    values = {"work": str(tmp_path)}
    sweep = run_sweep(
        tmp_path / "01_slow.ipynb", {"seed": "0"}, values, tmp_path / "out", progress=False
    )
    assert sweep.failed == []
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted([sweep.cells[0].notebook.name, TABLE])


def test_recording_outside_of_jupyter_prints(capsys):
    record(lmd=np.float64(1.23456789), clips=3)
    assert capsys.readouterr().out == "recorded: lmd = 1.2346, clips = 3\n"


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ({}, "needs results"),
        ({"lmd": np.zeros((2, 3))}, r"record\(lmd=...\): is an array of 2x3"),
        ({"lmd": [1]}, "must be a number or a text, not list"),
        ({"lmd": None}, "not NoneType"),
    ],
)
def test_what_is_no_single_value_is_refused(results, said):
    with pytest.raises(UsageError, match=said):
        record(**results)


def test_the_last_record_of_a_name_counts(tmp_path):
    outputs = [
        v4.new_output("display_data", data={MIME: [["b", 1], ["a", {"float": "inf"}]]}),
        v4.new_output("stream", text="a = 5"),
        v4.new_output("display_data", data={MIME: [["b", 2], ["c", True], ["d", "x"]]}),
    ]
    cells = [v4.new_code_cell("f()", outputs=outputs)]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    records = read_records(tmp_path / "a.ipynb")
    assert list(records.items()) == [("b", 2), ("a", float("inf")), ("c", True), ("d", "x")]


def test_jupyter_shows_a_line(swept):
    path = swept.out / table(swept.out)[0]["notebook"]
    (output,) = read_notebook(path).cells[-1].outputs
    assert output.data["text/plain"] == "recorded: score = 5, label = x, rest = nan"


def grid_points() -> list:
    points = []
    for loss in ("l1", "l2"):
        for rate in (0.01, 1.0):
            for seed in range(3):
                result = rate + seed + (10 if loss == "l2" else 0)
                points.append(({"rate": rate, "loss": loss, "seed": seed}, result))
    return points


def test_a_figure_has_a_line_of_means_for_each_level_and_all_seeds_as_dots():
    figure = sweep_figure(grid_points(), "lmd")
    (ax,) = figure.axes
    means = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert list(means) == ["l1", "l2"]
    np.testing.assert_allclose(means["l1"].get_xydata(), [[0.01, 1.01], [1, 2]])
    np.testing.assert_allclose(means["l2"].get_xydata(), [[0.01, 11.01], [1, 12]])
    dots = [line for line in ax.lines if line.get_marker() == "."]
    assert sum(len(line.get_xdata()) for line in dots) == 12
    bars = [line.get_ydata() for line in ax.lines if line.get_marker() == "None"]
    np.testing.assert_allclose(bars[0], [0.01, 2.01])
    assert ax.get_xscale() == "log"
    assert "3 seeds" in figure.get_suptitle()


def test_a_third_axis_makes_panels_and_what_is_not_finite_is_counted():
    points = [
        ({**axes, "width": width}, result)
        for width in (1, 2)
        for axes, result in grid_points()
        if axes["seed"] == 0
    ]
    points[0] = (points[0][0], float("nan"))
    figure = sweep_figure(points, "lmd")
    assert [ax.get_title("left") or ax.get_title() for ax in figure.axes] == [
        "width = 1",
        "width = 2",
    ]
    assert figure.get_suptitle() == "lmd; 1 not finite, left out"


def test_words_stand_on_the_axis_and_seeds_alone_make_one_column():
    points = [({"form": form, "seed": 0}, 1.0) for form in ("cosine", "pearson")]
    (ax,) = sweep_figure(points, "r").axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cosine", "pearson"]
    (ax,) = sweep_figure([({"seed": s}, float(s)) for s in range(4)], "r").axes
    (mean,) = (line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_allclose(mean.get_xydata(), [[0, 1.5]])
