"""All settings of an experiment by one name, and whether they go together."""

from typing import Any

from lipkit.errors import UsageError
from lipkit.presets.named import PRESETS
from lipkit.presets.preset import Preset, only
from lipkit.presets.renamed import new_name
from lipkit.settings import did_you_mean, override

__all__ = ["PRESETS", "Preset", "only", "preset"]


def preset(name: str, overrides: dict[str, Any] | None = None) -> Preset:
    """Return the preset ``name`` with ``{"train.batch_size": 8}``-style overrides.

    Raises
    ------
    UsageError
        For an unknown preset or setting (with the nearest known name), a setting that the
        chosen part does not have, or an unfit value.

    >>> chosen = preset("tiny", {"train.batch_size": 8})
    >>> chosen.name, chosen.train.batch_size
    ('tiny', 8)
    """
    if name not in PRESETS:
        raise UsageError(f"preset {name!r} is unknown; {did_you_mean(name, PRESETS)}")
    for key in overrides or {}:
        if new_name(key) != key:
            raise UsageError(f"setting {key!r} is now called {new_name(key)!r}")
    return override(PRESETS[name], overrides or {})
