"""Figures made of pictures: film strips of lips, landmarks on faces, a window, a paste-back."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from lipkit.config import FPS
from lipkit.face.mouth import MOUTH
from lipkit.plots.signals import contrast, posterised
from lipkit.plots.style import (
    ACCENT,
    AUDIO,
    INK,
    LOSS,
    MUTED,
    PAGE,
    VISUAL,
    WIDTH,
    new_figure,
    styled,
)

GAP = 3
"""Pixels between the pictures of a strip."""

CONTOURS = (
    ("jaw", range(17), False),
    ("brows", range(17, 22), False),
    ("brows", range(22, 27), False),
    ("nose", range(27, 36), False),
    ("eyes", range(36, 42), True),
    ("eyes", range(42, 48), True),
    ("outer lip", range(48, 60), True),
    ("inner lip", range(60, 68), True),
)
"""The 68 landmarks as lines: name, indices, whether the line closes."""


def strip(images: np.ndarray, gap: int = GAP) -> np.ndarray:
    """Pictures u8 [n, H, W, 3] side by side on the figure's page, u8 [H, n*W+(n-1)*gap, 3]."""
    n, height, width, _ = images.shape
    page = np.round(255 * np.array(to_rgb(PAGE))).astype(np.uint8)
    sheet = np.tile(page, (height, n * width + (n - 1) * gap, 1))
    for i, image in enumerate(images):
        sheet[:, i * (width + gap) : i * (width + gap) + width] = image
    return sheet


def _show_strip(ax: Axes, images: np.ndarray, label: str, names: Sequence[str] = ()) -> None:
    width = images.shape[2]
    ax.imshow(strip(images), interpolation="lanczos")
    ax.axis("off")
    ax.text(-8, images.shape[1] / 2, label, ha="right", va="center", fontsize=10)
    for i, name in enumerate(names):
        x = i * (width + GAP) + width / 2
        ax.text(x, -4, name, ha="center", va="bottom", fontsize=10, color=MUTED)


@styled
def film_strip(
    rows: Mapping[str, np.ndarray], names: Sequence[str] = (), width: float = WIDTH
) -> Figure:
    """Rows of lip pictures u8 [n, 64, 64, 3], each with a label; ``names`` stand above the columns.

    A small ``width`` (inches) keeps the words sharp where a notebook has few bytes to spare.

    >>> import numpy as np
    >>> frames = np.zeros((4, 64, 64, 3), np.uint8)
    >>> figure = film_strip({"true": frames, "drawn": frames})
    >>> type(figure).__name__, len(figure.axes)
    ('Figure', 2)
    """
    n = len(next(iter(rows.values())))
    figure = new_figure(0.25 + len(rows) * (width - 1.25) / n * _aspect(rows), width)
    axes = np.atleast_1d(figure.subplots(len(rows), 1))
    for i, (ax, (label, images)) in enumerate(zip(axes, rows.items(), strict=True)):
        _show_strip(ax, images, label, names if i == 0 else ())
        ax.set_anchor("E")  # what room there is, is for the labels
    return figure


def _aspect(rows: Mapping[str, np.ndarray]) -> float:
    _, height, width, _ = next(iter(rows.values())).shape
    return height / width


@styled
def landmark_figure(
    frames: np.ndarray, points: np.ndarray, box: Sequence[float], numbers: Sequence[int]
) -> Figure:
    """Frames u8 [n, H, W, 3] with their points f32 [n, 68, 2]; the first is large, with ``box``.

    ``box`` is the detector's rectangle (left, top, right, bottom) in pixels; ``numbers`` are
    the frames' numbers.
    """
    figure = new_figure(2.5)
    axes = figure.subplots(1, 1 + len(frames), width_ratios=[1.4, *[1.0] * len(frames)])
    first, mouths = axes[0], axes[1:]
    left, top, right, bottom = box
    first.imshow(frames[0])
    first.add_patch(
        Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=ACCENT, lw=1.8)
    )
    draw_points(first, points[0], 1.6)
    pad = 0.30 * (right - left)
    first.set(xlim=(left - pad, right + pad), ylim=(bottom + pad, top - pad))
    first.set_title(f"frame {numbers[0]}: 68 points")
    mouth = points[:, MOUTH].reshape(-1, 2)
    centre, half = mouth.mean(0), 0.62 * np.ptp(mouth, axis=0).max()
    for ax, frame, landmarks, number in zip(mouths, frames, points, numbers, strict=True):
        ax.imshow(frame, interpolation="lanczos")
        draw_points(ax, landmarks, 3.2)
        ax.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] + half, centre[1] - half))
        ax.set_title(f"mouth, {number}", fontweight="normal")
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def draw_points(ax: Axes, points: np.ndarray, size: float) -> None:
    """Draw the 68 landmarks [68, 2] of a face as dots joined to lines; NaN is left out."""
    for name, indices, closed in CONTOURS:
        line = points[[*indices, indices[0]] if closed else list(indices)]
        colour = {"outer lip": "#56b4e9", "inner lip": "#f0e442"}.get(name, "white")
        ax.plot(*line.T, color=colour, lw=0.8, marker="o", ms=size, mec=INK, mew=0.3)


