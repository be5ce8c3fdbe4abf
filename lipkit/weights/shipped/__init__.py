"""Weights that come with the kit: one ``NAME.safetensors`` each, used by name."""

from pathlib import Path

FOLDER = Path(__file__).parent
SUFFIX = ".safetensors"
DEFAULT = "plus_crowd"
"""What ``lipkit generate`` takes when no weights are named."""
SYNC = "sync"
"""The network of the sync metric (:mod:`lipkit.metrics.sync.score`), which generates nothing."""


def names() -> list[str]:
    """The names of the shipped generators."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}") if path.stem != SYNC)


def path_of(name: str) -> Path | None:
    """The file of the shipped weights ``name``; None where there are none of that name."""
    return FOLDER / f"{name}{SUFFIX}" if name in names() else None
