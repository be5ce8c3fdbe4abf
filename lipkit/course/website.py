"""The course as a web site: one folder of pages that opens offline, by a double click."""

import sys
from pathlib import Path

import lipkit
from lipkit.config.places import NOTEBOOKS
from lipkit.course.notebook_page import write_html
from lipkit.course.site import Page, write_page
from lipkit.course.syllabus import COURSE
from lipkit.errors import LipkitError


def write_site(out: Path, notebooks: Path = NOTEBOOKS) -> Path:
    """Write the site into ``out``; return its first page."""
    cards = []
    for lesson in COURSE:
        write_html(notebooks / f"{lesson.stem}.ipynb", out / "notebooks" / f"{lesson.stem}.html")
        cards.append((lesson.name, lesson.question, f"notebooks/{lesson.stem}.html"))
    page = Page(
        "lipkit",
        "Learn, reproduce and audit “Lip Movements Generation at a Glance” (ECCV 2018).",
        [],
        notebooks=cards,
        footer=f"lipkit {lipkit.__version__}",
    )
    return write_page(page, out / "index.html")


if __name__ == "__main__":
    try:
        print(write_site(Path(sys.argv[1])))
    except LipkitError as error:
        sys.exit(str(error))