@styled
def crops_figure(
    crops: Mapping[str, np.ndarray], widths: Mapping[str, np.ndarray], shown: Sequence[int]
) -> Figure:
    """Film strips of both crops above the mouth's width in each crop's pixels.

    ``crops`` maps a label to lips u8 [T, 64, 64, 3], ``widths`` to [T] in lip pixels; ``shown``
    are the frames in the strips.
    """
    figure = new_figure(1.7 + len(crops) * 0.86)
    axes = figure.subplots(len(crops) + 1, 1, height_ratios=[*[0.8] * len(crops), 1.5])
    shown = list(shown)
    for i, (ax, (label, lips)) in enumerate(zip(axes, crops.items(), strict=False)):
        _show_strip(ax, lips[shown], label, [str(t) for t in shown] if i == 0 else ())
    ax = axes[-1]
    for (label, width), colour in zip(widths.items(), (LOSS, VISUAL), strict=False):
        ax.plot(np.arange(len(width)), width, color=colour, label=label.replace("\n", " "))
        ax.plot(shown, width[shown], "o", ms=4, color=colour)
    ax.set(xlabel="frame", ylabel="mouth width,\npixels of 64", xlim=(0, len(width) - 1))
    # At least ten pixels high, so that a tremor of one does not look like speech.
    low, high = (f(np.concatenate(list(widths.values()))) for f in (np.min, np.max))
    spare = max(0.0, 10 - (high - low)) / 2 + 0.5
    ax.set_ylim(low - spare, high + spare)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.legend(loc="lower right", ncols=2)
    return figure


@styled
def window_figure(
    video: np.ndarray, identity: np.ndarray, logmel: np.ndarray, mismatched: np.ndarray
) -> Figure:
    """One training window: 16 frames u8 [16, 64, 64, 3], the identity image, its own log-mel
    [64, 128] and another window's.

    The frames stand above the log-mel columns of their own time.
    """
    figure = new_figure(3.9)
    grid = figure.add_gridspec(
        3, 2, width_ratios=(1.3, 9), height_ratios=(0.6, 1.25, 1.25), hspace=0.02, wspace=0.01
    )
    ax = figure.add_subplot(grid[0, 0])
    ax.imshow(identity)
    ax.set_title("identity", fontweight="normal")
    ax.axis("off")
    low, high = contrast(logmel, mismatched)
    ax = figure.add_subplot(grid[0, 1])
    for t, frame in enumerate(video):
        ax.imshow(frame, extent=(t + 0.03, t + 0.97, 0, 1), aspect="auto", interpolation="lanczos")
    ax.set(xlim=(0, len(video)), ylim=(0, 1))
    ax.axis("off")
    ax.set_title("video: the 16 frames to be made", fontweight="normal")
    for row, picture, title, colour in (
        (1, logmel, "logmel: what is said meanwhile", AUDIO),
        (2, mismatched, "mismatched: what another sentence says", MUTED),
    ):
        ax = figure.add_subplot(grid[row, 1])
        ax.imshow(
            posterised(picture, low, high).T,
            origin="lower",
            aspect="auto",
            extent=(0, len(video), 0, picture.shape[1]),
            interpolation="none",
        )
        ax.set_title(title, fontweight="normal", color=colour)
        ax.set(yticks=[], xticks=range(0, len(video) + 1, 4))
        if row == 1:
            ax.tick_params(labelbottom=False)
    ax.set_xlabel(f"frame of the window (each 1/{FPS} s)")
    return figure


@styled
def paste_figure(
    frames: Mapping[str, np.ndarray], difference: np.ndarray, box: Sequence[float]
) -> Figure:
    """Faces around the crop and the map of their difference, in grey levels [H, W].

    ``frames`` label -> u8 [H, W, 3]; ``box`` (centre x, centre y, side) is drawn as a frame.
    """
    figure = new_figure(2.4)
    axes = figure.subplots(1, len(frames) + 1)
    for ax, (label, frame) in zip(axes, frames.items(), strict=False):
        ax.imshow(frame, interpolation="lanczos")
        ax.set_title(label, fontweight="normal")
    image = axes[-1].imshow(difference, vmin=0, vmax=max(4.0, difference.max()))
    axes[-1].set_title("difference, grey levels", fontweight="normal")
    figure.colorbar(image, ax=axes[-1], fraction=0.046, pad=0.03)
    x, y, side = box
    for ax in axes:
        corner = (x - side / 2, y - side / 2)
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=ACCENT, lw=1.2, ls=":"))
        ax.set(xlim=(x - 1.1 * side, x + 1.1 * side), ylim=(y + 0.9 * side, y - 1.3 * side))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure
