"""Interactive pieces of the notebooks.

Each slider calls a named function, which works without a browser and also draws the static
figure that stands beside the widget.
"""

from lipkit.widgets.clip_browser import ClipBrowser, draw_clip
from lipkit.widgets.corruption import CorruptionExplorer, draw_corruption
from lipkit.widgets.loss_mixer import LossMixer, draw_mix
from lipkit.widgets.mixes import read_mixes
from lipkit.widgets.offset import OffsetExplorer, draw_offset
from lipkit.widgets.playground import Playground, talk
from lipkit.widgets.receptive_field import ReceptiveFieldExplorer, draw_field

__all__ = [
    "ClipBrowser",
    "CorruptionExplorer",
    "LossMixer",
    "OffsetExplorer",
    "Playground",
    "ReceptiveFieldExplorer",
    "draw_clip",
    "draw_corruption",
    "draw_field",
    "draw_mix",
    "draw_offset",
    "read_mixes",
    "talk",
]
