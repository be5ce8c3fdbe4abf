"""How widgets show themselves: a figure as a picture, a video with its sound, a sentence."""

import base64
import html

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from lipkit.plots.players import video_html
from lipkit.plots.style import DPI, to_jpeg, to_png

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_SCALE = 1.5
_CRF, _AUDIO_BITS = 24, 64_000


def picture(figure: Figure, alt: str, photo: bool = False) -> str:
    """A figure as an HTML image that says in words what it shows.

    ``photo`` makes a JPEG, for figures that are mostly pictures of faces.
    """
    kind, data = (
        ("jpeg", to_jpeg(figure, scale=_SCALE, quality=80))
        if photo
        else ("png", to_png(figure, scale=_SCALE))
    )
    width = round(figure.get_figwidth() * DPI)
    return (
        f'<img src="data:image/{kind};base64,{base64.b64encode(data).decode()}" '
        f'style="width: {width}px; max-width: 100%" alt="{html.escape(alt)}">'
    )


def player(frames: np.ndarray, samples: np.ndarray, alt: str, width: int = 360) -> str:
    """A video as an HTML element that starts at once; small pictures are enlarged.

    ``frames`` u8 [T, H, W, 3], 25 per second; ``samples`` f32 [T * 1764].
    """
    return video_html(frames, samples, alt, width, _CRF, _AUDIO_BITS, autoplay=True)


class Interactive(ipywidgets.VBox):
    """A widget in whose place a viewer without a kernel shows a sentence."""

    sentence = "Sliders: run this cell in JupyterLab to move them."

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        # Otherwise it would be the names of Python objects.
        bundle = super()._repr_mimebundle_(**kwargs) or {}
        return {**bundle, "text/plain": self.sentence}
