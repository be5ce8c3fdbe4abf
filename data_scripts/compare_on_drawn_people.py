#!/usr/bin/env python
"""Do mouths made by models open with the sound of people whom no training knew?

    python data_scripts/compare_on_drawn_people.py data/drawn_test --readout data/drawn_val \\
        --run GRID=runs/grid --run free=runs/free --out notebooks/results/drawn_people

Each clip of the set is made by each run from its own first frame, once with its own sound and
once with another person's. A linear readout says how far each made mouth is open, so that no
landmark need be found in a small blurred picture. It is learnt from what the same run makes of
other people, since a readout of true lips takes a blurred mouth that opens for one that shuts;
the row of true lips has a readout of true lips. A run that draws nothing says itself how far its
mouth is open, and the row of loudness takes the sound's mean level for the opening. ``r`` is the
correlation with the exact opening over a clip, less the ``r`` with the other sound: what a model
owes to hearing.

A name may be given several times, for runs of several seeds. Means of people and seeds, and 95 %
intervals over both; ``by_seed`` has the seeds one by one, and ``change`` the difference from the
first name.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from lipkit.analysis.drawn_people import write_table
from lipkit.corpora.fetch import script
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import UsageError
from lipkit.evaluation.other_sound import next_of_another
from lipkit.face.lips import lip_points
from lipkit.face.mouth import mouth_opening
from lipkit.generation import for_inference, generate_frames
from lipkit.models.catalogue import network_of
from lipkit.report.bootstrap import crossed_means, ends, times_drawn
from lipkit.weights import Weights, load_weights
from lipkit.weights.hearing import hear_whole

Mouth = Callable[[PreparedClip, PreparedClip], np.ndarray]
"""A face and a sound -> how far the face's mouth is open in each frame, in any unit, [T]."""

SIZE = 16
"""Pixels, each way, of the pictures that are read."""
RIDGE = 30.0
TRUE_CHANGE = 0.03
"""Standard deviation of the pictures' changes where lips are true, of 1."""
TRUE, LOUDNESS = "true lips", "loudness"
"""Rows without a run."""
PEOPLE = 2
"""The least of whom there is an interval, and another's sound."""
PER_CLIP = 40
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
    runs: dict[str, list[str]] = {}
    for text in options.run:
        name, _, run = text.partition("=")
        if not (name and run) or name in (TRUE, LOUDNESS):
            raise UsageError(f"--run must read NAME=RUN, and {TRUE!r} and {LOUDNESS!r} are taken")
        runs.setdefault(name, []).append(run)
    learnt_from = PreparedSet.open(options.readout)
    prepared = PreparedSet.open(options.set)
    rows = prepared.clips(options.split)
    clips = [read_clip(prepared.folder / file) for file in rows.file]
    people = rows.speaker.tolist()
    if len(set(people)) < PEOPLE:
        raise UsageError(
            f"{options.set}: split {options.split!r} has one person, and nobody else's sound; "
            "give a split of several people"
        )
    others = next_of_another(people)

    def scores(mouths: list[Mouth]) -> np.ndarray:
        return _of_people(np.array([_scores(mouth, clips, others) for mouth in mouths]), people)

    table, first = [], None
    for name, mouth in ((TRUE, _drawn_mouth(None, learnt_from)), (LOUDNESS, _loudness)):
        about = {"trained_on": name, "steps": "", "clips": len(clips)}
        table.append(about | _row(scores([mouth])))
    for name, seeds in runs.items():
        models = [load_weights(run, pictures=False) for run in seeds]
        found = scores([_mouth(model, learnt_from) for model in models])
        first = found if first is None else first
        about = {"trained_on": name, "steps": models[-1].card.step, "clips": len(clips)}
        table.append(about | _row(found, first))
    for row in table:
        print(row)
    write_table(options.out / "training.csv", table)


def _mouth(model: Weights, learnt_from: PreparedSet) -> Mouth:
    """How far a model's mouths are open: by its points, or read off its pictures."""
    if not network_of(model.card.preset.generator).draws:
        return lambda face, sound: mouth_opening(_points(model, face, sound))
    inference = model._replace(generator=for_inference(model.generator))
    return _drawn_mouth(inference, learnt_from)


def _drawn_mouth(model: Weights | None, learnt_from: PreparedSet) -> Mouth:
    weights = _readout(learnt_from, model)
    return lambda face, sound: _changes(_lips(model, face, sound)) @ weights


def _loudness(face: PreparedClip, sound: PreparedClip) -> np.ndarray:
    """Mean over bands and columns of each frame, dB."""
    return sound.logmel.astype(np.float64).reshape(sound.frames, -1).mean(1)


