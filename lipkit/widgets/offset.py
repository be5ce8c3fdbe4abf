"""Move the lips of a clip against its sound and watch the correlation (notebook 02)."""

from collections.abc import Sequence

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.analysis.extraction import ClipSeries
from lipkit.analysis.offsets import OFFSETS, correlate
from lipkit.errors import UsageError
from lipkit.plots.derivative_correlation import explorer_figure
from lipkit.settings import did_you_mean
from lipkit.widgets.shown import Interactive, picture


def draw_offset(clips: Sequence[ClipSeries], clip: str, formula: str, offset: int) -> Figure:
    """The two series of one clip laid over each other at one offset.

    Parameters
    ----------
    clips
        Usable clips of a :class:`lipkit.analysis.study.Study`.
    clip, formula
        Ids of one of them and of one of its pairs of series.
    offset
        Frames; positive compares the sound with later lips.

    Raises
    ------
    UsageError
        For a clip, formula or offset that is not there.

    >>> from lipkit.analysis.study import StudyOptions, analyse
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> options = StudyOptions(repairings=20)
    >>> study = analyse(prepared_set(clips=2), ["level_opening"], options, progress=False)
    >>> figure = draw_offset(study.usable, study.usable[0].clip_id, "level_opening", offset=2)
    >>> type(figure).__name__
    'Figure'
    """
    sound, lips = _pair(clips, clip, formula)
    if offset not in OFFSETS:
        raise UsageError(f"offset {offset}: must be from {OFFSETS[0]} to {OFFSETS[-1]}")
    return explorer_figure(sound, lips, offset, f"{clip}, {formula}")


def describe_offset(clips: Sequence[ClipSeries], clip: str, formula: str, offset: int) -> str:
    """What :func:`draw_offset` shows, in words for readers who cannot see it."""
    r = correlate(*_pair(clips, clip, formula))
    here = r[list(OFFSETS).index(offset)]
    best = int(np.nanargmax(r))
    return (
        f"Sound and lips of {clip} by {formula} at offset {offset}: correlation {here:.2f}; "
        f"the best is {r[best]:.2f} at offset {OFFSETS[best]}."
    )


def _pair(clips: Sequence[ClipSeries], clip: str, formula: str) -> tuple[np.ndarray, np.ndarray]:
    known = {c.clip_id: c.pairs for c in clips if not c.reason}
    if clip not in known:
        raise UsageError(f"clip {clip!r} has no series; {did_you_mean(clip, known)}")
    if formula not in known[clip]:
        raise UsageError(f"formula {formula!r} is unknown; {did_you_mean(formula, known[clip])}")
    return known[clip][formula]


class OffsetExplorer(Interactive):
    """Clip, formula and offset above the figure of :func:`draw_offset`.

    ``clip``, ``formula`` and ``offset`` are the controls, ``picture`` shows the figure. A
    slider acts when it is released, so that slow machines keep up. Clips, clip, formula and offset
    are as for that function; without a clip or a formula, the first is shown.

    Raises
    ------
    UsageError
        When no clip is usable.

    >>> from lipkit.analysis.study import StudyOptions, analyse
    >>> from lipkit.course.assignments.data import prepared_set  # drawn once, then kept
    >>> options = StudyOptions(repairings=20)
    >>> study = analyse(prepared_set(clips=2), ["level_opening"], options, progress=False)
    >>> explorer = OffsetExplorer(study.usable, offset=2)
    >>> explorer.formula.value, explorer.offset.min, explorer.offset.value, explorer.offset.max
    ('level_opening', -15, 2, 15)
    """

    def __init__(
        self,
        clips: Sequence[ClipSeries],
        clip: str | None = None,
        formula: str | None = None,
        offset: int = 0,
    ) -> None:
        usable = [c for c in clips if not c.reason]
        if not usable:
            raise UsageError("there is no usable clip to explore")
        self._clips = usable
        wide = {"description_width": "4.5em"}
        self.clip = ipywidgets.Dropdown(
            options=[c.clip_id for c in usable],
            value=clip or usable[0].clip_id,
            description="clip",
            style=wide,
        )
        names = list(usable[0].pairs)
        self.formula = ipywidgets.Dropdown(
            options=names, value=formula or names[0], description="formula", style=wide
        )
        self.offset = ipywidgets.IntSlider(
            value=offset,
            min=int(OFFSETS[0]),
            max=int(OFFSETS[-1]),
            description="offset d",
            continuous_update=False,
            style=wide,
            layout=ipywidgets.Layout(width="32em"),
        )
        self.picture = ipywidgets.HTML()
        controls = (self.clip, self.formula, self.offset)
        super().__init__([ipywidgets.HBox([self.clip, self.formula]), self.offset, self.picture])
        for control in controls:
            control.observe(self.redraw, names="value")
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Show the figure of what the controls say; they call this when they are changed."""
        choice = (self._clips, self.clip.value, self.formula.value, self.offset.value)
        self.picture.value = picture(draw_offset(*choice), describe_offset(*choice))
