"""pyproject.toml, requirements.lock and environment.yml name the same things."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# conda-forge calls some packages of PyPI by another name.
CONDA_NAMES = {
    "build": "python-build",
    "torch": "pytorch",
    "opencv-python": "opencv",
    "dlib-bin": "dlib",
    "soxr": "soxr-python",
}
CONDA_ONLY = {"python", "pip", "ffmpeg"}


@pytest.fixture(scope="module")
def project(repository: Path) -> dict:
    return tomllib.loads((repository / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wanted(project: dict) -> dict[str, Requirement]:
    texts = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        texts += extra
    requirements = [Requirement(text) for text in texts]
    assert len({r.name for r in requirements}) == len(requirements), "a package is named twice"
    return {canonicalize_name(r.name): r for r in requirements}


@pytest.fixture(scope="module")
def lock_lines(repository: Path) -> list[str]:
    return (repository / "requirements.lock").read_text().splitlines()


@pytest.fixture(scope="module")
def conda(repository: Path) -> dict:
    return yaml.safe_load((repository / "environment.yml").read_text())


def conda_requirements(conda: dict) -> tuple[dict[str, Requirement], dict[str, Requirement]]:
    """What conda takes from conda-forge, and what pip takes inside that environment."""
    ours = [Requirement(d) for d in conda["dependencies"] if isinstance(d, str)]
    (pip,) = (d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    theirs = [Requirement(d) for d in pip if not d.startswith("-")]
    return {r.name: r for r in ours}, {r.name: r for r in theirs}


def test_bounds_are_wide(wanted):
    for requirement in wanted.values():
        operators = {s.operator for s in requirement.specifier}
        assert operators == {">="}, f"{requirement}: only a lower bound keeps it installable"


def test_lock_is_dated_and_names_no_place(lock_lines):
    assert re.fullmatch(r"# Made on \d{4}-\d\d-\d\d by: make lock", lock_lines[0])
    for line in lock_lines[1:]:
        assert re.match(r"[\w.-]+==[\w.!+]+( ; .+)?$", line), line
        assert "+" not in line.split(";")[0], f"{line}: not on the registry"


def test_lock_holds_every_package_within_bounds(wanted, lock_lines):
    locked = [Requirement(line) for line in lock_lines[1:]]
    versions = {canonicalize_name(r.name): Version(next(iter(r.specifier)).version) for r in locked}
    assert len(versions) == len(locked), "one version of each package"
    for name, requirement in wanted.items():
        assert name in versions, f"{name} is not in requirements.lock; run: make lock"
        assert versions[name] in requirement.specifier, f"{name} {versions[name]}"


def test_lock_serves_every_system(lock_lines):
    assert any("win32" in line for line in lock_lines)
    assert any("darwin" in line for line in lock_lines)


def test_environment_names_the_same_packages(wanted, conda):
    ours, theirs = conda_requirements(conda)
    expected = {CONDA_NAMES.get(name, name) for name in wanted}
    assert set(ours) - CONDA_ONLY | set(theirs) == expected
    assert not set(ours) & set(theirs)
    for name, requirement in wanted.items():
        there = {**ours, **theirs}[CONDA_NAMES.get(name, name)]
        assert there.specifier == requirement.specifier, f"environment.yml: {there}"


def test_environment_is_conda_forge_with_the_package_editable(conda):
    assert conda["channels"][0] == "conda-forge"
    assert "defaults" not in conda["channels"]
    ours, theirs = conda_requirements(conda)
    assert {"python", "pip", "dlib", "ffmpeg"} <= set(ours)
    assert "dlib-bin" not in theirs, "conda has its own dlib"
    (pip,) = (d["pip"] for d in conda["dependencies"] if isinstance(d, dict))
    # Without extras: the extra "dlib" would install a second dlib over conda's.
    assert pip[-1] == "--editable ."


def test_python_bounds_agree(project, conda):
    ours, _ = conda_requirements(conda)
    assert project["requires-python"] == str(ours["python"].specifier)
    assert f"{sys.version_info[0]}.{sys.version_info[1]}.0" in ours["python"].specifier


def test_makefile_pins_are_in_the_lock(repository: Path, lock_lines):
    line = re.search(r"^TORCH := (.+)$", (repository / "Makefile").read_text(), re.MULTILINE)
    for pin in line.group(1).split():
        assert pin in lock_lines


def test_licences_and_citation_stand_beside(repository: Path, project):
    for name in [*project["license-files"], "README.md"]:
        assert (repository / name).stat().st_size > 500, name
