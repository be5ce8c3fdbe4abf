"""Every command that owns a folder refuses one in which another command is at work: one line."""

from pathlib import Path

import pytest
from prepared_sets import write_set

from lipkit.cli import run_command
from lipkit.files import LOCK_NAME, owning

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "02_derivative_correlation.ipynb"
COMMANDS = {
    "train": ["train", "{set}", "--preset", "tiny", "--steps", "1", "--out", "{out}"],
    "evaluate": ["evaluate", "{set}", "--split", "train", "--metric", "psnr", "--out", "{out}"],
    "experiment": [
        *("experiment", "ablation", "{set}", "--preset", "tiny", "--steps", "1", "--cells", "b"),
        *("--test-split", "train", "--metric", "psnr", "--out", "{out}"),
    ],
    "analyse": ["analyse", "{set}", "--formula", "level_opening", "--out", "{out}"],
    "sweep": ["run", str(NOTEBOOK), "--grid", "seed=0,1", "--out", "{out}"],
    "demo": ["demo", "{out}"],
    "synth": ["synth", "{out}", "--speakers", "1", "--clips", "1"],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    return write_set(tmp_path_factory.mktemp("set"), [40, 40], split="train")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_folder_in_use_is_refused_in_one_line(prepared, tmp_path, capsys, name):
    out = tmp_path / "out"
    owned = out / "table_parts" if name == "evaluate" else out
    words = [word.format(set=prepared, out=out) for word in COMMANDS[name]]
    with owning(owned):
        assert run_command(words) == 1
        error = capsys.readouterr().err
        assert "another lipkit command is at work there" in error
        assert error.strip().count("\n") == 0
        names = {path.name for path in owned.iterdir()} - {LOCK_NAME}
        assert names <= {"experiment.json"}, "nothing was begun"
