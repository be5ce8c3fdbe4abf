#!/usr/bin/env python
"""Draw the poster's pictures anew, on drawn people whom no weights have seen.

    python data_scripts/draw_poster_pictures.py data/drawn_test

Fig. 1: a woman's sentence on a man's lips. Fig. 4: clips of the test set drawn at random, by a
seed: the truth above, the generated lips below. Fig. 5: three
pictures from outside the corpus say a sentence that is not theirs, by two models trained on
different corpora (fact sheet 10). Real strangers are measured and not shown.
"""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lipkit.config import FPS, PrepareConfig
from lipkit.corpora.fetch import script
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.errors import UsageError
from lipkit.face.lips import crop, crop_boxes
from lipkit.files import replacing
from lipkit.generation import LogMel, generate_frames
from lipkit.plots.strips import film_strip
from lipkit.plots.style import to_png
from lipkit.talker import Talk, talking_clip
from lipkit.talker.crowd import anybody
from lipkit.talker.people import Person
from lipkit.weights import Weights, load_weights
from lipkit.weights.hearing import hear_whole

OUT = Path(__file__).parents[1] / "notebooks" / "results" / "poster"
SEED = 4100
"""Of people that are in no corpus. Only women wear lipstick, only men have beards."""
HERS, THEIRS = "we saw the white boat leave for the farm.", "bin blue at f two now"
FRAMES = 10
"""Pictures in a row."""
CLIPS = 4
STRANGERS = 3


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("set", type=Path, help="prepared set of drawn people to draw Fig. 4 from")
    options.add_argument("--split", default="test")
    options.add_argument("--seed", type=int, default=0, help="of the draw")
    options.add_argument("--weights", default="paper", help="the model, Fig. 1 and 4")
    options.add_argument("--other", default="paper_half", help="one of another corpus, Fig. 5")
    options.add_argument("--out", type=Path, default=OUT, help="folder for the pictures")
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _draw(given))


def _draw(options: argparse.Namespace) -> None:
    if options.weights == options.other:
        raise UsageError(f"--other {options.other}: Fig. 5 compares two different models")
    prepared = PreparedSet.open(options.set)
    model, other = load_weights(options.weights), load_weights(options.other)
    rows = {
        "figure_1": _figure_1(model),
        "figure_4": _figure_4(model, prepared, options.split, options.seed),
        "figure_5": _figure_5({options.weights: model, options.other: other}),
    }
    for name, strips in rows.items():
        path = options.out / f"{name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(to_png(film_strip(strips), scale=2, colours=256))
        print(path)


def _figure_1(model: Weights) -> dict[str, np.ndarray]:
    her = _people(1, lambda who: who.lipstick > 0.3)[0]
    him = _people(1, lambda who: who.beard not in ("none", "stubble"))[0]
    lips = _identity(him)
    talk = talking_clip(her, HERS, SEED)
    moments = _moments(talk)
    said = np.stack(list(_say(model, lips, talk.samples)))
    return {
        "her": _lips(talk)[moments],
        "him": np.repeat(lips[None], FRAMES, 0),
        "made": said[moments],
    }


def _figure_4(model: Weights, prepared: PreparedSet, split: str, seed: int) -> dict:
    clips = prepared.clips(split)
    chosen = np.random.default_rng(seed).choice(len(clips), CLIPS, replace=False)
    rows = {}
    for number, index in enumerate(sorted(chosen), 1):
        clip = read_clip(prepared.folder / clips.file.iloc[index])
        heard = hear_whole(clip.logmel, model.card)
        made = np.stack(list(generate_frames(model.generator, clip.lips[0], heard)))
        moments = np.linspace(0, len(made) - 1, FRAMES + 2).astype(int)[1:-1]
        rows[f"truth {number}"] = clip.lips[moments]
        rows[f"made {number}"] = made[moments]
    return rows


def _figure_5(models: dict[str, Weights]) -> dict[str, np.ndarray]:
    *strangers, speaker = _people(STRANGERS + 1)
    talk = talking_clip(speaker, THEIRS, SEED)
    moments = _moments(talk)
    rows = {}
    for number, who in enumerate(strangers, 1):
        lips = _identity(who)
        for name, model in models.items():
            said = np.stack(list(_say(model, lips, talk.samples)))[moments]
            rows[f"{number}: {name}"] = np.concatenate([lips[None], said[1:]])
    return rows


def _people(count: int, wanted: Callable[[Person], bool] = lambda who: True) -> list[Person]:
    """The first so many people of the crowd of that seed who are wanted."""
    everybody = (anybody(index, SEED) for index in itertools.count())
    return list(itertools.islice(filter(wanted, everybody), count))


def _identity(who: Person) -> np.ndarray:
    """The lips of a neutral picture, u8 [64, 64, 3]."""
    return _lips(talking_clip(who, "bin", SEED))[0]


def _lips(talk: Talk) -> np.ndarray:
    return crop(talk.frames, crop_boxes(talk.landmarks, PrepareConfig()))


def _say(model: Weights, lips: np.ndarray, samples: np.ndarray) -> Iterator[np.ndarray]:
    heard = LogMel(samples, model.card)
    return generate_frames(model.generator, lips, heard)


def _moments(talk: Talk) -> np.ndarray:
    """Frames, evenly over the words."""
    first, last = talk.words[0].start * FPS, talk.words[-1].end * FPS
    return np.linspace(first, last, FRAMES + 1).astype(int)[:-1] + 1


if __name__ == "__main__":
    sys.exit(main())
