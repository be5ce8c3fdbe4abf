"""The page that shows what a demo made: one folder that opens offline, by a double click."""

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from lipkit.course.notebooks import read_notebook
from lipkit.files import replacing

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_SMALLEST_FIGURE = 4_000
"""Pictures of fewer bytes in a notebook's outputs are icons."""


@dataclass(frozen=True)
class Media:
    """A picture or video of the page, by its path relative to the page."""

    path: str
    caption: str
    alt: str = ""
    poster: str = ""
    """What a video shows before it is played; a path relative to the page, like ``path``."""


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and what is shown below it."""

    title: str
    text: str = ""
    media: Sequence[Media] = ()
    wide: bool = False
    """Show pictures at full width, one below the other."""


@dataclass(frozen=True)
class Page:
    """Everything that :func:`write_page` needs."""

    title: str
    lead: str
    sections: Sequence[Section]
    facts: dict[str, str] = field(default_factory=dict)
    notebooks: Sequence[tuple[str, str, str]] = ()
    """(title, question, path of the HTML page) of each notebook that was run."""
    footer: str = ""


def write_page(page: Page, out: Path) -> Path:
    """Write ``page`` to ``out``; it refers to its media by relative paths only."""
    text = _PAGE.substitute(
        title=html.escape(page.title),
        lead=html.escape(page.lead),
        facts="".join(_fact(*item) for item in page.facts.items()),
        sections="".join(map(_section, page.sections)),
        notebooks="".join(_card(*notebook) for notebook in page.notebooks),
        footer=html.escape(page.footer),
    )
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return out


def extract_figures(notebook: Path, folder: Path) -> list[Media]:
    """Save the pictures in an executed notebook's outputs to ``folder``.

    The caption is the last heading above the cell; paths are relative to ``folder``'s parent.
    """
    heading, figures = notebook.stem, []
    for cell in read_notebook(notebook).cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE)
            heading = headings[-1] if headings else heading
        for output in cell.get("outputs", []):
            for kind, suffix in _SUFFIXES.items():
                if kind not in output.get("data", {}):
                    continue
                picture = base64.b64decode(output.data[kind])
                if len(picture) < _SMALLEST_FIGURE:
                    continue
                name = f"{notebook.stem}-{len(figures) + 1}{suffix}"
                with replacing(folder / name) as temporary:
                    temporary.write_bytes(picture)
                alt = output.get("metadata", {}).get(kind, {}).get("alt", heading)
                figures.append(Media(f"{folder.name}/{name}", _plain(heading), alt))
    return figures


def _plain(markdown: str) -> str:
    return re.sub(r"[*_`$]|\[(.+?)\]\(.+?\)", r"\1", markdown)


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"


def _section(section: Section) -> str:
    shown = "".join(map(_figure, section.media))
    kind = "wide" if section.wide else "row"
    text = f"<p>{html.escape(section.text)}</p>" if section.text else ""
    title = html.escape(section.title)
    return f'<section><h2>{title}</h2>{text}<div class="{kind}">{shown}</div></section>\n'


def _figure(media: Media) -> str:
    path, alt = html.escape(media.path), html.escape(media.alt or media.caption)
    if media.path.endswith(".mp4"):
        poster = f' poster="{html.escape(media.poster)}"' if media.poster else ""
        shown = f'<video controls preload="none"{poster} src="{path}" aria-label="{alt}"></video>'
    else:
        shown = f'<a href="{path}"><img loading="lazy" src="{path}" alt="{alt}"></a>'
    return f"<figure>{shown}<figcaption>{html.escape(media.caption)}</figcaption></figure>"


def _card(title: str, question: str, path: str) -> str:
    words = f"<b>{html.escape(title)}</b><span>{html.escape(question)}</span>"
    return f'<a class="card" href="{html.escape(path)}">{words}</a>'


_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { --page: #fdfcf9; --ink: #22262b; --muted: #6a7078; --line: #d8d5cd; --mark: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 2.5rem 1.25rem 4rem; color: var(--ink);
  background: var(--page); font: 1rem/1.6 system-ui, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 0 0 .25rem; font-size: 1.25rem; }
p { max-width: 44rem; margin: .25rem 0 1rem; }
.lead { font-size: 1.1rem; color: var(--muted); margin: .75rem 0 1.5rem; }
section { border-top: 1px solid var(--line); padding-top: 1.5rem; margin-top: 2.25rem; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 0; }
dt { font-size: .8rem; color: var(--muted); }
dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.row, .cards { display: grid; gap: 1.25rem; }
.row { grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.cards { grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.wide { display: grid; gap: 1.5rem; }
figure { margin: 0; }
img, video { display: block; width: 100%; border-radius: 6px; border: 1px solid var(--line);
  background: #fff; }
.row video, .row img { aspect-ratio: 5 / 4; object-fit: contain; background: #14161a; }
figcaption { margin-top: .4rem; font-size: .875rem; color: var(--muted); }
a { color: var(--mark); }
.card { display: block; padding: .9rem 1.1rem; border: 1px solid var(--line); border-radius: 6px;
  background: #fff; color: inherit; text-decoration: none; }
.card:hover, .card:focus { border-color: var(--mark); }
.card b { display: block; color: var(--mark); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: .875rem; color: var(--muted); }
</style>
</head>
<body>
<header><h1>$title</h1><p class="lead">$lead</p><dl>$facts</dl></header>
<main>
$sections
<section><h2>Notebooks</h2><p>Each was run from top to bottom just now.</p>
<div class="cards">$notebooks</div></section>
</main>
<footer>$footer</footer>
</body>
</html>
""")
