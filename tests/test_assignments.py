"""Assignments: the sources, their student versions, and two ways from a source to points.

Every source is run as a perfect and as an empty submission. The teachers' page's commands are
run as they stand there, on the page's example; nbgrader makes the student version of all.
"""

import ast
import copy
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from assignment_cells import ALL, SHORT, answers, checks, gaps, marks, source
from nbformat import v4
from smaller import is_parameters, set_values
from torch import nn

from lipkit.cli import run_command
from lipkit.course.assignments import release as releasing
from lipkit.course.assignments.course import write_course
from lipkit.course.assignments.grade import TABLE, grade_folder, summary
from lipkit.course.assignments.release import (
    RELEASED,
    SOURCES,
    STUB,
    find_assignments,
    student_version,
)
from lipkit.course.notebooks import problems, read_notebook, read_parameters
from lipkit.errors import LipkitError, UsageError
from lipkit.models.decoder import Painter

PAGE = (SOURCES / "README.md").read_text(encoding="utf-8")
SHOWN = "fusion_by_hand"
"""The assignment of the teachers' page's examples."""
STUDENTS = ("perfect", "empty")

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")


def points(cells: list[nbformat.NotebookNode]) -> float:
    return sum(marks(cell)["points"] for cell in cells)


# The sources


@pytest.mark.parametrize("name", ALL)
def test_source_keeps_the_rules_of_the_course(name):
    path = SOURCES / f"{name}.ipynb"
    assert problems(path) == []
    parameters = read_parameters(path)
    assert "seed" in parameters
    assert all(parameter.help for parameter in parameters.values())


@pytest.mark.parametrize("name", ALL)
def test_every_test_prints_hides_something_and_gives_all_or_nothing(name):
    found = checks(source(name))
    assert len(found) >= 3
    for cell in found:
        shown, _, hidden = cell.source.partition("### BEGIN HIDDEN TESTS\n")
        for part in (shown, hidden):
            assert "assert" in part, marks(cell)["grade_id"]
        assert "print" in shown
        # nbgrader would take the value of a last expression for partial credit.
        last = ast.parse(cell.source).body[-1]
        assert not isinstance(last, ast.Expr) or ast.unparse(last).startswith("print")


