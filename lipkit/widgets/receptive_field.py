"""Point at a number of a layer and see which part of the sound it sees (notebooks 03 and 04)."""

from collections import Counter
from collections.abc import Sequence

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.errors import UsageError
from lipkit.models.receptive_field import sees
from lipkit.models.trace import CONVOLUTIONS, Layer
from lipkit.plots.receptive import explorer_figure
from lipkit.settings import did_you_mean
from lipkit.widgets.shown import Interactive, picture


def layer_names(layers: Sequence[Layer]) -> dict[str, int]:
    """The convolutions of a chain under readable names, such as ``audio encoder 3``.

    Name -> index in ``layers``; the number counts the convolutions of that part.
    """
    names, count = {}, Counter()
    for index, layer in enumerate(layers):
        if isinstance(layer.module, CONVOLUTIONS):
            part = layer.name.split(".")[0].replace("_", " ").replace("layers", "layer")
            part = "layer" if part.isdigit() else part
            count[part] += 1
            names[f"{part} {count[part]}"] = index
    return names


def draw_field(
    logmel: np.ndarray, layers: Sequence[Layer], layer: str, step: int, row: int
) -> Figure:
    """One cell of a layer's output and the part of the log-mel that it sees.

    Parameters
    ----------
    logmel
        ``[4T, 128]``, in dB or normalised.
    layers
        The chain of layers that the sound passes, from :func:`lipkit.models.trace.trace` with
        this log-mel.
    layer
        One of :func:`layer_names`.
    step, row
        Place in its output: along time, and along bands or rows of the picture.

    Raises
    ------
    UsageError
        For a layer or a place that is not there.

    >>> import numpy as np
    >>> import torch
    >>> from lipkit.models.audio_encoder import AudioEncoder
    >>> from lipkit.models.trace import trace
    >>> layers = trace(AudioEncoder(8), torch.zeros(1, 1, 64, 128))
    >>> figure = draw_field(np.zeros((64, 128)), layers, "layer 5", step=8, row=8)
    >>> type(figure).__name__
    'Figure'
    """
    chain, field = _field(layers, layer, step, row)
    shape = chain[-1].output
    # Behind the fusion there is a width as well, and the rows are the picture's.
    rows = "row (mel bands)" if len(shape) == 4 else "row (height of the picture)"
    return explorer_figure(logmel, field, shape[2:4], (step, row), layer, rows, len(shape) == 5)


def describe_field(
    logmel: np.ndarray, layers: Sequence[Layer], layer: str, step: int, row: int
) -> str:
    """What :func:`draw_field` shows, in words for readers who cannot see it."""
    _, ((first, last), (low, high)) = _field(layers, layer, step, row)
    inside = [
        max(0, min(end, size - 1) - max(start, 0) + 1)
        for (start, end), size in zip(((first, last), (low, high)), logmel.shape, strict=True)
    ]
    return (
        f"{layer} at step {step}, row {row} sees columns {first} to {last} and bands {low} to "
        f"{high}: {last - first + 1} by {high - low + 1}, of which {inside[0]} by {inside[1]} "
        "lie inside the log-mel."
    )


def _field(
    layers: Sequence[Layer], layer: str, step: int, row: int
) -> tuple[Sequence[Layer], tuple[tuple[int, int], tuple[int, int]]]:
    names = layer_names(layers)
    if layer not in names:
        raise UsageError(f"layer {layer!r} is unknown; {did_you_mean(layer, names)}")
    chain = layers[: names[layer] + 1]
    steps, rows = chain[-1].output[2:4]
    for name, value, size in (("step", step, steps), ("row", row, rows)):
        if not 0 <= value < size:
            raise UsageError(f"{name} {value}: {layer} has 0 to {size - 1}")
    return chain, (sees(chain, 0, step), sees(chain, 1, row))


class ReceptiveFieldExplorer(Interactive):
    """Layer, step and row above the figure of :func:`draw_field`.

    ``layer``, ``step`` and ``row`` are the controls, ``picture`` shows the figure. A newly
    chosen layer keeps the place in time and height. A slider acts when it is released.

    Parameters
    ----------
    logmel, layers
        As for :func:`draw_field`.
    layer
        One of :func:`layer_names`; None takes the last.

    Raises
    ------
    UsageError
        When there is no convolution.

    >>> import numpy as np
    >>> import torch
    >>> from lipkit.models.audio_encoder import AudioEncoder
    >>> from lipkit.models.trace import trace
    >>> layers = trace(AudioEncoder(8), torch.zeros(1, 1, 64, 128))
    >>> explorer = ReceptiveFieldExplorer(np.zeros((64, 128)), layers)
    >>> explorer.layer.value, explorer.step.max, explorer.row.max
    ('layer 5', 15, 15)
    """

    def __init__(
        self, logmel: np.ndarray, layers: Sequence[Layer], layer: str | None = None
    ) -> None:
        names = layer_names(layers)
        if not names:
            raise UsageError("there is no convolution to explore")
        self._logmel, self._layers, self._fitting = logmel, layers, False
        wide = {"description_width": "3.5em"}
        self.layer = ipywidgets.Dropdown(
            options=list(names), value=layer or list(names)[-1], description="layer", style=wide
        )
        steps, rows = self._size()
        self.step, self.row = (
            ipywidgets.IntSlider(
                value=size // 2,
                min=0,
                max=size - 1,
                description=name,
                continuous_update=False,
                style=wide,
                layout=ipywidgets.Layout(width="26em"),
            )
            for name, size in (("step", steps), ("row", rows))
        )
        self.picture = ipywidgets.HTML()
        super().__init__([self.layer, ipywidgets.HBox([self.step, self.row]), self.picture])
        self.layer.observe(self.resize, names="value")
        for slider in (self.step, self.row):
            slider.observe(self.redraw, names="value")
        self.redraw()

    def resize(self, change: object = None) -> None:
        """Fit the sliders to the layer chosen; the layer's control calls this."""
        # While only one of the two sliders is set, the place may be one that this layer lacks.
        self._fitting = True
        for slider, size in zip((self.step, self.row), self._size(), strict=True):
            place = (slider.value + 0.5) / (slider.max + 1)
            with slider.hold_trait_notifications():
                slider.max, slider.value = size - 1, min(size - 1, int(place * size))
        self._fitting = False
        self.redraw()

    def redraw(self, change: object = None) -> None:
        """Show the figure of what the controls say; they call this when they are changed."""
        if self._fitting:
            return
        choice = (self._logmel, self._layers, self.layer.value, self.step.value, self.row.value)
        self.picture.value = picture(draw_field(*choice), describe_field(*choice))

    def _size(self) -> tuple[int, int]:
        index = layer_names(self._layers)[self.layer.value]
        return self._layers[index].output[2:4]
