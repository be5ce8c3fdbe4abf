"""The network of the paper as a map (the poster's Fig. 2), redrawn by us.

Every notebook opens with this map, with its own box lit.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from lipkit.errors import UsageError
from lipkit.plots.canvas import Canvas
from lipkit.plots.icons import draw_lips, toy_spectrogram, toy_speech
from lipkit.plots.style import AUDIO, FUSED, HAIRLINE, INK, LOSS, MUTED, VISUAL, styled, tint
from lipkit.settings import did_you_mean

MAP_BOXES = {
    "data": "speech and one lip image",
    "audio_encoder": "audio encoder",
    "identity_encoder": "identity encoder",
    "fusion": "audio-identity fusion",
    "decoder": "residual blocks and decoder",
    "video": "the generated video",
    "correlation": "correlation networks",
    "discriminator": "three-stream discriminator",
    "losses": "the four losses",
}
"""Names that :func:`course_map` can light, with what they stand for."""

OPENINGS = (0.05, 0.5, 1.0, 0.65, 0.1)


@styled
def course_map(lit: str | tuple[str, ...] | None = None) -> Figure:
    """The block diagram of the whole model with the boxes named in ``lit`` filled.

    Symbols are the paper's: speech s, audio feature f_s, identity feature f_p, generated
    video v-hat, real video v, optical flow F, correlation networks phi_s and phi_v.

    Raises
    ------
    UsageError
        For a box that is not in :data:`MAP_BOXES`.
    """
    names = (lit,) if isinstance(lit, str) else tuple(lit or ())
    for name in names:
        if name not in MAP_BOXES:
            raise UsageError(f"map box {name!r} is unknown; {did_you_mean(name, MAP_BOXES)}")

    def state(name: str) -> bool | None:
        return None if not names else name in names

    canvas = Canvas(900, 384)
    _inputs(canvas, state("data"))
    _generator(canvas, state)
    _judges(canvas, state)
    _losses(canvas, state("losses"))
    return canvas.figure


def _glow(canvas: Canvas, box: tuple[float, ...], colour: str, lit: bool | None) -> None:
    fill = tint(colour, 0.22) if lit else tint(INK, 0.025)
    canvas.panel(box, fill, colour if lit else HAIRLINE, linewidth=1.6 if lit else 1.0, zorder=0.5)


def _inputs(canvas: Canvas, lit: bool | None) -> None:
    _glow(canvas, (10, 10, 222, 372), VISUAL, lit)
    weight = "bold" if lit else "normal"
    canvas.words(22, 26, "data", 8.5, ha="left", color=INK if lit else MUTED, weight=weight)
    canvas.waveform((24, 58, 118, 106), toy_speech(), AUDIO)
    canvas.words(71, 123, "speech,\n16 frames = 0.64 s", 8.2, va="top")
    canvas.arrow((122, 82), (145, 82), colour=AUDIO)
    canvas.picture((148, 51, 210, 113), toy_spectrogram(), cmap="cividis", interpolation="none")
    canvas.words(179, 123, "log-mel $s$\n64 × 128", 8.2, va="top")
    draw_lips(canvas, (84, 248, 148, 312), 0.05)
    canvas.words(116, 322, "one lip image $p_r$\nof anybody, 64 × 64", 8.2, va="top")


def _generator(canvas: Canvas, state: Callable[[str], bool | None]) -> None:
    canvas.block((262, 48, 362, 116), "audio\nencoder", "", AUDIO, state("audio_encoder"), 0.4)
    canvas.arrow((212, 82), (260, 82), colour=AUDIO)
    box = (262, 246, 362, 314)
    canvas.block(box, "identity\nencoder", "", VISUAL, state("identity_encoder"), 0.4)
    canvas.arrow((150, 280), (260, 280), colour=VISUAL)

    canvas.block((334, 150, 424, 212), "fusion", "$T × H × W$", FUSED, state("fusion"))
    canvas.arrow((364, 82), (379, 82), (379, 148), colour=AUDIO)
    canvas.arrow((364, 280), (379, 280), (379, 214), colour=VISUAL)
    canvas.words(388, 129, "$f_s$", 10.5, color=AUDIO, ha="left")
    canvas.words(388, 234, "$f_p$", 10.5, color=VISUAL, ha="left")

    canvas.arrow((426, 181), (448, 181), colour=FUSED)
    canvas.block(
        (450, 146, 544, 216), "residual\nblocks,\ndecoder", "", FUSED, state("decoder"), -0.3
    )
    canvas.arrow((546, 181), (570, 181), colour=FUSED)
    _glow(canvas, (572, 146, 744, 216), FUSED, state("video"))
    for index, opening in enumerate(OPENINGS):
        left = 579 + 32 * index
        draw_lips(canvas, (left, 155, left + 30, 185), opening, 1 - 0.25 * opening)
    canvas.words(658, 201, r"generated video $\hat{v}$, 16 frames", 7.9)


def _judges(canvas: Canvas, state: Callable[[str], bool | None]) -> None:
    box = (572, 46, 744, 118)
    title, note = "correlation\nnetworks", r"$\phi_s(f'_s)$  and  $\phi_v(\mathcal{F}(v))$"
    canvas.block(box, title, note, LOSS, state("correlation"))
    canvas.arrow((379, 82), (570, 82), colour=AUDIO)
    canvas.words(474, 71, "change of $f_s$ in time:  $f'_s$", 8.2, color=AUDIO)
    canvas.arrow((658, 146), (658, 120), colour=FUSED)
    canvas.words(666, 133, r"optical flow $\mathcal{F}$", 8.2, color=FUSED, ha="left")

    box = (572, 244, 744, 316)
    title, note = "three-stream\ndiscriminator $D$", "sound · video · flow"
    canvas.block(box, title, note, LOSS, state("discriminator"))
    canvas.arrow((658, 216), (658, 242), colour=FUSED)
    canvas.words(666, 229, r"$\hat{v}$ or the real $v$", 8.2, color=FUSED, ha="left")
    canvas.arrow((520, 280), (570, 280), colour=AUDIO)
    canvas.words(513, 280, "$s$, or another\nsentence's $s$", 8.2, color=AUDIO, ha="right")


def _losses(canvas: Canvas, lit: bool | None) -> None:
    _glow(canvas, (784, 10, 890, 372), LOSS, lit)
    weight = "bold" if lit else "normal"
    canvas.words(796, 26, "losses", 8.5, ha="left", color=INK if lit else MUTED, weight=weight)
    rows = (
        (82, r"$\ell_{corr}$", "lips move as\nspeech changes"),
        (155, r"$\ell_{pix}$", r"pixels of $v$"),
        (207, r"$\ell_{perc}$", r"features of $v$"),
        (280, r"$\ell_{gen}$", "passes for real"),
    )
    for y, symbol, meaning in rows:
        chip = LOSS if lit else tint(LOSS, 0.16)
        canvas.panel((807, y - 13, 867, y + 13), chip, LOSS, linewidth=1.1, zorder=2)
        canvas.words(837, y, symbol, 11.5, color="white" if lit else INK, zorder=4)
        canvas.words(837, y + 16, meaning, 7.6, color=INK if lit else MUTED, va="top")
    for y in (82, 280):
        canvas.arrow((746, y), (805, y), colour=LOSS)
    for y in (155, 207):
        canvas.arrow((746, 181), (772, 181), (772, y), (805, y), colour=LOSS)
    terms = (
        r"\ell_{corr}",
        r"\lambda_1\,\ell_{pix}",
        r"\lambda_2\,\ell_{perc}",
        r"\lambda_3\,\ell_{gen}",
    )
    canvas.words(658, 350, rf"$\mathcal{{L}}={'+'.join(terms)}$", 10.5)


@styled
def task_figure(samples: np.ndarray, identity: np.ndarray, lips: np.ndarray) -> Figure:
    """The task: somebody's speech and another person's lip image become a talking strip.

    ``samples`` f32 [N]; ``identity`` u8 [64, 64, 3]; ``lips`` u8 [n, 64, 64, 3], of which
    eight are shown.
    """
    canvas = Canvas(900, 206)
    canvas.waveform((20, 20, 200, 68), samples, AUDIO)
    canvas.words(110, 78, "speech of one person", 8.5, va="top", color=AUDIO)
    canvas.picture((78, 110, 142, 174), identity)
    canvas.words(110, 181, "one lip image of another", 8.5, va="top", color=VISUAL)
    canvas.block((252, 68, 338, 120), "model", "", FUSED, True)
    canvas.arrow((206, 44), (225, 44), (225, 86), (250, 86), colour=AUDIO)
    canvas.arrow((148, 142), (225, 142), (225, 102), (250, 102), colour=VISUAL)
    canvas.arrow((340, 94), (366, 94), colour=FUSED)
    chosen = np.linspace(0, len(lips) - 1, 8).round().astype(int)
    for i, t in enumerate(chosen):
        canvas.picture((372 + 65 * i, 63, 434 + 65 * i, 125), lips[t])
    canvas.words(
        630, 132, "the other person's lips, saying that speech", 8.5, va="top", color=FUSED
    )
    return canvas.figure
