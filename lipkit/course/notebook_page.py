"""The page of an executed notebook: one HTML file that opens offline.

nbconvert's pages load scripts from other hosts: require.js, the widgets' loader, Mermaid, and
MathJax for the formulas. None is needed here. Formulas are turned into MathML, which browsers
render by themselves.
"""

import html
import re
from pathlib import Path
from typing import Any

from lipkit.course.install_cell import is_install_cell
from lipkit.course.notebooks import read_notebook
from lipkit.files import replacing

_NAMES = {
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\Vert": "‖",
    r"\|": "‖",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\lceil": "⌈",
    r"\rceil": "⌉",
    r"\langle": "⟨",
    r"\rangle": "⟩",
    r"\arg": r"\operatorname{arg}",
}
r"""Commands that the converter does not know, or not after ``\big``, and what says the same."""
_NOTEBOOK_LINK = re.compile(r'href="(?!\w+:)([^"#]+)\.ipynb')
"""A link from one notebook to another: the pages lie side by side, as the notebooks do."""
_PAGELESS_LINK = re.compile(
    r'<a href="(?:(?:assignments|results)/|facts\.md|\w+\.py")[^>]*>(.*?)</a>'
)
"""A link to what has no page: assignments, stored results, `facts.md` and Python files. Its
words remain."""


def write_html(notebook: Path, out: Path | None = None) -> Path:
    """Write the page of an executed notebook to ``out`` (beside it) and return its path."""
    metadata = {"name": notebook.stem, "path": str(notebook.parent)}
    lesson = read_notebook(notebook)
    lesson.cells = [cell for cell in lesson.cells if not is_install_cell(cell)]
    page, _ = _exporter().from_notebook_node(lesson, resources={"metadata": metadata})
    page = _PAGELESS_LINK.sub(r"\1", page)
    page = _NOTEBOOK_LINK.sub(r'href="\1.html', page)
    out = out or notebook.with_suffix(".html")
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return out


def to_mathml(tex: str, display: bool = False) -> str:
    r"""A formula as MathML; one that the converter cannot read is shown as its TeX.

    ``tex`` is what stands between the dollars; ``display`` gives it a line of its own.
    """
    from latex2mathml.converter import convert

    known = re.sub(r"\\(?:[A-Za-z]+|.)", lambda found: _NAMES.get(found[0], found[0]), tex)
    try:
        made = convert(known, display="block" if display else "inline")
    except Exception:  # whatever a parser raises at what it does not know
        made = "\\"
    if "\\" in made:
        return f'<code class="tex">{html.escape(tex)}</code>'
    return made


def markdown_html(source: str, attachments: Any = (), folder: str = "") -> str:
    """Markdown with formulas as HTML with MathML.

    ``attachments`` are those of a notebook's cell; pictures are read from ``folder``.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class MathRenderer(IPythonRenderer):
        def inline_math(self, body: str) -> str:
            return to_mathml(body)

        def block_math(self, body: str) -> str:
            return to_mathml(body, display=True)

        def latex_environment(self, name: str, body: str) -> str:
            return to_mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    renderer = MathRenderer(
        escape=False, attachments=dict(attachments), embed_images=True, path=folder
    )
    return MarkdownWithMath(renderer=renderer).render(source)


def _exporter() -> Any:
    from jinja2 import pass_context
    from nbconvert import HTMLExporter

    class OfflineExporter(HTMLExporter):
        @pass_context
        def markdown2html(self, context: Any, source: str) -> str:
            folder = context.get("resources", {}).get("metadata", {}).get("path", "")
            return markdown_html(source, context.get("cell", {}).get("attachments", {}), folder)

    exporter = OfflineExporter(raw_template=_TEMPLATE, embed_images=True)
    exporter.register_filter("latex_output", latex_html)
    return exporter


def latex_html(tex: str) -> str:
    """An output of type text/latex, which carries its own dollars."""
    stripped = tex.strip()
    dollars = next((d for d in ("$$", "$") if stripped.startswith(d) and stripped.endswith(d)), "")
    return to_mathml(stripped.strip("$").replace(r"\displaystyle", ""), display=dollars != "$")


_TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}
<link rel="icon" href="data:,">
<style>
math { font-family: "Latin Modern Math", "STIX Two Math", "Cambria Math", "DejaVu Math TeX Gyre",
  math; font-size: 1.1em; }
math[display="block"] { margin: .75em 0; }
</style>
{%- endblock -%}
{%- block data_latex -%}
<div class="jp-RenderedLatex jp-OutputArea-output">
{{ output.data["text/latex"] | latex_output }}
</div>
{%- endblock -%}
"""
