"""The synthetic corpus on disk."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lipkit.errors import LipkitError
from lipkit.jobs.pool import each
from lipkit.media import read_audio, read_video
from lipkit.talker import perform, person, write_corpus
from lipkit.talker.corpus import Job, plan, write_clip
from lipkit.talker.sentences import Sentence

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(
        tmp_path_factory.mktemp("talker") / "corpus",
        speakers=2,
        clips=2,
        seed=5,
        workers=1,
        progress=False,
    )


def _files(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


@pytest.mark.slow
def test_layout_is_grids(corpus):
    jobs = plan(corpus, 2, 2, 5)
    expected = ["synthetic.json"]
    for job in jobs:
        stem = f"s{job.speaker + 1}/{job.name}"
        expected += [f"{stem}.mp4", f"align/{stem}.align", f"truth/{stem}.npz"]
    assert _files(corpus) == sorted(expected)
    card = json.loads((corpus / "synthetic.json").read_text())
    assert card["seed"] == 5
    assert set(card["people"]) == {"s1", "s2"}


@pytest.mark.slow
def test_video_and_sound_are_the_performance(corpus):
    job = plan(corpus, 2, 2, 5)[2]
    said = perform(person(job.speaker, 5), Sentence(job.name), 5)
    frames = read_video(job.path("video"))
    assert frames.shape == (75, 288, 360, 3)
    error = np.abs(frames[40].astype(int) - list(said.frames())[40].astype(int))
    assert error.mean() < 4
    heard = read_audio(job.path("video"))[: len(said.samples)]
    assert np.corrcoef(heard, said.samples[: len(heard)])[0, 1] > 0.97


@pytest.mark.slow
@pytest.mark.usefixtures("painted_anew")
def test_truth_file_has_the_same_bytes_again(corpus, tmp_path):
    job = plan(corpus, 2, 2, 5)[0]
    again = Job(str(tmp_path), job.speaker, job.name, job.seed)
    write_clip(again)
    for kind in ("truth", "align"):
        assert again.path(kind).read_bytes() == job.path(kind).read_bytes(), kind


def drawn(job):
    """Digests of what is drawn and said, before any encoder."""
    said = perform(person(job.speaker, job.seed), Sentence(job.name), job.seed)
    pictures = hashlib.sha256()
    for frame in said.frames():
        pictures.update(frame.tobytes())
    return pictures.hexdigest(), hashlib.sha256(said.samples.tobytes()).hexdigest()


@pytest.mark.usefixtures("painted_anew")
def test_processes_draw_the_same_frames():
    jobs = plan("", 2, 1, 5)
    elsewhere = dict(each(drawn, jobs, workers=2))
    assert {job: drawn(job) for job in jobs} == elsewhere


@pytest.mark.slow
@pytest.mark.usefixtures("painted_anew")
def test_processes_make_the_same_corpus(corpus, tmp_path):
    other = write_corpus(tmp_path / "c", speakers=2, clips=2, seed=5, workers=2, progress=False)
    assert _files(other) == _files(corpus)
    for name in _files(corpus):
        assert (other / name).read_bytes() == (corpus / name).read_bytes(), name


@pytest.mark.slow
def test_whole_clips_are_kept_and_missing_ones_made(corpus):
    jobs = plan(corpus, 2, 2, 5)
    kept, lost = jobs[0].path("video"), jobs[1].path("truth")
    before, bytes_lost = kept.stat().st_mtime_ns, lost.read_bytes()
    lost.unlink()
    write_corpus(corpus, speakers=2, clips=2, seed=5, workers=1, progress=False)
    assert kept.stat().st_mtime_ns == before
    assert lost.read_bytes() == bytes_lost


def test_a_larger_corpus_contains_the_smaller(tmp_path):
    small = {(j.speaker, j.name) for j in plan(tmp_path, 3, 4, 1)}
    large = {(j.speaker, j.name) for j in plan(tmp_path, 5, 9, 1)}
    assert small < large
    assert len(large) == 45


def test_the_card_forgets_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("lipkit.talker.corpus._run", lambda *_, **__: None)
    for speakers, clips in ((4, 2), (2, 5), (1, 1)):
        write_corpus(tmp_path / "c", speakers=speakers, clips=clips, progress=False)
        card = json.loads((tmp_path / "c" / "synthetic.json").read_text())
        assert (card["speakers"], sorted(card["people"])) == (4, ["s1", "s2", "s3", "s4"])
    assert card["clips"] == 5


@pytest.mark.slow
def test_another_seed_is_refused_in_one_line(corpus):
    with pytest.raises(LipkitError, match="seed 5") as caught:
        write_corpus(corpus, speakers=2, clips=2, seed=6, progress=False)
    assert "\n" not in str(caught.value)
    assert str(corpus) in str(caught.value)


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "holiday.txt").write_text("photos")
    with pytest.raises(LipkitError, match="not empty"):
        write_corpus(tmp_path, speakers=1, clips=1)
    (tmp_path / "file").write_text("")
    with pytest.raises(LipkitError, match="a file stands"):
        write_corpus(tmp_path / "file", speakers=1, clips=1)
    assert _files(tmp_path) == ["file", "holiday.txt"]


def test_a_broken_card_is_refused(tmp_path):
    (tmp_path / "synthetic.json").write_text("{")
    with pytest.raises(LipkitError, match="cannot be read"):
        write_corpus(tmp_path, speakers=1, clips=1)


@pytest.mark.parametrize("wrong", [{"speakers": 0}, {"clips": 0}, {"seed": -1}])
def test_senseless_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(LipkitError, match="must be at least"):
        write_corpus(tmp_path / "c", **wrong)
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_leaves_only_whole_files_and_no_card(tmp_path):
    out = tmp_path / "corpus"
    code = (
        "from lipkit.talker import write_corpus\n"
        f"if __name__ == '__main__': write_corpus({str(out)!r}, 4, 12, seed=2, workers=2)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 120
        while not list(out.glob("s*/*.mp4")) and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert not (out / "synthetic.json").exists()
    assert not [f for f in _files(out) if ".part-" in f]
    videos = list(out.glob("s*/*.mp4"))
    assert 0 < len(videos) < 48
    assert len(read_video(videos[0])) == 75
    with pytest.raises(LipkitError, match="seed 2"):
        write_corpus(out, 1, 1, seed=3)
