"""Figures of sound and of curves in time: speech with its phonemes, alignment, mel axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lipkit.config import COLUMNS_PER_FRAME, FPS, MEL_BANDS, MEL_FMAX, SAMPLE_RATE
from lipkit.plots.style import (
    ACCENT,
    AUDIO,
    HAIRLINE,
    INK,
    LOSS,
    MUTED,
    PAGE,
    VISUAL,
    new_figure,
    styled,
    tint,
)


@styled
def speech_figure(
    samples: np.ndarray,
    logmel: np.ndarray,
    intervals: Sequence[tuple[str, float, float]] = (),
    opening: np.ndarray | None = None,
    kind: str = "phonemes",
) -> Figure:
    """Waveform, log-mel and mouth opening of one clip on one time axis.

    ``samples`` is f32 [N], ``logmel`` [4T, 128] in dB, ``opening`` [T] in pixels; ``intervals``
    are (label, start, end) in seconds, written above the sound.
    """
    rows = 3 if opening is not None else 2
    heights = [0.9, 1.9, 0.8][:rows]
    figure = new_figure(0.9 + sum(heights))
    axes = figure.subplots(rows, 1, sharex=True, height_ratios=heights)
    end = len(samples) / SAMPLE_RATE
    _waveform(axes[0], samples)
    axes[0].set_title("speech" + (f" and its {kind}" if len(intervals) else ""), pad=20)
    _labels(axes[0], intervals)
    show_logmel(axes[1], logmel, end)
    for _, start, stop in intervals:
        axes[1].axvline(start, color=PAGE, lw=0.6, alpha=0.55)
        axes[0].axvspan(start, stop, color=tint(AUDIO, 0.10), lw=0, zorder=0)
    if opening is not None:
        times = (np.arange(len(opening)) + 0.5) / FPS
        axes[2].plot(times, opening, color=VISUAL)
        axes[2].fill_between(times, opening, color=tint(VISUAL, 0.15), lw=0)
        axes[2].set(ylabel="opening, px", ylim=(0, None))
    axes[-1].set(xlim=(0, end), xlabel="seconds")
    return figure


def _waveform(ax: Axes, samples: np.ndarray) -> None:
    # Drawn as an envelope: two points per pixel say the same as 130,000 and cost nothing.
    parts = np.array_split(samples, 900)
    high, low = (np.array([f(p) for p in parts]) for f in (np.max, np.min))
    times = (np.arange(len(parts)) + 0.5) * len(samples) / len(parts) / SAMPLE_RATE
    ax.fill_between(times, low, high, color=AUDIO, lw=0.3)
    ax.set(yticks=[0], yticklabels=[""], ylabel="sound")


def _labels(ax: Axes, intervals: Sequence[tuple[str, float, float]]) -> None:
    last = -1.0
    for label, start, end in intervals:
        middle = (start + end) / 2
        # Two rows, so that labels 40 ms apart do not overlap.
        raised = middle - last < 0.065
        last = -1.0 if raised else middle
        y = 1.17 if raised else 1.02
        transform = ax.get_xaxis_transform()
        ax.text(middle, y, label, transform=transform, ha="center", fontsize=8.5, color=INK)


def show_logmel(ax: Axes, logmel: np.ndarray, end: float, **limits: float) -> None:
    """Draw log-mel [n, 128] dB over ``end`` units of time, frequencies in kHz on the left.

    ``low`` and ``high``, in dB, are the ends of the colour scale (:func:`contrast` by default).
    """
    low, high = limits.get("low"), limits.get("high")
    if low is None or high is None:
        low, high = contrast(logmel)
    extent = (0, end, 0, MEL_BANDS)
    picture = posterised(logmel, low, high).T
    ax.imshow(picture, origin="lower", aspect="auto", extent=extent, interpolation="none")
    ticks = (500, 1000, 2000, 4000, 8000)
    ax.set_yticks([_band(f) for f in ticks], [f"{f / 1000:g}" for f in ticks])
    ax.set_ylabel("mel bands, kHz")


def contrast(*logmels: np.ndarray) -> tuple[float, float]:
    """The levels, in dB, to show as dark and bright; the hiss of the quietest third is left out."""
    everything = np.concatenate([m.ravel() for m in logmels])
    return float(np.percentile(everything, 40)), float(everything.max())


def posterised(logmel: np.ndarray, low: float, high: float, steps: int = 8) -> np.ndarray:
    """``logmel`` clipped to [low, high] in a few steps; the eye sees no less, and files shrink."""
    step = max(high - low, 1e-6) / steps
    return low + step * np.round((np.clip(logmel, low, high) - low) / step)


def _band(frequency: float) -> float:
    """Where a frequency lies on an axis whose band b spans b ... b+1 (Slaney's mel scale)."""

    def mel(hertz: float) -> float:
        return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)

    # 128 triangles stand on 130 points: the centre of band b is point b + 1.
    return (MEL_BANDS + 1) * mel(frequency) / mel(MEL_FMAX) - 0.5


