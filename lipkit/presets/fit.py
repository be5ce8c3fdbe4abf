"""Do the parts of a preset go together? What does its training need of the data?"""

from collections.abc import Iterable

import torch
from torch import nn

from lipkit.errors import UsageError
from lipkit.losses import LOSSES
from lipkit.losses.loss import NEEDS, Need
from lipkit.models.catalogue import NETWORKS, build_generator, network_of
from lipkit.models.network import GIVES, TAKES, picture_norms
from lipkit.presets.preset import Preset


def needs(preset: Preset) -> dict[Need, str]:
    """All that the losses need, each with the first loss that needs it."""
    found: dict[Need, str] = {}
    for name, loss in LOSSES.items():
        for need in loss.needed(getattr(preset.loss, name)):
            found.setdefault(need, name)
    return found


def needs_varied_windows(preset: Preset) -> bool:
    """Whether training draws :class:`lipkit.data.varied_windows.VariedWindows`."""
    data = preset.data
    varied = data.rendered > 0 or data.augment or data.balance < 1 or preset.train.guided > 0
    return varied or "true points" in needs(preset)


def least_windows(preset: Preset) -> int:
    """The fewest windows in a step that all active losses and the network can learn from."""
    active = {name: getattr(preset.loss, name) for name in LOSSES}
    wanted = [LOSSES[name].windows(own) for name, own in active.items() if own.weight > 0]
    with torch.device("meta"):
        network = build_generator(preset.generator)
    norms = any(isinstance(module, nn.BatchNorm1d) for module in network.modules())
    return max([*wanted, 2 if norms else 1])


def require_training(names: Iterable[str]) -> None:
    """Refuse settings that have no part in training, since the set is prepared by then.

    Raises
    ------
    UsageError
        Naming the first.
    """
    for name in names:
        if name.startswith("prepare."):
            raise UsageError(
                f"{name}: has no part in training, and the set is prepared already; give it to "
                "lipkit prepare"
            )


def require_fit(preset: Preset) -> None:
    """Refuse settings that do not go together, or that would do nothing.

    Raises
    ------
    UsageError
        Naming the setting to change.
    """
    network, data = network_of(preset.generator), preset.data
    here = f"generator.architecture={network.name}"
    wanted = needs(preset)
    if not wanted:
        raise UsageError("all losses weigh 0; set loss.NAME.weight of one of them")
    for need, name in wanted.items():
        if need in GIVES and need not in network.gives:
            raise UsageError(
                f"loss.{name}.weight: the {LOSSES[name].label} needs {NEEDS[need]}, and {here} "
                f"is not one; set it to 0, or take {_owners('gives', need)}"
            )
    if preset.train.batch_size < (least := least_windows(preset)):
        raise UsageError(
            f"train.batch_size={preset.train.batch_size}: a step of this preset needs at least "
            f"{least} windows; set it to {least} or more"
        )
    if network.window not in (None, data.window):
        raise UsageError(
            f"data.window={data.window}: {here} makes windows of {network.window} frames; set it "
            f"to {network.window}"
        )
    for setting, value, option in (
        ("data.rendered", data.rendered, "frames"),
        ("train.guided", preset.train.guided, "guide"),
    ):
        if value > 0 and option not in network.takes:
            raise UsageError(
                f"{setting}: {here} cannot take {TAKES[option]}; set it to 0, or take "
                f"{_owners('takes', option)}"
            )
    if preset.train.norm_steps is not None:
        with torch.device("meta"):
            if not picture_norms(build_generator(preset.generator)):
                raise UsageError(
                    f"train.norm_steps={preset.train.norm_steps}: {here} has no batch norm whose "
                    "statistics could be kept; set it to none"
                )
    if "whole window" in wanted and data.rendered > 0:
        raise UsageError(
            f"loss.{wanted['whole window']}.weight: needs all frames of a window; set "
            "data.rendered=0 and data.window=16, or the weight to 0"
        )
    if "two frames" in wanted and (data.rendered or data.window) < 2:
        one = "data.rendered" if data.rendered else "data.window"
        raise UsageError(
            f"{one}=1: loss.{wanted['two frames']}.weight needs at least two frames of a window; "
            "set it to 2 or more, or the weight to 0"
        )
    if network.identity == "points":
        idle = {"identity": "any", "augment": False, "balance": 1.0}
        for setting, value in idle.items():
            if getattr(data, setting) != value:
                raise UsageError(
                    f"data.{setting}={getattr(data, setting)}: {here} sees no pictures and takes "
                    f"any frame's points; leave it at {value}"
                )


def _owners(field: str, value: str) -> str:
    owners = [name for name, network in NETWORKS.items() if value in getattr(network, field)]
    return f"generator.architecture={' or '.join(owners)}"
