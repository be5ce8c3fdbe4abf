"""Interactive pieces of the notebooks.

What a slider calls is a named function that works without a browser, and draws the figure
that stands beside the widget as its static twin.
"""

from lipkit.widgets.corruption import CorruptionExplorer, draw_corruption
from lipkit.widgets.offset import OffsetExplorer, draw_offset
from lipkit.widgets.playground import Playground, talk
from lipkit.widgets.receptive_field import ReceptiveFieldExplorer, draw_field

__all__ = [
    "CorruptionExplorer",
    "OffsetExplorer",
    "Playground",
    "ReceptiveFieldExplorer",
    "draw_corruption",
    "draw_field",
    "draw_offset",
    "talk",
]
