"""Evaluation: from a model and a split to tables that hold what was measured."""

import csv
import dataclasses
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from prepared_sets import STATISTICS, noise_clip, write_set
from torch import nn

import lipkit.evaluation.work
import lipkit.metrics.sync.score
from lipkit import provenance
from lipkit.cli import run_command
from lipkit.config import DataConfig, PrepareConfig
from lipkit.data.clips import ClipFile, read_clip, write_clip
from lipkit.data.tensors import scramble, to_image_tensor, to_images
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError, UsageError
from lipkit.evaluation import EvaluationOptions, evaluate
from lipkit.evaluation.clip_scores import FROZEN, MEAN, TRUTH, measure
from lipkit.evaluation.keys import code_key, metric_keys
from lipkit.evaluation.other_sound import OtherSounds
from lipkit.evaluation.parts import Parts
from lipkit.evaluation.predictions import Model, load_models, predict
from lipkit.evaluation.score_tables import latex, markdown
from lipkit.evaluation.scores import ClipScores, RowScores, Score
from lipkit.evaluation.split import SplitClip
from lipkit.evaluation.summary import summarise
from lipkit.evaluation.trust import implausible_share, jitter
from lipkit.files import owning
from lipkit.metrics import METRICS, Metric
from lipkit.metrics.conventions import grey
from lipkit.metrics.psnr import psnr
from lipkit.models.catalogue import build_generator, generator_settings
from lipkit.models.generator import Generator, GeneratorConfig
from lipkit.presets import Preset
from lipkit.provenance import needed
from lipkit.weights import WEIGHTS_NAME, Card, load_weights, save_weights

pytestmark = pytest.mark.slow

SMALL = GeneratorConfig(width=1 / 32, residual_blocks=0)
FAST = ["ssim", "psnr", "motion"]


