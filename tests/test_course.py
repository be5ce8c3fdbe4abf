"""The course as a whole: its list, the ways from one notebook to the next, its symbols."""

import re

import nbformat
import pytest
from nbformat import v4

from lipkit.config.places import NOTEBOOKS
from lipkit.course import syllabus
from lipkit.course.notebooks import read_notebook
from lipkit.course.syllabus import COURSE
from lipkit.plots import MAP_BOXES

HERE = [lesson for lesson in COURSE if lesson.is_here()]
by_stem = pytest.mark.parametrize("lesson", HERE, ids=lambda lesson: lesson.stem)
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+\$", re.DOTALL)


def markdown(lesson: syllabus.Lesson) -> list[str]:
    cells = read_notebook(NOTEBOOKS / f"{lesson.stem}.ipynb").cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def test_course_links_only_the_notebooks_that_are_there(tmp_path):
    metadata = {"lipkit": {"core_seconds": 17}}
    nbformat.write(v4.new_notebook(metadata=metadata), tmp_path / "00_start_here.ipynb")
    nbformat.write(v4.new_notebook(), tmp_path / "01_data_preparation.ipynb")
    table = syllabus.table(tmp_path)
    assert "| [00 · Start here](00_start_here.ipynb) |" in table
    assert f"| {COURSE[0].minutes} | 17 |" in table
    assert "| 45 | – |" in table, "one stored before seconds were counted"
    assert "| 02 · Derivative correlation |" in table
    assert table.count("| not written yet |") == 11


def test_ways_on_lead_to_both_neighbours():
    second = "[01 · Data preparation](01_data_preparation.ipynb)"
    assert syllabus.ways_on("00_start_here") == f"{second} →"
    assert syllabus.ways_on("02_derivative_correlation") == (
        f"← {second} | [all notebooks](00_start_here.ipynb) | [03 · Encoders](03_encoders.ipynb) →"
    )
    assert syllabus.ways_on("12_comparison").endswith("(00_start_here.ipynb)")


def test_the_way_through_the_map_passes_every_box_once():
    passed = [box for boxes, _, _ in syllabus.STATIONS for box in boxes]
    assert sorted(passed) == sorted(MAP_BOXES)
    rows = syllabus.stations().splitlines()
    assert len(rows) == 2 + len(syllabus.STATIONS)
    links = re.findall(r"\[(\d\d)\]\(([^)]+)\)", syllabus.stations())
    assert ("05", "05_correlation_loss.ipynb") in links
    assert {file for _, file in links} <= {f"{lesson.stem}.ipynb" for lesson in COURSE}


def test_the_list_is_whole():
    assert [lesson.stem[:2] for lesson in COURSE] == [f"{n:02}" for n in range(13)]
    assert {lesson.lit for lesson in COURSE} <= {None, *MAP_BOXES}
    stems = {path.stem for path in NOTEBOOKS.glob("[0-9]*.ipynb")}
    assert stems <= {lesson.stem for lesson in COURSE}


@by_stem
def test_a_notebook_says_what_the_list_says(lesson):
    first = markdown(lesson)[0]
    assert first.startswith(f"# {lesson.name}\n")
    assert f"**Time**: about {lesson.minutes} minutes" in first


@by_stem
def test_ways_on_stand_at_top_and_bottom(lesson):
    cells, ways = markdown(lesson), syllabus.ways_on(lesson.stem)
    assert cells[0].splitlines()[2] == ways
    assert cells[-1].splitlines()[-1] == ways


@by_stem
def test_links_to_files_lead_somewhere(lesson):
    links = [link for cell in markdown(lesson) for link in re.findall(r"\]\(([^)]+)\)", cell)]
    files = {link.split("#")[0] for link in links if ":" not in link}
    assert files
    coming = {f"{lesson.stem}.ipynb" for lesson in COURSE}
    assert {file for file in files - coming if not (NOTEBOOKS / file).exists()} == set()


def symbols() -> list[tuple[str, str]]:
    """Each symbol of the table in facts.md, and the notebook where it is met first."""
    facts = (NOTEBOOKS / "facts.md").read_text(encoding="utf-8")
    table = facts[facts.index('<a id="symbols"></a>') :]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| $")]
    return [
        (symbol.strip(), row[-1].strip())
        for row in rows
        for symbol in re.sub(r"\\[ ,]", "", row[0].strip(" $")).split(",")
    ]


def uses(lesson: syllabus.Lesson, symbol: str) -> bool:
    """Whether a formula of the notebook has the symbol, not as a part of a longer one."""
    alone = r"(?<!\\hat )(?<!\\mathcal )(?<![A-Za-z\\_])"
    exactly = re.compile(rf"{alone}{re.escape(symbol)}(?![A-Za-z_'])")
    return any(exactly.search(f) for text in markdown(lesson) for f in FORMULA.findall(text))


@pytest.mark.parametrize(("symbol", "number"), symbols())
def test_a_symbol_is_first_met_where_the_table_says(symbol, number):
    users = [lesson.stem[:2] for lesson in HERE[1:] if uses(lesson, symbol)]
    assert users, f"no notebook has {symbol}"
    assert users[0] == number
