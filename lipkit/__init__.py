"""lipkit: learn, reproduce and audit "Lip Movements Generation at a Glance" (ECCV 2018).

``lipkit.load("plus")`` gives a trained generator (:func:`lipkit.weights.load`).
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_LAZY = {"load": "lipkit.weights"}
"""What is imported when it is asked for. Whoever imports the package alone, as each of its
modules does, neither waits for the networks nor depends on them."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'lipkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
