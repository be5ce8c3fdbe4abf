#!/usr/bin/env python
"""Measure the drawn people: sounds, times, mouths, faces, speed; a table each. And show them.

    python data_scripts/measure_drawn_people.py sounds times mouths people speed pictures \\
        --grid data/grid --out notebooks/results/drawn_people

``times`` and ``mouths`` compare with GRID's speaker s1 and need pocketsphinx (the extra
``speech``); ``mouths`` and ``people`` need dlib. Parts that are not named keep their tables.
"""

import argparse
import csv
import sys
from pathlib import Path

import cv2
import numpy as np

from lipkit import plots
from lipkit.analysis import drawn_people
from lipkit.config import PrepareConfig
from lipkit.corpora.fetch import script
from lipkit.course.lesson import cache_folder
from lipkit.data.drawn import draw
from lipkit.data.spectrogram import log_mel
from lipkit.files import replacing
from lipkit.plots.mouths import mouths_figure
from lipkit.plots.style import to_png
from lipkit.talker import crowd, human_clip, talking_clip, voices
from lipkit.talker.face import REST, Face
from lipkit.talker.takes import plan

PARTS = ("sounds", "times", "mouths", "people", "speed", "pictures")
PEOPLE = 300


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("parts", nargs="+", choices=PARTS)
    options.add_argument("--grid", type=Path, default=Path("data/grid"), help="GRID, with s1")
    options.add_argument("--out", type=Path, default=Path("notebooks/results/drawn_people"))
    options.add_argument("--clips", type=int, default=450, help="of s1_train; 0: all")
    options.add_argument("--speech", type=Path, help="recordings with known words, for times")
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _measure(given))


def _measure(options: argparse.Namespace) -> None:
    out, clips, keep = options.out, options.clips or None, cache_folder() / "heard"
    if "sounds" in options.parts:
        drawn_people.measure_sounds(out)
    if "times" in options.parts:
        drawn_people.measure_times(out, options.grid, clips, options.speech, keep)
    if "mouths" in options.parts:
        drawn_people.measure_mouths(out, options.grid, clips, keep)
        with open(out / "mouths.csv", newline="", encoding="utf-8") as file:
            figure = mouths_figure(list(csv.DictReader(file)))
        with replacing(out / "mouths.png") as path:
            path.write_bytes(to_png(figure))
    if "people" in options.parts:
        drawn_people.measure_people(out)
    if "speed" in options.parts:
        drawn_people.measure_speed(out)
    if "pictures" in options.parts:
        _show(out)
    print(f"{out}: {', '.join(options.parts)}")


def _show(out: Path) -> None:
    """``people.jpg``, ``mouths.jpg``, and sound beside mouth for either kind of voice."""
    faces = []
    for index in range(PEOPLE):
        who = crowd.anybody(index, drawn_people.SEED)
        faces.append(cv2.resize(Face(who).frame(REST), (75, 60), interpolation=cv2.INTER_AREA))
    _save(out / "people.jpg", _sheet(faces, 20))
    strips = []
    for take in plan(24, 1, drawn_people.SEED):
        lips = draw(take, PrepareConfig()).lips
        strips.append(np.hstack(list(lips[np.linspace(1, len(lips) - 1, 10).astype(int)])))
    _save(out / "mouths.jpg", _sheet(strips, 2))
    for name, talk in (
        ("human_voice", human_clip(8, voices.voice("woman"), seed=0)),
        ("espeak_voice", talking_clip(8, "Let me see, how can I begin?", seed=0)),
    ):
        words = [(word.text, word.start, word.end) for word in talk.words]
        figure = plots.speech_figure(
            talk.samples, log_mel(talk.samples), words, opening=talk.opening, kind="words"
        )
        with replacing(out / f"{name}.png") as path:
            path.write_bytes(to_png(figure))


def _sheet(pictures: list[np.ndarray], columns: int) -> np.ndarray:
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    return np.vstack(rows)


def _save(path: Path, picture: np.ndarray) -> None:
    with replacing(path) as temporary:
        cv2.imwrite(str(temporary), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    sys.exit(main())
