"""The web site: whole, offline, searchable, usable by keyboard and in the dark."""

import os
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

from lipkit.course.syllabus import COURSE
from lipkit.course.website import write_site
from lipkit.course.website_api import docstring_html

AXE = Path(os.environ.get("LIPKIT_AXE") or REPOSITORY / "node_modules/axe-core/axe.min.js")
"""Deque's checker, which is not part of the repository: npm install --no-save axe-core."""

SAMPLE = (
    "index.html",
    "search.html",
    "facts.html",
    "results/model_cards.html",
    "api/losses.html",
    "notebooks/05_correlation_loss.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder)
    return folder


def test_every_part_of_the_course_has_a_page(site):
    for lesson in COURSE:
        page = (site / "notebooks" / f"{lesson.stem}.html").read_text()
        assert "data:image/png;base64," in page
        assert page.count("<h1") == 1
        if (REPOSITORY / "notebooks" / lesson.solutions).is_file():
            solved = (site / "notebooks" / lesson.solutions).with_suffix(".html").read_text()
            assert f'href="../{lesson.stem}.html"' in solved
    for source in (REPOSITORY / "notebooks" / "results").rglob("*.md"):
        relative = source.relative_to(REPOSITORY / "notebooks").with_suffix(".html")
        assert (site / relative).is_file()
    rooms = {path.name for path in (REPOSITORY / "lipkit").iterdir() if path.is_dir()}
    rooms = {room for room in rooms if (REPOSITORY / "lipkit" / room / "__init__.py").is_file()}
    assert rooms <= {path.stem for path in (site / "api").glob("*.html")}


def test_every_link_leads_somewhere(site):
    lost = set()
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"]+)"', page.read_text()):
            target = link.split("#")[0].split("?")[0]
            if target and not re.match(r"\w+:", link) and not (page.parent / target).exists():
                lost.add((page.name, link))
    assert lost == set()


def test_no_page_asks_another_host(site):
    for page in [*site.rglob("*.html"), site / "site.css", site / "site.js", site / "search.js"]:
        text = re.sub(r'<a [^>]*href="[^"]*"', "", page.read_text())
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text), page
        if page.suffix == ".css":
            assert not re.search(r"@import|url\(", text)
        for style in re.findall(r'style="([^"]*)"|<style[^>]*>(.*?)</style>', text, re.DOTALL):
            assert not re.search(r"@import|url\((?!['\"]?data:)", "".join(style)), page


def test_a_docstring_shows_its_code_and_its_sections():
    made = docstring_html("A ``[T]`` of :func:`~lipkit.a.b`.\n\nReturns\n-------\nx < y")
    assert "<code>[T]</code> of <code>b</code>" in made
    assert "<b>Returns</b>" in made
    assert "---" not in made
    assert "x &lt; y" in made


@pytest.fixture
def visit(chromium, site):
    """Open a page; what it fetched from elsewhere and complained of must stay empty."""
    outside: list[str] = []
    context = chromium.new_context(color_scheme="light")

    def note(url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            outside.append(url)

    def open_page(name: str):
        page = context.new_page()
        page.on("request", lambda request: note(request.url))
        page.on("pageerror", lambda error: outside.append(str(error)))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    context.close()
    assert outside == []


@pytest.mark.parametrize("name", SAMPLE)
def test_a_page_opens_alone_and_fits_a_phone(visit, name):
    page = visit(name)
    assert page.locator("h1").count() == 1
    assert page.locator("main").count() == 1
    page.set_viewport_size({"width": 390, "height": 800})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"{name} is {wide} pixels wide"


def test_formulas_and_figures_of_a_notebook_are_drawn(visit):
    page = visit("notebooks/05_correlation_loss.html")
    widths = page.evaluate("[...document.images].map(image => image.naturalWidth)")
    assert len(widths) > 2
    assert min(widths) > 50
    assert page.locator("math").count() > 5
    assert "\\frac" not in page.inner_text("main")


def test_the_dark_is_kept_from_page_to_page(visit):
    page = visit("index.html")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.click("#theme")
    assert page.get_attribute("#theme", "aria-pressed") == "true"
    dark = page.evaluate(colour)
    assert dark != light
    page.click("a[href='facts.html']")
    page.wait_for_url("**/facts.html", wait_until="load")
    assert page.evaluate(colour) == dark


def test_the_search_finds_a_notebook_and_the_link_leads_there(visit):
    page = visit("search.html")
    page.fill("#words", "correlation loss")
    assert "pages" in page.inner_text("#said")
    link = page.locator("#found a", has_text="Correlation loss").first
    link.click()
    page.wait_for_url("**/notebooks/*", wait_until="load")
    assert "05_correlation_loss" in page.url
    page.go_back()
    page.fill("#words", "xyzzyplugh")
    assert page.inner_text("#said") == "0 pages"


def test_the_keyboard_reaches_the_text_first(visit):
    page = visit("notebooks/00_start_here.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("!!document.activeElement.closest('main')")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SAMPLE)
def test_no_serious_finding_of_axe(visit, name, theme):
    if not AXE.is_file():
        pytest.skip("axe-core is not here: npm install --no-save axe-core, or set LIPKIT_AXE")
    page = visit(name)
    if theme == "dark":
        page.click("#theme")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(result => result.violations)")
    serious = [
        (violation["id"], violation["nodes"][0]["html"][:120], len(violation["nodes"]))
        for violation in found
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []
