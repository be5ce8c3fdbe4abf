"""What a result was made by: the package's code, the environment, a digest of both."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import lipkit

IRRELEVANT = {
    "check.py",
    "cli",
    "course/demo.py",
    "course/demo_page.py",
    "course/site.py",
    "course/sweep.py",
    "jobs/stages.py",
    "provenance.py",
}
"""Modules and rooms of the package that change nothing in what stages and notebooks make."""


def digest(*parts: str) -> str:
    """SHA-256 of texts, in which their borders count."""
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{len(part)}:{part}".encode())
    return total.hexdigest()


def code_digest() -> str:
    """A digest of the package's sources: other code makes other results."""
    folder = Path(lipkit.__file__).parent
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.py"))]
    relevant = [
        path
        for path in paths
        if path.parts[0] not in IRRELEVANT and path.as_posix() not in IRRELEVANT
    ]
    texts = [(path.as_posix(), (folder / path).read_text(encoding="utf-8")) for path in relevant]
    return digest(*(part for pair in texts for part in pair))


@functools.cache
def environment() -> dict[str, Any]:
    """Python, system, cores, GPU, and the version of every package that lipkit requires."""
    versions = {}
    for text in importlib.metadata.requires("lipkit") or []:
        name = Requirement(text).name
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # An extra that is not installed, or conda's name for the same module.
            continue
    return {
        "lipkit": lipkit.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
        "packages": versions,
    }


def _gpu() -> str:
    """The GPUs' names, asked without loading torch; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ", ".join(done.stdout.split("\n")[:-1]) if done.returncode == 0 else ""
