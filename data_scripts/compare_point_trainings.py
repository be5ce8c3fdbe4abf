#!/usr/bin/env python
"""What helps a landmark regression with speakers who were left out of its training?

    python data_scripts/compare_point_trainings.py --train data/drawn_train:train \\
        --test drawn=data/drawn_val:val --test real=data/grid:other_speakers_train \\
        --out notebooks/results/point_trainings

Trains the regression (:mod:`lipkit.models.landmark_regression`) with the points loss, in equal
steps and from equal seeds, in several ways. ``set``: sound normalised by the statistics of the
set (``data.level=set``). ``mean``: less each recording's own mean in each mel band, which takes
microphone and long-term voice away. ``speech``: less the mean of the columns in which something is
said, so that pauses do not count (``data.level=recording``). ``standard``: as ``mean``, over the
recording's own spread as well.
``adversary``: as ``set``, and a critic of point sequences tells made from true ones. ``voices``,
``voices_mean`` and ``voices_speech``: as ``set``, ``mean`` and ``speech``, and in training every
recording sounds as if by another voice, microphone and room
(:func:`lipkit.data.augment.other_voice`).

Each clip is then spoken from its first frame's points, with its own sound and with the next
person's. Of the opening and of the width: ``r`` with the true curve, at the best lag of at most
five frames, less the ``r`` of the other sound at *its* best lag. ``amplitude`` is the spread of
the opening over the true one, ``lmd`` the distance of the centred points. Means over clips, then
people; 95 % intervals over people of the difference from the first way with the same seeds.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lipkit.config import COLUMNS_PER_FRAME, MEL_BANDS, DataConfig
from lipkit.corpora.fetch import script
from lipkit.data.augment import other_voice
from lipkit.data.level import speech_level
from lipkit.data.part import part
from lipkit.data.prepared import PreparedSet
from lipkit.errors import UsageError
from lipkit.evaluation.other_sound import next_of_another
from lipkit.face.mouth import mouth_opening, mouth_width
from lipkit.losses.points import PointsLoss
from lipkit.models.landmark_regression import LandmarkConfig, LandmarkRegression
from lipkit.report.bootstrap import ends, means, times_drawn
from lipkit.report.tables import write_csv
from lipkit.training.spoken_points import SpokenPoints


class Way(NamedTuple):
    """How a regression is taught."""

    level: str = "set"
    """What a recording is heard relative to: the set, its own mean, that of its speech, or its
    spread as well."""
    voices: bool = False
    adversary: bool = False


WAYS = {
    "set": Way(),
    "mean": Way("mean"),
    "speech": Way("speech"),
    "standard": Way("standard"),
    "adversary": Way(adversary=True),
    "voices": Way(voices=True),
    "voices_mean": Way("mean", voices=True),
    "voices_speech": Way("speech", voices=True),
}
BATCH = 64
PEOPLE = 2
"""The least of whom there is an interval."""
LEAST_STEPS = 20
LAGS = range(-5, 6)
"""Frames by which a predicted curve may come later than the true one."""
ADVERSARY = 0.1
"""Weight of the critic beside the points loss, whose size is about 1 lip pixel."""
MIDDLE, WIDE = 43.0, 20.0
"""dB: speech in the drawn sets lies about -43, and that far around it."""
SPREAD_FLOOR = 1.0
"""dB below which a recording's spread in a band counts as no speech."""
FIGURES = ("opening_gain", "width_gain", "opening_r", "amplitude", "lmd")


class Critic(nn.Module):
    """Point sequences less their identity's points [B, T, 20, 2] -> a score per window [B]."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(40, channels, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(channels, channels, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv1d(channels, 1, 3, padding=1),
        )

    def forward(self, points: Tensor, identity: Tensor) -> Tensor:
        """Score of each window; above 0 is taken for true."""
        moved = (points - identity[:, None]).flatten(2).transpose(1, 2)
        return self.layers(moved).mean((1, 2))


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns the exit code."""
    options = script.parser(__doc__)
    options.add_argument("--train", action="append", required=True, metavar="FOLDER:SPLIT")
    options.add_argument("--test", action="append", required=True, metavar="NAME=FOLDER:SPLIT")
    options.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--steps", type=int, default=1000)
    options.add_argument("--width", type=float, default=0.5)
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args(arguments)
    return script.exit_code(lambda: _compare(given))