def make_card(**values) -> Card:
    preset = Preset(name="mine", generator=SMALL, data=values.pop("data", DataConfig()))
    return Card(preset, dict(STATISTICS), "grid", "s1_train", 3, 7, "2024-05-01", **values)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Three clips of noise: 4, 4 and 2 windows; no raw clips."""
    folder = write_set(tmp_path_factory.mktemp("set"), [40, 43, 24], split="s1_test")
    for i, frames in enumerate([40, 43, 24]):
        write_clip(folder / f"clips/s1/c{i:03d}.safetensors", noise_clip(frames, i))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("first run")
    torch.manual_seed(0)
    save_weights(folder / WEIGHTS_NAME, Generator(SMALL), make_card())
    return folder


@pytest.fixture
def measured(monkeypatch) -> list:
    """(clip id, rows) of every task that is measured from here on."""
    seen = []

    def noted(task):
        seen.append((task.clip_id, (*task.references, *task.predictions)))
        return measure(task)

    monkeypatch.setattr(lipkit.evaluation.work, "measure", noted)
    return seen


def quick(models, prepared, out, **options):
    told = EvaluationOptions(**{"metrics": FAST} | options)
    return evaluate(models, prepared, "s1_test", out, told, workers=0, progress=False)


def row(summary, name):
    return next(r for r in summary["rows"] if r["name"] == name)


def test_the_table_holds_the_references_the_model_and_what_one_must_know(prepared, run, tmp_path):
    done = quick([run], prepared, tmp_path / "results")
    names = [path.name for path in done.files]
    assert names == [
        "table_windows.csv",
        "table_clips.csv",
        "table.md",
        "table.tex",
        "table.json",
    ]
    summary = json.loads((tmp_path / "results/table.json").read_text())
    assert summary == json.loads(json.dumps(done.summary))
    assert [r["name"] for r in summary["rows"]] == [TRUTH, FROZEN, MEAN, run.name]
    assert (summary["clips"], summary["windows"], summary["split"]) == (3, 10, "s1_test")

    truth, frozen = row(summary, TRUTH)["metrics"], row(summary, FROZEN)["metrics"]
    assert truth["psnr"]["mean"] is None
    assert truth["psnr"]["infinite"] == 160
    assert truth["ssim"]["mean"] == 1
    assert frozen["motion"]["mean"] == 0
    assert row(summary, run.name)["step"] == 7
    text = (tmp_path / "results/table.md").read_text()
    for word in ("∞", "frozen lips", "10 windows", "3 clips", "seed 0"):
        assert word in text
    assert "160 values are infinite" in text

    with (tmp_path / "results/table_windows.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * 10
    assert lines[0]["psnr"] == "inf"
    assert lines[0]["psnr_left_out"] == "16"
    with (tmp_path / "results/table_clips.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4 * 3


def test_the_mean_is_that_of_all_frames_of_all_windows(prepared, tmp_path):
    done = quick([], prepared, tmp_path)
    windows = Windows(prepared, "s1_test", mismatched=False)
    values = []
    for i in range(len(windows)):
        where = windows.where(i)
        clip = read_clip(prepared / f"clips/{where['clip_id']}.safetensors")
        truth = clip.lips[where["start"] : where["start"] + 16]
        frozen = np.repeat(clip.lips[[where["identity_frame"]]], 16, axis=0)
        values.append(psnr(grey(frozen), grey(truth)))
    found = row(done.summary, FROZEN)["metrics"]["psnr"]
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["low"] <= found["mean"] <= found["high"]
    with (tmp_path / "table_windows.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["row"] == FROZEN]
    assert [float(line["psnr"]) for line in lines] == pytest.approx(
        [v.mean() for v in values], abs=1e-5
    )


def made_scores(values: dict[str, list[float]]) -> list[ClipScores]:
    """A clip for each value, with one window of 4 frames."""
    count = len(next(iter(values.values())))
    return [
        ClipScores(
            f"s1/{i}",
            {
                name: RowScores([{"psnr": Score.of(np.full(4, v[i]))}], {"motion": Score.of(v[i])})
                for name, v in values.items()
            },
        )
        for i in range(count)
    ]


def test_intervals_are_those_of_clips_drawn_anew():
    values = np.random.default_rng(0).normal(30, 2, 25)
    clips = made_scores({FROZEN: list(values), "ours": list(values + 0.5)})
    rows = {FROZEN: {"kind": "reference"}, "ours": {"kind": "reference"}}
    summary = summarise(clips, rows, ["psnr"], {"corpus": "grid"})
    found = row(summary, "ours")["metrics"]["psnr"]
    rng = np.random.default_rng(5)
    means = [np.mean([values[k] for k in rng.integers(0, 25, 25)]) + 0.5 for _ in range(4000)]
    assert found["mean"] == pytest.approx(values.mean() + 0.5)
    assert found["low"] == pytest.approx(np.quantile(means, 0.025), abs=0.1)
    assert found["high"] == pytest.approx(np.quantile(means, 0.975), abs=0.1)
    # On the same clips the difference does not vary at all.
    minus = found["minus_frozen"]
    assert [minus[k] for k in ("mean", "low", "high")] == pytest.approx([0.5] * 3)


def test_the_difference_from_frozen_lips_is_taken_where_both_have_values():
    clips = made_scores({FROZEN: [2.0, 10.0, 2.2], "ours": [1.0, np.nan, 1.2]})
    rows = {FROZEN: {"kind": "reference"}, "ours": {"kind": "reference"}}
    people = {"s1/0": "a", "s1/1": "b", "s1/2": "c"}
    for speakers in ({}, people):
        summary = summarise(clips, rows, ["psnr"], {"corpus": "grid"}, (), speakers)
        minus = row(summary, "ours")["metrics"]["psnr"]["minus_frozen"]
        assert [minus[k] for k in ("mean", "low", "high")] == pytest.approx([-1] * 3)


def test_infinite_and_unmeasured_values_are_counted_and_never_averaged_in():
    clips = made_scores({FROZEN: [30.0, np.inf, np.nan, 32.0]})
    summary = summarise(clips, {FROZEN: {"kind": "reference"}}, ["psnr"], {"corpus": "synthetic"})
    found = summary["rows"][0]["metrics"]["psnr"]
    assert (found["mean"], found["values"]) == (31, 8)
    assert (found["undefined"], found["infinite"]) == (4, 4)
    assert summary["published"] == []
    one = summarise(clips[:1], {FROZEN: {"kind": "reference"}}, ["psnr"], {"corpus": "grid"})
    assert one["rows"][0]["metrics"]["psnr"]["low"] is None
    none = summarise(clips[2:3], {FROZEN: {"kind": "reference"}}, ["psnr"], {"corpus": "grid"})
    assert none["rows"][0]["metrics"]["psnr"]["mean"] is None


def test_published_numbers_stand_beside_their_own_convention_only(prepared, tmp_path):
    done = quick([], prepared, tmp_path, metrics=["ssim", "ssim_paper", "psnr_paper"])
    standard, paper = markdown(done.summary).split("## Convention: paper")
    assert "published" not in standard
    line = next(line for line in paper.splitlines() if "published: full model" in line)
    assert line == "| published: full model | 0.730 | 29.89 |"


def test_latex_is_escaped_and_balanced(prepared, run, tmp_path):
    done = quick([run], prepared, tmp_path)
    text = latex(done.summary)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert text.count("\\begin{") == text.count("\\end{") == 2
    assert body.count("{") == body.count("}")
    assert "95\\%" in body
    assert "s1\\_test" in body
    assert "$\\infty$" in body
    assert not set(body) & set("↑↓≈∞–")


def test_the_same_call_gives_the_same_scores(prepared, run, tmp_path):
    for name in ("a", "b"):
        quick([run], prepared, tmp_path / name)
    for file in ("table_windows.csv", "table_clips.csv", "table.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    other = quick([run], prepared, tmp_path / "c", seed=1)
    assert (tmp_path / "c/table_windows.csv").read_bytes() != (
        tmp_path / "a/table_windows.csv"
    ).read_bytes()
    assert other.summary["seed"] == 1


def test_a_second_call_measures_only_what_is_missing(prepared, run, tmp_path, measured):
    quick([], prepared, tmp_path)
    assert [rows for _, rows in measured] == [(TRUTH, FROZEN, MEAN)] * 3
    first = (tmp_path / "table.md").read_text()
    measured.clear()
    quick([], prepared, tmp_path)
    assert measured == []
    assert (tmp_path / "table.md").read_text() == first

    quick([run], prepared, tmp_path)
    assert measured == [(f"s1/c{i:03d}", (run.name,)) for i in range(3)]
    measured.clear()
    (tmp_path / "table_parts/s1/c001.json").unlink()
    (tmp_path / "table_parts/s1/c002.json").write_text('{"cut off')
    quick([run], prepared, tmp_path)
    assert [clip for clip, _ in measured] == ["s1/c001", "s1/c002"]
    measured.clear()
    quick([], prepared, tmp_path)  # one row less now, and none lost
    quick([run], prepared, tmp_path)
    assert measured == []
    quick([run], prepared, tmp_path, metrics=[*FAST, "cpbd"])
    assert len(measured) == 3
    measured.clear()
    quick([run], prepared, tmp_path, metrics=FAST, seed=3)
    assert len(measured) == 3


def test_metrics_asked_for_by_turns_are_each_measured_once(prepared, run, tmp_path, measured):
    quick([run], prepared, tmp_path, metrics=["ssim"])
    quick([run], prepared, tmp_path, metrics=["motion"])
    quick([], prepared, tmp_path, metrics=["psnr"])
    measured.clear()
    done = quick([run], prepared, tmp_path, metrics=["ssim", "motion"])
    assert measured == []
    assert row(done.summary, run.name)["metrics"].keys() == {"ssim", "motion"}


def test_a_clip_whose_identity_images_changed_is_measured_anew(tmp_path, measured):
    """They are drawn by the window's number in the split: a speaker more moves them."""
    folder = write_set(tmp_path / "set", [40, 43], split="s1_test")
    for i, frames in enumerate([40, 43]):
        write_clip(folder / f"clips/s1/c{i:03d}.safetensors", noise_clip(frames, i))
    quick([], folder, tmp_path / "out")
    told = (folder / "manifest.csv").read_text()
    lines = told.splitlines(keepends=True)
    (folder / "manifest.csv").write_text("".join(line for line in lines if "c000" not in line))
    measured.clear()
    again = quick([], folder, tmp_path / "out")
    assert [clip for clip, _ in measured] == ["s1/c001"]
    fresh = quick([], folder, tmp_path / "fresh")
    assert again.summary["rows"] == fresh.summary["rows"]


