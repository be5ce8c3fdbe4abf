"""Retrieval: the nearest window by sound, against a plain loop; its row in the table."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
from prepared_sets import noise_clip, write_description
from typer.testing import CliRunner

from lipkit.cli import app
from lipkit.corpora.record import ClipRecord
from lipkit.data.clips import read_clip, write_clip
from lipkit.data.manifest import MANIFEST, Outcome, clip_file, write_manifest
from lipkit.errors import UsageError
from lipkit.evaluation import EvaluationOptions, evaluate
from lipkit.evaluation import nearest_windows as retrieval
from lipkit.evaluation.nearest_windows import NearestWindows


def by_hand(queries: np.ndarray, sequences: list[np.ndarray]):
    """Nearest (distance, sequence, start) of each query, one window after the other."""
    found = []
    for query in queries.astype(np.float64):
        best = (np.inf, -1, 0)
        for number, frames in enumerate(sequences):
            for start in range(len(frames) - len(query) + 1):
                distance = ((query - frames[start : start + len(query)]) ** 2).sum()
                if distance < best[0]:
                    best = (distance, number, start)
        found.append(best)
    return found


@pytest.mark.parametrize("block", [1, 5, 512])
def test_nearest_windows_are_those_of_a_plain_loop(monkeypatch, block):
    monkeypatch.setattr(retrieval, "BLOCK", block)
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(5, 4, 6)).astype(np.float32)
    # Of 3 frames: none fits. Of 4: exactly one.
    sequences = [rng.normal(size=(n, 6)).astype(np.float32) for n in (9, 3, 23, 4)]
    sequences[2][7:11] = queries[3]
    search = NearestWindows(torch.from_numpy(queries))
    for number, frames in enumerate(sequences):
        search.search(torch.from_numpy(frames), number)
    distances, numbers, starts = zip(*by_hand(queries, sequences), strict=True)
    assert search.sequence.tolist() == list(numbers)
    assert search.start.tolist() == list(starts)
    assert (numbers[3], starts[3]) == (2, 7)
    assert search.distance.numpy() == pytest.approx(np.array(distances), rel=1e-4, abs=1e-4)


def test_of_equally_near_windows_the_first_wins():
    query = torch.tensor([[[1.0], [2.0]]])
    search = NearestWindows(query)
    search.search(torch.tensor([[0.0], [1.0], [2.0], [1.0], [2.0]]), 4)
    search.search(torch.tensor([[1.0], [2.0]]), 2)
    assert (search.sequence.item(), search.start.item()) == (4, 1)


def test_where_nothing_fits_nothing_is_found():
    search = NearestWindows(torch.zeros(1, 3, 2))
    search.search(torch.zeros(2, 2), 0)
    assert search.sequence.item() == -1
    with pytest.raises(ValueError, match=r"expected \[F, 2\]"):
        search.search(torch.zeros(4, 3), 0)
    with pytest.raises(ValueError, match=r"expected \[Q, W, D\]"):
        NearestWindows(torch.zeros(3, 2))


@pytest.fixture
def prepared(tmp_path):
    """Two speakers in two splits; each test clip sounds, from frame 3 on, like one of them."""
    folder, rows = tmp_path / "set", []
    made = {}
    for i, (split, speaker, frames) in enumerate(
        [
            ("s1_train", "s1", 30),
            ("s1_train", "s2", 25),
            ("s1_train", "s1", 12),
            ("s1_test", "s1", 16),
            ("s1_test", "s2", 24),
        ]
    ):
        name = f"{speaker}/{split}{i}"
        made[i] = noise_clip(frames, seed=i)
        if split == "s1_test":
            heard = made[1].logmel if i == 3 else made[0].logmel
            made[i].logmel[:64] = heard[4 * 3 : 4 * 3 + 64]
        record = ClipRecord(name, speaker, "grid", tmp_path / "x.mpg", sentence=name, split=split)
        write_clip(folder / clip_file(record), made[i])
        rows.append((record, Outcome(frames=frames)))
    write_manifest(folder / MANIFEST, rows)
    write_description(folder)
    return folder


def quick(prepared, out, **options):
    told = EvaluationOptions(metrics=["ssim", "psnr"], **options)
    return evaluate([], prepared, "s1_test", out, told, workers=0, progress=False)


def row(done, name="retrieval"):
    return next(r for r in done.summary["rows"] if r["name"] == name)


def test_the_row_is_the_lips_of_the_nearest_sound(prepared, tmp_path, monkeypatch):
    import lipkit.evaluation.work as run

    tasks = []
    honest = run.measure
    monkeypatch.setattr(run, "measure", lambda task: tasks.append(task) or honest(task))
    done = quick(prepared, tmp_path / "out", retrieval="s1_train")
    first, second = (
        read_clip(prepared / f"clips/s{i}/s1_train{i - 1}.safetensors") for i in (1, 2)
    )
    ours = {task.clip_id: task.predictions["retrieval"] for task in tasks}
    # The sound of another person is nearer, and so are that person's lips.
    assert np.array_equal(ours["s1/s1_test3"][0], second.lips[3:19])
    assert np.array_equal(ours["s2/s1_test4"][0], first.lips[3:19])
    assert ours["s2/s1_test4"].shape == (2, 16, 64, 64, 3)
    found = row(done)
    assert found["kind"] == "retrieval"
    assert (found["searched_split"], found["searched_clips"]) == ("s1_train", 2)
    assert found["searched_windows"] == (30 - 15) + (25 - 15)
    text = (tmp_path / "out/table.md").read_text()
    assert "25 windows (2 clips of split s1_train); blind to the identity image" in text


def test_same_speaker_searches_only_his_clips(prepared, tmp_path, monkeypatch):
    import lipkit.evaluation.work as run

    tasks = []
    honest = run.measure
    monkeypatch.setattr(run, "measure", lambda task: tasks.append(task) or honest(task))
    quick(prepared, tmp_path / "out", retrieval="s1_train", same_speaker=True)
    own = read_clip(prepared / "clips/s1/s1_train0.safetensors")
    lips = {task.clip_id: task.predictions["retrieval"] for task in tasks}["s1/s1_test3"][0]
    places = [np.array_equal(lips, own.lips[s : s + 16]) for s in range(15)]
    assert sum(places) == 1


def test_another_set_is_searched(prepared, tmp_path, monkeypatch):
    import lipkit.evaluation.work as run

    tasks = []
    honest = run.measure
    monkeypatch.setattr(run, "measure", lambda task: tasks.append(task) or honest(task))
    other = shutil.copytree(prepared, tmp_path / "other")
    done = quick(prepared, tmp_path / "out", retrieval=f"{other}:s1_train")
    second = read_clip(other / "clips/s2/s1_train1.safetensors")
    lips = {task.clip_id: task.predictions["retrieval"] for task in tasks}["s1/s1_test3"][0]
    assert np.array_equal(lips, second.lips[3:19])
    assert row(done)["searched_clips"] == 2


def test_a_measured_clip_is_known_by_its_file_in_another_set(prepared, tmp_path):
    other = shutil.copytree(prepared, tmp_path / "other", copy_function=os.link)
    with pytest.raises(UsageError, match="would find themselves"):
        quick(prepared, tmp_path / "out", retrieval=f"{other}:s1_test")


def test_what_is_done_is_kept_and_another_search_is_not(prepared, tmp_path, monkeypatch):
    from lipkit.evaluation.retrieval import Retrieval

    done = quick(prepared, tmp_path / "out", retrieval="s1_train")
    searched = []
    honest = Retrieval.search
    monkeypatch.setattr(
        Retrieval, "search", lambda self, clips: searched.append(len(clips)) or honest(self, clips)
    )
    again = quick(prepared, tmp_path / "out", retrieval="s1_train")
    assert searched == []
    assert row(again) == row(done)
    other = quick(prepared, tmp_path / "out", retrieval="s1_train", same_speaker=True)
    assert searched == [2]
    assert row(other)["digest"] != row(done)["digest"]
    assert row(other)["metrics"] != row(done)["metrics"]
    quick(prepared, tmp_path / "out")
    assert searched == [2]


def test_searches_that_make_no_sense_are_refused(prepared, tmp_path):
    with pytest.raises(UsageError, match="would find themselves"):
        quick(prepared, tmp_path / "out", retrieval="s1_test")
    with pytest.raises(UsageError, match="there is no split 'train'"):
        quick(prepared, tmp_path / "out", retrieval="train")
    with pytest.raises(UsageError, match="give both"):
        quick(prepared, tmp_path / "out", same_speaker=True)
    manifest = (prepared / MANIFEST).read_text()
    (prepared / MANIFEST).write_text(manifest.replace("s2/s1_train1,s2,", "s2/s1_train1,s9,"))
    with pytest.raises(UsageError, match="no clip of speaker s2"):
        quick(prepared, tmp_path / "out", retrieval="s1_train", same_speaker=True)


def test_the_command_line_adds_the_row(prepared, tmp_path):
    arguments = ["evaluate", str(prepared), "--split", "s1_test", "--out", str(tmp_path / "out")]
    arguments += ["--retrieval", "s1_train", "--metric", "ssim", "--workers", "1", "--quiet"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "out/table.json").read_text())
    assert "retrieval" in [r["name"] for r in summary["rows"]]
