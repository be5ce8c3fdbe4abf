"""Every exercise of every lesson has a solution, worked out, run, and told in its numbers.

This reads the stored notebooks; nbval runs them, as it runs the lessons.
"""

import re

import pytest
from nbformat import NotebookNode

from lipkit.config.places import NOTEBOOKS
from lipkit.course.install_cell import is_install_cell
from lipkit.course.notebooks import problems, read_notebook, read_parameters
from lipkit.course.runner import read_provenance
from lipkit.course.syllabus import COURSE, Lesson

MOST_SECONDS = 90
"""One core's time for a notebook, also while the machine does other things; a minute is the aim."""
SOLVED = [lesson for lesson in COURSE if (NOTEBOOKS / lesson.solutions).is_file()]
of_each_lesson = pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.stem)
of_each_solved = pytest.mark.parametrize("lesson", SOLVED, ids=lambda lesson: lesson.stem)
EXERCISE = re.compile(r"^(\d+)\. \*\*(.+?)\*\*", re.MULTILINE)
SOLUTION = re.compile(r"^## (\d+) · (.+)$", re.MULTILINE)
NUMBER = re.compile(r"\d+(?:,\d{3})*\.\d+|\d+(?:,\d{3})+|\d+")


def exercises_text(lesson: Lesson) -> str:
    """The section of a lesson that holds its exercises; empty where there is none."""
    text = "\n\n".join(
        cell.source
        for cell in read_notebook(NOTEBOOKS / f"{lesson.stem}.ipynb").cells
        if cell.cell_type == "markdown"
    )
    found = re.search(r"^## Exercises\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def asked(lesson: Lesson) -> list[tuple[str, str]]:
    """Number and title of each exercise, titles without their full stop."""
    return [(n, title.removesuffix(".")) for n, title in EXERCISE.findall(exercises_text(lesson))]


def sections(lesson: Lesson) -> list[list[NotebookNode]]:
    """The cells of a solutions notebook, cut before each exercise; the first part is its head."""
    parts: list[list[NotebookNode]] = [[]]
    for cell in read_notebook(NOTEBOOKS / lesson.solutions).cells:
        if cell.cell_type == "markdown" and SOLUTION.match(cell.source):
            parts.append([])
        parts[-1].append(cell)
    return parts


def shown(cells: list[NotebookNode]) -> str:
    """What code cells print, and the code itself, without commas in numbers."""
    texts = []
    for cell in cells:
        texts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            texts += [output.get("text", ""), data.get("text/plain", "")]
            texts.append(data.get("text/markdown", ""))
    return re.sub(r"(?<=\d),(?=\d{3})", "", "\n".join(texts))


def test_exercises_are_numbered_and_titled():
    for lesson in COURSE:
        numbers = re.findall(r"^(\d+)\. ", exercises_text(lesson), re.MULTILINE)
        assert numbers == [str(n + 1) for n in range(len(numbers))]
        assert [number for number, _ in asked(lesson)] == numbers, lesson.stem


@of_each_solved
def test_each_exercise_has_one_solution_and_none_is_superfluous(lesson):
    cells = [part[0].source for part in sections(lesson)[1:]]
    found = [SOLUTION.match(source).groups() for source in cells]
    assert found == asked(lesson)


@of_each_solved
def test_a_solution_is_code_that_shows_something_and_then_words(lesson):
    for number, part in enumerate(sections(lesson)[1:], 1):
        kinds = [cell.cell_type for cell in part]
        assert any(cell.get("outputs") for cell in part), f"exercise {number} shows nothing"
        last_code = len(kinds) - 1 - kinds[::-1].index("code")
        words = " ".join(cell.source for cell in part[last_code + 1 :]).split()
        assert len(words) >= 15, f"exercise {number} ends without an answer"


@of_each_solved
def test_an_answer_s_numbers_are_shown_by_the_notebook(lesson):
    cells = read_notebook(NOTEBOOKS / lesson.solutions).cells
    known = set(NUMBER.findall(shown([cell for cell in cells if cell.cell_type == "code"])))
    known |= {number.lstrip("0") for number in known}
    for part in sections(lesson)[1:]:
        for cell in part:
            if cell.cell_type == "markdown":
                text = re.sub(r"\]\([^)]*\)|^#.*$|\$[^$]*\$", "", cell.source, flags=re.MULTILINE)
                told = {number.replace(",", "") for number in NUMBER.findall(text)}
                # A whole number below 100 may count things, or name a notebook.
                told = {n for n in told if "." in n or int(n) >= 100}
                assert told <= known, f"{lesson.stem}: {sorted(told - known)} in {text[:80]!r}"


@of_each_solved
def test_solutions_keep_the_rules_of_notebooks(lesson):
    path = NOTEBOOKS / lesson.solutions
    assert problems(path) == []
    assert "preset" in read_parameters(path)
    for parameter in read_parameters(path).values():
        assert parameter.help, f"{parameter.name} has no help"
    seconds = read_provenance(path).get("core_seconds", 0)  # not counted on every system
    assert seconds < MOST_SECONDS, f"{seconds} s of one core"


@of_each_solved
def test_lesson_and_solutions_lead_to_each_other(lesson):
    ways = f"← [{lesson.name}](../{lesson.stem}.ipynb) | [all notebooks](../00_start_here.ipynb)"
    cells = read_notebook(NOTEBOOKS / lesson.solutions).cells
    text = [cell for cell in cells if not is_install_cell(cell)]
    assert text[0].source.startswith(f"# Solutions · {lesson.name}\n\n{ways}\n")
    assert text[-1].source.splitlines()[-1] == ways
    links = [
        link.split("#")[0]
        for cell in text
        if cell.cell_type == "markdown"
        for link in re.findall(r"\]\(([^)]+)\)", cell.source)
        if ":" not in link
    ]
    folder = (NOTEBOOKS / lesson.solutions).parent
    assert [link for link in links if not (folder / link).exists()] == []


def test_every_lesson_has_solutions():
    assert [lesson for lesson in COURSE if asked(lesson)] == SOLVED


@of_each_lesson
def test_a_lesson_links_its_solutions_where_they_are(lesson):
    linked = lesson.solutions_link in exercises_text(lesson).splitlines()
    assert linked == (lesson in SOLVED)


def test_no_solutions_without_a_lesson():
    here = {path.name for path in (NOTEBOOKS / "solutions").glob("[!.]*.ipynb")}
    assert here <= {f"{lesson.stem}.ipynb" for lesson in COURSE}