@pytest.fixture
def spoken(tmp_path):
    """A clip with a raw one, and the scores of its truth by two metrics, with its faces' facts."""
    files = {name: tmp_path / name for name in ("clip", "raw")}
    for name, path in files.items():
        path.write_text(name)
    clip = SplitClip("s1/a", files["clip"], (0,), (3,), source=str(files["raw"]))
    truth = RowScores([{"ssim": Score.of(1.0), "lmd": Score.of(0.5)}], {})
    return clip, ClipScores("s1/a", {TRUTH: truth}, "", paste_back=0.4, jitter=2.0)


def test_faces_are_told_of_only_where_a_metric_looks_at_them(spoken, tmp_path):
    clip, scores = spoken
    both = {"ssim": "1", "lmd": "2"}

    def parts(metrics, model="dlib"):
        return Parts(tmp_path / "parts", {}, {TRUTH: ""}, metrics, model)

    parts(both).store(scores, clip)
    assert parts(both).load(clip) == scores
    pictures = parts({"ssim": "1"}, "").load(clip)
    assert pictures.rows[TRUTH].windows == [{"ssim": Score.of(1.0)}]
    assert (pictures.jitter, pictures.paste_back) == (None, None)
    parts({"ssim": "1"}, "").store(pictures, clip)
    assert parts(both).load(clip) == scores  # what it did not ask for is still there


def test_another_raw_clip_or_landmark_model_voids_what_was_seen_there(spoken, tmp_path):
    clip, scores = spoken
    both = {"ssim": "1", "lmd": "2"}
    Parts(tmp_path / "parts", {}, {TRUTH: ""}, both, "dlib").store(scores, clip)
    other = Parts(tmp_path / "parts", {}, {TRUTH: ""}, both | {"lmd": "3"}, "another")
    raw = tmp_path / "other raw"
    raw.write_text("another")
    elsewhere = dataclasses.replace(clip, source=str(raw))
    for found in (
        other.load(clip),
        Parts(tmp_path / "parts", {}, {TRUTH: ""}, both, "dlib").load(elsewhere),
    ):
        assert found.rows[TRUTH].windows == [{"ssim": Score.of(1.0)}]
        assert (found.jitter, found.paste_back) == (None, None)