class Heard:
    """The clips of FOLDER:SPLIT, whose sound is heard as a way says.

    Parameters
    ----------
    text
        FOLDER:SPLIT.

    Raises
    ------
    UsageError
        When the text does not read so.
    """

    def __init__(self, text: str) -> None:
        folder, split, *_ = part(text)
        prepared = PreparedSet.open(folder)
        self.clips = SpokenPoints(prepared, split, DataConfig(identity="any"))
        rows = prepared.clips(split)
        speakers = dict(zip(rows.clip_id, rows.speaker, strict=True))
        self.people = [speakers[clip] for clip in self.clips.clip_ids]

    def whole(self, clip: int) -> np.ndarray:
        """A recording, f32 [4T, 128], dB."""
        first, frames = self.clips.first[clip], self.clips.frames[clip]
        return self.clips.sound[first : first + frames].float().view(-1, MEL_BANDS).numpy()

    def draw(self, windows: int, seed: int, step: int, way: Way) -> dict[str, Tensor]:
        """Windows for one step, as :meth:`SpokenPoints.draw`, heard as the way says."""
        clips, rng = self.clips, np.random.default_rng([seed, step])
        clip = rng.integers(0, len(clips.frames), windows)
        start = (rng.random(windows) * (clips.frames[clip] - clips.window + 1)).astype(int)
        identity = (rng.random(windows) * clips.frames[clip]).astype(int)
        batch, heard = clips.take(clip, start, identity), []
        for chosen, begin in zip(clip, start, strict=True):
            logmel = self.whole(chosen)
            logmel = relative(other_voice(logmel, rng) if way.voices else logmel, way.level)
            heard.append(logmel[begin * COLUMNS_PER_FRAME :][: clips.window * COLUMNS_PER_FRAME])
        batch["logmel"] = torch.from_numpy(np.stack(heard)[:, None] / WIDE).float()
        return batch


def relative(logmel: np.ndarray, level: str) -> np.ndarray:
    """A whole recording [4T, 128], dB, relative to what ``level`` says (:class:`Way`), dB."""
    if level == "set":
        return logmel + MIDDLE
    if level == "speech":
        own = speech_level(logmel)
        return logmel - own if len(own) else logmel + MIDDLE
    own = logmel - logmel.mean(0)
    if level == "mean":
        return own
    return own / np.maximum(logmel.std(0), SPREAD_FLOOR) * WIDE


def _compare(options: argparse.Namespace) -> None:
    places = [text.partition("=")[::2] for text in options.test]
    if not all(name and place for name, place in places):
        raise UsageError("--test must read NAME=FOLDER:SPLIT")
    if options.seeds < 1:
        raise UsageError(f"--seeds {options.seeds}: give at least 1")
    if options.steps < LEAST_STEPS:
        raise UsageError(f"--steps {options.steps}: give at least {LEAST_STEPS}")
    train = [Heard(text) for text in options.train]
    tests = {test: Heard(place) for test, place in places}
    for test, heard in tests.items():
        if len(set(heard.people)) < PEOPLE:
            raise UsageError(
                f"--test {test}: has one person, and the intervals are over people; "
                "give a split of several"
            )
    rows = []
    for name in options.ways:
        way = WAYS[name]
        networks = [_train(train, way, seed, options) for seed in range(options.seeds)]
        for test, heard in tests.items():
            scores = np.mean([_figures(network, heard, way.level) for network in networks], 0)
            rows.append(_row(name, test, scores, heard.people, options))
            print({k: v for k, v in rows[-1].items() if k != "per_person"}, flush=True)
    _write(options.out, rows)


