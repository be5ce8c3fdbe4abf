"""What a prepared set says of itself in prepare.json, read and written in this one place."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from lipkit.config import PrepareConfig
from lipkit.data.clips import FORMAT
from lipkit.errors import LipkitError, UsageError
from lipkit.files import content, replacing
from lipkit.settings import from_dict, to_dict

DESCRIPTION = "prepare.json"
PACKAGES = ("lipkit", "numpy", "av", "librosa", "opencv-python", "dlib", "dlib-bin")
"""Packages whose version may show in a prepared clip."""

LEAST_DEVIATION = 1e-3
"""dB; the spread of a log-mel to divide by."""
MOST_LEVEL = 1e5
"""dB; no sound is so loud, so quiet or so varied."""


def read_description(folder: Path) -> dict[str, Any] | None:
    """The content of prepare.json in ``folder``, or None when there is no such file.

    ``format``, ``corpus`` (a name), ``settings`` (those of :class:`PrepareConfig`) and
    ``versions`` (texts by package) are always there; ``statistics`` (``logmel_mean`` and
    ``logmel_std``, dB) and ``counts`` once a preparation has finished.

    Raises
    ------
    LipkitError
        When it is not one, or of another format version.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as fault:
        raise _refusal(path, "it is not JSON") from fault
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        _check(description)
    except ValueError as fault:
        raise _refusal(path, str(fault)) from None
    version = description["format"]
    if version != FORMAT:
        raise LipkitError(
            f"{folder}: prepared in format {version}, this version of lipkit has format {FORMAT}; "
            "prepare into another folder"
        )
    return {"versions": {}, **description}


def _refusal(path: Path, fault: str) -> LipkitError:
    return LipkitError(
        f"{path}: not the description of a prepared set ({fault}); prepare into another folder"
    )


def _check(description: Any) -> None:
    """ValueError for what a description cannot be."""
    if not isinstance(description, dict):
        raise ValueError("it is not an object")
    missing = [name for name in ("format", "corpus", "settings") if name not in description]
    if missing:
        raise ValueError(f"it has no {missing[0]!r}")
    if type(description["format"]) is not int:
        raise ValueError(f"its format is {description['format']!r}")
    if description["format"] != FORMAT:
        return  # what the rest looks like in another format is not known
    if not isinstance(description["corpus"], str) or not description["corpus"]:
        raise ValueError(f"its corpus is {description['corpus']!r}")
    if not isinstance(description["settings"], dict):
        raise ValueError("its settings are not an object")
    try:
        from_dict(PrepareConfig, description["settings"])
    except UsageError as fault:
        raise ValueError(f"its settings: {fault}") from None
    versions = description.get("versions", {})
    if not isinstance(versions, dict) or not all(isinstance(v, str) for v in versions.values()):
        raise ValueError("its versions are not texts")
    if "statistics" in description:
        check_statistics(description["statistics"])
    if not isinstance(description.get("counts", {}), dict):
        raise ValueError("its counts are not an object")


def check_statistics(statistics: Any) -> None:
    """ValueError for what sound cannot be normalised by."""
    if not isinstance(statistics, dict):
        raise ValueError("its statistics are not an object")
    ranges = {"logmel_mean": (-MOST_LEVEL, MOST_LEVEL), "logmel_std": (LEAST_DEVIATION, MOST_LEVEL)}
    for name, (low, high) in ranges.items():
        value = statistics.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # What is not a number, or infinite, lies between nothing.
        if not (number and low <= value <= high):
            raise ValueError(f"its {name} is {value!r}, not between {low:g} and {high:g} dB")


def claim(folder: Path, corpus: str, settings: PrepareConfig) -> None:
    """Take ``folder`` for a prepared set, or make sure that it already is this one.

    Raises
    ------
    UsageError
        When it holds other files, another corpus, or clips of other settings.
    LipkitError
        When it cannot be written, or was made by another format version.
    """
    found = read_description(folder)
    if found is None:
        if names := content(folder):
            raise UsageError(
                f"{folder}: holds files ({names[0]}) but no prepared set; "
                "choose a new or empty folder"
            )
        write_description(folder, corpus, settings)
        return
    wanted = {"corpus": corpus, **to_dict(settings)}
    for name, old in {"corpus": found["corpus"], **found["settings"]}.items():
        if wanted.get(name) != old:
            raise UsageError(
                f"{folder}: was prepared with {name}={old}, not {wanted.get(name)}; "
                f"choose another folder or {name}={old}"
            )


def write_description(
    folder: Path, corpus: str, settings: PrepareConfig, results: dict[str, Any] | None = None
) -> None:
    """Write prepare.json; ``results`` are the statistics and counts of a finished preparation."""
    earlier = (read_description(folder) or {}).get("versions", {})
    versions = {}
    for package in PACKAGES:
        try:
            now = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
        # A set that was continued under another version names both.
        known = earlier.get(package, now).split(", ")
        versions[package] = ", ".join(known if now in known else [*known, now])
    description = {
        "format": FORMAT,
        "corpus": corpus,
        "settings": to_dict(settings),
        "versions": versions,
        **(results or {}),
    }
    with replacing(folder / DESCRIPTION) as temporary:
        text = json.dumps(description, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
