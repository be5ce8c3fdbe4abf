"""The command line: help, exit codes, one line on stderr, options that reach their target."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shlex import split as words

import nbformat
import pytest
from nbformat import v4

from lipkit import cli
from lipkit.cli import run_command
from lipkit.cli.options import assignments
from lipkit.errors import Interrupted, LipkitError, UsageError

COMMANDS = (
    "check",
    "synth",
    "prepare",
    "analyse",
    "train",
    "evaluate",
    "experiment",
    "generate",
    "run",
    "demo",
    "assignments",
)


@pytest.fixture
def lipkit(capsys):
    """Run a command line in this process; give code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def recorded(monkeypatch):
    """Replace the function at a dotted path by one that records its call."""
    calls = []

    def replace(target: str, result=None, error: BaseException | None = None) -> list:
        def function(*args, **kwargs):
            calls.append((args, kwargs))
            if error is not None:
                raise error
            return result

        monkeypatch.setattr(target, function)
        return calls

    return replace


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(lipkit, command):
    code, out, err = lipkit(command, "--help")
    assert (code, err) == (0, "")
    assert f"Example: lipkit {command}" in " ".join(out.split())


def test_the_list_of_commands_is_whole(lipkit):
    for arguments in ([], ["--help"], ["-h"]):
        code, out, _ = lipkit(*arguments)
        assert code == 0
        assert all(command in out for command in COMMANDS)


def test_version(lipkit):
    assert lipkit("--version")[:2] == (0, f"lipkit {cli.__version__}\n")


def test_the_readme_has_the_table_of_exit_codes(repository):
    page = (repository / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert rows == {str(code): meaning for code, meaning in cli.EXIT_CODES.items()}


def test_help_loads_nothing_heavy():
    heavy = ["torch", "numpy", "pandas", "cv2", "dlib", "librosa", "av", "papermill", "matplotlib"]
    script = (
        "import sys; from lipkit.cli import run_command; run_command(['prepare', '--help']);"
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"


def test_the_installed_script_works():
    script = Path(sys.executable).with_name("lipkit")
    done = subprocess.run([script, "trian"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "trian"),
        (["synth"], "out"),
        (["synth", "x", "--speakers", "many"], "--speakers"),
        (["synth", "x", "--speakers", "0"], "--speakers"),
        (["check", "--colour"], "--colour"),
        (["train", "x", "--out", "y", "--preset", "tiney"], "did you mean 'tiny'"),
        (["train", "x", "--out", "y", "--set", "train.batch=1"], "did you mean 'train.batch_size'"),
        (["train", "x", "--out", "y", "--set", "train.batch_size"], "--set name=value"),
        (["train", "x", "--out", "y", "--minutes", "-1"], "minutes"),
        (["train", "x", "--out", "y", "--steps", "7", "--set", "train.steps=5"], "give only one"),
        (["train", "x", "--out", "y", "--set", "prepare.crop=per_frame"], "no part in training"),
        (["prepare", "grid", "x", "y", "--crop", "stable", "--set", "prepare.crop=stable"], "only"),
        (["prepare", "gird", "x", "y"], "did you mean 'grid'"),
        (["prepare", "grid", "x", "y", "--crop", "round"], "stable, per_frame"),
        (["prepare", "grid", "x", "y", "--workers", "2", "--scheduler", "tcp://h:1"], "one"),
        (["run", "no/where.ipynb"], "no such notebook"),
        (["prepare", "grid", "x", "y", "--set", "train.steps=5"], "--set train.steps"),
        (["analyse", "x", "--seed", "-1"], "--seed"),
        (["run", "00", "-p", "seed"], "-p name=value"),
        (["run", "00", "-p", "seed=1", "-p", "seed=2"], "twice"),
    ],
)
def test_a_usage_fault_is_one_line_and_code_2(lipkit, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = lipkit(*arguments)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    # Typer's older versions write a missing argument in capitals.
    assert said in err.replace("argument 'OUT'", "argument 'out'")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["prepare", "grid", "absent", "out"], "absent"),
        (["train", "absent", "--out", "out", "--preset", "tiny"], "absent"),
        (
            words("generate --identity absent.png --audio a.wav --out x.mp4 --weights plus"),
            "absent.png: no such file",
        ),
    ],
)
def test_a_failure_is_one_line_and_code_1(lipkit, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = lipkit(*arguments)
    assert code == 1
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (LipkitError("a.mp4: broken; mend it"), 1, "lipkit: a.mp4: broken; mend it\n"),
        (UsageError("x=1: no"), 2, "lipkit: x=1: no\n"),
        (Interrupted("x: stopped; run again"), 130, "lipkit: x: stopped; run again\n"),
        (KeyboardInterrupt(), 130, "lipkit: interrupted"),
    ],
)
def test_faults_become_exit_codes(lipkit, recorded, error, code, said):
    recorded("lipkit.check.check", error=error)
    assert lipkit("check")[0] == code
    recorded("lipkit.check.check", error=error)
    assert lipkit("check")[2].startswith(said)


