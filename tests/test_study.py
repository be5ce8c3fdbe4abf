"""The study of a prepared set: peaks and their shifts, unusable clips, tables, the command."""

import csv
import json

import numpy as np
import pytest
from correlated_sets import correlated_clip, write_clips

from lipkit.analysis.extraction import extract
from lipkit.analysis.series import FORMULAS, series
from lipkit.analysis.study import Study, StudyOptions, analyse
from lipkit.analysis.study_files import write_study
from lipkit.cli import run_command
from lipkit.data.prepared import PreparedSet
from lipkit.errors import LipkitError, UsageError
from lipkit.flow.cache import FlowCache

pytestmark = pytest.mark.slow

QUICK = ["level_opening", "signed_opening"]


def study_of(prepared, formulas=QUICK, workers=None, **options) -> Study:
    """With few re-pairings, for the time it takes."""
    told = StudyOptions(**{"repairings": 200} | options)
    return analyse(prepared, formulas, told, workers=workers, progress=False)


@pytest.fixture(scope="module")
def following(tmp_path_factory):
    """Twelve clips of two speakers whose lips come 3 frames after the sound."""
    folder = tmp_path_factory.mktemp("following")
    clips = {f"s{1 + i % 2}/c{i:02d}": correlated_clip(i, delay=3) for i in range(11)}
    clips["s2/t11"] = correlated_clip(11, frames=60, delay=3)
    return PreparedSet.open(write_clips(folder, clips))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Three good clips and one of each kind that cannot be used."""
    folder = tmp_path_factory.mktemp("faulty")
    clips = {f"s1/good{i}": correlated_clip(i) for i in range(3)}
    silent, still, pause = (correlated_clip(i) for i in range(3, 6))
    silent.logmel[:] = -100
    still.landmarks[:] = still.landmarks[:1]
    still.lips[:] = still.lips[:1]
    # At the largest offset the only pieces left lie in the pause.
    pause.logmel[: 4 * 60] = -100
    clips |= {"s1/silent": silent, "s1/still": still, "s1/pause": pause}
    clips |= {"s1/short": correlated_clip(6, frames=31), "s1/lost": "lost.mpg: no face"}
    clips["s1/torn"] = correlated_clip(7)
    write_clips(folder, clips)
    torn = folder / "clips" / "s1" / "torn.safetensors"
    torn.write_bytes(torn.read_bytes()[:5000])
    return PreparedSet.open(folder)


@pytest.mark.parametrize("shift", [0, 5, -4])
def test_the_peak_is_where_the_lips_follow_and_moves_against_a_shift(following, shift):
    study = study_of(following, shift=shift)
    for result in study.results.values():
        assert result.peak == result.excess == 3 - shift
        assert result.peak_interval == (3 - shift, 3 - shift)
        assert result.counts[list(study.offsets).index(3 - shift)] == 12
        at = list(study.offsets).index(3 - shift)
        assert result.interval.low[at] > result.null.high[at] + 0.3
        assert result.peak_p < 0.01
        assert result.histogram_p[1] < 0.01


def test_bands_surround_what_they_are_bands_of(following):
    result = study_of(following).results["level_opening"]
    assert (result.interval.low <= result.mean).all()
    assert (result.mean <= result.interval.high).all()
    np.testing.assert_allclose(result.mean, result.curves.mean(axis=0))
    assert result.counts.sum() == len(result.clip_ids) == 12


def test_unrelated_sound_and_lips_show_no_peak(tmp_path):
    clips = {f"s1/c{i:02d}": correlated_clip(i) for i in range(24)}
    for i, clip in enumerate(clips.values()):
        clip.landmarks[:] = correlated_clip(100 + i).landmarks
    prepared = PreparedSet.open(write_clips(tmp_path, clips))
    for result in study_of(prepared).results.values():
        assert result.peak_p > 0.01
        assert result.histogram_p[1] > 0.01


def test_clips_that_cannot_be_used_are_left_out_with_a_reason(faulty, tmp_path):
    study = study_of(faulty, tuple(FORMULAS))
    reasons = {clip.clip_id.split("/")[1]: clip.reason for clip in study.unusable}
    assert reasons.pop("torn").endswith("delete it and run lipkit prepare again")
    assert reasons.pop("pause").startswith("still or silent: authors has no changing piece")
    assert reasons == {
        "silent": "silent: its sound never changes",
        "still": "still: its lips never move",
        "short": "too short: 31 frames, 32 are needed",
        "lost": "not prepared: lost.mpg: no face",
    }
    for result in study.results.values():
        assert result.clip_ids == ("s1/good0", "s1/good1", "s1/good2")
        for field in (result.curves, result.mean, result.null.low, result.null.high):
            assert np.isfinite(field).all()
    files = write_study(study, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files}
    for path in files:
        assert "nan" not in path.read_text().lower()
    rows = list(csv.DictReader((tmp_path / "clips.csv").open()))
    assert len(rows) == 9
    assert all((row["status"] == "ok") == (not row["reason"]) for row in rows)


def test_tables_say_what_the_study_says(following, tmp_path):
    study = study_of(following, split="train", shift=1)
    write_study(study, tmp_path, "prepared")
    curves = list(csv.DictReader((tmp_path / "curves.csv").open()))
    assert len(curves) == 2 * 31
    top = max(curves[:31], key=lambda row: float(row["r"]))
    assert top["offset"] == "2"
    assert int(top["clips_best"]) == 11
    best = list(csv.DictReader((tmp_path / "best_offsets.csv").open()))
    assert {row["best_offset"] for row in best} == {"2"}
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["clips"]["speakers"] == {"s1": 6, "s2": 5}
    assert summary["formulas"]["level_opening"]["peak"]["offset"] == 2
    assert summary["command"] == (
        "lipkit analyse prepared --out DIR --formula level_opening --formula signed_opening "
        "--split train --reach 15 --shift 1 --repairings 200 --seed 0"
    )


def test_the_number_of_processes_changes_nothing(following):
    alone = study_of(following, ["magnitude"], workers=0).results["magnitude"]
    shared = study_of(following, ["magnitude"], workers=2).results["magnitude"]
    np.testing.assert_array_equal(alone.curves, shared.curves)
    np.testing.assert_array_equal(alone.null_counts.mean, shared.null_counts.mean)


class Embeddings:
    """What a trained correlation network gives, in small: one number a step of each kind."""

    name = "learned"
    meaning = "two embeddings"

    def __call__(self, clip):
        sound = clip.logmel.reshape(clip.frames, -1).astype(float).mean(axis=1)
        return 2 * sound + 1, clip.landmarks[:, 66, 1]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_network_is_one_more_formula(following, workers):
    study = study_of(following, ["level_opening", Embeddings()], workers)
    learned, plain = study.results["learned"], study.results["level_opening"]
    assert learned.peak == 3
    np.testing.assert_allclose(learned.curves, plain.curves, atol=1e-5)


def test_a_formula_of_unequal_series_is_refused(following):
    class Unequal(Embeddings):
        def __call__(self, clip):
            return np.arange(60.0), np.arange(59.0)

    with pytest.raises(ValueError, match="equally many steps"):
        analyse(following, [Unequal()], workers=0, progress=False)


def test_what_formulas_share_is_computed_once(following, monkeypatch):
    import lipkit.analysis.series as module

    calls = []
    flow = module.farneback
    monkeypatch.setattr(module, "farneback", lambda lips: calls.append(1) or flow(lips))
    extract(following, [FORMULAS["authors"], FORMULAS["magnitude"]], workers=0, progress=False)
    assert len(calls) == 12


def test_the_cache_changes_nothing_but_the_work(following, tmp_path, monkeypatch):
    cache, formulas = FlowCache(tmp_path), [FORMULAS["authors"]]
    plain = extract(following, formulas, workers=0, progress=False)
    extract(following, formulas, cache=cache, workers=0, progress=False)
    monkeypatch.setattr("lipkit.flow.cache.farneback", None)
    monkeypatch.setattr("lipkit.analysis.series.farneback", None)
    kept = extract(following, formulas, cache=cache, workers=0, progress=False)
    for a, b in zip(plain, kept, strict=True):
        np.testing.assert_allclose(a.pairs["authors"][1], b.pairs["authors"][1], rtol=1e-6)


def test_speakers_and_splits_choose_clips(following):
    one = study_of(following, speakers=["s1"])
    assert {clip.speaker for clip in one.clips} == {"s1"}
    with pytest.raises(UsageError, match="no usable clip of 's9'; speakers there: s1, s2"):
        study_of(following, speakers=["s9"])
    with pytest.raises(LipkitError, match="1 of 1 clips can be analysed"):
        study_of(following, split="test")


@pytest.mark.parametrize(
    ("formulas", "match"),
    [
        (["autors"], "did you mean 'authors'"),
        (["authors", "authors"], "once"),
        ([], "at least one"),
    ],
)
def test_wrong_formulas_are_refused(following, formulas, match):
    with pytest.raises(LipkitError, match=match):
        analyse(following, formulas)


def test_series_of_one_clip_have_one_number_a_step():
    clip = correlated_clip(0)
    for name, steps in (("authors", 74), ("level_opening", 75), ("signed_opening", 74)):
        sound, lips = series(clip, FORMULAS[name])
        assert sound.shape == lips.shape == (steps,)


def test_the_command_writes_tables_and_figures(following, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["analyse", str(following.folder), "--out", str(out), "--repairings", "200", "-q"]
    assert run_command([*command, "--formula", "level_opening", "--reach", "8"]) == 0
    printed = capsys.readouterr().out
    assert "12 clips, 0 left out" in printed
    assert "at offset +3" in printed
    assert {path.name for path in out.iterdir()} == {
        *("curves.csv", "best_offsets.csv", "clips.csv", "summary.json"),
        *("fig3.png", "fig3_level_opening.png"),
    }
    assert (out / "fig3.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "summary.json").read_text())["settings"]["offsets"] == [-8, 8]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--formula", "autors"], 2, "did you mean 'authors'"),
        (["--speaker", "s9"], 2, "speakers there: s1, s2"),
        (["--split", "tset"], 2, "its splits: test, train"),
        (["--split", "test"], 1, "at least"),
        (["--repairings", "10"], 2, "200"),
        (["--raw", ".", "--shift", "1"], 2, "exclude each other"),
    ],
)
def test_the_command_fails_in_one_line(following, tmp_path, capsys, options, code, words):
    out = tmp_path / "out"
    assert (
        run_command(["analyse", str(following.folder), "--out", str(out), "-q", *options]) == code
    )
    error = capsys.readouterr().err
    assert words in error
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()


def test_a_folder_that_is_no_prepared_set_is_named(tmp_path, capsys):
    assert run_command(["analyse", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "lipkit prepare" in capsys.readouterr().err