def test_a_stopped_call_keeps_what_was_measured(prepared, tmp_path, monkeypatch):
    def stopped(task):
        if task.clip_id == "s1/c002":
            raise KeyboardInterrupt
        return measure(task)

    monkeypatch.setattr(lipkit.evaluation.work, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        quick([], prepared, tmp_path)
    assert sorted(path.name for path in (tmp_path / "table_parts/s1").iterdir()) == [
        "c000.json",
        "c001.json",
    ]


def test_other_weights_of_the_same_name_are_measured_anew(prepared, run, tmp_path, measured):
    quick([run], prepared, tmp_path)
    measured.clear()
    copy = tmp_path / "elsewhere" / run.name
    torch.manual_seed(1)
    save_weights(copy / WEIGHTS_NAME, Generator(SMALL), make_card())
    quick([copy], prepared, tmp_path)
    assert [rows for _, rows in measured] == [(run.name,)] * 3


def test_several_models_have_names_of_their_own(run, tmp_path):
    second = tmp_path / "deep" / run.name
    shutil.copytree(run, second)
    file = tmp_path / "mine.safetensors"
    shutil.copy(run / WEIGHTS_NAME, file)
    labels = [model.label for model in load_models([run, second, file, run / WEIGHTS_NAME])]
    assert labels == [run.name, f"{run.name} (2)", "mine", f"{run.name} (3)"]


class Recorder(nn.Module):
    """Stands for a generator: keeps what it hears, makes what it is told."""

    def __init__(self, made=None):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.heard, self.made = [], made

    def forward(self, identity, logmel):
        self.heard.append(logmel)
        still = identity[:, :, None].repeat(1, 1, logmel.shape[2] // 4, 1, 1)
        return still if self.made is None else self.made(still)


def recording(generator, **data) -> Model:
    return Model("r", "r.safetensors", make_card(data=DataConfig(**data)), generator, "d")


@pytest.mark.parametrize(
    "data", [{}, {"sound_shift": 1}, {"sound_shift": -2}, {"mel_axes": "scrambled"}]
)
def test_a_model_hears_what_it_was_trained_on(data):
    clip = noise_clip(24)
    generator = Recorder()
    lips = predict(recording(generator, **data), clip, "s1/c", [0, 8], [20, 3], 16)
    heard = torch.cat(generator.heard)[:, 0].numpy()
    assert np.array_equal(lips[1], np.repeat(clip.lips[[3]], 16, axis=0))
    shift = data.get("sound_shift", 0)
    for window, start in zip(heard, (0, 8), strict=True):
        frames = [min(max(start + t + shift, 0), 23) for t in range(16)]
        expected = np.concatenate([clip.logmel[4 * t : 4 * t + 4] for t in frames])
        if "mel_axes" in data:
            expected = scramble(expected)
        assert np.abs(window - (expected.astype(np.float32) + 40) / 20).max() < 1e-5


def test_a_window_does_not_depend_on_the_others(run):
    model = load_models([run])[0]
    clip = noise_clip(40)
    together = predict(model, clip, "s1/c", [0, 8, 16, 24], [30, 2, 3, 4], 16)
    alone = predict(model, clip, "s1/c", [16], [3], 16)
    assert np.abs(together[2].astype(int) - alone[0]).max() <= 1


def test_batch_norm_of_the_test_batch_is_what_a_generator_never_switched_gives(run):
    running, by_batch = load_models([run], batch_norm="both")
    assert [running.label, by_batch.label] == [run.name, f"{run.name}, batch norm at test"]
    assert running.digest != by_batch.digest
    assert by_batch.about["batch_norm"] == "test batch"
    clip, starts, seen = noise_clip(100), list(range(0, 72, 8)), [90] * 9
    found = predict(by_batch, clip, "s1/c", starts, seen, 16)
    training = load_weights(run)[0].train()
    logmel = np.stack([clip.logmel[4 * t : 4 * t + 64] for t in starts])
    logmel = torch.from_numpy((logmel.astype(np.float32) + 40) / 20)[:, None]
    identity = to_image_tensor(clip.lips[seen])
    with torch.no_grad():
        batches = [training(identity[i], logmel[i]) for i in (slice(0, 8), slice(8, 9))]
    expected = to_images(torch.cat(batches))
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert (found != predict(running, clip, "s1/c", starts, seen, 16)).mean() > 0.5
    assert np.array_equal(predict(by_batch, clip, "s1/c", starts, seen, 16), found)


def test_a_model_hears_the_next_clip_of_another_speaker_where_that_is_asked_for(tmp_path):
    sounds = {"a/0": 8, "a/1": 30, "b/0": 12}
    clips = {name: noise_clip(frames, seed) for seed, (name, frames) in enumerate(sounds.items())}
    split = []
    for name, clip in clips.items():
        file = tmp_path / f"{name.replace('/', '-')}.safetensors"
        write_clip(file, clip)
        split.append(SplitClip(name, file, (0,), (0,), speaker=name[0]))
    other = OtherSounds(split)
    assert np.array_equal(other.of("a/0", 12), clips["b/0"].logmel)
    assert np.array_equal(other.of("a/1", 5), clips["b/0"].logmel[:20])
    repeated = np.concatenate([clips["a/0"].logmel] * 4)
    assert np.array_equal(other.of("b/0", 30), repeated[:120])
    alone = OtherSounds(split[:2])
    assert np.array_equal(alone.of("a/1", 8), clips["a/0"].logmel)
    assert alone.digest != other.digest
    with pytest.raises(UsageError, match="needs a second clip in the split"):
        OtherSounds(split[:1])
    generator = Recorder()
    model = dataclasses.replace(recording(generator), other_sound=other.of)
    predict(model, clips["a/1"], "a/1", [4], [0], 16)
    heard = generator.heard[0][0, 0].numpy()
    expected = np.concatenate([clips["b/0"].logmel] * 2)[16:80]
    assert np.abs(heard - (expected.astype(np.float32) + 40) / 20).max() < 1e-5


def test_a_row_with_other_sound_stands_beside_each_model(prepared, run, tmp_path, measured):
    with pytest.raises(UsageError, match="--other-sound is about models"):
        quick([], prepared, tmp_path / "none", other_sound=True)
    alone = quick([run], prepared, tmp_path)
    measured.clear()
    both = quick([run], prepared, tmp_path, other_sound=True)
    label = f"{run.name}, other sound"
    assert {rows for _, rows in measured} == {(label,)}
    own, other = row(both.summary, run.name), row(both.summary, label)
    assert own["metrics"] == row(alone.summary, run.name)["metrics"]
    assert (own["sound"], other["sound"]) == ("own", "another clip's")
    assert own["metrics"]["ssim"]["mean"] != other["metrics"]["ssim"]["mean"]


def test_a_row_for_each_articulation_stands_beside_each_model(prepared, tmp_path):
    with pytest.raises(UsageError, match="--articulation is about models"):
        quick([], prepared, tmp_path / "none", articulation=(1.5,))
    with pytest.raises(UsageError, match="leave it out"):
        quick(["plus"], prepared, tmp_path / "none", articulation=(1.0,))
    found = quick(["plus"], prepared, tmp_path, articulation=(0.5, 1.5)).summary
    rows = [row(found, f"plus{more}") for more in ("", ", articulation 0.5", ", articulation 1.5")]
    assert [each["articulation"] for each in rows] == [1.0, 0.5, 1.5]
    motion = [each["metrics"]["motion"]["mean"] for each in rows]
    assert motion[1] < motion[0] < motion[2]
    # Of other code that articulates, or lets another speak, nothing stored is handed back.
    code = code_key("lipkit.models.articulation")[:16]
    assert [code in each["digest"] for each in rows] == [False, True, True]


def test_a_network_without_batch_norm_has_one_row_and_another_kind_is_refused():
    assert [model.label for model in load_models(["plus"], batch_norm="both")] == ["plus"]
    with pytest.raises(UsageError, match="batch norm 'running_mean' is unknown; did you mean"):
        load_models([], batch_norm="running_mean")


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (lambda v: v * np.nan, "not numbers"),
        (lambda v: v * 3, r"values up to .* where pixels lie in \[-1, 1\]"),
        (lambda v: v[:, :, :12], r"makes \[3, 12, 64, 64\] where a window is \[3, 16, 64, 64\]"),
        (lambda v: v[..., ::2], r"makes \[3, 16, 64, 32\]"),
    ],
)
def test_a_model_that_makes_no_pictures_is_refused_in_one_line(made, fault):
    with pytest.raises(LipkitError, match=fault) as caught:
        predict(recording(Recorder(made)), noise_clip(24), "s1/c", [0], [20], 16)
    assert str(caught.value).startswith("r.safetensors: on s1/c")
    assert "\n" not in str(caught.value)


