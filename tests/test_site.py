"""The demo's page: it opens offline, escapes what it is given, and shows what is there."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from lipkit.course.site import Media, Page, Section, extract_figures, write_page


class Links(HTMLParser):
    """Collects what a page refers to, and checks that its tags are closed."""

    VOID = frozenset({"meta", "img", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href", "poster")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page() -> Page:
    lips = Media("talking/lips.mp4", "Lips <b>", poster="talking/lips.png")
    media = (lips, Media("a b/x.png", 'Say "hi"', "two people"))
    sections = (Section("One & two", "Text.", media), Section("Wide", media=media, wide=True))
    return Page("Demo", "Lead", sections, {"steps": "7"}, [("N", "Why?", "n/0.html")], "Foot")


def test_the_page_refers_to_nothing_outside(page, tmp_path):
    text = write_page(page, tmp_path / "index.html").read_text()
    links = Links(text).links
    assert {"talking/lips.mp4", "talking/lips.png", "a b/x.png", "n/0.html"} <= set(links)
    assert not [link for link in links if "//" in link or link.startswith("/")]
    assert "<script" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_texts_are_escaped(page, tmp_path):
    text = write_page(page, tmp_path / "index.html").read_text()
    assert "Lips &lt;b&gt;" in text
    assert "One &amp; two" in text
    assert "$" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL), "a hole is left"


def test_every_picture_and_video_says_what_it_shows(page, tmp_path):
    text = write_page(page, tmp_path / "index.html").read_text()
    for tag in re.findall(r"<(?:img|video)[^>]*>", text):
        assert re.search(r'(alt|aria-label)="[^"]+"', tag), tag


def picture(kind: str, size: int) -> nbformat.NotebookNode:
    data = {kind: base64.b64encode(b"x" * size).decode()}
    return v4.new_output("display_data", data=data, metadata={kind: {"alt": "a wave"}})


def test_figures_of_a_notebook_are_saved_with_their_headings(tmp_path):
    show = v4.new_code_cell("show()", outputs=[picture("image/png", 9000)])
    more = v4.new_code_cell(
        "show()", outputs=[picture("image/jpeg", 9000), picture("image/png", 50)]
    )
    cells = [
        v4.new_markdown_cell("# The title"),
        show,
        v4.new_markdown_cell("Text\n\n## What *dlib* finds in `frames`\n\nMore"),
        more,
    ]
    notebook = tmp_path / "notebooks" / "01_one.ipynb"
    notebook.parent.mkdir()
    nbformat.write(v4.new_notebook(cells=cells), notebook)
    figures = extract_figures(notebook, tmp_path / "figures")
    assert figures == [
        Media("figures/01_one-1.png", "The title", "a wave"),
        Media("figures/01_one-2.jpg", "What dlib finds in frames", "a wave"),
    ]
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == [
        Path(figure.path).name for figure in figures
    ]
