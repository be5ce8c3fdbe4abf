"""The course as a web site: one folder of pages that opens offline, by a double click.

Notebooks with their outputs, facts, results, the API from the docstrings, and a search over all
of it. Ours rather than a site generator's: those that were looked at fetch MathJax or fonts from
other hosts, and show no video that a notebook holds.
"""

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from lipkit.config.places import NOTEBOOKS
from lipkit.course import website_shell as shell
from lipkit.course.install_cell import is_install_cell
from lipkit.course.notebook_page import latex_html, markdown_html
from lipkit.course.notebooks import read_notebook
from lipkit.course.syllabus import COURSE, Lesson
from lipkit.course.website_api import rooms
from lipkit.errors import LipkitError
from lipkit.files import replacing

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SEARCHED = 40_000
"""Letters of a page that the search looks at."""


class Site:
    """A site that is being written into a folder: its pages, and what the search knows of them."""

    def __init__(self, out: Path) -> None:
        self.out, self.pages = out, []

    def add(self, path: str, title: str, body: str, scripts: tuple[str, ...] = ()) -> None:
        """Write a page; ``body`` is HTML."""
        self.write(path, shell.frame(title, body, path, scripts))
        plain = re.sub(r"<(style|script|math)\b.*?</\1>", " ", body, flags=re.DOTALL)
        plain = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", plain)).split())
        self.pages.append({"title": title, "path": path, "text": plain[:_SEARCHED]})

    def write(self, path: str, text: str) -> None:
        """Write a file of the site."""
        with replacing(self.out / path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def write_site(out: Path, notebooks: Path = NOTEBOOKS) -> Path:
    """Write the site into ``out``; return its first page.

    Raises
    ------
    LipkitError
        When a notebook cannot be read or a file cannot be written.
    """
    site = Site(out)
    rows = []
    for lesson in COURSE:
        if lesson.is_here(notebooks):
            path = f"notebooks/{lesson.stem}.html"
            notebook = read_notebook(notebooks / f"{lesson.stem}.ipynb")
            site.add(path, lesson.name, notebook_html(notebook, path, notebooks))
            _add_solutions(site, lesson, notebooks)
            link = f'<a href="{path}">{html.escape(lesson.name)}</a>'
            question = html.escape(lesson.question)
            rows.append(f"<tr><td>{link}</td><td>{question}</td><td>{lesson.minutes}</td></tr>")
    site.add("index.html", "lipkit", _first(rows))
    facts = (notebooks / "facts.md").read_text(encoding="utf-8")
    site.add("facts.html", "Facts", document_html(facts, "facts.html"))
    _add_results(site, notebooks / "results")
    _add_api(site)
    site.add("search.html", "Search", _SEARCH_PAGE, ("pages.js", "search.js"))
    site.write("pages.js", f"const PAGES = {json.dumps(site.pages, ensure_ascii=False)};\n")
    site.write("search.js", shell.SEARCH)
    site.write("site.css", shell.STYLE)
    site.write("site.js", shell.SCRIPT)
    return out / "index.html"


def _add_solutions(site: Site, lesson: Lesson, notebooks: Path) -> None:
    source = notebooks / lesson.solutions
    if source.is_file():
        path = f"notebooks/{source.relative_to(notebooks).with_suffix('.html').as_posix()}"
        body = notebook_html(read_notebook(source), path, source.parent)
        site.add(path, f"Solutions · {lesson.name}", body)


def _add_results(site: Site, folder: Path) -> None:
    links = []
    for source in sorted(folder.rglob("*.md")):
        text = source.read_text(encoding="utf-8")
        path = f"results/{source.relative_to(folder).with_suffix('.html').as_posix()}"
        found = re.search(r"^#+ +(.+)$", text, re.MULTILINE)
        title = re.sub(r"[`*]", "", found[1]) if found else source.stem
        if not found or not text.lstrip().startswith("# "):
            text = f"# {source.parent.name.replace('_', ' ')}: {source.stem}\n\n{text}"
            title = f"{source.parent.name.replace('_', ' ')}: {source.stem}"
        site.add(path, title, document_html(text, path, source.parent))
        links.append(f'<li><a href="../{path}">{html.escape(title)}</a></li>')
    site.add("results/index.html", "Results", f"<h1>Results</h1><ul>{''.join(links)}</ul>")


def _add_api(site: Site) -> None:
    links = []
    for room, body in rooms().items():
        site.add(f"api/{room}.html", f"lipkit.{room}", body)
        links.append(f'<li><a href="{room}.html"><code>lipkit.{room}</code></a></li>')
    site.add("api/index.html", "API", f"<h1>API</h1><ul>{''.join(links)}</ul>")


def document_html(text: str, path: str, folder: Path | None = None) -> str:
    """A Markdown document as the body of the page ``path``."""
    return tidy(markdown_html(text, folder=str(folder or "")), path)


def notebook_html(notebook: NotebookNode, path: str, folder: Path) -> str:
    """A stored notebook as the body of the page ``path``: its text, code and outputs.

    ``folder`` is where it lies; pictures that its text shows are read from there.
    """
    parts = []
    for cell in notebook.cells:
        if is_install_cell(cell):
            continue
        if cell.cell_type == "markdown":
            parts.append(markdown_html(cell.source, cell.get("attachments", {}), str(folder)))
        elif cell.cell_type == "code":
            parts.append(f'<div class="code">{_code(cell.source)}</div>')
            shown = "".join(map(_output, cell.outputs))
            parts.append(f'<div class="output">{shown}</div>' if shown else "")
    return tidy("\n".join(parts), path)


def _code(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    made = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre tabindex="0" aria-label="code"><code>{made}</code></pre>'


def _output(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return _printed(output.text)
    data: dict[str, Any] = output.get("data", {})
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            alt = output.get("metadata", {}).get(kind, {}).get("alt", "figure")
            return f'<img alt="{html.escape(alt)}" src="data:{kind};base64,{data[kind].strip()}">'
    if "text/html" in data:
        return data["text/html"]
    if "text/markdown" in data:
        return markdown_html(data["text/markdown"])
    if "text/latex" in data:
        return latex_html(data["text/latex"])
    return _printed(data["text/plain"]) if "text/plain" in data else ""


def _printed(text: str) -> str:
    return f'<pre tabindex="0" aria-label="output">{html.escape(_COLOUR.sub("", text))}</pre>'


def tidy(body: str, path: str) -> str:
    """Links to what has a page lead there, others to sources become words; tables can scroll."""
    root = "../" * path.count("/")
    body = re.sub(r'href="(?!\w+:)([^"#]*)\.ipynb', r'href="\1.html', body)
    if path.startswith("notebooks/"):
        body = re.sub(r'href="(?:\./)?facts\.md', f'href="{root}facts.html', body)
        body = re.sub(r'href="(?:\./)?results/', f'href="{root}results/', body)
    body = re.sub(r'href="(?!\w+:)([^"#]*results/[^"#]*|[\w/]+)\.md', r'href="\1.html', body)
    body = re.sub(
        r'<a href="(?!\w+:|#)(?:[^"]*\.(?!html)\w+|[^"]*/|[^"]*assignments/[^"]*)(?:#[^"]*)?">'
        r"(.*?)</a>",
        r"\1",
        body,
    )
    return re.sub(r"(<table\b.*?</table>)", _TABLE, body, flags=re.DOTALL)


_TABLE = r'<div class="table" tabindex="0" role="region" aria-label="table">\1</div>'


def _first(rows: list[str]) -> str:
    head = "<tr><th>notebook</th><th>the question</th><th>minutes</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    return (
        "<h1>lipkit</h1><p>Learn, reproduce and audit “Lip Movements Generation at a Glance” "
        "(Chen, Li, Maddox, Duan, Xu; ECCV 2018): from any speech recording and one picture of a "
        f"face, make the video of those lips saying that speech.</p>{table}"
    )


_SEARCH_PAGE = """\
<h1>Search</h1>
<form role="search" onsubmit="return false"><label for="words">Words</label>
<input id="words" type="search" autocomplete="off"></form>
<p id="said" role="status"></p><ol id="found"></ol>"""


if __name__ == "__main__":
    try:
        print(write_site(Path(sys.argv[1])))
    except LipkitError as error:
        sys.exit(str(error))
