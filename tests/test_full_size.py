"""From a packed set to weights at home: `data_scripts/full_size.py`, at a tiny size on a CPU."""

import json
import runpy

import pytest
from conftest import REPOSITORY
from training_sets import make_set

from lipkit.presets import PRESETS
from lipkit.weights import load_weights

script = runpy.run_path(str(REPOSITORY / "data_scripts" / "full_size.py"))
main = script["main"]

SMALL = {
    "generator.width": 1 / 32,
    "generator.residual_blocks": 1,
    "flow.width": 1 / 32,
    "loss.perc.width": 1 / 32,
    "loss.gen.width": 1 / 32,
    "loss.perc.steps": 2,
    "flow.steps": 2,
    "train.batch_size": 2,
    "train.steps": 4,
    "train.device": "cpu",
    "train.workers": 0,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """What a run brought home."""
    place = tmp_path_factory.mktemp("full-size")
    folder = make_set(place / "set", {"train": 4, "val": 2}, frames=80)
    assert main(["pack", str(folder), str(place / "set.zip")]) == 0
    sets = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    run = ["run", str(place / "set.zip"), "--out", str(place / "home"), "--minutes", "10"]
    assert main([*run, *sets]) == 0, (place / "home" / "report.json").read_text()
    return place / "home"


@pytest.mark.slow
def test_everything_was_tried_and_nothing_was_wrong(home):
    report = json.loads((home / "report.json").read_text())
    assert not [name for name, entry in report.items() if "fault" in entry]
    assert {f"one step of {name}" for name in PRESETS} < report.keys()
    assert report["generate"]["result"].startswith("80 frames")
    assert "ratio" in report["speed"]["result"]
    rows = report["evaluate"]["result"]
    assert rows["frozen lips"]["ssim"] > 0
    assert rows["run"]["ssim"] > 0


@pytest.mark.slow
def test_what_comes_home_fits_and_joins_to_weights(home, tmp_path, monkeypatch, capsys):
    files = list(home.iterdir())
    assert len(files) <= 8
    assert max(path.stat().st_size for path in files) < 16 * 2**20
    assert main(["join", str(home), str(tmp_path / "paper.safetensors")]) == 0
    weights = load_weights(tmp_path / "paper.safetensors")
    assert weights.card.step == 4
    assert weights.card.preset.name == "paper"

    # Smaller parts are joined the same.
    (tmp_path / "parts").mkdir()
    monkeypatch.setitem(script["bring_home"].__globals__, "PART_BYTES", 10_000)
    script["bring_home"](tmp_path / "paper.safetensors", tmp_path / "parts")
    parts = sorted((tmp_path / "parts").glob("weights.part*"))
    assert len(parts) > 3
    assert max(path.stat().st_size for path in parts) <= 10_000
    assert main(["join", str(tmp_path / "parts"), str(tmp_path / "again.safetensors")]) == 0
    again, first = (tmp_path / f"{name}.safetensors" for name in ("again", "paper"))
    assert again.read_bytes() == first.read_bytes()

    parts[1].write_bytes(b"other")
    assert main(["join", str(tmp_path / "parts"), str(tmp_path / "bad.safetensors")]) == 1
    parts[1].unlink()
    assert main(["join", str(tmp_path / "parts"), str(tmp_path / "bad.safetensors")]) == 1
    said = capsys.readouterr().err
    assert "a part was changed" in said
    assert "holds no whole set of parts" in said
    assert not (tmp_path / "bad.safetensors").exists()


def test_a_folder_with_files_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").write_text("x")
    assert main(["run", "set.zip", "--out", str(tmp_path)]) == 2
    assert "holds files" in capsys.readouterr().err


def test_a_setting_that_is_not_known_is_refused_at_once(tmp_path, capsys):
    run = ["run", "set.zip", "--out", str(tmp_path / "home"), "--set", "flow.widht=1"]
    assert main(run) == 2
    assert "flow.width" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_fault_is_an_entry_and_the_rest_goes_on(tmp_path):
    report = script["Report"](tmp_path / "report.json")
    assert report.attempt("broken", lambda: 1 / 0) is None
    assert report.attempt("whole", lambda: 7) == 7
    assert report.faults == ["broken"]
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["broken"]["fault"].startswith("ZeroDivisionError")
    assert stored["whole"]["result"] == 7
