"""The environment report. The first test is the report itself: this machine must pass it."""

import importlib.metadata

import pytest

from lipkit import check as module
from lipkit.check import Item, attempt, check, packages


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return check()


def test_this_environment_is_fit(items):
    assert [str(item) for item in items if not item.ok] == []


def test_the_report_covers_what_the_kit_needs(items):
    names = {item.name for item in items}
    assert {"Python", "landmark model", "H.264 and AAC", "espeak-ng", "GPU"} <= names
    assert {"torch", "dlib-bin", "papermill", "distributed", "nbval"} <= names


def test_a_good_item_needs_no_remedy(items):
    for item in items:
        assert item.remedy == ""
        assert item.detail
        assert "\n" not in str(item)


@pytest.fixture
def requiring(monkeypatch):
    """Make a distribution out of requirement texts and installed versions."""

    def make(requirements: list[str], installed: dict[str, str]) -> list[Item]:
        def version(name: str) -> str:
            if name not in installed:
                raise importlib.metadata.PackageNotFoundError(name)
            return installed[name]

        monkeypatch.setattr(module.importlib.metadata, "requires", lambda _: requirements)
        monkeypatch.setattr(module.importlib.metadata, "version", version)
        return packages("anything")

    return make


def test_an_absent_package_fails_with_the_remedy(requiring):
    (item,) = requiring(["torch>=2.4"], {})
    assert not item.ok
    assert item.remedy == "pip install 'torch>=2.4'"
    assert str(item).startswith("FAIL  torch")


def test_a_package_below_its_bound_fails(requiring):
    (item,) = requiring(["torch>=2.4"], {"torch": "2.3.1"})
    assert not item.ok
    assert "2.3.1 (needs >=2.4)" in item.detail
    assert item.remedy == "pip install 'torch>=2.4'"


def test_a_local_build_is_within_bounds(requiring):
    (item,) = requiring(["torch>=2.4"], {"torch": "2.4.0+cpu"})
    assert item.ok


def test_another_distribution_of_the_same_module_counts(requiring):
    dlib, cv2 = requiring(
        ["dlib-bin>=19.24; extra == 'dlib'", "opencv-python>=4.8"],
        {"dlib": "19.24.6", "opencv-python-headless": "4.10.0"},
    )
    assert dlib.ok
    assert "dlib;" in dlib.detail
    assert cv2.ok


def test_extras_may_be_absent_but_dlib_may_not(requiring):
    cluster, dlib = requiring(
        ['distributed>=2024.1; extra == "cluster"', 'dlib-bin>=19.24; extra == "dlib"'], {}
    )
    assert cluster.ok
    assert "optional" in cluster.detail
    assert not dlib.ok


def test_an_old_extra_fails(requiring):
    (item,) = requiring(['distributed>=2024.1; extra == "cluster"'], {"distributed": "2020.1"})
    assert not item.ok


def test_a_trial_that_raises_is_one_failing_line():
    def trial() -> str:
        raise OSError("libGL.so.1:\n  cannot open")

    item = attempt("OpenCV", trial, "install it")
    assert not item.ok
    assert str(item).count("\n") == 0
    assert str(item).endswith("libGL.so.1: cannot open  ->  install it")


def test_a_missing_landmark_model_fails_with_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("LIPKIT_LANDMARK_MODEL", str(tmp_path / "absent.dat"))
    trials = {name: (trial, remedy) for name, trial, remedy in module.TRIALS}
    item = attempt("landmark model", *trials["landmark model"])
    assert not item.ok
    assert "absent.dat" in item.detail
    assert item.remedy


def test_no_gpu_and_no_browser_are_no_fault(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    trials = {name: trial for name, trial, _ in module.TRIALS}
    assert "CPU only" in trials["GPU"]()
    assert "none" in trials["Chromium"]()
