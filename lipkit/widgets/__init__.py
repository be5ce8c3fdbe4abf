"""Interactive pieces of the notebooks.

What a slider calls is a named function that works without a browser, and draws the figure
that stands beside the widget as its static twin.
"""

from lipkit.widgets.offset import OffsetExplorer, draw_offset

__all__ = ["OffsetExplorer", "draw_offset"]
