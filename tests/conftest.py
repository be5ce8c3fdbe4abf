"""Fixtures shared by all tests. Nothing here downloads; real clips are used where they lie."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from lipkit.check import CHROMIUM

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever opens a browser or runs a notebook is slow; files with slow tests begin first.

    With one file at a time per process, the longest must not be the last to begin.
    """
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()) or item.path.suffix == ".ipynb":
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


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
def run_script(capsys):
    """Runs ``main`` of a file of ``data_scripts/``; gives exit code, output, error output."""

    def run(name: str, *arguments) -> tuple[int, str, str]:
        path = REPOSITORY / "data_scripts" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        code = module.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run
