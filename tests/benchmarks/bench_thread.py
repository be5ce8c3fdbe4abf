"""Do generated lips follow the speech? Correlation of generated and true mouth opening.

For each clip the mouth is generated from its first frame and its sound, pasted back into
that (still) frame, and measured by dlib's predictor as any video would be; Pearson's r
with the opening of the real mouth is taken over the clip's frames, then averaged over
clips with a bootstrap 95 % interval. Beside it: the same lips against the sound of
another clip, lips frozen at the first frame (no correlation by definition), and the real
lips through the same cropping and pasting, which is the ceiling of the measurement.

    python tests/benchmarks/bench_thread.py RUN PREPARED --split val
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.face.landmarks import FaceLandmarks, track
from lipkit.face.mouth import mouth_opening
from lipkit.generation import generate_frames, paste_into
from lipkit.media import iter_video
from lipkit.report.bootstrap import ends, means, times_drawn
from lipkit.weights import load_weights
from lipkit.weights.hearing import hear_whole

BOOTSTRAP_DRAWS = 10_000


@dataclass
class Score:
    """Correlation and size of movement of one way of making lips, one value per clip."""

    correlation: list[float]
    movement: list[float]
    """Standard deviation of the opening, source pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="weights, or the folder of a run")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--clips", type=int, default=0, help="first so many clips; 0: all")
    arguments = parser.parse_args()
    scores = measure(arguments.weights, arguments.prepared, arguments.split, arguments.clips)
    print(table(scores))


def measure(weights: Path, prepared: Path, split: str, clips: int = 0) -> dict[str, Score]:
    """Scores of each row of the table, over the clips of a split."""
    generator, card = load_weights(weights)
    landmarks = FaceLandmarks()
    opened = PreparedSet.open(prepared)
    files = [opened.folder / file for file in opened.clips(split).file][: clips or None]
    names = ("generated", "other clip's sound", "frozen lips", "real lips pasted")
    scores = {name: Score([], []) for name in names}
    for index, file in enumerate(tqdm(files, unit="clip")):
        clip = read_clip(file)
        other = read_clip(files[(index + 1) % len(files)])
        still = next(iter_video(clip.meta["source"]))
        face = track([still], landmarks).boxes[0]
        true = mouth_opening(clip.landmarks)
        ways = {
            "generated": generate_frames(generator, clip.lips[0], hear_whole(clip.logmel, card)),
            "other clip's sound": generate_frames(
                generator, clip.lips[0], hear_whole(other.logmel, card)
            ),
            "frozen lips": [clip.lips[0]] * len(true),
            "real lips pasted": clip.lips,
        }
        for name, lips in ways.items():
            frames = paste_into(still, lips, clip.box[0])
            opening = _opening(frames, face, landmarks)
            length = min(len(opening), len(true))
            scores[name].correlation.append(correlation(opening[:length], true[:length]))
            scores[name].movement.append(float(opening.std()))
    return scores


def _opening(
    frames: Iterable[np.ndarray], face: np.ndarray, landmarks: FaceLandmarks
) -> np.ndarray:
    return mouth_opening(np.stack([landmarks.points(frame, face) for frame in frames]))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 0 when either does not move at all."""
    if min(a.std(), b.std()) < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def interval(values: list[float], seed: int = 0) -> tuple[float, float, float]:
    """Mean over clips with its bootstrap 95 % interval."""
    sample = np.asarray(values)
    draws = times_drawn(len(sample), BOOTSTRAP_DRAWS, seed)
    low, high = ends(means(draws, sample, np.ones(len(sample))))
    return float(sample.mean()), float(low), float(high)


def table(scores: dict[str, Score]) -> str:
    """The scores as text, a row a way of making lips."""
    clips = len(next(iter(scores.values())).correlation)
    lines = [
        f"opening of generated against real lips, {clips} clips (mean and bootstrap 95 % interval)",
        f"{'lips':<20} {'r':>6}  {'interval':<16} {'movement, px':>12}",
    ]
    for name, score in scores.items():
        mean, low, high = interval(score.correlation)
        movement = np.mean(score.movement)
        lines.append(f"{name:<20} {mean:6.3f}  [{low:6.3f}, {high:6.3f}] {movement:12.2f}")
    own, other = (scores[name].correlation for name in ("generated", "other clip's sound"))
    mean, low, high = interval(list(np.subtract(own, other)))
    lines.append(f"{'own minus other':<20} {mean:6.3f}  [{low:6.3f}, {high:6.3f}]")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
