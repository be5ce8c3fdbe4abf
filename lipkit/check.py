"""Is everything here that the kit needs? Each item is tried out, not merely looked for."""

import importlib
import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

PYTHON = (3, 11)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
SAME_MODULE = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python"),
    "dlib-bin": ("dlib",),
}
"""Distributions that ship the same module as the one named in pyproject.toml."""


@dataclass(frozen=True)
class Item:
    """One line of the report."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    """What to do; empty when all is well."""

    def __str__(self) -> str:
        line = f"{'OK  ' if self.ok else 'FAIL'}  {self.name:<24} {self.detail}"
        return f"{line}  ->  {self.remedy}" if self.remedy else line


def check() -> list[Item]:
    """Try everything; never raises. Takes a few seconds (it loads torch and dlib).

    >>> first = check()[0]
    >>> first.name, first.ok
    ('Python', True)
    """
    items = [_python(), *packages()]
    for name, trial, remedy in TRIALS:
        items.append(attempt(name, trial, remedy))
    return items


def attempt(name: str, trial: Callable[[], str], remedy: str) -> Item:
    """An item from a function that returns its detail, or raises when it does not work."""
    try:
        return Item(name, True, trial())
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Item(name, False, reason, remedy)


def packages(distribution: str = "lipkit") -> list[Item]:
    """One item for each package that ``distribution`` requires, against its bounds.

    Packages of an extra (cluster, test) may be absent, but not outside their bounds.
    """
    items = []
    for text in importlib.metadata.requires(distribution) or []:
        requirement = Requirement(text)
        extra = str(requirement.marker) if requirement.marker else ""
        optional = "extra" in extra and not extra.endswith('"dlib"')
        items.append(_package(requirement, optional, extra))
    return items


def _package(requirement: Requirement, optional: bool, extra: str) -> Item:
    name, bounds = requirement.name, str(requirement.specifier)
    for candidate in (name, *SAME_MODULE.get(name, ())):
        try:
            version = importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
        detail = f"{version} ({candidate}; needs {bounds})"
        if candidate == name:
            detail = f"{version} (needs {bounds})"
        if requirement.specifier.contains(version, prereleases=True):
            return Item(name, True, detail)
        return Item(name, False, detail, f"pip install '{name}{bounds}'")
    if optional:
        return Item(name, True, f"not installed (optional, {extra.removeprefix('extra == ')})")
    return Item(name, False, "not installed", f"pip install '{name}{bounds}'")


def _python() -> Item:
    version, wanted = ".".join(map(str, sys.version_info[:3])), ".".join(map(str, PYTHON))
    ok = sys.version_info >= PYTHON
    remedy = "" if ok else f"install Python {wanted} or newer and make the environment again"
    return Item("Python", ok, f"{version} (needs >={wanted})", remedy)


def _dlib() -> str:
    dlib = importlib.import_module("dlib")
    dlib.get_frontal_face_detector()
    return f"dlib {dlib.__version__} finds faces"


def _landmark_model() -> str:
    from lipkit.face.landmarks import FaceLandmarks, find_landmark_model

    path = find_landmark_model()
    FaceLandmarks(path)
    return f"{path.name}, {path.stat().st_size / 1e6:.0f} MB"


def _opencv() -> str:
    return f"cv2 {importlib.import_module('cv2').__version__} loads"


def _video() -> str:
    import numpy as np

    from lipkit import media
    from lipkit.config import FPS, SAMPLE_RATE

    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    tone = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    ramp = np.linspace(0, 255, FPS).astype(np.uint8)
    frames = np.broadcast_to(ramp[:, None, None, None], (FPS, 64, 64, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.mp4"
        media.write_video(path, frames, tone)
        clip = media.read_clip(path)
    if clip.frames.shape != (FPS, 64, 64, 3) or np.abs(clip.samples).max() < 0.1:
        raise RuntimeError("a trial video came back changed")
    return "a trial video with sound was written and read back"


def _speech() -> str:
    import numpy as np

    from lipkit import talker

    speech = talker.speak("bin blue at f two now")
    if np.abs(speech.samples).max() < 0.01 or not speech.phonemes:
        raise RuntimeError("espeak-ng gave silence")
    return f"{len(speech.samples) / 44_100:.1f} s spoken, {len(speech.phonemes)} phonemes"


def _gpu() -> str:
    import torch

    if not torch.cuda.is_available():
        return "none; CPU only (enough for preset tiny)"
    cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return ", ".join(f"{card.name}, {card.total_memory / 2**30:.0f} GiB" for card in cards)


def _jupyterlab() -> str:
    lab = importlib.import_module("jupyterlab")
    importlib.import_module("ipykernel")
    return f"JupyterLab {lab.__version__}"


def _chromium() -> str:
    found = next((name for name in CHROMIUM if shutil.which(name)), None)
    return found or "none (only the tests of the interactive pieces need it)"


TRIALS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("OpenCV", _opencv, "pip uninstall opencv-python; pip install opencv-python-headless"),
    ("dlib", _dlib, "pip install dlib-bin, or conda install -c conda-forge dlib"),
    ("landmark model", _landmark_model, "pip install face-recognition-models"),
    ("H.264 and AAC", _video, "pip install --force-reinstall av"),
    ("espeak-ng", _speech, "pip install --force-reinstall espeakng-loader"),
    ("GPU", _gpu, "pip install --force-reinstall torch torchvision"),
    ("JupyterLab", _jupyterlab, "pip install jupyterlab ipykernel"),
    ("Chromium", _chromium, ""),
)
