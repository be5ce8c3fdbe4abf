"""The README's commands, as a newcomer types them: from nothing to a talking picture."""

import re
from pathlib import Path
from shlex import split as words

import cv2
import pytest
import typer

from lipkit import cli
from lipkit.cli import run_command
from lipkit.config import SAMPLES_PER_FRAME
from lipkit.media import probe, write_audio
from lipkit.talker import person, speak, still

pytestmark = pytest.mark.slow

SMALLER = {
    "--speakers 8 --clips 20": "--speakers 2 --clips 3",
    "--minutes 3": "--steps 2 --set loss.perc.steps=2",
}
"""What makes a test of seconds of the README's commands; all else is as it stands there."""


@pytest.fixture(scope="module")
def page(repository) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def steps(page: str) -> list[str]:
    """The commands under "From a recording to a talking picture", without their comments."""
    block = re.search(r"## From a recording.*?```\n(.*?)```", page, re.S)[1]
    return [line.split(" #")[0].strip() for line in block.splitlines()]


@pytest.fixture
def own_files(tmp_path, monkeypatch) -> int:
    """The newcomer's picture and recording, in the folder where he stands; frames of speech."""
    monkeypatch.chdir(tmp_path)
    face = still(person(30))
    Path("face.jpg").write_bytes(cv2.imencode(".jpg", face[..., ::-1])[1].tobytes())
    samples = speak("hello").samples
    write_audio("speech.wav", samples)
    return -(-len(samples) // SAMPLES_PER_FRAME)


def assert_talks(frames: int) -> None:
    video = probe("lips.mp4")
    assert (video.frames, video.has_audio) == (frames, True)
    height, width = still(person(30)).shape[:2]
    assert (video.height, video.width) == (height, width)


def test_from_a_clone_to_a_talking_picture(page, own_files):
    typed = "\n".join(steps(page))
    for theirs, ours in SMALLER.items():
        assert theirs in typed
        typed = typed.replace(theirs, ours)
    enter, check, *rest = typed.splitlines()
    assert (enter, check) == ("source .venv/bin/activate", "lipkit check")
    for line in rest:
        assert run_command(words(line)[1:]) == 0, line
    assert_talks(own_files)
    assert Path("runs/first/table.json").is_file()
    assert list(Path("runs/fig3").glob("*.png"))


def test_a_talking_picture_without_training(page, own_files):
    (line,) = re.findall(r"`(lipkit generate [^`]*)` works at once", page)
    assert run_command(words(line)[1:]) == 0
    assert_talks(own_files)


def test_every_command_and_option_exists(page):
    commands = typer.main.get_command(cli.app).commands
    typed = re.findall(r"(?:`|-m |^)lipkit ([a-z]+)((?: [^`\n]*)?)", page, re.M)
    assert len(typed) > 15
    for name, rest in typed:
        command, options = commands[name], set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest))
        if hasattr(command, "commands"):
            command = command.commands[rest.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert options <= known | {"--help"}, f"lipkit {name}{rest}"