@styled
def click_figure(frames: np.ndarray, logmel: np.ndarray, first: int, click: float) -> Figure:
    """Neighbouring frames above their log-mel columns, with the click's true time.

    ``frames`` u8 [n, H, W, 3] are a test clip's frames from ``first`` on; ``logmel`` [4n, 128]
    holds, in dB, the columns that belong to them; ``click`` is in seconds.
    """
    n = len(frames)
    figure = new_figure(2.7)
    top, bottom = figure.subplots(2, 1, height_ratios=(1.0, 1.1), sharex=True)
    for i, frame in enumerate(frames):
        top.imshow(frame, extent=(first + i + 0.04, first + i + 0.96, 0, 1), aspect="auto")
        outline = Rectangle(
            (first + i + 0.04, 0), 0.92, 1, fill=False, edgecolor=MUTED, clip_on=False
        )
        top.add_patch(outline)
        top.text(first + i + 0.5, 1.08, f"frame {first + i}", ha="center", fontsize=8.5)
    top.set(xlim=(first, first + n), ylim=(0, 1), yticks=[], ylabel="picture")
    bottom.imshow(
        posterised(logmel, *contrast(logmel)).T,
        origin="lower",
        aspect="auto",
        extent=(first, first + n, 0, MEL_BANDS),
        cmap="cividis",
        interpolation="none",
    )
    for ax in (top, bottom):
        ax.axvline(click * FPS, color=ACCENT, lw=2)
        for edge in range(first + 1, first + n):
            ax.axvline(edge, color=PAGE, lw=1.5)
    ticks = np.arange(first, first + n, 1 / COLUMNS_PER_FRAME) + 0.5 / COLUMNS_PER_FRAME
    names = [str(c) for c in range(COLUMNS_PER_FRAME * first, COLUMNS_PER_FRAME * (first + n))]
    bottom.set_xticks(ticks, names)
    bottom.set(yticks=[], ylabel="sound", xlabel="log-mel column (four per frame)")
    top.tick_params(bottom=False, labelbottom=False)
    return figure


@styled
def mel_axes_figure(clean: np.ndarray, scrambled: np.ndarray, frame: int) -> Figure:
    """The same 16 frames of log-mel [64, 128], right and as the authors' loader stores them.

    Below, one frame [4, 128] of each.
    """
    figure = new_figure(3.6)
    axes = figure.subplots(2, 2, height_ratios=(2.2, 1))
    low, high = contrast(clean)
    titles = ("time down, mel bands across", "the authors': bands and time interleaved")
    for column, (picture, title) in enumerate(zip((clean, scrambled), titles, strict=True)):
        options = {"aspect": "auto", "interpolation": "none", "vmin": low, "vmax": high}
        axes[0, column].imshow(posterised(picture, low, high), **options)
        axes[0, column].set_title(title)
        edge = COLUMNS_PER_FRAME * frame
        axes[0, column].axhspan(edge - 0.5, edge + 3.5, fill=False, edgecolor=ACCENT, lw=2)
        axes[1, column].imshow(posterised(picture[edge : edge + 4], low, high), **options)
        axes[1, column].set(yticks=range(4), xlabel="position in the row")
        for spine in axes[1, column].spines.values():
            spine.set(color=ACCENT, linewidth=2, visible=True)
        for ax in axes[:, column]:
            ax.set_xticks(range(0, MEL_BANDS + 1, 32))
    axes[0, 0].set_ylabel("row of 64 (16 frames × 4)")
    axes[1, 0].set_ylabel(f"frame {frame}")
    return figure


@styled
def offset_figure(
    offsets: np.ndarray, aligned: np.ndarray, shifted: np.ndarray, spread: np.ndarray
) -> Figure:
    """Correlation of sound and lips at each offset, with and without a shift of the sound.

    ``offsets`` [n] are in frames, positive where the lips come later than the sound;
    ``aligned`` and ``shifted`` are mean correlations [n]; ``spread`` [n] is the standard
    deviation of ``aligned`` over clips.
    """
    figure = new_figure(2.6)
    ax = figure.subplots()
    ax.axvline(0, color=HAIRLINE, lw=1)
    ax.fill_between(offsets, aligned - spread, aligned + spread, color=tint(LOSS, 0.14), lw=0)
    for curve, colour, marker, name in (
        (aligned, LOSS, "o", "sound and picture by time stamp"),
        (shifted, VISUAL, "s", "the authors' pairing, one frame off"),
    ):
        ax.plot(
            offsets,
            curve,
            color=colour,
            marker=marker,
            ms=4,
            label=f"{name}\n(best at {offsets[np.argmax(curve)]})",
        )
        best = int(np.argmax(curve))
        ax.plot(offsets[best], curve[best], marker, ms=9, mfc="none", mec=colour, mew=1.5)
    ax.set(
        xticks=offsets[::2],
        ylabel="correlation",
        xlabel="offset $d$, frames (positive: the lips come later than the sound)",
    )
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