def _train(
    sets: list[Heard], way: Way, seed: int, options: argparse.Namespace
) -> LandmarkRegression:
    torch.manual_seed(seed)
    network = LandmarkRegression(LandmarkConfig(width=options.width)).train()
    critic = Critic() if way.adversary else None
    loss = PointsLoss()
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, (0.9, 0.99), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        1e-3,
        options.steps,
        pct_start=0.1,
        anneal_strategy="linear",
        cycle_momentum=False,
    )
    judging = torch.optim.Adam(critic.parameters(), 2e-4, (0.5, 0.99)) if critic else None
    for step in range(options.steps):
        parts = [heard.draw(BATCH // len(sets), seed, step, way) for heard in sets]
        batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        made = network.generate(batch["identity_points"], batch["logmel"])
        identity, true = batch["identity_points"], batch["points"]
        total = loss(made.points, true, made.identity_points, identity)
        if critic:
            real, fake = critic(true, identity), critic(made.points.detach(), identity)
            judged = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
            judging.zero_grad()
            judged.backward()
            judging.step()
            total = total - ADVERSARY * critic(made.points, identity).mean()
        optimiser.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def _figures(network: LandmarkRegression, heard: Heard, level: str) -> np.ndarray:
    """FIGURES of each clip, [clips, figures]."""
    clips, rows = heard.clips, []
    others = next_of_another(heard.people)
    for clip, other in enumerate(others):
        frames = int(clips.frames[clip])
        true = clips.points[clips.first[clip] :][:frames]
        made, swapped = (
            _speak(network, true[:1], relative(heard.whole(source), level), frames)
            for source in (clip, other)
        )
        gains = [
            _best_r(curve(made), curve(true.numpy())) - _best_r(curve(swapped), curve(true.numpy()))
            for curve in (mouth_opening, mouth_width)
        ]
        opening, spoken = mouth_opening(true.numpy()), mouth_opening(made)
        error = torch.from_numpy(made) - true
        lmd = float((error - error.mean(-2, keepdim=True)).norm(dim=-1).mean())
        amplitude = spoken.std() / max(opening.std(), 1e-6)
        rows.append([*gains, _best_r(spoken, opening), amplitude, lmd])
    return np.array(rows)


def _speak(
    network: LandmarkRegression, identity: Tensor, heard: np.ndarray, frames: int
) -> np.ndarray:
    """Points [frames, 20, 2] of an identity that says what is heard, repeated where shorter."""
    columns = frames * COLUMNS_PER_FRAME
    heard = np.tile(heard / WIDE, (-(-columns // len(heard)), 1))[:columns]
    return network(identity, torch.from_numpy(heard)[None, None])[0].numpy()


def _best_r(made: np.ndarray, true: np.ndarray) -> float:
    """The highest correlation over the lags; 0 where either stands still."""
    found = []
    for lag in LAGS:
        a = made[max(lag, 0) : len(made) + min(lag, 0)]
        b = true[max(-lag, 0) : len(true) + min(-lag, 0)]
        if np.ptp(a) > 0 and np.ptp(b) > 0:
            found.append(float(np.corrcoef(a, b)[0, 1]))
    return max(found, default=0.0)


def _row(
    way: str, test: str, scores: np.ndarray, people: list[str], options: argparse.Namespace
) -> dict:
    of = np.array(people)
    per_person = np.stack([scores[of == person].mean(0) for person in sorted(set(people))])
    head = {"way": way, "test": test, "clips": len(of), "people": len(per_person)}
    return head | {
        "seeds": options.seeds,
        "steps": options.steps,
        **dict(zip(FIGURES, per_person.mean(0).round(4).tolist(), strict=True)),
        "per_person": per_person,
    }


def _write(out: Path, rows: list[dict]) -> None:
    """The table, with the difference of the opening's gain from that of the first way."""
    base = {row["test"]: row["per_person"] for row in rows if row["way"] == rows[0]["way"]}
    for row in rows:
        change = (row.pop("per_person") - base[row["test"]])[:, 0]
        low, high = ends(means(times_drawn(len(change)), change, np.ones(len(change))))
        row |= {"change": change.mean().round(4), "low": low.round(4), "high": high.round(4)}
    write_csv(out / "trainings.csv", rows)


if __name__ == "__main__":
    sys.exit(main())
