#!/usr/bin/env python
"""Do the mouths that models make open with the sound of people whom no training knew?

    python data_scripts/compare_on_drawn_people.py data/drawn_test --readout data/drawn_train \\
        --run GRID=runs/grid --run free=runs/free --out notebooks/results/drawn_people

Each clip of the set is made by each run from its own first frame, once with its own sound and
once with another person's. A linear readout, trained on true lips, says how far each made
mouth is open, so that no landmark need be found in a small blurred picture. ``r`` is its
correlation with the exact opening over a clip, less the ``r`` with the other sound: what a
model owes to hearing. Means of people, and 95 % intervals over people.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from lipkit.analysis.drawn_people import write_table
from lipkit.corpora.fetch import script
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import normalise
from lipkit.errors import UsageError
from lipkit.face.lips import lip_points
from lipkit.face.mouth import mouth_opening
from lipkit.generation import generate_frames
from lipkit.report.bootstrap import ends, means, times_drawn
from lipkit.weights import Card, load_weights

SIZE = 16
"""Pixels, each way, of the pictures that are read."""
RIDGE = 30.0
PER_CLIP = 6
"""Frames of a clip that the readout learns from."""


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("set", type=Path, help="prepared set of drawn people to test on")
    options.add_argument("--split", default="test")
    options.add_argument("--readout", type=Path, required=True, help="prepared set to learn from")
    options.add_argument("--run", action="append", required=True, metavar="NAME=RUN")
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _compare(given))


def _compare(options: argparse.Namespace) -> None:
    runs = dict(text.partition("=")[::2] for text in options.run)
    if not all(runs.values()):
        raise UsageError("--run must read NAME=RUN")
    weights = _readout(PreparedSet.open(options.readout))
    prepared = PreparedSet.open(options.set)
    rows = prepared.clips(options.split)
    clips = [read_clip(prepared.folder / file) for file in rows.file]
    people = rows.speaker.tolist()
    others = _others(people)
    table = [_row("true lips", None, *_scores(None, clips, others, weights), people)]
    for name, run in runs.items():
        own, other = _scores(run, clips, others, weights)
        table.append(_row(name, load_weights(run).card, own, other, people))
    write_table(options.out / "training.csv", table)
    for row in table:
        print(row)


def _readout(prepared: PreparedSet) -> np.ndarray:
    """Weights [SIZE * SIZE] from a picture's change to the opening's, lip pixels."""
    changes, openings = [], []
    for file in prepared.clips().file:
        clip = read_clip(prepared.folder / file)
        chosen = np.linspace(0, clip.frames - 1, PER_CLIP).astype(int)
        changes.append(_changes(clip.lips[chosen]))
        gap = mouth_opening(lip_points(clip.landmarks, clip.box))[chosen]
        openings.append(gap - gap.mean())
    x, y = np.concatenate(changes), np.concatenate(openings)
    return np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)


def _changes(lips: np.ndarray) -> np.ndarray:
    """Grey pictures in small, less their mean over the clip, f64 [T, SIZE * SIZE]."""
    small = [
        cv2.resize(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        for p in lips
    ]
    flat = np.reshape(small, (len(small), -1)) / 255.0
    return flat - flat.mean(0)


def _others(people: list[str]) -> list[int]:
    """For each clip the next one of another person."""
    count = len(people)
    return [
        next((i + k) % count for k in range(1, count) if people[(i + k) % count] != people[i])
        for i in range(count)
    ]


def _scores(
    run: str | None, clips: list[PreparedClip], others: list[int], weights: np.ndarray
) -> tuple[list[float], list[float]]:
    """r of each clip with its own sound, and with another's; of true lips where no run is."""
    generator, card = load_weights(run) if run else (None, None)
    own, other = [], []
    for index, clip in enumerate(clips):
        true = mouth_opening(lip_points(clip.landmarks, clip.box))
        for scores, source in ((own, clip), (other, clips[others[index]])):
            if generator is None:
                made = source.lips
            else:
                heard = normalise(source.logmel, card.statistics)
                made = np.stack(list(generate_frames(generator, clip.lips[0], heard)))
            length = min(len(made), len(true))
            seen = (_changes(made) @ weights)[:length]
            moves = np.ptp(seen) > 0
            scores.append(float(np.corrcoef(seen, true[:length])[0, 1]) if moves else 0.0)
    return own, other


def _row(
    name: str, card: Card | None, own: list[float], other: list[float], people: list[str]
) -> dict[str, object]:
    names = sorted(set(people))
    gained = np.array(own) - np.array(other)
    of = np.array(people)
    per_person = np.array([gained[of == person].mean() for person in names])
    drawn = means(times_drawn(len(names)), per_person, np.ones(len(names)))
    low, high = ends(drawn)
    return {
        "trained_on": name,
        "steps": card.step if card else "",
        "clips": len(own),
        "people": len(names),
        "r": float(np.mean(own)),
        "r_repaired": float(np.mean(other)),
        "r_less_repaired": float(per_person.mean()),
        "low": float(low),
        "high": float(high),
    }


if __name__ == "__main__":
    sys.exit(main())
