#!/usr/bin/env python
"""How far do predicted lips go, beside true ones, and where is the motion lost on the way?

    python data_scripts/measure_amplitude.py plus_crowd --set strangers=data/strangers:strangers \\
        --set drawn=data/drawn_test:test --truth data/raw_test/truth --out runs/amplitude

A generator that moves the mouth's points (preset plus) makes its motion in two stages, and each
is looked at by itself. The *points*: r of the predicted opening with the true one, its spread
over the true spread (``amplitude``), and the slope of the true opening on the predicted one. By
least squares a prediction that explains a share r of the truth keeps just that share of its
spread, with a slope of 1; a slope above 1 means that it goes less far than it knows. The
*picture*: Motion of the video, and of the video drawn from the true points. One row per person,
``amplitude.csv``; with the truth of drawn people also one row per class of sounds, ``classes.csv``.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from lipkit.analysis.drawn_people import write_table
from lipkit.corpora.fetch import script
from lipkit.course.lesson import read_truth_file
from lipkit.course.spoken import KINDS, visemes_of_frames
from lipkit.data.clips import PreparedClip, read_clip
from lipkit.data.part import part
from lipkit.data.prepared import PreparedSet
from lipkit.data.tensors import to_image_tensor, to_images
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation.split import spread
from lipkit.face.lips import lip_points
from lipkit.face.mouth import mouth_opening
from lipkit.metrics.motion import motion
from lipkit.models.warp_generator import Guide, WarpGenerator
from lipkit.weights import Weights, load_weights
from lipkit.weights.hearing import hear_whole


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("weights", help="shipped weights by name, a file, or a run")
    options.add_argument("--set", action="append", required=True, metavar="NAME=FOLDER:SPLIT")
    options.add_argument("--truth", type=Path, help="truth/ of the corpus of drawn people")
    options.add_argument("--clips", type=int, help="at most so many of each set, evenly spread")
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _measure(given))


def _measure(options: argparse.Namespace) -> None:
    model = load_weights(options.weights)
    if not isinstance(model.generator, WarpGenerator):
        raise UsageError(f"{options.weights}: it predicts no points; give weights of preset plus")
    model.generator.eval()
    rows, frames = [], []
    for text in options.set:
        name, _, place = text.partition("=")
        if not (name and place):
            raise UsageError("--set must read NAME=FOLDER:SPLIT")
        folder, split, *_ = part(place)
        found = _of_set(model, name, folder, split, options)
        rows += found[0]
        frames += found[1]
    if options.truth and not frames:
        raise UsageError(f"{options.truth}: holds the truth of no clip of these sets")
    write_table(options.out / "amplitude.csv", rows)
    for row in rows:
        if row["person"] == "all":
            print(row)
    if frames:
        write_table(options.out / "classes.csv", _by_class(np.concatenate(frames)))


def _of_set(
    model: Weights, name: str, folder: Path, split: str, options: argparse.Namespace
) -> tuple[list[dict], list[np.ndarray]]:
    """Rows of the people of a set, their mean last; and class, true and predicted opening."""
    clips, _ = spread(list(PreparedSet.open(folder).clips(split).itertuples()), options.clips)
    by_person: dict[str, list[dict[str, float]]] = {}
    frames = []
    for row in clips:
        clip = read_clip(folder / row.file)
        truth = options.truth and options.truth / f"{row.clip_id}.npz"
        kinds, points = _truth(truth, clip)
        found, opening = _of_clip(model, clip, points)
        by_person.setdefault(row.speaker, []).append(found)
        if kinds is not None:
            frames.append(np.stack([kinds, *opening], axis=1))
    if not by_person:
        raise LipkitError(f"{folder}: no clip in split {split}")
    people = {
        p: {k: float(np.nanmean([c[k] for c in cs])) for k in cs[0]} for p, cs in by_person.items()
    }
    mean = {k: float(np.mean([p[k] for p in people.values()])) for k in next(iter(people.values()))}
    counts = {p: len(cs) for p, cs in by_person.items()} | {"all": len(clips)}
    rows = [
        {"set": name, "person": p, "clips": counts[p], **found}
        for p, found in {**people, "all": mean}.items()
    ]
    return rows, frames


def _truth(path: Path | None, clip: PreparedClip) -> tuple[np.ndarray | None, np.ndarray]:
    """Class of each frame where it is known, and the true points, lip pixels [T, 20, 2]."""
    if path is None or not path.is_file():
        return None, lip_points(clip.landmarks, clip.box)
    truth = read_truth_file(path)
    points = lip_points(truth.landmarks[: clip.frames], clip.box)
    return visemes_of_frames(truth.phonemes, clip.frames), points


@torch.inference_mode()
def _of_clip(
    model: Weights, clip: PreparedClip, points: np.ndarray
) -> tuple[dict[str, float], tuple[np.ndarray, np.ndarray]]:
    """Figures of a clip that is made from its own first frame; true and predicted opening [T]."""
    identity = to_image_tensor(clip.lips[0])[None]
    heard = hear_whole(clip.logmel, model.card)[None, None]
    exact = torch.as_tensor(points, dtype=torch.float32)[None]
    guide = Guide(torch.ones(1, dtype=torch.bool), exact[:, 0], exact)
    made = model.generator.generate(identity, heard)
    guided = model.generator.generate(identity, heard, guide=guide)
    true, said = mouth_opening(points), mouth_opening(made.points[0].numpy())
    live = motion(clip.lips)
    cov = np.cov(true, said)
    spread = np.sqrt(cov[1, 1] / cov[0, 0]) if cov[0, 0] > 0 else np.nan
    moves = cov[0, 0] > 0 and cov[1, 1] > 0
    return {
        "r": float(np.corrcoef(true, said)[0, 1]) if moves else np.nan,
        "amplitude": float(spread),
        "slope": float(cov[0, 1] / cov[1, 1]) if moves else np.nan,
        "motion": motion(to_images(made.video[0])) / live,
        "motion_true_points": motion(to_images(guided.video[0])) / live,
    }, (true, said)


def _by_class(frames: np.ndarray) -> list[dict[str, object]]:
    """Median openings, true and predicted, of each class of sounds, lip pixels."""
    rows = []
    for number, kind in enumerate(KINDS):
        own = frames[frames[:, 0] == number]
        if len(own):
            true, said = np.median(own[:, 1:], axis=0)
            rows.append({"class": kind, "frames": len(own), "true": true, "predicted": said})
    return rows


if __name__ == "__main__":
    sys.exit(main())
