"""The page ``this_is_the_whole_paper.py``: what readers of the notebooks write, in one file.

It is collected from the code cells that are tagged ``paper``, in the order of the notebooks.
Such a cell holds imports, functions and classes and nothing else, so that the page can be
imported. A definition that a notebook repeats, since each is run by itself, is taken once.

``python -m lipkit.course.paper_page`` writes it beside the notebooks.
"""

import ast
import sys
from pathlib import Path

from lipkit.config.places import NOTEBOOKS
from lipkit.course.notebooks import read_notebook
from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.provenance import parsed

PAPER_TAG = "paper"
PAGE = "this_is_the_whole_paper.py"
MAX_LINES = 400

_HEAD = '''"""This is the whole paper, Lip Movements Generation at a Glance (ECCV 2018).

Collected from notebooks 02 to 07, where every part is compared with lipkit's, output for output.
To train a small model: python this_is_the_whole_paper.py [STEPS [PREPARED_SET]]
"""
'''
_RUN = """
if __name__ == "__main__":
    from lipkit.course.lesson import LessonConfig, prepared_set
    from lipkit.data.windows import Windows

    given = dict(enumerate(sys.argv))
    windows = Windows(prepared_set(LessonConfig(prepared=given.get(2, ""))), split=None)
    fit(windows, steps=int(given.get(1, 20)))
"""


def paper_page(folder: Path = NOTEBOOKS) -> str:
    """The page's text, from the notebooks of a folder.

    Raises
    ------
    LipkitError
        When a cell holds something else than imports and definitions, or two cells define
        the same name differently.
    """
    imports, known, parts = {"import sys"}, {}, []
    for path in sorted(folder.glob("[0-9]*.ipynb")):
        begun = False
        for cell in read_notebook(path).cells:
            if PAPER_TAG not in cell.metadata.get("tags", []):
                continue
            lines = cell.source.splitlines()
            for statement in parsed(cell.source).body:
                text = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
                if isinstance(statement, (ast.Import, ast.ImportFrom)):
                    imports.add(text)
                    continue
                if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                    raise LipkitError(
                        f"{path}: a cell of the paper may only import and define: {text!r}"
                    )
                name = statement.name
                if known.get(name, text) != text:
                    raise LipkitError(f"{path}: defines {name} differently from an earlier cell")
                if name in known:
                    continue
                known[name] = text
                if not begun:
                    number, _, title = path.stem.partition("_")
                    text, begun = (
                        f"# Notebook {number}: {title.replace('_', ' ')}\n{text}",
                        True,
                    )
                parts.append(text)
    body = "\n\n\n".join([*parts, _RUN.lstrip()])
    return "\n".join([_HEAD, *_sorted(imports), "\n", body])


def _sorted(imports: set[str]) -> list[str]:
    """Two groups with a line between them, ``import`` before ``from``."""
    own, others = [], []
    for line in sorted(imports, key=lambda line: (line.startswith("from"), line)):
        standard = line.split()[1].partition(".")[0] in sys.stdlib_module_names
        (own if standard else others).append(line)
    return [*own, "", *others]


def write_paper_page(folder: Path = NOTEBOOKS) -> Path:
    """Write the page beside the notebooks; give its path."""
    text = paper_page(folder)
    with replacing(folder / PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder / PAGE


if __name__ == "__main__":
    print(write_paper_page())
