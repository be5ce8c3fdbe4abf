"""The demo's pages in a real browser: nothing from another host, and all that is shown shows."""

from pathlib import Path

import pytest

from lipkit.course import lesson
from lipkit.course.runner import run_notebook
from lipkit.course.site import Media, Page, Section, write_page
from lipkit.media import write_video
from lipkit.plots import new_figure, to_png

SHOW = """\
import numpy as np
from IPython.display import Math, display
from lipkit import plots
from lipkit.course import lesson
frames, samples = lesson.click_clip([0.2], 1.0)
display(lesson.video(frames, samples, "a click"), Math("x^2"))
figure = plots.new_figure(1)
figure.subplots().plot([1, 2])
plots.show(figure, "a line")
import ipywidgets
display(ipywidgets.IntSlider())"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A page with a picture and a video, and the page of a notebook with everything."""
    import nbformat
    from nbformat import v4

    folder = tmp_path_factory.mktemp("site")
    frames, samples = lesson.click_clip([0.2], 1.0)
    write_video(folder / "clip.mp4", frames, samples)
    (folder / "figure.png").write_bytes(to_png(new_figure(1)))
    cells = [v4.new_markdown_cell("# One\n\n$$\\sum_{t=1}^T x_t$$"), v4.new_code_cell(SHOW)]
    nbformat.write(v4.new_notebook(cells=cells), folder / "source.ipynb")
    run_notebook(
        folder / "source.ipynb", {}, folder / "notebooks" / "00.ipynb", progress=False, html=True
    )
    media = (Media("figure.png", "A line"), Media("clip.mp4", "A click", poster="figure.png"))
    card = ("One", "Why?", "notebooks/00.html")
    write_page(
        Page("Demo", "Lead", [Section("All", media=media)], {}, [card]), folder / "index.html"
    )
    return folder


class Visit:
    """A page as a reader's browser sees it, with what it fetched and complained of."""

    def __init__(self, chromium, path: Path) -> None:
        self.page = chromium.new_page()
        self.fetched, self.complaints = [], []
        self.page.on("request", lambda request: self.fetched.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.goto(path.as_uri())

    def outside(self) -> list[str]:
        local = ("file:", "data:", "blob:")
        return [url for url in self.fetched if not url.startswith(local)]


PICTURES = """() => Promise.all([...document.images].map(async image => {
    image.loading = 'eager'; await image.decode(); return image.naturalWidth }))"""
VIDEOS = """() => Promise.all([...document.querySelectorAll('video')].map(async video => {
    video.muted = true; await video.play();
    await new Promise(done => video.addEventListener('timeupdate', done));
    return [video.readyState, video.videoWidth] }))"""


@pytest.mark.parametrize(("name", "pictures"), [("index.html", 1), ("notebooks/00.html", 1)])
def test_pages_show_everything_and_ask_nobody(chromium, site, name, pictures):
    visit = Visit(chromium, site / name)
    widths = visit.page.evaluate(PICTURES)
    assert len(widths) == pictures
    assert min(widths) > 50
    ((state, width),) = visit.page.evaluate(VIDEOS)
    assert state >= 2
    assert width == 96
    assert visit.outside() == []
    assert visit.complaints == []
    visit.page.close()


def test_a_formula_is_drawn(chromium, site):
    visit = Visit(chromium, site / "notebooks" / "00.html")
    boxes = [math.bounding_box() for math in visit.page.locator("math").all()]
    assert len(boxes) == 2
    assert min(box["width"] for box in boxes) > 8
    # The sum bears its limits below and above, and so is higher than the square.
    assert boxes[0]["height"] > 1.5 * boxes[1]["height"]
    assert "\\sum" not in visit.page.inner_text("body")
    visit.page.close()


def test_the_card_leads_to_the_notebook(chromium, site):
    visit = Visit(chromium, site / "index.html")
    visit.page.click("a.card")
    visit.page.wait_for_url("**/notebooks/00.html")
    assert visit.page.inner_text("h1").startswith("One")
    visit.page.close()


def test_what_would_be_fetched_is_seen(chromium, tmp_path):
    """The test itself: a page that asks another host does not pass."""
    (tmp_path / "bad.html").write_text('<script src="http://127.0.0.1:9/x.js"></script>')
    visit = Visit(chromium, tmp_path / "bad.html")
    assert visit.outside() == ["http://127.0.0.1:9/x.js"]
    assert visit.complaints
    visit.page.close()
