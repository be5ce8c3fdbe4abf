"""Notebooks install the kit where it is missing, and badges open them; one address for all."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest
from conftest import REPOSITORY
from nbformat import v4
from packaging.requirements import Requirement

from lipkit.course.install_cell import (
    BADGES,
    badges,
    install_cell,
    is_install_cell,
    read_address,
    write_all,
)
from lipkit.course.notebooks import read_notebook
from lipkit.errors import LipkitError

NOTEBOOKS = sorted((REPOSITORY / "notebooks").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
ADDRESS, VERSION = read_address(REPOSITORY / "pyproject.toml")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_the_one_cell_behind_its_title(path):
    cells = read_notebook(path).cells
    assert [i for i, cell in enumerate(cells) if is_install_cell(cell)] == [1]
    assert cells[1] == install_cell(ADDRESS, VERSION)


def run_cell(monkeypatch, found: object) -> list[list[str]]:
    ran = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    exec(install_cell(ADDRESS, VERSION).source, {})
    return ran


def test_where_the_kit_is_nothing_happens(monkeypatch):
    assert run_cell(monkeypatch, object()) == []


def test_where_it_is_not_pip_installs_this_version(monkeypatch):
    ((*_, kit),) = run_cell(monkeypatch, None)
    asked = Requirement(kit)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert asked.name == project["name"]
    assert asked.url == f"git+{ADDRESS}@v{project['version']}"
    assert asked.extras <= set(project["optional-dependencies"])


def test_the_readme_s_badges_open_a_notebook_that_is_there():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (shown,) = BADGES.findall(text)
    assert shown == badges(ADDRESS)
    targets = re.findall(r"\)\]\((\S+)\)", shown)
    assert len(targets) == 4
    named = [t for target in targets for t in re.findall(r"notebooks/[\w/]+\.ipynb", target)]
    assert len(named) == 3
    assert all((REPOSITORY / path).is_file() for path in named)
    (binder,) = [target for target in targets if "mybinder" in target]
    assert parse_qs(urlsplit(binder).query)["urlpath"] == ["lab/tree/notebooks/00_start_here.ipynb"]


def test_nothing_else_names_the_repository():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    naming = set()
    for name in listed:
        path = REPOSITORY / name
        if path.is_file() and ADDRESS.encode() in path.read_bytes():
            naming.add(name)
    notebooks = {path.relative_to(REPOSITORY).as_posix() for path in NOTEBOOKS}
    assert naming == {"pyproject.toml", "README.md", *notebooks}


def test_a_new_address_reaches_every_place(tmp_path: Path):
    (tmp_path / "notebooks" / "assignments").mkdir(parents=True)
    project = '[project]\nversion = "9.8"\n[project.urls]\nRepository = "https://github.com/a/b/"\n'
    (tmp_path / "pyproject.toml").write_text(project)
    (tmp_path / "README.md").write_text("# x\n\n<!-- badges -->\nold\n<!-- /badges -->\n\nend\n")
    for name in ("00.ipynb", "assignments/one.ipynb"):
        cells = [v4.new_markdown_cell("# One"), v4.new_code_cell("print(1)")]
        nbformat.write(v4.new_notebook(cells=cells), tmp_path / "notebooks" / name)
    write_all(tmp_path)
    once = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    write_all(tmp_path)
    assert once == {path: path.read_text() for path in once}
    for name in ("00.ipynb", "assignments/one.ipynb"):
        cells = read_notebook(tmp_path / "notebooks" / name).cells
        assert [cell.cell_type for cell in cells] == ["markdown", "code", "code"]
        assert "git+https://github.com/a/b@v9.8" in cells[1].source
    page = (tmp_path / "README.md").read_text()
    assert "codespaces.new/a/b" in page
    assert "old" not in page
    assert page.endswith("-->\n\nend\n")


def test_without_an_address_it_is_said(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nversion = '1'\n")
    with pytest.raises(LipkitError, match="names no repository"):
        read_address(tmp_path / "pyproject.toml")


def test_binder_s_last_step_can_be_run():
    script = REPOSITORY / "postBuild"
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