def test_a_bug_is_not_hidden(recorded):
    recorded("lipkit.check.check", error=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run_command(["check"])


def test_check_fails_when_an_item_does(lipkit, recorded):
    from lipkit.check import Item

    good, bad = Item("torch", True, "2.11"), Item("dlib", False, "absent", "pip install dlib-bin")
    recorded("lipkit.check.check", result=[good, bad])
    code, out, _ = lipkit("check")
    assert code == 1
    assert [line[:4] for line in out.splitlines()[:2]] == ["OK  ", "FAIL"]
    assert out.splitlines()[1].endswith("pip install dlib-bin")
    recorded("lipkit.check.check", result=[good])
    assert lipkit("check")[0] == 0


def test_synth_options_arrive(lipkit, recorded, tmp_path):
    calls = recorded("lipkit.talker.write_corpus", result=tmp_path)
    arguments = ["--speakers", 3, "--clips", 2, "--seed", 5, "--workers", 1, "-q"]
    assert lipkit("synth", tmp_path, *arguments)[0] == 0
    ((args, kwargs),) = calls
    assert args == (tmp_path,)
    assert kwargs == {"speakers": 3, "clips": 2, "seed": 5, "workers": 1, "progress": False}


def test_train_options_become_settings(lipkit, recorded, tmp_path):
    from lipkit.training import TrainResult

    result = TrainResult(tmp_path / "w", 7, 0.5, {"val_l1": 0.1, "val_l1_frozen": 0.2}, 3.0)
    calls = recorded("lipkit.training.train", result=result)
    arguments = words("--preset tiny --steps 7 --minutes 0.5 --train-split s1_train --resume")
    code, out, _ = lipkit(
        "train", "set", "--out", tmp_path, *arguments, "--set", "generator.width=0.25"
    )
    assert code == 0
    assert "0.1000" in out
    assert "0.2000" in out
    ((args, kwargs),) = calls
    preset = args[1]
    assert (preset.train.steps, preset.train.minutes) == (7, 0.5)
    assert preset.train.train_split == "s1_train"
    assert preset.generator.width == 0.25
    assert kwargs["resume"] is True


def test_generate_options_arrive(lipkit, recorded, tmp_path):
    from lipkit.generation import GenerateResult

    result = GenerateResult(tmp_path / "o.mp4", 50, 2.0, ("two faces",))
    calls = recorded("lipkit.generation.generate", result=result)
    arguments = words("--identity a.png --audio b.wav --out o.mp4 --weights w --paste-back")
    code, out, _ = lipkit("generate", *arguments)
    assert code == 0
    assert "two faces" in out
    assert "2.0 s of video" in out
    ((args, kwargs),) = calls
    assert args == (Path("a.png"), Path("b.wav"), Path("o.mp4"))
    assert kwargs["paste_back"] is True
    assert kwargs["weights"] == Path("w")


def test_demo_options_arrive(lipkit, recorded, tmp_path):
    calls = recorded("lipkit.course.demo.run_demo")
    assert lipkit("demo", tmp_path, "--minutes", "0.5", "--seed", "2")[0] == 0
    assert calls == [((tmp_path,), {"preset_name": None, "minutes": 0.5, "seed": 2})]
    assert lipkit("demo", tmp_path, "--preset", "tiny")[0] == 0
    assert calls[1] == ((tmp_path,), {"preset_name": "tiny", "minutes": 4.0, "seed": 0})


def test_assignments():
    assert assignments(["a.b=c=d", " x =1"], "--set") == {"a.b": "c=d", "x": "1"}
    assert assignments(None, "-p") == {}


@pytest.fixture
def notebook(tmp_path) -> Path:
    cell = v4.new_code_cell("seed: int = 0  # seed", metadata={"tags": ["parameters"]})
    cells = [cell, v4.new_code_cell("print(seed)\nassert seed < 5, 'too\\nlarge'")]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "01_one.ipynb")
    return tmp_path / "01_one.ipynb"


