"""``paper``, ``mended`` and ``released`` side by side: every setting in which they differ."""

from dataclasses import dataclass
from typing import Any

from lipkit.presets.named import MENDED, PAPER, RELEASED
from lipkit.settings import flat, to_dict

COMPARED = (PAPER, MENDED, RELEASED)


@dataclass(frozen=True)
class Reason:
    """Why presets differ in a setting."""

    fact: str
    """The number of the fact in ``notebooks/facts.md``."""
    why: str
    """One line: the fact, and what the difference is measured to do where it was measured."""


REASONS = {
    "prepare.crop": Reason(
        "1.3.4",
        "a crop by each frame's own mouth zooms the motion away: inside the crop the face moves "
        "by 1.46 px instead of 0.21 px (rms, 29 real clips)",
    ),
    "prepare.detect_every_frame": Reason(
        "14.10", "17.8 times as slow, for mouth points that differ by 0.36 px (29 real clips)"
    ),
    "data.identity": Reason(
        "1.3.6",
        "a frame of the window itself may be given as identity, as 16 of a GRID clip's 75 are, "
        "so that the network is shown part of what it must draw",
    ),
    "data.sound_shift": Reason(
        "1.4.8", "each GRID picture gets the next frame's sound, 40 ms later"
    ),
    "data.mel_axes": Reason("1.4.10", "within a frame the spectrogram is not time by frequency"),
    "generator.temporal_kernel": Reason(
        "12.4",
        "the poster calls the residual blocks 3-D, the released ones look at one frame each; three "
        "frames cost 2.2 times the parameters and 2.3 times the time per generated frame",
    ),
    "flow.kind": Reason(
        "3.12",
        "FlowNetS learns along with the loss that it serves, so that a loss of 0 needs no lips; "
        "Lucas-Kanade's equation has nothing to learn",
    ),
    "loss.pix.weight": Reason("12.1", "the review prints .5, the released trainer has .2"),
    "loss.corr.form": Reason(
        "3.12",
        "the cosine of what a ReLU made is .88 for noise; own lips are told from another's with an "
        "area under the curve of .56 by the cosine, .98 by the contrastive form (180 windows)",
    ),
    "loss.perc.batch_statistics": Reason(
        "6.5", "the frozen encoder normalises by each batch, and no longer sees brightness"
    ),
    "loss.gen.streams": Reason("12.3", "the paper's full model has three streams"),
}
"""Every setting in which two of the three differ -> why."""


def differences() -> dict[str, tuple[Any, ...]]:
    """Settings with several values among the three -> their values, in the order of the three."""
    values = [flat(to_dict(one)) for one in COMPARED]
    names = [name for name in values[0] if name != "name"]
    found = {name: tuple(one[name] for one in values) for name in names}
    return {name: row for name, row in found.items() if len({*map(str, row)}) > 1}


def preset_table() -> str:
    """The differences as a Markdown table, each with its reason and fact."""
    rows = [("setting", *(f"`{one.name}`" for one in COMPARED), "why"), (":--",) * 5]
    for name, values in differences().items():
        reason = REASONS[name]
        fact = f"[{reason.fact}](notebooks/facts.md#fact-{reason.fact})"
        rows.append((f"`{name}`", *map(_shown, values), f"{reason.why} ({fact})"))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
