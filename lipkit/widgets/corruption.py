"""Spoil lips by a slider and watch what each metric says (notebook 09)."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.metrics import METRICS
from lipkit.metrics.corruptions import CORRUPTIONS, Judge, corrupt, damage
from lipkit.plots.metrics import gallery_figure, written
from lipkit.widgets.shown import Interactive, picture

SHOWN = 4
"""Frames of each row."""


def draw_corruption(judge: Judge, other: np.ndarray, corruption: str, strength: float) -> Figure:
    """True, spoilt and frozen lips beside their scores.

    Parameters
    ----------
    judge
        Holds the true lips and measures others against them.
    other
        Lips of another speaker, u8 ``[T, 64, 64, 3]``.
    corruption, strength
        As for :func:`lipkit.metrics.corruptions.corrupt`, which also says what is refused.

    >>> import numpy as np
    >>> from lipkit.metrics.corruptions import Judge
    >>> lips = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    >>> judge = Judge(lips, np.full((32, 128), -40.0, np.float32), ["ssim"])
    >>> figure = draw_corruption(judge, other=lips[::-1], corruption="blur", strength=2.0)
    >>> type(figure).__name__
    'Figure'
    """
    return _drawn(judge, *_measured(judge, other, corruption, strength))


def describe_corruption(judge: Judge, other: np.ndarray, corruption: str, strength: float) -> str:
    """What :func:`draw_corruption` shows, in words for readers who cannot see it."""
    return _described(_measured(judge, other, corruption, strength)[1])


Table = dict[str, dict[str, float]]
"""Label of a row -> metric -> value; the truth, the spoilt lips, the frozen lips."""


def _measured(
    judge: Judge, other: np.ndarray, corruption: str, strength: float
) -> tuple[np.ndarray, Table]:
    spoilt = corrupt(corruption, judge.lips, other, strength)
    name = CORRUPTIONS[corruption].describe(strength)
    return spoilt, {"truth": judge.truth, name: judge.scores(spoilt), "frozen lips": judge.frozen}


def _drawn(judge: Judge, spoilt: np.ndarray, scores: Table) -> Figure:
    at = (np.linspace(0.3, 0.7, SHOWN) * (len(judge.lips) - 1)).astype(int)
    rows = (judge.lips[at], spoilt[at], judge.lips[np.zeros_like(at)])
    damages = {name: damage(row, judge.truth, judge.frozen) for name, row in scores.items()}
    return gallery_figure(dict(zip(scores, rows, strict=True)), scores, damages)


def _described(scores: Table) -> str:
    (_, truth), (name, here), (_, frozen) = scores.items()
    values = (
        f"{METRICS[m].label} {written(m, here[m])} (truth {written(m, truth[m])}, "
        f"frozen {written(m, frozen[m])})"
        for m in here
    )
    return f"{name}: " + "; ".join(values) + "."


def _readout(step: float) -> str:
    return "d" if step >= 1 else ".2f"


class CorruptionExplorer(Interactive):
    """Corruption and strength above the figure of :func:`draw_corruption`.

    ``corruption`` and ``strength`` are the controls, ``picture`` shows the figure. A newly
    chosen corruption starts at its usual strength. The slider acts when it is released.

    Parameters
    ----------
    judge, other
        As for :func:`draw_corruption`.
    corruption
        The one that is shown first.

    >>> import numpy as np
    >>> from lipkit.metrics.corruptions import Judge
    >>> lips = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    >>> judge = Judge(lips, np.full((32, 128), -40.0, np.float32), ["ssim"])
    >>> explorer = CorruptionExplorer(judge, other=lips[::-1])
    >>> explorer.corruption.value, explorer.strength.value, explorer.strength.max
    ('blur', 1.5, 4.0)
    """

    def __init__(self, judge: Judge, other: np.ndarray, corruption: str = "blur") -> None:
        self._judge, self._other, self._fitting = judge, other, False
        wide = {"description_width": "6em"}
        self.corruption = ipywidgets.Dropdown(
            options=list(CORRUPTIONS), value=corruption, description="corruption", style=wide
        )
        chosen = CORRUPTIONS[corruption]
        self.strength = ipywidgets.FloatSlider(
            value=chosen.usual,
            min=0,
            max=chosen.most,
            step=chosen.step,
            description=chosen.unit,
            continuous_update=False,
            readout_format=_readout(chosen.step),
            style=wide,
            layout=ipywidgets.Layout(width="32em"),
        )
        self.picture = ipywidgets.HTML()
        super().__init__([ipywidgets.HBox([self.corruption, self.strength]), self.picture])
        self.corruption.observe(self.choose, names="value")
        self.strength.observe(self.redraw, names="value")
        self.redraw()

    def choose(self, change: object = None) -> None:
        """Fit the slider to the corruption chosen; the corruption's control calls this."""
        chosen = CORRUPTIONS[self.corruption.value]
        self._fitting = True
        with self.strength.hold_trait_notifications():
            self.strength.max, self.strength.step = chosen.most, chosen.step
            self.strength.readout_format = _readout(chosen.step)
            self.strength.value, self.strength.description = chosen.usual, chosen.unit
        self._fitting = False
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Show the figure of what the controls say; they call this when they are changed."""
        if self._fitting:
            return
        choice = (self._judge, self._other, self.corruption.value, self.strength.value)
        spoilt, scores = _measured(*choice)
        figure = _drawn(self._judge, spoilt, scores)
        self.picture.value = picture(figure, _described(scores), photo=True)