def used(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def defined(text: str) -> set[str]:
    kinds = ast.FunctionDef, ast.ClassDef
    return {node.name for node in ast.parse(text).body if isinstance(node, kinds)}


@pytest.mark.parametrize("name", ALL)
def test_one_gap_does_not_block_the_rest(name):
    """A test uses the gap above it and no other; a gap and what is shown use none."""
    notebook = source(name)
    of_students = set().union(*(defined(cell.source) for cell in gaps(notebook)))
    assert of_students
    own: set[str] = set()
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        asked = used(cell.source) & of_students
        if marks(cell).get("solution"):
            own = defined(cell.source)
            assert asked <= own
        elif marks(cell).get("grade"):
            assert asked == own, f"{marks(cell)['grade_id']} tests {asked}, not {own}"
        else:
            assert not asked


@pytest.mark.parametrize("name", ALL)
def test_page_title_and_cells_agree_on_points(name):
    notebook = source(name)
    (words,) = answers(notebook)
    total = points(checks(notebook)) + points([words])
    title = notebook.cells[0].source
    said = re.search(r"About (\d+) minutes; (\d+) points, (\d+) of them", title)
    assert (int(said[2]), int(said[3])) == (total, points([words]))
    assert re.search(rf"\| \[{name}\].*\| {total} \| {said[1]} \|", PAGE)
    headings = re.findall(
        r"^## .*\((\d+) points\)", "\n".join(c.source for c in notebook.cells), re.M
    )
    assert sum(map(int, headings)) == total


@pytest.mark.parametrize("name", ALL)
def test_course_and_assignment_link_to_each_other(name):
    notebook = source(name)
    links = re.findall(r"\]\(([\w./]+\.ipynb)\)", "\n".join(c.source for c in notebook.cells))
    for link in links:
        assert (SOURCES / link).is_file(), link
        assert (RELEASED / link).is_file(), link
    goes_with = re.findall(r"\]\(\.\./(\w+)\.ipynb\)", notebook.cells[0].source)
    assert goes_with
    for lesson in goes_with:
        text = (SOURCES.parent / f"{lesson}.ipynb").read_text(encoding="utf-8")
        assert f"](assignments/{name}.ipynb)" in text, f"{lesson} does not link to {name}"


# The student version


@pytest.mark.parametrize("name", ALL)
def test_the_lessons_link_to_student_versions_of_the_sources_as_they_are(name):
    stored = read_notebook(RELEASED / f"{name}.ipynb")
    assert stored == student_version(source(name)), (
        "run: lipkit assignments release notebooks/assignments --force"
    )


def test_nothing_but_student_versions_lies_where_students_look():
    assert sorted(path.stem for path in RELEASED.glob("*.ipynb")) == ALL


@pytest.mark.parametrize("name", ALL)
def test_student_version_differs_from_the_source_by_its_regions_only(name):
    """Line by line: kept, or inside a region, or a stub where a region begins."""
    ours, theirs = source(name), student_version(source(name))
    assert len(ours.cells) == len(theirs.cells)
    for before, after in zip(ours.cells, theirs.cells, strict=True):
        if before.cell_type == "markdown" and marks(before).get("solution"):
            assert after.source == "YOUR ANSWER HERE"
            continue
        lines, inside = iter(after.source.split("\n")), ""
        for line in before.source.split("\n"):
            if begins := re.match(r"( *)### BEGIN (SOLUTION|HIDDEN TESTS)$", line):
                assert not inside
                inside = begins[2]
                if inside == "SOLUTION":
                    assert next(lines) == f"{begins[1]}# YOUR CODE HERE"
                    assert next(lines) == f"{begins[1]}raise NotImplementedError()"
            elif line.strip() == f"### END {inside}":
                inside = ""
            elif not inside:
                assert next(lines) == line
        assert next(lines, None) is None


@pytest.mark.parametrize("name", ALL)
def test_no_solution_and_no_hidden_test_is_in_a_release(name):
    notebook = source(name)
    region = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", re.S)
    released = nbformat.writes(student_version(notebook))
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    outside = "\n".join(region.sub("", text) for text in texts)
    secret = [
        line.strip() for text in texts for part in region.findall(text) for line in part.split("\n")
    ]
    secret += [line for cell in answers(notebook) for line in cell.source.split("\n")]
    secret = [line for line in secret if len(line) > 12 and line not in outside]
    assert len(secret) > 10
    for line in secret:
        assert line.replace('"', '\\"') not in released, line
    assert "BEGIN" not in released


@pytest.mark.parametrize("name", ALL)
def test_a_release_shows_what_is_given_and_nothing_after_the_first_question(name):
    notebook = source(name)
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    first = next(i for i, mark in enumerate(marks) if mark.get("solution") or mark.get("grade"))
    shown = [cell.get("outputs", []) for cell in student_version(notebook).cells]
    assert shown[:first] == [cell.get("outputs", []) for cell in notebook.cells[:first]]
    assert any(shown[:first])
    assert not any(shown[first:])
    assert any(cell.get("outputs") for cell in notebook.cells[first:])


def cell(text: str, **given) -> nbformat.NotebookNode:
    meta = {"grade": False, "solution": False, "locked": False, "grade_id": "a", **given}
    return v4.new_code_cell(text, metadata={"nbgrader": meta})


SOLVED = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
HIDING = "assert f()\n### BEGIN HIDDEN TESTS\nassert f() == 1\n### END HIDDEN TESTS"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (cell(SOLVED.rpartition("\n")[0], solution=True), "SOLUTION does not end"),
        (cell(SOLVED.replace("return 1", "### BEGIN SOLUTION"), solution=True), "begins twice"),
        (cell("### END SOLUTION", solution=True), "ends before it begins"),
        (cell(SOLVED), "not a solution cell"),
        (cell(HIDING), "not a test cell"),
        (cell(HIDING, solution=True, grade=True, points=1), ""),
        (cell("### AUTOTEST f()", grade=True, points=1), "AUTOTEST"),
    ],
)
def test_a_broken_source_is_one_line_that_names_the_cell(broken, message):
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("One"), broken])
    if not message:  # a whole cell is the solution, hidden marks and all
        assert student_version(notebook).cells[1].source == STUB["code"]
        return
    with pytest.raises(LipkitError, match=rf"^x: cell 1: .*{message}") as raised:
        student_version(notebook, "x")
    assert "\n" not in str(raised.value)