def test_run_writes_below_runs_and_the_page(lipkit, notebook, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = lipkit("run", notebook, "-p", "seed=3", "--html")
    assert code == 0
    assert out.strip() == os.path.join("runs", "01_one", "01_one.ipynb")
    assert Path(out.strip()).with_suffix(".html").is_file()


def test_run_lists_parameters(lipkit, notebook):
    assert lipkit("run", notebook, "--list")[:2] == (0, "seed: int = 0  # seed\n")


def test_run_shows_the_failing_cell(lipkit, notebook, tmp_path):
    code, out, err = lipkit("run", notebook, "-p", "seed=7", "--out", tmp_path / "o.ipynb", "-q")
    assert (code, out) == (1, "")
    assert "->   2  assert seed < 5" in err
    assert "AssertionError: too large" in err
    assert "Traceback" not in err
    assert err.count("\n") <= 24


def summary(ok: int, failed: int):
    from lipkit.data.prepare import Summary

    reasons = {f"s1/b{n}": f"/data/s1/b{n}.mpg: no sound; leave it out" for n in range(failed)}
    return Summary(ok, failed, 0, 2.0, reasons, {"s1/a": "74 of 75 frames"})


@pytest.mark.parametrize(
    ("ok", "failed", "options", "code"),
    [(3, 0, [], 0), (3, 2, [], 0), (3, 2, ["--strict"], 1), (3, 0, ["--strict"], 0), (0, 2, [], 1)],
)
def test_prepare_exit_codes_and_report(lipkit, recorded, tmp_path, ok, failed, options, code):
    recorded("lipkit.corpora.list_clips", result=[])
    recorded("lipkit.data.prepare.prepare", result=summary(ok, failed))
    got, out, _ = lipkit("prepare", "grid", tmp_path, tmp_path / "out", *options)
    assert got == code
    assert f"{ok} clips usable" in out
    assert "1  74 of 75 frames  (first: s1/a)" in out
    assert (f"{failed}  no sound; leave it out  (first: s1/b0)" in out) == (failed > 0)


def test_prepare_options_arrive(lipkit, recorded, tmp_path):
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("s1/bbaf2n\n")
    calls = recorded("lipkit.corpora.list_clips", result=["clip"])
    recorded("lipkit.data.prepare.prepare", result=summary(1, 0))
    out = tmp_path / "out"
    options = ["--crop", "per_frame", "--set", "prepare.min_frames=20", "--workers", "3", "-q"]
    assert lipkit("prepare", "grid", tmp_path, out, *options)[0] == 0
    (_, listing), (args, kwargs) = calls
    assert listing["protocol"] == "file"
    assert args[:2] == (["clip"], out)
    assert (args[2].crop, args[2].min_frames) == ("per_frame", 20)
    assert (kwargs["workers"], kwargs["executor"], kwargs["progress"]) == (3, None, False)


def test_default_protocols(tmp_path):
    from lipkit.cli.prepare import default_protocol

    assert default_protocol("grid", tmp_path) == "seen"
    assert default_protocol("lrw", tmp_path) == "paper"
    assert default_protocol("grid", tmp_path, lists=tmp_path) == "file"
