"""Large portraits: how sharp the lips stay, and what a frame costs. Streaming: how late it is.

    python tests/benchmarks/bench_portraits.py [--people 5] [--sides 256 512 1024] [--weights plus]

Sharpness is that of the lip box, over that of the still's: CPBD and gradient energy, mean over
every third frame of a sentence, for lips moved in the picture's own pixels and for the same lips
drawn in 64 x 64 pixels and pasted. The portraits are drawn people with added detail
(tests/portraits.py). Costs are CPU time of one thread, which a busy machine changes little: real
time is 40 ms for each core. The file is written as `lipkit generate` writes it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch

from lipkit.config import FPS, SAMPLE_RATE
from lipkit.face.landmarks import FaceLandmarks
from lipkit.face.lips import paste_back
from lipkit.generation import (
    LogMel,
    Redrawing,
    SpeechStream,
    find_lips,
    for_inference,
    generate_frames,
    generate_moves,
)
from lipkit.media import write_video
from lipkit.metrics.cpbd import cpbd
from lipkit.talker import person, still, talking_clip
from lipkit.weights import Weights, load_weights, shipped

sys.path.insert(0, str(Path(__file__).parents[1]))
from portraits import large_portrait

SENTENCE = "bin blue at f two now"


def main() -> None:
    """Print three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--weights", default=shipped.DEFAULT, help="that move pixels")
    parser.add_argument("--sides", type=int, nargs="*", default=[256, 512, 1024])
    options = parser.parse_args()
    # More would wait for one another, and waiting counts.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    weights = load_weights(options.weights)
    samples = talking_clip(0, SENTENCE, 1).samples
    costs(weights, samples)
    lateness(weights, samples)
    sharpness(weights, samples, options.sides, options.people)


def sharpness(weights: Weights, samples: np.ndarray, sides: list[int], people: int) -> None:
    """Generated over still, for each size of the lip box."""
    generator, card = for_inference(weights.generator), weights.card
    logmel = LogMel(samples, card)
    print(f"\nlips over the still's, mean of {people} people")
    print(f"{'box':>6} {'CPBD moved':>11} {'drawn':>6} {'energy moved':>13} {'drawn':>6}")
    for side in sides:
        found = []
        for who in range(people):
            portrait = large_portrait(who, side)
            lips = portrait.lips
            drawing = Redrawing(portrait.picture, lips.box, lips.face)
            reference = _sharpness(portrait.cut(portrait.picture))
            moves = list(generate_moves(generator, lips.image, logmel))[::3]
            moved = [_sharpness(portrait.cut(drawing.frame(move))) for move in moves]
            images = [np.uint8(np.clip(np.rint(move.lips), 0, 255)) for move in moves[::4]]
            drawn = [
                _sharpness(portrait.cut(paste_back(portrait.picture, image, lips.box)))
                for image in images
            ]
            found.append([np.mean(moved, 0) / reference, np.mean(drawn, 0) / reference])
        (cpbd_moved, energy_moved), (cpbd_drawn, energy_drawn) = np.mean(found, 0)
        print(
            f"{side:4d}px {cpbd_moved:11.3f} {cpbd_drawn:6.3f} {energy_moved:13.3f} "
            f"{energy_drawn:6.3f}",
            flush=True,
        )


def _sharpness(lips: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(lips, cv2.COLOR_RGB2GRAY)
    down, along = np.gradient(grey.astype(np.float32))
    return np.array([cpbd(grey[None])[0], (down**2 + along**2).mean()])


def costs(weights: Weights, samples: np.ndarray) -> None:
    """CPU time of a frame: network, drawing, encoding, for faces that fill pictures."""
    generator, card = for_inference(weights.generator), weights.card
    logmel = LogMel(samples, card)
    small, landmarks = still(person(0)), FaceLandmarks()
    print(f"CPU ms a frame: {'picture':>10} {'lips':>5} {'network':>8} {'drawing':>8} {'file':>6}")
    for height in (288, 720, 1080, 2160):
        scale = height / small.shape[0]
        picture = cv2.resize(small, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        lips = find_lips(picture, card.preset.prepare, landmarks, "portrait")
        moves, network = _spent(lambda image=lips.image: generate_moves(generator, image, logmel))
        drawing = Redrawing(picture, lips.box, lips.face)
        frames, drawn = _spent(lambda moves=moves, draw=drawing.frame: map(draw, moves[25:50]))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "o.mp4"
            _, written = _spent(lambda path=path, frames=frames: [write_video(path, frames)])
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        each = [1000 * t for t in (network / len(moves), drawn / 25, written / 25)]
        print(
            f"{size:>26} {lips.box[2]:5.0f} {each[0]:8.1f} {each[1]:8.1f} {each[2]:6.1f}",
            flush=True,
        )


def _spent(work: Callable[[], Iterable]) -> tuple[list, float]:
    """What the work gives, all of it, and its CPU time."""
    began = time.process_time()
    made = list(work())
    return made, time.process_time() - began


def lateness(weights: Weights, samples: np.ndarray) -> None:
    """What a stream says of its latency, what was measured, and what less lookahead costs."""
    generator, card = weights
    lips = find_lips(still(person(0)), card.preset.prepare, FaceLandmarks(), "portrait")
    logmel = LogMel(samples, card)
    whole = np.stack([*generate_frames(for_inference(generator), lips.image, logmel)])
    moved = np.abs(whole.astype(int) - lips.image).mean()
    print(
        "\nstreaming pieces of 10 ms: seconds from a frame's sound to its picture, CPU ms of a "
        "frame,\nand grey levels from the frames of the whole recording "
        f"({moved:.1f} between those and the still)"
    )
    for lookahead in (generator.context, 8, 5, 3, 1, 0):
        stream = SpeechStream(weights, lips, lookahead=lookahead)
        step = SAMPLE_RATE // 100
        frames, waited, spent = [], [], 0.0
        for start in range(0, len(samples), step):
            began = time.process_time()
            new = stream.feed(samples[start : start + step])
            spent += time.process_time() - began
            for _ in new:
                waited.append((start + step) / SAMPLE_RATE - (len(waited) + 1) / FPS)
            frames += new
        frames += stream.finish()
        drawing = 1000 * spent / max(len(waited), 1)
        apart = np.abs(np.stack(frames).astype(int) - whole).mean()
        print(
            f"lookahead {lookahead:2d}: said {stream.latency:.3f} s, measured {max(waited):.3f} s "
            f"and {drawing:.1f} ms to draw; {apart:.2f} levels",
            flush=True,
        )


if __name__ == "__main__":
    main()
