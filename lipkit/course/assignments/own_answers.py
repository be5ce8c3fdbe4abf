"""Does a submission call lipkit's own answer instead of giving one?

The true numbers of an assignment are lipkit's, so the shortest way past a test is to call what
the test calls. This is found by reading the code, not by running it: a name in an answer that
comes from lipkit, and that the teachers' solution does without.
"""

import ast

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from lipkit.provenance import parsed


def own_answers(submission: NotebookNode, source: NotebookNode) -> dict[str, list[str]]:
    """What of lipkit each answer calls that the source's solution does not.

    Parameters
    ----------
    submission
        A student's notebook.
    source
        The teachers' source of it.

    Returns
    -------
    dict
        ``grade_id`` of each test cell -> names such as ``lipkit.losses.PixelLoss``, in order;
        only of answers that call any. An answer is what is written in the gaps above its test
        and below the test before.
    """
    theirs = _calls(source)
    found = {}
    for part, calls in _calls(submission).items():
        extra = sorted(calls - theirs.get(part, set()))
        if extra:
            found[part] = extra
    return found


def _calls(notebook: NotebookNode) -> dict[str, set[str]]:
    bound: dict[str, str] = {}
    calls: dict[str, set[str]] = {}
    written: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        marks = cell.metadata.get("nbgrader", {})
        try:
            tree = parsed(_plain(cell.source))
        except SyntaxError:
            continue  # it cannot run either, or is of another language
        bound |= _bound(tree)
        if marks.get("grade") and not marks.get("solution"):
            calls[marks["grade_id"]] = {bound.get(name, name) for name in written if name in bound}
            calls[marks["grade_id"]] |= {name for name in written if name.startswith("lipkit.")}
            written = set()
        elif marks.get("solution") or not marks:
            written |= _names(tree)
    return calls


def _plain(source: str) -> str:
    """The Python of a cell, without what only IPython understands.

    >>> _plain("%%time\\n%precision 3\\nx = 1").splitlines()[-1]
    'x = 1'
    """
    lines = source.lstrip().splitlines(keepends=True)
    while lines and lines[0].startswith("%%"):
        lines = lines[1:]
    return TransformerManager().transform_cell("".join(lines))


def _bound(tree: ast.AST) -> dict[str, str]:
    """Names that imports bind to something of lipkit -> what it is."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lipkit":
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "lipkit":
                    bound[alias.asname or "lipkit"] = alias.name
    return bound


def _names(tree: ast.AST) -> set[str]:
    """Names that code uses, and modules of lipkit that it asks for by a text."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return names | {t for t in texts if isinstance(t, str) and t.startswith("lipkit.")}
