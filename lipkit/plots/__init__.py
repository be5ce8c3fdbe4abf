"""Figures of the course. Each function returns a matplotlib figure; ``show`` displays it."""

from lipkit.plots.diagrams import MAP_BOXES, course_map, task_figure
from lipkit.plots.signals import (
    click_figure,
    mel_axes_figure,
    offset_figure,
    show_logmel,
    speech_figure,
)
from lipkit.plots.strips import (
    crops_figure,
    film_strip,
    landmark_figure,
    paste_figure,
    strip,
    window_figure,
)
from lipkit.plots.style import new_figure, show, to_jpeg, to_png

__all__ = [
    "MAP_BOXES",
    "click_figure",
    "course_map",
    "crops_figure",
    "film_strip",
    "landmark_figure",
    "mel_axes_figure",
    "new_figure",
    "offset_figure",
    "paste_figure",
    "show",
    "show_logmel",
    "speech_figure",
    "strip",
    "task_figure",
    "to_jpeg",
    "to_png",
    "window_figure",
]
