"""Notebook pages: they open offline, with their formulas set."""

import html
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from lipkit.course.notebook_page import to_mathml, write_html

COURSE = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
# What a browser fetches without being asked: no anchors.
LOADED = re.compile(r"<(?!a\b)[^>]*\b(?:src|href|poster|data)\s*=\s*[\"']?\s*(?:https?:)?//", re.I)


def page_of(tmp_path: Path, *cells) -> str:
    nbformat.write(v4.new_notebook(cells=list(cells)), tmp_path / "one.ipynb")
    return write_html(tmp_path / "one.ipynb").read_text(encoding="utf-8")


def unset(page: str) -> list[str]:
    """Formulas that a reader of the page would see as TeX."""
    for tag in ("style", "script", "pre", "math"):
        page = re.sub(rf"<{tag}\b.*?</{tag}>", "", page, flags=re.DOTALL)
    found = re.findall(r'<code class="tex">.*?</code>', page)
    page = re.sub(r"<code\b.*?</code>", "", page, flags=re.DOTALL)
    return found + re.findall(r"\$[^$<>]+\$", page)


def test_a_formula_becomes_mathml():
    made = to_mathml("x_t^2 < y")
    assert re.search(r"<msubsup><mi>x</mi><mi>t</mi><mn>2</mn></msubsup>", made)
    assert 'display="inline"' in made
    assert 'display="block"' in to_mathml("x", display=True)


@pytest.mark.parametrize(
    ("tex", "seen"),
    [
        (r"\big\lVert F \big\rVert", "‖F‖"),
        (r"\bigl\lfloor x \bigr\rfloor", "⌊x⌋"),
        (r"\lvert a \rvert\,\| b", "|a|‖b"),
        (r"\arg\max", "argmax"),
    ],
)
def test_what_the_converter_does_not_know_is_put_in_other_words(tex, seen):
    made = to_mathml(tex)
    assert html.unescape(re.sub(r"<[^>]+>|\s", "", made)) == seen


@pytest.mark.parametrize("tex", [r"\nosuchcommand{x} < 1", r"\left( 1", r"\begin{cases} a"])
def test_a_formula_that_cannot_be_read_is_shown_as_it_stands(tex):
    made = to_mathml(tex)
    assert made == f'<code class="tex">{tex.replace("<", "&lt;")}</code>'


def test_notebooks_link_to_each_others_pages(tmp_path):
    text = "[on](01_two.ipynb) [part](01_two.ipynb#part) [far](https://x.org/a.ipynb)"
    page = page_of(tmp_path, v4.new_markdown_cell(text))
    links = re.findall(r'<a href="([^"]+)"', page)
    assert links == ["01_two.html", "01_two.html#part", "https://x.org/a.ipynb"]


@pytest.mark.parametrize(
    "file",
    [
        "assignments/judges.ipynb",
        "results/evaluation/s1_test.md",
        "facts.md",
        "facts.md#fact-1.4",
        "this_is_the_whole_paper.py",
    ],
)
def test_words_remain_of_a_link_to_what_has_no_page(tmp_path, file):
    page = page_of(tmp_path, v4.new_markdown_cell(f"see [these words]({file})"))
    assert "see these words" in page
    assert file not in page


@pytest.mark.parametrize(
    ("markdown", "display"),
    [
        ("so $a$", "inline"),
        ("so\n\n$$a$$", "block"),
        (r"so \\(a\\)", "inline"),
        ("so\n\n\\begin{equation}a\\end{equation}", "block"),
        ("| a |\n|:--|\n| $a$ |", "inline"),
    ],
)
def test_formulas_in_markdown_are_set(tmp_path, markdown, display):
    page = page_of(tmp_path, v4.new_markdown_cell(markdown))
    assert re.search(rf'<math [^>]*display="{display}"[^>]*>(?:<mrow>)+<mi>a</mi>', page)
    assert unset(page) == []


def test_formulas_in_outputs_are_set_and_dollars_in_code_are_not(tmp_path):
    outputs = [
        v4.new_output("display_data", data={"text/latex": r"$\displaystyle a$"}),
        v4.new_output("display_data", data={"text/markdown": "so $b$"}),
        v4.new_output("stream", text="it costs $5 or $c$"),
    ]
    page = page_of(tmp_path, v4.new_code_cell("print('$d$')", outputs=outputs))
    assert re.findall(r"<math.*?<mi>(\w)</mi>", page) == ["a", "b"]
    assert "it costs $5 or $c$" in page


def test_pictures_beside_the_notebook_are_held_in_the_page(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    page = page_of(tmp_path, v4.new_markdown_cell("![two lips](a.png)"))
    assert re.search(r'<img[^>]*src="data:image/png;base64,', page)


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_every_formula_of_the_course_is_set_and_nothing_is_loaded(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    page = page_of(tmp_path, *cells)
    assert ("<math" in page) == any("$" in cell.source for cell in cells)
    assert unset(page) == []
    assert LOADED.search(page) is None
    assert "<script" not in page
    assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", page)