def test_release_writes_student_versions_and_spares_somebody_s_work(tmp_path, capsys):
    release = ("assignments", "release", str(tmp_path), "judges", "alignment")
    assert run_command([*release]) == run_command([*release]) == 0
    path = tmp_path / "judges.ipynb"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alignment.ipynb", "judges.ipynb"]
    assert read_notebook(path) == student_version(source("judges"))
    path.write_text(path.read_text().replace("raise NotImplementedError()", "return 1"))
    worked = path.read_text()
    capsys.readouterr()
    assert run_command([*release]) == 2
    assert "judges.ipynb: is there already" in capsys.readouterr().err
    assert path.read_text() == worked
    assert run_command([*release, "--force"]) == 0
    assert path.read_text() != worked


def test_release_refuses_an_unknown_name_and_the_folder_of_the_sources(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"'judge' is unknown; did you mean 'judges'"):
        releasing.release(tmp_path, ["judge"])
    for path in find_assignments(["judges"]):
        shutil.copy(path, tmp_path)
    with pytest.raises(UsageError, match="holds the sources"):
        releasing.release(tmp_path, folder=tmp_path, force=True)
    assert find_assignments() == [SOURCES / f"{name}.ipynb" for name in ALL]


def test_what_a_killed_writer_left_is_no_assignment(tmp_path):
    for path in find_assignments(["judges"]):
        shutil.copy(path, tmp_path)
        shutil.copy(path, tmp_path / ".part-1-judges.ipynb")
    assert [path.name for path in find_assignments(folder=tmp_path)] == ["judges.ipynb"]


# Both ways from a source to points


def hand_in(folder: Path, student: str, name: str, released: Path) -> None:
    """What a student gives back: the source, or the release as it was."""
    folder.mkdir(parents=True)
    shutil.copy(SOURCES / f"{name}.ipynb" if student == "perfect" else released, folder)


def commands(heading: str) -> list[str]:
    """The lines of the page's block under a heading."""
    return re.search(rf"## {heading}\n.*?```bash\n(.*?)```", PAGE, re.S)[1].splitlines()


def follow(heading: str, folder: Path, release: str, submitted: str, programs: Path) -> None:
    """Run a block of the page, playing the students where it says that they hand in."""
    # nbgrader starts alembic by its name.
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in commands(heading):
        if line.startswith("cd "):
            folder = folder / line.removeprefix("cd ")
        elif line.startswith("#"):
            for student in STUDENTS:
                place = folder / submitted.format(student=student)
                hand_in(place, student, SHOWN, folder / release / f"{SHOWN}.ipynb")
        else:
            done = subprocess.run(
                line,
                shell=True,
                cwd=folder,
                env=os.environ | {"PATH": path, "JUPYTER_PATH": str(programs / "jupyter")},
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def course(tmp_path_factory, warm_commands) -> Path:
    """nbgrader's course folder: one assignment by the page's commands, the others by its API."""
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    folder = tmp_path_factory.mktemp("nbgrader")
    places = f"release/{SHOWN}", f"submitted/{{student}}/{SHOWN}"
    follow("With nbgrader", folder, *places, warm_commands)
    folder = folder / "speech101"
    others = [name for name in ALL if name != SHOWN]
    write_course(folder, others)
    config = Config()
    config.CourseDirectory.root, config.CourseDirectory.course_id = str(folder), "lipkit"
    api = NbGraderAPI(config=config)
    for name in others:
        made = api.generate_assignment(name)
        assert made["success"], made.get("log")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ALL)
def test_nbgrader_makes_the_same_cells_and_counts_the_same_points(course, name):
    from nbgrader.api import Gradebook

    theirs = read_notebook(course / "release" / name / f"{name}.ipynb")
    ours = student_version(source(name))
    assert len(ours.cells) == len(theirs.cells)
    for a, b in zip(ours.cells, theirs.cells, strict=True):
        if a.cell_type == "code":
            a.outputs, a.execution_count = [], None  # nbgrader keeps no output at all
        assert a == b
    by_tests, in_words = points(checks(source(name))), points(answers(source(name)))
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assignment = gradebook.find_assignment(name)
        assert (assignment.max_code_score, assignment.max_written_score) == (by_tests, in_words)


SMALLER = {"build_and_train_the_generator": {"people": 2, "clips": 3}}
"""Assignments that draw fewer clips to practise on than for a student. Its tests take four
windows of them, and judge what is trained on people of their own."""


def raised(notebook: nbformat.NotebookNode, name: str) -> dict[str, str]:
    """What each cell raises when all are run in order, by the cell's id or number.

    They run in this process: a kernel takes longer to start than an assignment to run.
    """
    space, found = {"__name__": "__main__"}, {}
    for number, cell in enumerate(notebook.cells):
        if is_parameters(cell):
            set_values(cell, SMALLER.get(name, {}), name)
        if cell.cell_type == "code":
            try:
                exec(compile(cell.source, f"cell {number}", "exec"), space)
            except Exception as fault:
                found[marks(cell).get("grade_id", number)] = type(fault).__name__
    return found


