"""The synthetic talking face: speech, mouth shapes, drawing, and a corpus of it.

The names below load on first use, so that importing this package is light.
"""

from importlib import import_module
from typing import Any

_WHERE = {
    "LEAD": "visemes",
    "PHONEMES": "visemes",
    "VISEMES": "visemes",
    "VOICES": "speech",
    "Person": "people",
    "Phoneme": "speech",
    "Sentence": "sentences",
    "Speech": "speech",
    "Talk": "clip",
    "Voice": "speech",
    "human_clip": "clip",
    "perform": "performance",
    "person": "people",
    "speak": "speech",
    "still": "face",
    "talking_clip": "clip",
    "write_corpus": "corpus",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
