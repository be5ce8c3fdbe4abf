"""An outsider's loss, network or metric is one file and one list entry; the rest follows."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import REPOSITORY
from training_sets import make_set

pytestmark = pytest.mark.slow

LOSS = '''
"""Colour loss: the mean colour of every frame."""

from dataclasses import dataclass

import numpy as np

from lipkit.losses.loss import Loss, LossSettings, PlainTerm
from lipkit.settings import bounded


@dataclass(frozen=True)
class ColourConfig(LossSettings):
    power: float = bounded(1.0, low=0.5, high=2.0, help="of the difference")


def build(settings, site):
    def colour(scene):
        difference = (scene.made.video - scene.video).mean((3, 4))
        return (difference.abs() ** settings.power).mean()

    return PlainTerm(colour)


def by_hand(scene):
    total = 0.0
    for made, real in zip(scene.made.video, scene.video):
        for colour in range(3):
            for frame in range(made.shape[1]):
                total += abs(np.mean(made[colour, frame]) - np.mean(real[colour, frame]))
    return total / scene.video[..., 0, 0].size


LOSS = Loss("colour", "colour loss", "mean colour", build, ColourConfig, by_hand=by_hand)
'''

NETWORK = '''
"""Still: the identity image, a little lighter or darker with the sound."""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from lipkit.models.network import Generated, Network
from lipkit.settings import Settings, bounded


@dataclass(frozen=True)
class StillConfig(Settings):
    architecture: Literal["still"] = "still"
    glow: float = bounded(0.1, low=0.0, high=1.0, help="how much the sound changes the light")


class Still(nn.Module):
    context = 0

    def __init__(self, config=None):
        super().__init__()
        self.config = config or StillConfig()
        self.light = nn.Linear(4 * 128, 1)

    def forward(self, identity, logmel):
        light = self.light(logmel.unflatten(2, (-1, 4)).flatten(3)[:, 0])  # [B, T, 1]
        video = identity[:, :, None] + self.config.glow * light[:, None, :, :, None].tanh()
        return video.clamp(-1, 1)

    def generate(self, identity, logmel):
        return Generated(self(identity, logmel))


NETWORK = Network(StillConfig, Still, "the identity image, lit by the sound")
'''

METRIC = '''
"""Redness: how red the lips are."""

from lipkit.metrics.metric import Metric

METRICS = (
    Metric(
        "redness",
        "Redness",
        "",
        "truth",
        "standard",
        "mean share of red, frame by frame",
        lambda made, truth, sound, context: made[..., 0].mean((1, 2)) / 255,
    ),
)
'''

PARTS = {
    "losses/colour.py": LOSS,
    "models/still.py": NETWORK,
    "metrics/redness.py": METRIC,
}
LISTS = {
    "losses/__init__.py": {
        "    adversarial,\n": "    colour,\n    adversarial,\n",
        "_MODULES = (": "_MODULES = (colour, ",
    },
    "models/catalogue.py": {
        "import chung, ": "import still, chung, ",
        "_MODULES = (": "_MODULES = (still, ",
    },
    "metrics/__init__.py": {
        "import cpbd, ": "import redness, cpbd, ",
        "_MODULES = (": "_MODULES = (redness, ",
    },
}
"""The one list that names each: imported, and entered."""


@pytest.fixture(scope="module")
def kit(tmp_path_factory, warm_python):
    """A copy of the package with the parts in it; runs Python there."""
    folder = tmp_path_factory.mktemp("kit")
    shutil.copytree(
        REPOSITORY / "lipkit", folder / "lipkit", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, text in PARTS.items():
        (folder / "lipkit" / name).write_text(text)
    for name, entries in LISTS.items():
        listed = (folder / "lipkit" / name).read_text(encoding="utf-8")
        for before, after in entries.items():
            assert before in listed, (name, before)
            listed = listed.replace(before, after, 1)
        (folder / "lipkit" / name).write_text(listed, encoding="utf-8")
    make_set(folder / "set", {"train": 3, "val": 1}, frames=20)

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [warm_python, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.folder = folder
    return run


def lipkit(kit, *arguments: str, **expected) -> str:
    return kit("-m", "lipkit", *arguments, **expected)


def sets(**settings) -> list[str]:
    return [
        part
        for name, value in settings.items()
        for part in ("--set", f"{name.replace('__', '.')}={value}")
    ]


QUICK = [
    *("set", "--preset", "tiny", "--steps", "2", "-q"),
    *sets(loss__corr__weight=0, loss__perc__weight=0, loss__gen__weight=0, train__workers=0),
]


@pytest.fixture(scope="module")
def run(kit) -> Path:
    options = sets(
        loss__colour__weight=2,
        loss__colour__power=0.5,
        generator__architecture="still",
        generator__glow=0.3,
        train__norm_steps="none",  # tiny's: of a batch norm, which this network has not
    )
    lipkit(kit, "train", *QUICK, "--out", "run", *options)
    return kit.folder / "run"


def test_the_command_line_trains_with_them_and_the_log_has_the_loss(run):
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    for row in rows:
        assert row["loss"] == pytest.approx(row["pix"] + 2 * row["colour"], rel=1e-4)


def test_the_card_names_them_and_the_weights_load(kit, run):
    code = (
        "from lipkit.weights import load_weights; w = load_weights('run');"
        "p = w.card.preset; print(type(w.generator).__name__, p.generator.glow, p.loss.colour)"
    )
    assert kit("-c", code).strip() == "Still 0.3 ColourConfig(weight=2.0, power=0.5)"


def test_the_documentation_tables_have_them(kit):
    (row,) = [line for line in lipkit(kit, "train", "--losses").splitlines() if "colour" in line]
    assert row == "| `loss.colour.weight` | mean colour | 0 |  | power=1.0 |"
    (row,) = [line for line in lipkit(kit, "train", "--networks").splitlines() if "`still`" in line]
    wanted = "identity as image, sound | any number | glow=0.1 |"
    assert row == f"| `still` | the identity image, lit by the sound | video | {wanted}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"loss__colur__weight": 1}, "did you mean 'loss.colour.weight'"),
        ({"loss__colour__power": 3}, "power=3.0: must be at most 2.0"),
        ({"generator__glow": 0.2}, "architecture=glance has no such setting; still has it"),
        (
            {"generator__architecture": "still", "loss__points__weight": 1},
            "the points loss needs a generator that gives mouth points",
        ),
        ({"generator__architecture": "stil"}, "must be one of still, glance"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(kit, options, said):
    printed = lipkit(kit, "train", *QUICK, "--out", "refused", *sets(**options), code=2)
    assert said in printed
    assert printed.count("\n") == 1


def test_the_tests_by_equation_know_the_loss(kit):
    tests = Path(__file__).parent / "test_losses.py"
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-k", "declared and colour"]
    assert "1 passed" in kit("-m", "pytest", str(tests), *options)


def test_the_metric_is_measured_and_told_in_the_table(kit, run):
    options = ["--split", "val", "--metric", "redness", "--workers", "1", "-q"]
    lipkit(kit, "evaluate", "run", "set", "--out", "table", *options)
    (row,) = [
        row
        for row in json.loads((kit.folder / "table" / "table.json").read_text())["rows"]
        if row["name"] == "run"
    ]
    assert 0 < row["metrics"]["redness"]["mean"] < 1
    assert "Redness" in (kit.folder / "table" / "table.md").read_text()
