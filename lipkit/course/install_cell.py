"""The cell by which a notebook installs the kit on Colab and Kaggle, and the README's badges.

Both hold the repository's address, which stands once, in ``pyproject.toml``
(``project.urls.Repository``), beside the version. After a change of either, type
``python -m lipkit.course.install_cell``: it writes the cell of every notebook and the badges.
"""

import re
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lipkit.config.places import NOTEBOOKS
from lipkit.errors import LipkitError
from lipkit.files import replacing

INSTALL_TAG = "install"
FIRST = "00_start_here.ipynb"
BADGES = re.compile(r"<!-- badges -->\n.*?<!-- /badges -->", re.DOTALL)

_SOURCE = """\
# @title On Colab and Kaggle: install the kit. Elsewhere this does nothing.
import importlib.util
import subprocess
import sys

KIT = "lipkit[dlib,speech] @ git+{repository}@v{version}"
if importlib.util.find_spec("lipkit") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", KIT], check=True)"""


def read_address(project: Path) -> tuple[str, str]:
    """(repository's address, version) of a ``pyproject.toml``.

    Raises
    ------
    LipkitError
        When it has none.
    """
    try:
        told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        return told["urls"]["Repository"].rstrip("/"), told["version"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise LipkitError(f"{project}: names no repository and version ({error!r})") from None


def install_cell(repository: str, version: str) -> NotebookNode:
    """The cell; papermill and nbval pass it over, and front ends show it folded."""
    cell = nbformat.v4.new_code_cell(
        _SOURCE.format(repository=repository, version=version),
        id=INSTALL_TAG,
        metadata={
            "cellView": "form",
            "jupyter": {"source_hidden": True},
            "tags": [INSTALL_TAG, "skip-execution", "nbval-skip"],
        },
    )
    return cell


def is_install_cell(cell: NotebookNode) -> bool:
    """Whether a cell is that one: it belongs to no lesson."""
    return INSTALL_TAG in cell.metadata.get("tags", [])


def set_install_cell(notebook: NotebookNode, cell: NotebookNode) -> None:
    """Put ``cell`` behind the notebook's title, in place of an earlier one."""
    notebook.cells = [known for known in notebook.cells if not is_install_cell(known)]
    notebook.cells.insert(1, cell)


def badges(repository: str) -> str:
    """The README's links that open the course by one click, in Markdown."""
    place = repository.removeprefix("https://github.com/")
    start = f"notebooks/{FIRST}"
    links = {
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]": (
            f"https://colab.research.google.com/github/{place}/blob/main/{start}"
        ),
        "[![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]": (
            f"https://kaggle.com/kernels/welcome?src={repository}/blob/main/{start}"
        ),
        "[![Launch Binder](https://mybinder.org/badge_logo.svg)]": (
            f"https://mybinder.org/v2/gh/{place}/main?urlpath=lab/tree/{start}"
        ),
        "[![Open in Codespaces](https://github.com/codespaces/badge.svg)]": (
            f"https://codespaces.new/{place}"
        ),
    }
    lines = [f"{picture}({address})" for picture, address in links.items()]
    return "\n".join(["<!-- badges -->", *lines, "<!-- /badges -->"])


def write_all(checkout: Path) -> None:
    """Write the cell into every notebook of a checkout, and the badges into its README."""
    repository, version = read_address(checkout / "pyproject.toml")
    for path in sorted((checkout / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = nbformat.read(path, as_version=4)
        set_install_cell(notebook, install_cell(repository, version))
        with replacing(path) as temporary:
            temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    readme = checkout / "README.md"
    text = readme.read_text(encoding="utf-8")
    with replacing(readme) as temporary:
        shown = badges(repository)
        temporary.write_text(BADGES.sub(lambda _: shown, text), encoding="utf-8")


if __name__ == "__main__":
    try:
        write_all(NOTEBOOKS.parent)
    except LipkitError as error:
        sys.exit(str(error))