def test_without_raw_clips_lmd_is_left_out_with_a_line(prepared, tmp_path):
    done = quick([], prepared, tmp_path, metrics=["lmd", "opening", "ssim"])
    assert list(done.summary["metrics"]) == ["ssim"]
    (note,) = done.summary["notes"]
    assert note.startswith("LMD, Opening r: left out, because 3 of 3 raw clips are not there")
    assert "größe und mehr.mpg" in note
    assert note in (tmp_path / "table.md").read_text()
    with pytest.raises(UsageError, match="no metric is left"):
        quick([], prepared, tmp_path, metrics=["lmd"])


def test_people_drawn_straight_into_a_set_have_no_raw_clips(tmp_path):
    from lipkit.data.drawn import write_set as draw_set
    from lipkit.talker.takes import plan

    draw_set(tmp_path / "set", plan(1, 1, 0), split="s1_test", workers=1, progress=False)
    done = quick([], tmp_path / "set", tmp_path / "out", metrics=["lmd", "ssim"])
    assert list(done.summary["metrics"]) == ["ssim"]
    (note,) = done.summary["notes"]
    assert note.startswith("LMD: left out, because 1 of 1 raw clips are not there")
    assert note.endswith("draw without --prepared and prepare the files")


def test_a_model_of_another_crop_is_told(prepared, tmp_path):
    card = make_card()
    preset = dataclasses.replace(card.preset, prepare=PrepareConfig(crop="per_frame"))
    save_weights(
        tmp_path / "theirs.safetensors", Generator(SMALL), dataclasses.replace(card, preset=preset)
    )
    done = quick([tmp_path / "theirs.safetensors"], prepared, tmp_path / "out")
    assert "theirs: was trained on crop per_frame" in done.summary["notes"][0]


def test_typed_wrong_is_one_line(prepared, run, tmp_path, capsys):
    out = ["--out", str(tmp_path / "o"), "-q"]
    cases = [
        ([str(prepared), "--split", "s1_tset", *out], 2, "its splits: s1_test"),
        ([str(prepared), "--split", "s1_test", "--metric", "psrn", *out], 2, "did you mean 'psnr'"),
        ([str(tmp_path), "--split", "s1_test", *out], 1, "not a prepared set"),
        (["no.weights", str(prepared), "--split", "s1_test", *out], 1, "no such weights"),
        (
            [
                str(prepared),
                *("--split", "s1_test", "--metric", "lmd_paper"),
                *("--landmark-model", str(tmp_path / "no.dat"), *out),
            ],
            1,
            "no such landmark model",
        ),
    ]
    for arguments, code, line in cases:
        assert run_command(["evaluate", *arguments]) == code, arguments
        error = capsys.readouterr().err
        assert line in error
        assert error.count("\n") == 1


def test_the_command_prints_the_table(prepared, run, tmp_path, capsys):
    arguments = [str(run), str(prepared), "--split", "s1_test", "--out", str(tmp_path / "t.json")]
    assert run_command(["evaluate", *arguments, "--metric", "psnr", "--workers", "1", "-q"]) == 0
    printed = capsys.readouterr().out
    assert "| frozen lips |" in printed
    assert str(tmp_path / "t.json") in printed
    assert {path.name for path in tmp_path.iterdir()} == {
        "t.json",
        "t.md",
        "t.tex",
        "t_windows.csv",
        "t_clips.csv",
        "t_parts",
    }


