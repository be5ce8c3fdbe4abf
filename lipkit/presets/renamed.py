"""What settings were called in lipkit's first card format, and settings of that form made new."""

from typing import Any

from lipkit.losses import LOSSES
from lipkit.models.catalogue import NETWORKS
from lipkit.settings import flat, setting_names

PLAIN = ("pix", "mouth", "warped", "ssim", "sharpness", "motion", "points", "patch")
RENAMED = {f"loss.{name}": f"loss.{name}.weight" for name in PLAIN} | {
    "loss.patch_from": "loss.patch.start",
    "loss.corr.flow": "flow.kind",
    "loss.corr.flow_width": "flow.width",
    "loss.corr.flow_steps": "flow.steps",
}
"""Old name -> new name."""


def new_name(key: str) -> str:
    """What a setting of any format is called now."""
    return RENAMED.get(key, key)


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of the first format, nested, as :class:`lipkit.presets.Preset` takes them.

    Names are the new ones; what the chosen generator does not have is dropped, for it did
    nothing; of a generator without pictures, the objective is what it learned from.
    """
    old = flat(values)
    new = {new_name(key): value for key, value in old.items()}
    if "loss.corr.learning_rate" in old:
        # FlowNetS learned at the rate of the networks that it learned along with.
        new.setdefault("flow.learning_rate", old["loss.corr.learning_rate"])
    if new.get("name") == "paper":
        # That name now means the losses as printed; what it meant is called mended.
        new["name"] = "mended"
    architecture = new.get("generator.architecture", "glance")
    network = NETWORKS[architecture]
    known = {f"generator.{name}" for name in setting_names(network.settings())}
    new = {k: v for k, v in new.items() if not k.startswith("generator.") or k in known}
    if not network.draws:
        new |= {f"loss.{name}.weight": float(name == "points") for name in LOSSES}
    return _nested(new)


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in values.items():
        *groups, name = key.split(".")
        place = result
        for group in groups:
            place = place.setdefault(group, {})
        place[name] = value
    return result
