"""Losses: one small class each, with its equation.

:data:`LOSSES` holds the declarations of all of them by name; :class:`lipkit.losses.loss.Loss`
says what one is. A module of this package offers its own as ``LOSS`` or ``LOSSES``.

The paper's (poster, fact sheet sections 3 to 7): :mod:`~lipkit.losses.correlation`,
:mod:`~lipkit.losses.pixel`, :mod:`~lipkit.losses.perceptual`,
:mod:`~lipkit.losses.adversarial`. Ours, for the preset ``plus``:
:mod:`~lipkit.losses.mouth_pixels`, :mod:`~lipkit.losses.similarity`,
:mod:`~lipkit.losses.sharpness`, :mod:`~lipkit.losses.frame_change`,
:mod:`~lipkit.losses.points`, :mod:`~lipkit.losses.amplitude`,
:mod:`~lipkit.losses.patch`.
Their weighted sum is :mod:`~lipkit.losses.objective`.

Every loss is taken in float32, whatever the networks before it compute in.
"""

from dataclasses import field, make_dataclass

from lipkit.losses import (
    adversarial,
    amplitude,
    correlation,
    frame_change,
    mouth_pixels,
    patch,
    perceptual,
    pixel,
    points,
    sharpness,
    similarity,
)
from lipkit.losses.adversarial import AdversarialConfig, AdversarialLoss
from lipkit.losses.amplitude import AmplitudeLoss
from lipkit.losses.correlation import CorrelationConfig, CorrelationLoss
from lipkit.losses.frame_change import MotionLoss
from lipkit.losses.loss import Loss
from lipkit.losses.mouth_pixels import MouthLoss
from lipkit.losses.objective import Objective
from lipkit.losses.patch import PatchLoss
from lipkit.losses.perceptual import PerceptualConfig, PerceptualLoss
from lipkit.losses.pixel import PixelConfig, PixelLoss
from lipkit.losses.points import PointsLoss
from lipkit.losses.sharpness import SharpnessLoss
from lipkit.losses.similarity import SimilarityLoss
from lipkit.settings import Settings, to_dict

__all__ = [
    "LOSSES",
    "AdversarialConfig",
    "AdversarialLoss",
    "AmplitudeLoss",
    "CorrelationConfig",
    "CorrelationLoss",
    "Loss",
    "LossConfig",
    "MotionLoss",
    "MouthLoss",
    "Objective",
    "PatchLoss",
    "PerceptualConfig",
    "PerceptualLoss",
    "PixelConfig",
    "PixelLoss",
    "PointsLoss",
    "SharpnessLoss",
    "SimilarityLoss",
    "loss_table",
    "weights",
]

_MODULES = (
    correlation,
    pixel,
    perceptual,
    adversarial,
    mouth_pixels,
    similarity,
    sharpness,
    frame_change,
    points,
    amplitude,
    patch,
)

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for module in _MODULES
    for loss in (module.LOSSES if hasattr(module, "LOSSES") else (module.LOSS,))
}
"""All losses by name, in the order in which a log has them."""

LossConfig = make_dataclass(
    "LossConfig",
    [(loss.name, loss.settings, field(default_factory=loss.settings)) for loss in LOSSES.values()],
    bases=(Settings,),
    frozen=True,
    namespace={"__doc__": "The settings of every loss: ``loss.NAME.…``.", "__module__": __name__},
)


def weights(config: Settings) -> dict[str, float]:
    """The weight of every loss by name, of a :class:`LossConfig`.

    >>> from lipkit.presets import preset
    >>> sorted(weights(preset("tiny").loss))[:3]
    ['amplitude', 'corr', 'gen']
    """
    return {name: getattr(config, name).weight for name in LOSSES}


def loss_table() -> str:
    """All losses as a Markdown table: what they are, what they need, their other settings."""
    rows = [("setting", "what it is", "by default", "needs", "other settings")]
    rows.append(("---",) * len(rows[0]))
    for loss in LOSSES.values():
        defaults = dict(to_dict(loss.settings()))
        weight = defaults.pop("weight")
        on = loss.settings(weight=1.0)
        needs = ", ".join(need for need in loss.needed(on) if need != "video")
        others = ", ".join(f"{name}={value}" for name, value in defaults.items())
        rows.append((f"`loss.{loss.name}.weight`", loss.meaning, f"{weight:g}", needs, others))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
