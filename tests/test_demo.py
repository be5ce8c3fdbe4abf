"""The demo's thread in miniature: every stage but the notebooks, for real."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from lipkit.course import demo
from lipkit.course.demo_page import write_demo_page
from lipkit.course.syllabus import Lesson
from lipkit.errors import LipkitError, UsageError
from lipkit.media import probe
from lipkit.presets import preset as find_preset


@pytest.fixture(scope="module")
def small():
    """A demo of two people, three clips each, and a few training steps."""
    with pytest.MonkeyPatch.context() as patch:
        # The sources may be worked on while the tests run.
        patch.setattr(demo, "made_by_function", lambda function: "this")
        patch.setattr(demo, "SPEAKERS", 2)
        patch.setattr(demo, "CLIPS", 3)
        for other in ("flow.steps", "loss.perc.steps"):  # networks of which nothing is asked here
            patch.setitem(demo.GOING_ON, other, 1)
        patch.setattr(demo, "SPEECH", "bin")
        patch.setattr(demo, "COURSE", ())
        yield


@pytest.fixture(scope="module")
def made(small, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "out"
    demo.run_demo(out, minutes=0.01)
    return out


@pytest.mark.slow
def test_the_page_shows_what_is_there(made):
    page = (made / "index.html").read_text()
    links = re.findall(r'(?:src|href|poster)="([^"]+)"', page)
    assert {"talking/talking.mp4", "talking/lips.mp4", "contact.png"} <= set(links)
    for link in links:
        assert (made / link).is_file(), link


@pytest.mark.slow
def test_the_talking_picture_has_the_sound_of_the_recording(made):
    truth = probe(made / "talking" / "truth.mp4")
    lips, talking = (probe(made / "talking" / f"{name}.mp4") for name in ("lips", "talking"))
    assert (lips.width, lips.height) == (64, 64)
    assert (talking.width, talking.height) == (truth.width, truth.height)
    for video in (lips, talking):
        assert video.has_audio
        assert video.duration == pytest.approx(truth.duration, abs=0.1)


@pytest.mark.slow
def test_a_second_run_keeps_everything(made, small, capsys, monkeypatch):
    def fail(*_):
        raise AssertionError("a stage ran again")

    for stage in ("_make_corpus", "_prepare", "_train", "_talk"):
        monkeypatch.setattr(demo, stage, fail)
    demo.run_demo(made, minutes=0.01)
    assert capsys.readouterr().out.count("kept") == 4


@pytest.mark.slow
def test_other_training_keeps_the_prepared_set(made, small, tmp_path, monkeypatch):
    copy = shutil.copytree(made, tmp_path / "copy")
    ran = []

    def note(name: str):
        def stage(out, *_):
            ran.append(name)
            raise LipkitError("stop here")

        return stage

    for stage in ("_make_corpus", "_prepare", "_train", "_talk"):
        monkeypatch.setattr(demo, stage, note(stage))
    with pytest.raises(LipkitError, match="stop here"):
        demo.run_demo(copy, minutes=0.07)
    assert ran == ["_train"]


@pytest.mark.slow
def test_other_code_makes_everything_anew(made, small, tmp_path, monkeypatch):
    copy = shutil.copytree(made, tmp_path / "copy")
    monkeypatch.setattr(demo, "made_by_function", lambda function: "other")

    def stop(*_):
        raise LipkitError("stop here")

    monkeypatch.setattr(demo, "_make_corpus", stop)
    with pytest.raises(LipkitError, match="stop here"):
        demo.run_demo(copy, minutes=0.01)
    assert not (copy / "corpus").exists()


LOGGED = {
    "plus": {"loss": 1.0, "points": 0.5, "patch": 0.1},
    "vondrick": {"loss": 1.0, "gen": 0.7, "dis": 0.6},
    "tiny": {"loss": 1.0, "pix": 0.5, "corr": 0.4, "perc": 0.3, "gen": 0.7, "dis": 0.6},
}


@pytest.mark.parametrize("preset_name", LOGGED)
def test_the_page_is_written_whatever_losses_a_preset_has(tmp_path, preset_name):
    out = tmp_path / "out"
    (out / "training").mkdir(parents=True)
    rows = [{"step": i, **LOGGED[preset_name], "seconds": float(i)} for i in (1, 2, 3)]
    (out / "training" / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    results = {
        "prepared": {"ok": 3},
        "training": {"step": 3, "metrics": {}},
        "talking": {"realtime": 1.0},
    }
    page = write_demo_page(out, find_preset(preset_name), [], results)
    assert "figures/loss.png" in page.read_text()
    assert (out / "figures" / "loss.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(("named", "start"), [(None, "paper_third"), ("tiny", None)])
def test_training_goes_on_from_shipped_weights_unless_a_preset_is_named(
    tmp_path, monkeypatch, named, start
):
    given = {}

    def stop(out, stages):
        given.update({stage.name: stage for stage in stages})
        raise LipkitError("stop here")

    monkeypatch.setattr(demo, "run_stages", stop)
    monkeypatch.setattr(demo, "made_by_function", lambda function: "this")
    with pytest.raises(LipkitError, match="stop here"):
        demo.run_demo(tmp_path / "out", preset_name=named)
    assert f"start={start!r}" in given["training"].inputs[1]


def test_a_network_that_draws_nothing_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(UsageError, match="draws no lips"):
        demo.run_demo(tmp_path / "out", preset_name="landmarks")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_notebook_that_fails_takes_nothing_from_the_others(tmp_path, monkeypatch, capsys):
    course, out, shown = tmp_path / "course", tmp_path / "out", []
    course.mkdir()
    good = "import os; print(os.environ['LIPKIT_CACHE'], os.environ['OMP_NUM_THREADS'])"
    for stem, source in (("00_bad", "1 / 0"), ("01_good", good)):
        nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(source)]), course / f"{stem}.ipynb")
    lessons = [Lesson(stem, stem, "Why?", 1) for stem in ("00_bad", "01_good", "02_absent")]
    monkeypatch.setattr(demo, "NOTEBOOKS", course)
    monkeypatch.setattr(demo, "COURSE", lessons)
    monkeypatch.setattr(demo, "_stages", lambda *_: [])
    monkeypatch.setattr(demo, "write_demo_page", lambda *given: shown.extend(given[2]))
    for name in ("OMP_NUM_THREADS", "LIPKIT_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LipkitError, match=r"00_bad.*ZeroDivisionError"):
        demo.run_demo(out)
    assert "[1/2] failed: " in capsys.readouterr().out
    assert shown == [lessons[1]], "the page is written with what is whole"
    assert (out / "notebooks" / "01_good.html").is_file()
    (cell,) = nbformat.read(out / "notebooks" / "01_good.ipynb", as_version=4).cells
    cache, threads = cell.outputs[0].text.split()
    assert Path(cache) == out / "cache"
    assert int(threads) >= 1