@pytest.fixture(scope="module")
def talking(tmp_path_factory):
    """A prepared synthetic clip and its corpus."""
    from lipkit.corpora import list_clips
    from lipkit.data.prepare import prepare
    from lipkit.talker import write_corpus

    folder = tmp_path_factory.mktemp("talking")
    write_corpus(folder / "raw", speakers=1, clips=1, workers=1, progress=False)
    records = [
        dataclasses.replace(r, split="s1_test") for r in list_clips("synthetic", folder / "raw")
    ]
    prepare(records, folder / "set", workers=0, progress=False)
    return folder


@pytest.mark.slow
def test_lmd_and_opening_of_a_talking_face(talking, tmp_path):
    done = quick([], talking / "set", tmp_path, metrics=["lmd", "opening"])
    truth, frozen = (row(done.summary, name)["metrics"] for name in (TRUTH, FROZEN))
    assert truth["lmd"]["mean"] == 0
    assert truth["opening"]["mean"] == pytest.approx(1)
    assert frozen["lmd"]["mean"] > 0.5
    assert frozen["lmd"]["undefined"] == 0
    assert not frozen["opening"]["mean"] or frozen["opening"]["mean"] < 0.6
    assert 0 < done.summary["paste_back_lmd"] < 1
    assert done.summary["published"] == []


@pytest.mark.slow
def test_a_row_of_mouth_points_has_lmd_and_nothing_that_needs_pictures(talking, tmp_path):
    """Points that repeat the identity's are frozen lips, but for what pasting back moves."""
    generator = generator_settings("landmarks", width=1 / 32)
    network = build_generator(generator)
    for part in (network.point_motion.layers[-1].weight, network.point_motion.layers[-1].bias):
        nn.init.zeros_(part)
    preset = Preset(name="landmarks", generator=generator)
    card = Card(preset, dict(STATISTICS), "synthetic", "train", 3, 7, "2024-05-01")
    save_weights(tmp_path / "points.safetensors", network, card)
    models = [tmp_path / "points.safetensors"]
    names = ["lmd", "opening", "ssim"]
    done = quick(models, talking / "set", tmp_path / "out", metrics=names)
    ours, frozen = (row(done.summary, name)["metrics"] for name in ("points", FROZEN))
    assert ours["lmd"]["mean"] == pytest.approx(frozen["lmd"]["mean"], abs=0.3)
    assert ours["lmd"]["values"] == 16 * done.summary["windows"]
    assert [ours["ssim"][name] for name in ("mean", "values", "undefined")] == [None, 0, 0]
    text = (tmp_path / "out/table.md").read_text()
    head, line = (
        next(line for line in text.splitlines() if line.startswith(start))
        for start in ("|  | ", "| points ")
    )
    assert [cell.strip() == "–" for cell in line.split("|")] == [
        "SSIM" in c for c in head.split("|")
    ]
    assert "points: predicts mouth points, told those of the identity image" in text
    again = quick(models, talking / "set", tmp_path / "out", metrics=names)
    assert again.measuring == 0
    assert again.summary["rows"] == done.summary["rows"]
    with pytest.raises(UsageError, match="it has LMD, Opening r, Amplitude only"):
        quick(models, talking / "set", tmp_path / "out", metrics=["ssim"])


def test_without_raw_clips_mouth_points_are_left_out_beside_pictures(prepared, run, tmp_path):
    generator = generator_settings("landmarks", width=1 / 32)
    card = Card(Preset(name="landmarks", generator=generator), dict(STATISTICS), "", "", 3, 7, "")
    points = tmp_path / "points.safetensors"
    save_weights(points, build_generator(generator), card)
    done = quick([points, run], prepared, tmp_path / "out", metrics=["lmd", "ssim"])
    assert [r["name"] for r in done.summary["rows"]] == [TRUTH, FROZEN, MEAN, run.name]
    assert any(note.startswith("points: left out") for note in done.summary["notes"])
    with pytest.raises(UsageError, match="it has LMD, Opening r, Amplitude only"):
        quick([points], prepared, tmp_path / "out", metrics=["lmd", "ssim"])


@pytest.mark.slow
def test_moved_raw_clips_are_found_by_their_corpus(talking, tmp_path):
    shutil.copytree(talking / "raw", tmp_path / "moved")
    shutil.copytree(talking / "set", tmp_path / "set")
    file = next((tmp_path / "set").glob("clips/*/*.safetensors"))
    clip = read_clip(file)
    clip.meta["source"] = "/gone/a.mp4"
    write_clip(file, clip)
    assert ClipFile(file).meta["source"] == "/gone/a.mp4"
    found = quick([], tmp_path / "set", tmp_path / "a", metrics=["lmd"], raw=tmp_path / "moved")
    assert row(found.summary, FROZEN)["metrics"]["lmd"]["mean"] > 0.5
    with pytest.raises(UsageError, match=r"no metric is left"):
        quick([], tmp_path / "set", tmp_path / "b", metrics=["lmd"])


@pytest.mark.slow
def test_a_raw_clip_that_is_another_counts_as_failures(talking, tmp_path):
    shutil.copytree(talking / "set", tmp_path / "set")
    file = next((tmp_path / "set").glob("clips/*/*.safetensors"))
    clip = read_clip(file)
    clip.lips[:] = 255 - clip.lips
    write_clip(file, clip)
    done = quick([], tmp_path / "set", tmp_path / "out", metrics=["lmd", "ssim"])
    found = row(done.summary, FROZEN)["metrics"]
    assert found["lmd"]["mean"] is None
    assert found["lmd"]["undefined"] == 16 * done.summary["windows"]
    assert found["ssim"]["mean"] > 0
    assert "is not the clip that was prepared" in done.summary["notes"][0]


# What is kept, and for how long


