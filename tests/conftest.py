"""Fixtures shared by all tests. Nothing here downloads; real clips are used where they lie."""

import functools
import gc
import importlib.util
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import painted
import pytest
import unchecked  # noqa: F401  before nbformat
import warm
from smaller import is_parameters, set_values

from lipkit.check import CHROMIUM

REPOSITORY = Path(__file__).resolve().parents[1]
WARM = "LIPKIT_TEST_WARM"
"""Names the folder of the Python that has loaded its libraries, to all test processes."""

LONGEST = [
    "tests/test_assignments.py",
    "notebooks/07_training.ipynb",
    "notebooks/06_discriminators_and_gan.ipynb",
    "notebooks/10_baselines.ipynb",
    "tests/test_assignments_lessons.py",
    "tests/test_distribution.py",
    "tests/test_demo.py",
    "tests/test_widgets_browser.py",
    "tests/test_experiments.py",
    "notebooks/04_fusion_and_generator.ipynb",
    "tests/test_prepare.py",
    "notebooks/solutions/07_training.ipynb",
    "tests/test_baselines.py",
    "notebooks/11_ablation.ipynb",
    "tests/test_torture.py",
    "tests/test_talker_face.py",
    "tests/test_evaluation.py",
    "notebooks/09_metrics.ipynb",
    "notebooks/03_encoders.ipynb",
    "tests/test_grading_limits.py",
    "tests/test_training_faults.py",
    "tests/test_training_losses.py",
    "tests/test_talker_corpus.py",
    "tests/test_streams.py",
    "tests/test_readme.py",
    "notebooks/05_correlation_loss.ipynb",
]
"""Whatever takes more than ten seconds or so, the longest first: see ``--durations=0``."""

SMALLER = {
    "notebooks/01_data_preparation.ipynb": {"clips": 4},
    "notebooks/03_encoders.ipynb": {"people": 6},
    "notebooks/04_fusion_and_generator.ipynb": {"steps": 60},
    "notebooks/07_training.ipynb": {"clips": 6, "steps": 3, "run": "{scratch}/07"},
    "notebooks/08_generation.ipynb": {"people": 2},
    "notebooks/09_metrics.ipynb": {"clips": 2},
    "notebooks/10_baselines.ipynb": {"clips": 6, "steps": 8},
    "notebooks/11_ablation.ipynb": {"clips": 6, "cells": "d,e", "steps": 2},
    "notebooks/12_comparison.ipynb": {"people": 1},
    "notebooks/solutions/03_encoders.ipynb": {"people": 6},
    "notebooks/solutions/04_fusion_and_generator.ipynb": {"steps": 4},
    "notebooks/solutions/05_correlation_loss.ipynb": {"steps": 10},
    "notebooks/solutions/06_discriminators_and_gan.ipynb": {"clips": 12, "steps": 2},
    "notebooks/solutions/07_training.ipynb": {"clips": 6, "steps": 2},
    "notebooks/solutions/10_baselines.ipynb": {"clips": 6, "steps": 2},
    "notebooks/solutions/11_ablation.ipynb": {"clips": 6, "steps": 1},
    "notebooks/solutions/12_comparison.ipynb": {"people": 1},
}
"""Notebooks that train, draw or prepare less here than for a reader: whatever they assert holds
for these values too, with room to spare. ``make notebooks`` runs them in full. A run that goes
on from the last time is the reader's; here each is new, in a scratch folder."""