@torch.inference_mode()
def _points(model: Weights, face: PreparedClip, sound: PreparedClip) -> np.ndarray:
    """Mouth points of a face's first frame that says a sound, [T, 20, 2], lip pixels."""
    begin = torch.from_numpy(lip_points(face.landmarks[:1], face.box[:1]))
    heard = hear_whole(sound.logmel, model.card)
    return model.generator(begin, heard[None, None])[0].numpy()


def _readout(prepared: PreparedSet, model: Weights | None) -> np.ndarray:
    """Weights [SIZE * SIZE] from a picture's change to the opening's, lip pixels."""
    changes, openings = [], []
    for file in prepared.clips().file:
        clip = read_clip(prepared.folder / file)
        chosen = np.linspace(0, clip.frames - 1, PER_CLIP).astype(int)
        changes.append(_changes(_lips(model, clip, clip))[chosen])
        gap = mouth_opening(lip_points(clip.landmarks, clip.box))[chosen]
        openings.append(gap - gap.mean())
    x, y = np.concatenate(changes), np.concatenate(openings)
    # As strong for pictures that hardly move as for true ones, and something for still ones.
    ridge = RIDGE * (max(x.std(), 1e-9) / TRUE_CHANGE) ** 2
    return np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)


def _lips(model: Weights | None, face: PreparedClip, sound: PreparedClip) -> np.ndarray:
    """A face's first frame saying a sound, u8 [T, 64, 64, 3]; the sound's own lips without a
    model."""
    if model is None:
        return sound.lips
    heard = hear_whole(sound.logmel, model.card)
    return np.stack(list(generate_frames(model.generator, face.lips[0], heard)))


def _changes(lips: np.ndarray) -> np.ndarray:
    """Grey pictures in small, less their mean over the clip, f64 [T, SIZE * SIZE]."""
    small = [
        cv2.resize(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        for p in lips
    ]
    flat = np.reshape(small, (len(small), -1)) / 255.0
    return flat - flat.mean(0)


def _scores(
    mouth: Mouth, clips: list[PreparedClip], others: list[int]
) -> tuple[list[float], list[float]]:
    """r of each clip with its own sound, and with another's."""
    own, other = [], []
    for index, clip in enumerate(clips):
        true = mouth_opening(lip_points(clip.landmarks, clip.box))
        for scores, source in ((own, clip), (other, clips[others[index]])):
            seen = mouth(clip, source)
            length = min(len(seen), len(true))
            seen = seen[:length]
            moves = np.ptp(seen) > 0
            scores.append(float(np.corrcoef(seen, true[:length])[0, 1]) if moves else 0.0)
    return own, other


def _of_people(scores: np.ndarray, people: list[str]) -> np.ndarray:
    """``[seeds, 2, clips]`` -> ``[seeds, 2, people]``: r with the own sound, and with another's."""
    of = np.array(people)
    return np.stack([scores[..., of == person].mean(-1) for person in sorted(set(people))], -1)


def _row(scores: np.ndarray, first: np.ndarray | None = None) -> dict[str, object]:
    """Means and 95 % intervals of scores ``[seeds, 2, people]``, and their change from ``first``.

    ``first`` may have other seeds; its people are the same.
    """
    gained = scores[:, 0] - scores[:, 1]
    drawn = _drawn(gained, 1)
    low, high = ends(drawn)
    row = {
        "people": gained.shape[1],
        "seeds": len(gained),
        "r": scores[:, 0].mean(),
        "r_repaired": scores[:, 1].mean(),
        "r_less_repaired": gained.mean(),
        "low": low,
        "high": high,
        "by_seed": " ".join(f"{value:.3f}" for value in gained.mean(1)),
        "change": "",
        "change_low": "",
        "change_high": "",
    }
    if first is not None and first is not scores:
        theirs = first[:, 0] - first[:, 1]
        low, high = ends(drawn - _drawn(theirs, 2))
        row |= {"change": gained.mean() - theirs.mean(), "change_low": low, "change_high": high}
    return {k: round(float(v), 5) if isinstance(v, float) else v for k, v in row.items()}


def _drawn(gained: np.ndarray, seed: int) -> np.ndarray:
    """Means ``[resamples]`` of ``[seeds, people]``, both drawn anew; the people alike for all."""
    columns = times_drawn(gained.shape[1])
    rows = times_drawn(len(gained), seed=seed)
    return crossed_means(rows if len(rows) else np.ones((len(columns), 1)), columns, gained)


if __name__ == "__main__":
    sys.exit(main())
