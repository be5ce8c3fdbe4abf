"""One moment of a clip: its lips with their points, its sound, the opening of its mouth."""

import numpy as np
from matplotlib.figure import Figure

from lipkit.config import COLUMNS_PER_FRAME, FPS
from lipkit.plots.signals import show_logmel
from lipkit.plots.strips import draw_points
from lipkit.plots.style import ACCENT, INK, VISUAL, new_figure, styled, tint


@styled
def clip_figure(
    lips: np.ndarray,
    points: np.ndarray,
    logmel: np.ndarray,
    opening: np.ndarray,
    frame: int,
    first: int = 0,
) -> Figure:
    """A frame's lips beside log-mel and mouth opening, with the frame's time marked in both.

    Parameters
    ----------
    lips
        The frame, u8 ``[64, 64, 3]``.
    points
        f32 ``[20, 2]``, the mouth points 48 to 67 in lip pixels.
    logmel, opening
        ``[4T, 128]`` dB and ``[T]`` pixels of the T frames from ``first`` on.
    frame
        Its number, counted from the start of the clip.
    """
    figure = new_figure(2.75)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.03)
    grid = figure.add_gridspec(2, 2, width_ratios=(2.6, 6.4), height_ratios=(1.7, 1))
    picture = figure.add_subplot(grid[:, 0])
    picture.imshow(lips, interpolation="lanczos")
    everything = np.full((68, 2), np.nan, np.float32)
    everything[48:] = points
    draw_points(picture, everything, 4.5)
    picture.set(xticks=[], yticks=[], xlim=(-0.5, 63.5), ylim=(63.5, -0.5))
    picture.spines[:].set_visible(False)
    picture.set_title(f"frame {frame}")

    sound = figure.add_subplot(grid[0, 1])
    start, end = first / FPS, (first + len(opening)) / FPS
    show_logmel(sound, logmel, end - start)
    for image in sound.images:
        image.set_extent((start, end, *image.get_extent()[2:]))
    here, after = frame / FPS, (frame + 1) / FPS
    sound.set_title(
        f"{here:.2f} to {after:.2f} s: log-mel columns {COLUMNS_PER_FRAME * frame} to "
        f"{COLUMNS_PER_FRAME * frame + COLUMNS_PER_FRAME - 1}"
    )
    sound.tick_params(labelbottom=False)
    mouth = figure.add_subplot(grid[1, 1], sharex=sound)
    times = (first + np.arange(len(opening)) + 0.5) / FPS
    mouth.fill_between(times, opening, color=tint(VISUAL, 0.15), lw=0)
    mouth.plot(times, opening, color=VISUAL)
    at = frame - first
    mouth.plot(times[at], opening[at], "o", ms=7, color=VISUAL, mec=INK, mew=0.8, zorder=3)
    mouth.set(xlabel="seconds", ylabel="opening, px", ylim=(0, None), xlim=(start, end))
    for ax in (sound, mouth):
        ax.axvspan(here, after, facecolor=(0, 0, 0, 0), edgecolor=ACCENT, lw=2)
    figure.align_ylabels([sound, mouth])
    return figure