def pytest_configure(config: pytest.Config) -> None:
    """One warm Python serves all test processes, and the notebooks' kernels."""
    if not hasattr(config, "workerinput"):
        os.environ[WARM] = tempfile.mkdtemp(prefix="lipkit-warm-")
        os.environ[painted.VARIABLE] = os.environ[WARM]
    painted.install()
    python = warm.python(os.environ[WARM])
    kernel = nbval_kernel() if config.pluginmanager.hasplugin("nbval") else None
    if (manager := getattr(kernel, "NbvalKernelspecManager", None)) is not None:
        plain = manager.get_kernel_spec
        # nbval waits a minute for a kernel; on a busy machine loading the libraries takes longer.
        loaded = functools.cache(lambda: subprocess.run([python, "-c", ""], check=True))

        def warm_kernel_spec(self, name):
            spec = plain(self, name)
            loaded()
            spec.argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            spec.env["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
            return spec

        manager.get_kernel_spec = warm_kernel_spec


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``make quick`` does not even import a file all of whose tests are slow."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text(encoding="utf-8")
    return "\npytestmark = pytest.mark.slow\n" in text or None


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Read all tests without looking for garbage, which takes more than a quarter of that time.

    What the imports have made stays to the end: no later search looks at it again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Pools' processes are warm too, unless so few tests run that it would not pay."""
    if any(item.get_closest_marker("slow") for item in session.items):
        multiprocessing.set_executable(warm.python(os.environ[WARM]))


def nbval_kernel():
    """nbval's module of kernels, where it is installed."""
    try:
        from nbval import kernel
    except ImportError:
        return None
    return kernel


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ.pop(painted.VARIABLE, None)
        shutil.rmtree(os.environ.pop(WARM), ignore_errors=True)


@pytest.fixture(scope="session")
def warm_python() -> str:
    """A program for ``sys.executable``'s place, without the seconds of importing PyTorch."""
    return warm.python(os.environ[WARM])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever opens a browser or runs a notebook is slow; the longest files begin first.

    With one file at a time per process, a long one must not be the last to begin.
    """
    shorten(items)
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()) or item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    places = {REPOSITORY / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (places.get(item.path, len(places)), item.path not in slow))


def shorten(items: list[pytest.Item]) -> None:
    """Give the notebooks of :data:`SMALLER` their values."""
    smaller = {REPOSITORY / name: values for name, values in SMALLER.items()}
    for item in items:
        if item.path in smaller and is_parameters(item.cell):
            set_values(item.cell, smaller[item.path], item.path, os.environ[WARM])


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture
def painted_anew(monkeypatch) -> None:
    """Every face is painted in the test, though another process has painted the same person."""
    monkeypatch.delenv(painted.VARIABLE)


@pytest.fixture
def warm_processes(warm_python, monkeypatch) -> None:
    """The processes and kernels that ``lipkit`` starts in the test are warm."""
    monkeypatch.setattr(sys, "executable", warm_python)


@pytest.fixture(scope="session")
def warm_commands(warm_python, tmp_path_factory) -> Path:
    """A folder for the head of ``PATH``: the commands of the teachers' page, run by
    ``warm_python``; its folder ``jupyter`` is for ``JUPYTER_PATH``, and has a warm kernel."""
    folder = tmp_path_factory.mktemp("commands")
    for name in ("lipkit", "nbgrader", "alembic"):
        path = folder / name
        path.write_text(f"#!/bin/sh\nexec '{warm_python}' -m {name} \"$@\"\n")
        path.chmod(0o755)
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    words = [warm_python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps(spec))
    return folder


@pytest.fixture(scope="session")
def grid_root() -> Path:
    """Real GRID clips; the test is skipped where there are none."""
    root = Path(os.environ.get("LIPKIT_GRID", REPOSITORY.parent / "shared" / "grid"))
    if not (root / "s1").is_dir():
        pytest.skip(f"no GRID clips at {root}; set LIPKIT_GRID to a folder that holds s1/")
    return root


@pytest.fixture(scope="session")
def people_root() -> Path:
    """Real people to test on; the test is skipped where there are none."""
    root = Path(os.environ.get("LIPKIT_PEOPLE", REPOSITORY.parent / "shared" / "people"))
    if not (root / "grid").is_dir():
        pytest.skip(f"no people at {root}; set LIPKIT_PEOPLE to a folder with grid/ and crema-d/")
    return root


@pytest.fixture(scope="module")
def chromium():
    """The system's Chromium under playwright; the test is skipped where one is missing."""
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if executable is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Containers give the browser neither a sandbox nor much shared memory.
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        # A microphone that beeps, and a reader who allows it.
        options += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = driver.chromium.launch(executable_path=executable, args=options)
        yield browser
        browser.close()


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that misbehaves on order; it serves ``CONTENT`` at /f."""
    from faulty_server import CONTENT, Server

    monkeypatch.setattr("lipkit.corpora.fetch.server.CHUNK", 16)
    server = Server()
    server.files["/f"] = CONTENT
    yield server
    server.close()


@pytest.fixture
def load_script():
    """The module that a file of ``data_scripts/`` is."""

    def load(name: str):
        path = REPOSITORY / "data_scripts" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def run_script(capsys, load_script):
    """Runs ``main`` of a file of ``data_scripts/``; gives exit code, output, error output."""

    def run(name: str, *arguments) -> tuple[int, str, str]:
        code = load_script(name).main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run
