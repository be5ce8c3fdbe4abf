"""The wheel is the kit: built, looked into, installed where no checkout is, and used there."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from setuptools import find_packages

from lipkit.course.lesson import CACHE_VARIABLE, cache_folder
from lipkit.course.notebooks import find_notebook, read_parameters

pytestmark = pytest.mark.slow

PYTHON = Path(sys.executable)
COMMAND_SECONDS = 900


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """A command of a stranger's: none of this checkout's paths in its environment."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``make dist``'s sdist and wheel, built of the files that git knows."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, target = repository / name, tree / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    run(PYTHON, "-m", "build", "--no-isolation", "--outdir", out, tree, cwd=out)
    return out


@pytest.fixture(scope="module")
def lipkit(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a fresh environment that holds the wheel, and this one's libraries."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = dist.glob("*.whl")
    uv = PYTHON.with_name("uv")
    run(uv, "pip", "install", "--no-deps", "--python", scripts / "python", wheel, cwd=folder)
    # The libraries, but not this checkout: a .pth file's folders are searched for modules only.
    purelib = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (purelib / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(scripts / "python", "-c", "import lipkit; print(lipkit.__file__)", cwd=folder)
    assert Path(where.strip()).is_relative_to(folder)
    return scripts / "lipkit"


def test_every_package_is_listed(repository: Path):
    import tomllib

    listed = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["setuptools"]
    found = find_packages(str(repository), include=["lipkit*"])
    assert sorted(listed["packages"]) == sorted([*found, "lipkit.notebooks"])


def test_the_wheel_holds_the_course_once(repository: Path, dist: Path):
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    for folder in ("", "assignments/", "solutions/", "teachers/", "results/"):
        for path in (repository / "notebooks" / folder).iterdir():
            if path.is_file() and not path.name.startswith("."):
                assert f"lipkit/notebooks/{folder}{path.name}" in names
    assert not [n for n in names if "checkpoint" in n or n.startswith(("tests/", "notebooks/"))]
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        inside = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {"pyproject.toml", "notebooks/00_start_here.ipynb", "lipkit/__init__.py"} <= inside


@pytest.mark.timeout(1800)
def test_a_stranger_gets_from_a_wheel_to_a_talking_picture_and_to_notebook_05(
    lipkit: Path, tmp_path: Path
):
    cache = {"LIPKIT_CACHE": str(tmp_path / "cache")}
    run(lipkit, "course", "course", cwd=tmp_path)
    run(lipkit, "synth", "drawn", "--speakers", "1", "--clips", "1", cwd=tmp_path, **cache)
    clip = next((tmp_path / "drawn").rglob("*.mp4"))
    run(
        lipkit, "generate", "--identity", clip, "--audio", clip, "--out", "talk.mp4",
        "--paste-back", "--quiet", cwd=tmp_path, **cache,
    )  # fmt: skip
    assert (tmp_path / "talk.mp4").stat().st_size > 5_000
    # With the clips that the lessons' own tests make; his would be the same.
    lessons = {CACHE_VARIABLE: str(cache_folder())}
    # What so few clips and steps cannot show is measured there, and not asserted.
    least = read_parameters(find_notebook("05"))["clips"].least
    words = ["run", "05", "-p", f"clips={least}", "-p", "steps=1", "--quiet"]
    out = run(lipkit, *words, cwd=tmp_path / "course", **lessons)
    assert (tmp_path / "course" / out.strip()).is_file()
    run(lipkit, "assignments", "release", "handout", cwd=tmp_path)
    assert len(list((tmp_path / "handout").glob("*.ipynb"))) >= 6