@pytest.fixture
def quick_painter(monkeypatch) -> None:
    """The page's last convolution as lipkit computes it: the same sum in a third of the time."""

    class Convolution(nn.Conv3d):
        def forward(self, x):
            paints = (self.out_channels, self.kernel_size) == (3, (7, 7, 7))
            return Painter.forward(self, x) if paints else super().forward(x)

    monkeypatch.setattr(nn, "Conv3d", Convolution)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("quick_painter")
@pytest.mark.parametrize("name", sorted(set(ALL) - set(SHORT)))
def test_a_perfect_submission_passes_every_test(name):
    """The short ones' are run by ``test_assignments_lessons.py``."""
    assert raised(source(name), name) == {}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ALL)
def test_the_student_version_runs_with_nothing_amiss_but_the_gaps(name):
    empty = student_version(source(name))
    graded = {marks(one)["grade_id"]: "NotImplementedError" for one in checks(empty)}
    assert raised(empty, name) == graded


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbgrader_gives_full_points_and_none(course):
    from nbgrader.api import Gradebook

    by_tests, in_words = points(checks(source(SHOWN))), points(answers(source(SHOWN)))
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        empty = gradebook.find_submission(SHOWN, "empty")
        assert (empty.score, empty.max_score) == (0, by_tests + in_words)
        assert not empty.needs_manual_grade
        perfect = gradebook.find_submission(SHOWN, "perfect")
        assert perfect.score == perfect.max_code_score == by_tests
        assert perfect.needs_manual_grade
        # A person reads the answer and likes it.
        for graded in perfect.notebooks[0].grades:
            if graded.needs_manual_grade:
                graded.manual_score = graded.max_score
        gradebook.db.commit()
        assert gradebook.find_submission(SHOWN, "perfect").score == by_tests + in_words


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_page_s_way_with_nbgrader_ends_in_a_table(course):
    with open(course / "grades.csv", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {s: float(rows[s]["score"]) for s in STUDENTS} == {"perfect": 12, "empty": 0}
    assert (course / "feedback" / "perfect" / SHOWN / f"{SHOWN}.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_s_way_without_nbgrader_ends_in_a_table(tmp_path, warm_commands):
    follow("Without nbgrader", tmp_path, "handout", "submitted/{student}", warm_commands)
    with open(tmp_path / "graded" / TABLE, newline="") as file:
        rows = list(csv.DictReader(file))
    notebook = source(SHOWN)
    parts = [marks(one)["grade_id"] for one in [*checks(notebook), *answers(notebook)]]
    for student, earned in (("perfect", points(checks(notebook))), ("empty", 0)):
        own = [row for row in rows if row["student"] == student]
        assert [row["part"] for row in own] == parts
        assert sum(float(row["points"] or 0) for row in own) == earned
        assert own[-1]["points"] == {"perfect": "", "empty": "0.0"}[student]
        notes = {"perfect": ("", "read"), "empty": ("NotImplementedError", "no answer")}[student]
        assert [row["note"] for row in own] == [*notes[:1] * (len(own) - 1), notes[1]]
    assert (tmp_path / "graded" / "perfect" / f"{SHOWN}.ipynb").is_file()


@pytest.fixture(scope="module")
def small() -> nbformat.NotebookNode:
    """An assignment of two gaps that takes no time."""
    second = SOLVED.replace("f()", "g()").replace("return 1", "return 2")
    hiding = HIDING.replace("== 1", "== one")
    cells = [
        cell("one = 1", locked=True, grade_id="setup"),
        cell(SOLVED, solution=True, grade_id="f"),
        cell(hiding, grade=True, locked=True, points=2, grade_id="test-f"),
        cell(second, solution=True, grade_id="g"),
        cell("assert g() == 2", grade=True, locked=True, points=3, grade_id="test-g"),
        v4.new_markdown_cell(
            "Because.",
            metadata={"nbgrader": marks(cell("", solution=True, grade=True, points=4))},
        ),
    ]
    return v4.new_notebook(cells=cells)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_processes")
def test_grading_puts_the_tests_back_and_counts_part_by_part(small, tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    nbformat.write(small, folder / "two.ipynb")
    half = student_version(small)
    half.cells[1].source = "def helped():\n    return one\n\n\ndef f():\n    return helped()"
    half.cells[2].source = "pass"  # tests made easy
    half.cells[4].source = "pass"
    half.cells[0].source = "one = 1000"
    sly = copy.deepcopy(half)
    sly.cells[1].source = "def f():\n    return True + 1"  # passes what is shown only
    del sly.cells[4]
    sly.cells[4].source = "I think so."
    for student, notebook in (("half", half), ("sly", sly)):
        (tmp_path / "in" / student).mkdir(parents=True)
        nbformat.write(notebook, tmp_path / "in" / student / "two.ipynb")
    (tmp_path / "in" / "torn").mkdir()
    (tmp_path / "in" / "torn" / "two.ipynb").write_text("{")
    odd = copy.deepcopy(half)
    odd.cells.append(v4.new_code_cell("", metadata={"nbgrader": None}))
    odd.cells.append(v4.new_code_cell("", metadata={"nbgrader": {"grade_id": [1]}}))
    for place in ("twice", "twice/old", "odd"):
        (tmp_path / "in" / place).mkdir()
        nbformat.write(odd, tmp_path / "in" / place / "two.ipynb")
    found = grade_folder(tmp_path / "in", tmp_path / "out", progress=False, folder=folder)
    earned = {student: [m.points for m in marks] for (student, _), marks in found.items()}
    assert earned == {
        "half": [2, 0, 0],
        "odd": [2, 0, 0],
        "sly": [0, 0, None],
        "torn": [0, 0, 0],
        "twice": [0, 0, 0],
    }
    assert found["twice", "two"][0].note == "2 files two.ipynb; hand in one"
    assert [m.note for m in found["half", "two"]] == ["", "NotImplementedError", "no answer"]
    notes = [m.note for m in found["sly", "two"]]
    assert notes == ["AssertionError", "the cell is missing", "read"]
    assert "not a readable notebook" in found["torn", "two"][0].note
    assert summary(found["sly", "two"]) == "0 of 5 points, 4 more to be read"
    assert not (tmp_path / "out" / "torn").exists()


def test_an_interrupted_grading_keeps_the_points_so_far(small, tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    nbformat.write(small, folder / "two.ipynb")
    for student in ("ada", "ben"):
        (tmp_path / "in" / student).mkdir(parents=True)
    (tmp_path / "in" / "ada" / "two.ipynb").write_text("{")
    nbformat.write(small, tmp_path / "in" / "ben" / "two.ipynb")

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lipkit.course.assignments.grade.grade", stopped)
    with pytest.raises(KeyboardInterrupt):
        grade_folder(tmp_path / "in", tmp_path / "out", progress=False, folder=folder)
    assert (tmp_path / "out" / "points.csv").read_text().count("ada,two") == 3


@pytest.mark.slow
@pytest.mark.usefixtures("warm_processes")
def test_results_among_the_submissions_are_no_submissions(small, tmp_path, capsys):
    folder, handed_in = tmp_path / "sources", tmp_path / "in"
    (handed_in / "ada").mkdir(parents=True)
    folder.mkdir()
    for place in (folder, handed_in / "ada"):
        nbformat.write(small, place / "two.ipynb")
    before = (handed_in / "ada" / "two.ipynb").read_bytes()
    for out in ("graded", "graded", "graded again"):
        found = grade_folder(handed_in, handed_in / out, progress=False, folder=folder)
        assert list(found) == [("ada", "two")]
    assert "graded: holds the points of a grading" in capsys.readouterr().out
    for out in (handed_in, handed_in / "ada"):
        with pytest.raises(UsageError, match="holds submissions; choose another folder"):
            grade_folder(handed_in, out, progress=False, folder=folder)
    assert (handed_in / "ada" / "two.ipynb").read_bytes() == before


def test_grading_nothing_is_one_line(tmp_path):
    with pytest.raises(LipkitError, match="holds no submission; lay them out as STUDENT/"):
        grade_folder(tmp_path, tmp_path / "out")


def test_a_course_folder_keeps_a_teacher_s_changes(tmp_path):
    (path,) = write_course(tmp_path, ["judges"])
    assert path == tmp_path / "source" / "judges" / "judges.ipynb"
    path.write_text(path.read_text().replace("seed: int = 0", "seed: int = 7"))
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with pytest.raises(UsageError, match="is another version"):
        write_course(tmp_path, ["judges"])
    write_course(tmp_path, ["judges"], force=True)
    assert path.read_bytes() == (SOURCES / "judges.ipynb").read_bytes()
    assert (tmp_path / "nbgrader_config.py").read_text() == "c = get_config()\n"