def outsider(path, factor: float):
    """A metric in a file of its own, as somebody adds one."""
    path.write_text(
        "import numpy as np\n\n\ndef measure(prediction, truth, sound, context):\n"
        f"    return {factor} * np.abs(prediction.astype(float) - truth).mean(axis=(1, 2, 3))\n"
        + "\n"
        * int(factor)  # another size: Python tells compiled files by size and second
    )
    spec = importlib.util.spec_from_file_location("lipkit_outsider", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Metric("outsider", "Outsider", "", "lower", "standard", "mine", module.measure)


def test_an_edited_metric_is_measured_anew_and_alone(prepared, tmp_path, monkeypatch, measured):
    monkeypatch.setitem(METRICS, "outsider", outsider(tmp_path / "mine.py", 1.0))
    metrics = ["ssim", "outsider"]
    first = quick([], prepared, tmp_path / "out", metrics=metrics)
    monkeypatch.setitem(METRICS, "outsider", outsider(tmp_path / "mine.py", 2.0))
    asked = []

    def noted(task):
        asked.append(task.metrics)
        return measure(task)

    monkeypatch.setattr(lipkit.evaluation.work, "measure", noted)
    second = quick([], prepared, tmp_path / "out", metrics=metrics)
    assert set(asked) == {("outsider",)}
    before, after = (row(done.summary, FROZEN)["metrics"] for done in (first, second))
    assert after["outsider"]["mean"] == pytest.approx(2 * before["outsider"]["mean"])
    assert after["ssim"] == before["ssim"]


def test_the_key_of_a_metric_holds_the_files_that_it_reads(tmp_path, monkeypatch):
    one, other = tmp_path / "a.dat", tmp_path / "b.dat"
    one.write_bytes(b"points")
    other.write_bytes(b"other points")
    names = ["lmd", "ssim", "sync_confidence"]
    before, after = (metric_keys(names, str(path)) for path in (one, other))
    assert {name: before[name] == after[name] for name in names} == {
        "lmd": False,
        "ssim": True,
        "sync_confidence": True,
    }
    weights = dataclasses.replace(METRICS["sync_confidence"], reads=(other,))
    monkeypatch.setitem(METRICS, "sync_confidence", weights)
    assert metric_keys(names, str(one))["sync_confidence"] != before["sync_confidence"]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_that_can_read_weights_says_which(name):
    reaches = needed(METRICS[name].measure.__module__)
    assert bool(METRICS[name].reads) == ("lipkit.weights.shipped" in reaches)


def test_a_network_of_other_code_is_another_row(run, monkeypatch):
    (before,) = load_models([run])
    monkeypatch.setattr("lipkit.evaluation.predictions.network_key", lambda network: "edited")
    (after,) = load_models([run])
    assert before.digest != after.digest


def test_another_clip_of_the_same_size_and_date_is_measured_anew(prepared, tmp_path, measured):
    folder = shutil.copytree(prepared, tmp_path / "set")
    quick([], folder, tmp_path / "out")
    measured.clear()
    file = folder / "clips/s1/c001.safetensors"
    before = file.stat()
    write_clip(file, noise_clip(43, 77))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    provenance._content.cache_clear()  # as in a new process
    quick([], folder, tmp_path / "out")
    assert [clip for clip, _ in measured] == ["s1/c001"]


def test_two_evaluations_do_not_write_one_table(prepared, tmp_path):
    with owning(tmp_path / "table_parts"), pytest.raises(LipkitError, match="is at work there"):
        quick([], prepared, tmp_path)
    quick([], prepared, tmp_path / "other.json")


def test_the_sync_network_runs_once_for_each_row(prepared, tmp_path, monkeypatch):
    seen = []
    real = lipkit.metrics.sync.score.sync
    monkeypatch.setattr(
        lipkit.metrics.sync.score, "sync", lambda *given: seen.append(1) or real(*given)
    )
    names = ["sync_confidence", "sync_distance", "sync_offset"]
    quick([], prepared, tmp_path, metrics=names)
    assert len(seen) == 3 * 3, "three clips, three rows"


# People


def person_scores(values: dict[str, list[float]], sync=None, **told) -> list[ClipScores]:
    """Clips of several people: person -> psnr of each of their clips, truth and frozen alike."""
    clips = []
    for person, of_clips in values.items():
        for i, value in enumerate(of_clips):
            extra = {} if sync is None else {"sync_confidence": Score.of(sync[person])}
            one = RowScores([{"psnr": Score.of(np.full(4, value))}], extra)
            own = {name: found[person] for name, found in told.items()}
            clips.append(ClipScores(f"{person}/{i}", {TRUTH: one, FROZEN: one}, **own))
    return clips


def summary_of(clips, metrics=("psnr",)):
    rows = {TRUTH: {"kind": "reference"}, FROZEN: {"kind": "reference"}}
    speakers = {clip.clip_id: clip.clip_id.split("/")[0] for clip in clips}
    return summarise(clips, rows, metrics, {"corpus": "grid"}, (), speakers)


def test_a_person_with_many_clips_counts_as_one():
    clips = person_scores({"a": [10.0] * 9, "b": [20.0], "c": [30.0, 36.0]})
    summary = summary_of(clips)
    found = row(summary, TRUTH)["metrics"]["psnr"]
    assert found["mean"] == pytest.approx((10 + 20 + 33) / 3)
    assert summary["over"] == "people"
    assert "over 3 people" in summary["interval"]
    assert [p["rows"][TRUTH]["psnr"] for p in summary["people"]] == [10, 20, 33]
    assert [p["clips"] for p in summary["people"]] == [9, 1, 2]


def test_the_bracket_is_over_people():
    values = np.random.default_rng(0).normal(30, 2, 8)
    clips = person_scores({f"p{i}": [v] * (i + 1) for i, v in enumerate(values)})
    found = row(summary_of(clips), TRUTH)["metrics"]["psnr"]
    rng = np.random.default_rng(5)
    loop = [np.mean([values[k] for k in rng.integers(0, 8, 8)]) for _ in range(4000)]
    ends = np.quantile(loop, [0.025, 0.975])
    assert [found["low"], found["high"]] == pytest.approx(ends, abs=0.15)


def test_one_person_is_judged_over_clips_as_ever():
    values = list(np.random.default_rng(0).normal(30, 2, 25))
    summary = summary_of(person_scores({"a": values}))
    plain = summarise(
        made_scores({TRUTH: values}), {TRUTH: {"kind": "reference"}}, ["psnr"], {"corpus": "grid"}
    )
    assert summary["over"] == plain["over"] == "clips"
    assert row(summary, TRUTH)["metrics"]["psnr"] == row(plain, TRUTH)["metrics"]["psnr"] | {
        "minus_frozen": row(summary, TRUTH)["metrics"]["psnr"]["minus_frozen"]
    }


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"sync": {"a": 0.3, "b": 0.3, "c": 0.1}}, "Sync-C of the truth 0.100 < 0.16"),
        ({"jitter": {"a": 0.5, "b": 0.5, "c": 1.5}}, "jitter 1.50 px > 1.2"),
        ({"implausible": {"a": 0.0, "b": 0.01, "c": 0.2}}, "20.0% implausible frames > 5%"),
    ],
)
def test_a_person_on_whom_the_measure_fails_is_listed_and_not_averaged(told, reason):
    clips = person_scores({"a": [10.0], "b": [20.0], "c": [90.0]}, **told)
    metrics = ("psnr", "sync_confidence") if "sync" in told else ("psnr",)
    summary = summary_of(clips, metrics)
    assert row(summary, TRUTH)["metrics"]["psnr"]["mean"] == 15
    assert summary["clips"] == 2
    failed = summary["people"][2]
    assert (failed["averaged"], failed["faults"]) == (False, [reason])
    assert failed["rows"][TRUTH]["psnr"] == 90
    settings = {"title": "t", "split": "s", "window": 16, "seed": 0}
    text = markdown(summary | settings)
    assert "| c, not averaged | 1 | ground truth | 90.00 |" in text
    assert reason in text
    assert "c: the measure fails on the truth itself, so listed and not averaged" in text


