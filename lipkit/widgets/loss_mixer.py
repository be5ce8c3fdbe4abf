"""Mix the four losses by sliders and see what came of training with that mix (notebook 05)."""

import html

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.errors import UsageError
from lipkit.metrics import METRICS
from lipkit.plots.metrics import written
from lipkit.plots.mixes import mixes_figure
from lipkit.widgets.mixes import FROZEN, LOSSES, Mix, MixedRun, Mixes
from lipkit.widgets.shown import Interactive, picture

SHOWN = ("lmd", "ssim", "psnr", "cpbd", "motion", "opening")
"""Metrics that get a panel if they were measured."""


def draw_mix(mixes: Mixes, mix: Mix) -> Figure:
    """All runs; the one trained with this mix, or the nearest, is lit.

    Raises
    ------
    UsageError
        As :meth:`Mixes.nearest` does, and when none of :data:`SHOWN` was measured.

    >>> from lipkit.config.places import RESULTS
    >>> from lipkit.widgets.mixes import read_mixes
    >>> mixes = read_mixes(RESULTS / "ablation" / "results.csv")
    >>> figure = draw_mix(mixes, mixes.runs[0].mix)
    >>> type(figure).__name__
    'Figure'
    """
    run, _ = mixes.nearest(mix)
    metrics = _metrics(mixes)
    rows = {r.name: {loss: _in_matrix(mixes, loss, r) for loss in LOSSES} for r in mixes.runs}
    scores = {metric: np.array([r.scores[metric] for r in mixes.runs]) for metric in metrics}
    references = {
        name: {metric: found[metric].value for metric in metrics if metric in found}
        for name, found in mixes.references.items()
    }
    best = {metric: list(mixes.runs).index(mixes.best(metric)[0]) for metric in metrics}
    return mixes_figure(rows, scores, references, best, list(mixes.runs).index(run))


def describe_mix(mixes: Mixes, mix: Mix) -> str:
    """What :func:`draw_mix` shows, in words for readers who cannot see it.

    >>> from lipkit.config.places import RESULTS
    >>> from lipkit.widgets.mixes import read_mixes
    >>> mixes = read_mixes(RESULTS / "ablation" / "results.csv")
    >>> text = describe_mix(mixes, mixes.runs[0].mix)
    >>> text.startswith(f"This mix was trained: ({mixes.runs[0].name})")
    True
    """
    run, _ = mixes.nearest(mix)
    parts = [
        f"{METRICS[m].label} {written(m, run.scores[m].value)} "
        f"(frozen lips {written(m, mixes.references[FROZEN][m].value)}, "
        f"best {written(m, mixes.best(m)[0].scores[m].value)} by {mixes.best(m)[0].name})"
        for m in _metrics(mixes)
    ]
    return f"{found_mix(mixes, mix)} {'; '.join(parts)}."


def found_mix(mixes: Mixes, mix: Mix) -> str:
    """One sentence: the run with this mix, or that there is none and which is nearest."""
    run, different = mixes.nearest(mix)
    name = f"({run.name}) {run.title}"
    if not different:
        return f"This mix was trained: {name}."
    return f"This mix was not trained. Nearest: {name}; it has {', '.join(different)}."


def winners(mixes: Mixes) -> str:
    """The best run by each metric, and how many others cannot be told apart from it.

    >>> from lipkit.config.places import RESULTS
    >>> from lipkit.widgets.mixes import read_mixes
    >>> mixes = read_mixes(RESULTS / "ablation" / "results.csv")
    >>> winners(mixes).startswith("Best by LMD ")
    True
    """
    parts = []
    for metric in _metrics(mixes):
        run, close = mixes.best(metric)
        others = f" (within its interval: {', '.join(r.name for r in close)})" if close else ""
        parts.append(f"{METRICS[metric].label} {run.name}{others}")
    return f"Best by {'; '.join(parts)}."


def _metrics(mixes: Mixes) -> list[str]:
    found = [metric for metric in SHOWN if all(metric in run.scores for run in mixes.runs)]
    if not found:
        raise UsageError(f"the runs were measured by none of {', '.join(SHOWN)}")
    return found


def _in_matrix(mixes: Mixes, loss: str, run: MixedRun) -> str:
    """Whatever part of the level tells this loss's levels apart; empty where it is off."""
    level = run.mix[loss]
    if not level.weight:
        return ""
    weights = {known.weight for known in mixes.levels(loss)} - {0.0}
    forms = {known.form for known in mixes.levels(loss) if known.weight}
    parts = [f"{level.weight:g}"] if len(weights) > 1 or len(forms) == 1 else []
    parts += [level.form] if len(forms) > 1 else []
    return " · ".join(parts)


class LossMixer(Interactive):
    """A slider for each loss above the figure of :func:`draw_mix`.

    ``sliders`` holds them by loss; their levels are those that were trained. ``message`` says
    whether this mix was trained, ``picture`` shows all runs and ``verdict`` the best of them.

    Parameters
    ----------
    mixes
        The trained mixes (:func:`lipkit.widgets.mixes.read_mixes`).
    run
        Name of the run whose mix is shown first; empty takes the first.

    Raises
    ------
    UsageError
        For a run that is not there.

    >>> from lipkit.config.places import RESULTS
    >>> from lipkit.widgets.mixes import read_mixes
    >>> mixes = read_mixes(RESULTS / "ablation" / "results.csv")
    >>> mixer = LossMixer(mixes)
    >>> list(mixer.sliders)
    ['pixel', 'perceptual', 'correlation', 'GAN']
    """

    def __init__(self, mixes: Mixes, run: str = "") -> None:
        names = {r.name: r for r in mixes.runs}
        if run and run not in names:
            raise UsageError(f"run {run!r} is unknown; known: {', '.join(names)}")
        start = names[run] if run else mixes.runs[0]
        self._mixes = mixes
        self.sliders = {
            loss: ipywidgets.SelectionSlider(
                options=[(level.label, level) for level in mixes.levels(loss)],
                value=start.mix[loss],
                description=f"{loss} λ",
                continuous_update=False,
                # The slider's own label would be cut off.
                readout=False,
                style={"description_width": "7em"},
                layout=ipywidgets.Layout(width="19em"),
            )
            for loss in LOSSES
        }
        beside = ipywidgets.Layout(width="11.5em", margin="0 0 0 12px")
        self.readouts = {loss: ipywidgets.Label(layout=beside) for loss in LOSSES}
        self.message, self.picture, self.verdict = (ipywidgets.HTML() for _ in range(3))
        self.verdict.value = html.escape(winners(mixes))
        sliders = list(self.sliders.values())
        pairs = [piece for loss in LOSSES for piece in (self.sliders[loss], self.readouts[loss])]
        rows = [ipywidgets.HBox(pairs[i : i + 4]) for i in range(0, len(pairs), 4)]
        super().__init__([*rows, self.message, self.picture, self.verdict])
        for slider in sliders:
            slider.observe(self.redraw, names="value")
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Show the runs of what the sliders say; they call this when they are changed."""
        mix = {loss: slider.value for loss, slider in self.sliders.items()}
        for loss, level in mix.items():
            self.readouts[loss].value = level.label
        self.message.value = html.escape(found_mix(self._mixes, mix))
        self.picture.value = picture(draw_mix(self._mixes, mix), describe_mix(self._mixes, mix))
