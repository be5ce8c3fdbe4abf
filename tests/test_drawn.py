"""Drawn people straight into a prepared set."""

import json
from itertools import pairwise

import numpy as np
import pytest

from lipkit.config import PrepareConfig
from lipkit.data import drawn
from lipkit.data.clips import read_clip
from lipkit.data.prepared import PreparedSet
from lipkit.data.windows import Windows
from lipkit.errors import LipkitError
from lipkit.face.lips import crop, crop_boxes
from lipkit.talker.english import held_out
from lipkit.talker.recordings import Piece, Recording
from lipkit.talker.speech import speak


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("drawn") / "set"
    jobs = drawn.plan(2, 2, seed=3, split="train")
    return drawn.write_set(out, jobs, workers=1, progress=False), jobs


def test_it_opens_as_a_prepared_set_and_gives_windows(made):
    folder, jobs = made
    opened = PreparedSet.open(folder)
    assert opened.splits == ["train"]
    assert len(opened.clips("train")) == len(jobs) == 4
    assert set(opened.manifest.speaker) == {"p000", "p001"}
    window = Windows(opened, "train")[0]
    assert window["video"].shape == (3, 16, 64, 64)
    assert abs(float(window["logmel"].mean())) < 2


def test_points_are_exact_and_the_crop_is_that_of_the_whole_frames(made):
    folder, jobs = made
    said, _ = drawn.rehearse(jobs[0])
    stored = read_clip(folder / "clips" / f"{jobs[0].record.clip_id}.safetensors")
    assert np.array_equal(stored.landmarks, said.landmarks())
    boxes = crop_boxes(said.landmarks(), PrepareConfig())
    assert np.array_equal(stored.box, boxes)
    whole = crop(said.frames(), boxes).astype(int)
    # A part of a frame is sampled at other fractions of a pixel than the whole: 1 grey level.
    assert np.abs(stored.lips - whole).max() <= 1


def test_header_says_what_is_said_and_how_its_times_were_got(made):
    folder, jobs = made
    meta = read_clip(folder / "clips" / f"{jobs[0].record.clip_id}.safetensors").meta
    spoken = json.loads(meta["phonemes"])
    assert meta["times"] == "exact"
    assert meta["text"] == jobs[0].text
    assert spoken[0][:2] == ["_", 0.0]
    assert all(a[2] == pytest.approx(b[1], abs=2e-4) for a, b in pairwise(spoken))


def test_same_seed_same_bytes_and_a_begun_set_is_continued(made, tmp_path):
    folder, jobs = made
    again = drawn.write_set(tmp_path / "again", jobs, workers=2, progress=False)
    for path in sorted(folder.rglob("*.*")):
        if path.is_file():
            assert (again / path.relative_to(folder)).read_bytes() == path.read_bytes()
    lost, *_, kept = sorted(again.rglob("*.safetensors"))
    before, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    drawn.write_set(again, jobs, workers=1, progress=False)
    assert lost.read_bytes() == before
    assert kept.stat().st_mtime_ns == stamp


def test_lips_touch_at_every_bilabial(made):
    _, jobs = made
    checked = 0
    for job in jobs:
        said, _ = drawn.rehearse(job)
        points = said.landmarks()
        width = np.linalg.norm(points[:, 54] - points[:, 48], axis=1).mean()
        gap = np.linalg.norm(points[:, 66] - points[:, 62], axis=1) / width
        for p in said.phonemes:
            if p.symbol in ("p", "b", "m"):
                first, last = int((p.start - 0.06) * 25), int(p.end * 25)
                assert gap[first : last + 1].min() < 0.03
                checked += 1
    assert checked >= 4


def piece(number: int, speaker: str, sex: str) -> Piece:
    recording = Recording(drawn.Path(f"{speaker}-{number}.ogg"), speaker, sex, "yes")
    return Piece(recording, 0.0, 1.0, speak("yes").phonemes, (), "aligned")


def test_half_of_the_clips_are_human_and_of_ones_own_sex():
    pieces = [
        piece(n, s, sex) for s, sex in (("a", "f"), ("b", "m"), ("c", "f")) for n in range(14)
    ]
    jobs = drawn.plan(6, 4, seed=1, pieces=pieces)
    human = [job for job in jobs if job.piece]
    assert len(human) == 12
    from lipkit.talker.crowd import anybody

    for job in human:
        assert job.piece.recording.sex == ("f" if anybody(job.person, 1).woman else "m")
    assert len({job.piece.name for job in human}) == 12
    assert len({job.record.clip_id for job in jobs}) == 24


def test_a_test_set_shares_no_sentence_voice_or_person_with_training():
    train, test = drawn.plan(8, 5, seed=0), drawn.plan(8, 5, seed=9, held=True)
    assert not any(held_out(job.text) for job in train)
    assert all(held_out(job.text) for job in test)
    voices = [{drawn.rehearse(job)[1].split("+")[1] for job in jobs} for jobs in (train, test)]
    assert not voices[0] & voices[1]


def test_another_corpus_in_the_folder_is_refused(tmp_path):
    (tmp_path / "holiday.txt").write_text("")
    with pytest.raises(LipkitError, match="no prepared set"):
        drawn.write_set(tmp_path, drawn.plan(1, 1, 0), workers=1, progress=False)
    with pytest.raises(LipkitError, match="nothing to draw"):
        drawn.write_set(tmp_path / "x", [], progress=False)
