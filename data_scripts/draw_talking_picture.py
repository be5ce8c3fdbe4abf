#!/usr/bin/env python
"""Draw the README's picture: one still picture and a recording, and the video made of both.

    python data_scripts/draw_talking_picture.py [OUT.png]

The person is synthetic and in no training set; the lips are those of the shipped weights, first
the paper's model, then ours.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from lipkit.config import FPS, SAMPLE_RATE
from lipkit.files import replacing
from lipkit.generation import generate
from lipkit.media import read_video, write_audio
from lipkit.plots.style import AUDIO, INK, VISUAL, new_figure, styled, to_png
from lipkit.talker import person, still, talking_clip

PERSON, SENTENCE = 30, "lay blue with x four now"
OUT = Path(__file__).parents[1] / "notebooks" / "results" / "talking.png"
FACE, NEAR = np.s_[55:275, 75:285], np.s_[128:260, 118:222]
"""Rows and columns that are shown of the portrait, and of the video."""
FRAMES = 8
MODELS = {"paper": "… becomes this video, by the paper's model", "plus": "or this one, by plus"}
"""Shipped weights and what their frames are called."""


def main() -> None:
    """Generate the video and lay out its frames above the sound that they were made from."""
    import cv2

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path, default=OUT, help="the PNG")
    out = parser.parse_args().out
    talk = talking_clip(PERSON, SENTENCE)
    portrait = still(person(PERSON))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cv2.imwrite(str(folder / "portrait.png"), portrait[..., ::-1])
        write_audio(folder / "speech.wav", talk.samples)
        given = folder / "portrait.png", folder / "speech.wav"
        videos = {}
        for name in MODELS:
            made = folder / f"{name}.mp4"
            generate(*given, made, name, paste_back=True, progress=False)
            videos[name] = read_video(made)
    figure = draw(portrait, videos, talk)
    with replacing(out) as temporary:
        temporary.write_bytes(to_png(figure, scale=2, colours=256))
    print(out)


@styled
def draw(portrait: np.ndarray, videos: dict[str, np.ndarray], talk) -> object:
    """Portrait and words on the left; each model's frames over the waveform on the right."""
    first, last = talk.words[0].start, talk.words[-1].end
    times = np.linspace(first, last, FRAMES + 1)
    moments = (times[:-1] + times[1:]) / 2
    figure = new_figure(3.7)
    rows = len(videos)
    grid = figure.add_gridspec(rows + 1, 2, width_ratios=[1, 5.2], height_ratios=[2.4] * rows + [1])
    whole = figure.add_subplot(grid[:, 0])
    whole.imshow(portrait[FACE], interpolation="lanczos")
    whole.set_title("one picture …", color=VISUAL)
    films = []
    for row, (name, video) in enumerate(videos.items()):
        film = figure.add_subplot(grid[row, 1])
        shown = [video[int(t * FPS)][NEAR] for t in moments]
        film.imshow(np.concatenate(shown, axis=1), interpolation="lanczos")
        film.set_title(MODELS[name], color=INK)
        films.append(film)
    sound = figure.add_subplot(grid[rows, 1])
    samples = talk.samples[int(first * SAMPLE_RATE) : int(last * SAMPLE_RATE)]
    parts = np.array_split(samples, 900)
    at = np.linspace(first, last, len(parts))
    sound.fill_between(at, [p.min() for p in parts], [p.max() for p in parts], color=AUDIO, lw=0.3)
    for word in talk.words:
        sound.text(
            (word.start + word.end) / 2,
            1.04,
            word.text,
            transform=sound.get_xaxis_transform(),
            ha="center",
            color=AUDIO,
        )
    sound.set(xlim=(first, last))
    sound.set_ylabel("… and a\nrecording", color=AUDIO, fontweight="bold", rotation=0, ha="right")
    for ax in (whole, *films, sound):
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