def test_where_nobody_is_left_all_are_averaged_and_it_is_said():
    clips = person_scores({"a": [10.0], "b": [20.0]}, jitter={"a": 2.0, "b": 2.0})
    summary = summary_of(clips)
    assert row(summary, TRUTH)["metrics"]["psnr"]["mean"] == 15
    settings = {"title": "t", "split": "s", "window": 16, "seed": 0}
    assert "averaged all the same, as nobody else is left" in markdown(summary | settings)


def test_jitter_is_the_wander_of_a_still_picture_and_not_its_place():
    rng = np.random.default_rng(0)
    still = np.repeat(rng.normal(32, 8, (3, 1, 20, 2)), 16, axis=1)
    moved = still + np.arange(16)[:, None, None]  # the whole mouth glides: no jitter
    assert jitter(moved) == pytest.approx(0, abs=1e-9)
    noisy = still + rng.normal(0, 1, still.shape)
    # Of a plane normal spread, the mean distance is sqrt(pi / 2); a point's own mean and the
    # centroid take a little off.
    expected = np.sqrt(np.pi / 2) * np.sqrt(15 / 16 * 19 / 20)
    assert jitter(noisy) == pytest.approx(expected, rel=0.03)
    noisy[0] = np.nan
    assert np.isfinite(jitter(noisy))
    assert jitter(np.full((1, 16, 20, 2), np.nan)) is None


def test_lips_that_cross_and_points_that_are_missing_are_implausible():
    points = np.zeros((4, 20, 2), np.float32)
    points[:, 18, 1] = [5, -0.5, -3, np.nan]
    assert implausible_share(points) == 0.5


@pytest.mark.slow
def test_trust_is_measured_on_a_talking_face(talking, tmp_path):
    done = quick([], talking / "set", tmp_path, metrics=["lmd", "sync_confidence"])
    (person,) = done.summary["people"]
    assert person["name"] == "s1"
    assert 0 < person["truth"]["jitter"] < 1.2
    assert person["truth"]["implausible"] < 0.05
    assert person["truth"]["sync"] > person["truth"]["sync_frozen"]
    again = quick([], talking / "set", tmp_path, metrics=["lmd", "sync_confidence"])
    assert again.summary["people"] == done.summary["people"]


def test_a_locale_without_arrows_gets_plain_signs(prepared, tmp_path):
    arguments = ["evaluate", str(prepared), "--split", "s1_test", "--out", str(tmp_path / "o")]
    arguments += ["--metric", "psnr", "--workers", "1", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", "lipkit", *arguments],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    printed = done.stdout.decode("ascii")
    assert "PSNR, dB ^" in printed
    assert "| inf |" in printed
    assert "PSNR, dB ↑" in (tmp_path / "o/table.md").read_text(encoding="utf-8")
