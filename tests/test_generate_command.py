"""``lipkit generate`` as it is typed: what it makes, and what it says of unfit files."""

import pickle

import cv2
import numpy as np
import pytest
from trained_generators import trained

from lipkit.cli import run_command
from lipkit.config import SAMPLE_RATE
from lipkit.media import probe, read_video, write_audio, write_video
from lipkit.models.generator import GeneratorConfig
from lipkit.presets import Preset
from lipkit.weights import Card, save_weights, shipped

pytestmark = pytest.mark.slow


def write_picture(path, picture) -> None:
    path.write_bytes(cv2.imencode(path.suffix, picture[..., ::-1])[1].tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Fit and unfit files of every kind."""
    from lipkit.talker import person, still

    folder = tmp_path_factory.mktemp("generate")
    rng = np.random.default_rng(0)
    face = still(person(0))
    write_picture(folder / "face.png", face)
    small = cv2.resize(face, (100, 80), interpolation=cv2.INTER_AREA)
    canvas = np.full((200, 300, 3), 128, np.uint8)
    canvas[60:140, 100:200] = small
    write_picture(folder / "small.png", canvas)
    write_picture(folder / "two.png", np.hstack([face[:, 40:320], cv2.flip(face, 1)[:, 40:320]]))
    write_picture(folder / "wall.png", rng.integers(0, 256, (100, 100, 3), dtype=np.uint8))
    (folder / "cut.png").write_bytes((folder / "face.png").read_bytes()[:500])
    (folder / "text.png").write_text("not a picture")
    write_video(folder / "face.mp4", [face] * 8)
    write_video(folder / "wall.mp4", [canvas[:40]] * 8)
    (folder / "cut.mp4").write_bytes((folder / "face.mp4").read_bytes()[:3000])

    tone = 0.3 * np.sin(np.arange(int(0.4 * SAMPLE_RATE)) / 20)
    write_audio(folder / "speech.wav", tone.astype(np.float32))
    write_audio(folder / "empty.wav", np.zeros(0, np.float32))
    write_audio(folder / "silent.wav", np.zeros(SAMPLE_RATE, np.float32))
    (folder / "text.wav").write_text("not a sound")
    (folder / "empty.mov").write_bytes(b"")
    (folder / "text.mov").write_text("not a video")

    generator = trained(width=1 / 32, residual_blocks=1)
    card = Card(
        preset=Preset(name="test", generator=generator.config),
        statistics={"logmel_mean": -40.0, "logmel_std": 20.0},
        corpus="synthetic",
        split="train",
        clips=1,
        step=0,
        date="2024-05-01",
    )
    save_weights(folder / "w.safetensors", generator, card)
    wrong = Preset(name="test", generator=GeneratorConfig(width=1 / 16, residual_blocks=1))
    other = Card(**{**vars(card), "preset": wrong})
    save_weights(folder / "other.safetensors", generator, other)
    (folder / "pickle.pt").write_bytes(pickle.dumps({"weights": [1.0]}))
    return folder


@pytest.fixture
def type_it(folder, tmp_path, monkeypatch, capsys):
    """Run ``lipkit generate`` in the folder; give its exit code and what it wrote."""
    monkeypatch.chdir(folder)

    def run(*more: str, **options: str) -> tuple[int, str, str]:
        given = {"identity": "face.png", "audio": "speech.wav", "weights": "w.safetensors"}
        given |= {"out": str(tmp_path / "out.mp4")} | options
        words = [word for name, value in given.items() if value for word in (f"--{name}", value)]
        code = run_command(["generate", *words, "--quiet", *more])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("identity", ["face.png", "face.mp4"])
def test_a_face_says_it_and_the_speed_is_told(type_it, tmp_path, identity):
    code, out, err = type_it("--paste-back", identity=identity)
    assert (code, err) == (0, "")
    assert "0.4 s of video, made at " in out
    assert "x real time (" in out
    assert "frames/s)" in out
    assert read_video(tmp_path / "out.mp4").shape == (10, 288, 360, 3)
    assert probe(tmp_path / "out.mp4").has_audio
    assert ("played back and forth" in out) == (identity == "face.mp4")


def test_of_a_video_the_lips_alone(type_it, tmp_path):
    assert type_it(identity="face.mp4")[0] == 0
    assert read_video(tmp_path / "out.mp4").shape == (10, 64, 64, 3)


def test_several_faces_are_said(type_it):
    code, out, _ = type_it(identity="two.png")
    assert code == 0
    assert "two.png: 2 faces; the largest is used" in out


def test_silence_when_it_is_wanted(type_it):
    assert type_it("--allow-silence", audio="silent.wav")[0] == 0


def test_shipped_weights_are_the_default(type_it, folder, monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "shipped")
    code, out, err = type_it(weights="")
    assert (code, out) == (2, "")
    assert "lipkit: no weights given, and none come with this copy" in err
    assert "lipkit train" in err
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "plus.safetensors").write_bytes((folder / "w.safetensors").read_bytes())
    assert type_it(weights="")[0] == 0
    assert type_it(weights="plus")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identity": "wall.png"}, "wall.png: no face found; give"),
        ({"identity": "small.png"}, "small.png: the face is too small, its mouth fills"),
        ({"identity": "none.png"}, "none.png: no such file; check the path"),
        ({"identity": "text.png"}, "text.png: is not a whole picture"),
        ({"identity": "cut.png"}, "cut.png: is not a whole picture"),
        ({"identity": "cut.mp4"}, "cut.mp4: is damaged or cut off"),
        ({"identity": "wall.mp4"}, "wall.mp4: no face found; give a video"),
        ({"identity": "speech.wav"}, "speech.wav: is sound alone; give a picture or a video"),
        ({"identity": "empty.mov"}, "empty.mov: is empty (0 bytes); get the file again"),
        ({"identity": "text.mov"}, "text.mov: is "),
        ({"identity": "https://x.org/a.jpg"}, "https://x.org/a.jpg: is an address; download"),
        ({"audio": "https://x.org/a.wav"}, "https://x.org/a.wav: is an address; download"),
        ({"audio": "none.wav"}, "none.wav: no such file"),
        ({"audio": "text.wav"}, "text.wav: is "),
        ({"audio": "face.mp4"}, "face.mp4: has no audio stream"),
        ({"audio": "empty.wav"}, "empty.wav: "),
        ({"audio": "silent.wav"}, "silent.wav: the sound is silent"),
        ({"weights": "other.safetensors"}, "other.safetensors: the weights have another shape"),
        ({"weights": "pickle.pt"}, "pickle.pt: is a pickle file"),
        ({"weights": "minus"}, "minus: no such weights; known names: "),
        ({"weights": "text.png"}, "text.png: is not a whole safetensors file"),
        ({"out": "out.avi"}, "out.avi: must end in .mp4"),
    ],
)
def test_unfit_files_cost_one_line(type_it, tmp_path, options, message):
    code, out, err = type_it("--paste-back", **options)
    assert (code, out) == (1, "")
    assert err.startswith(f"lipkit: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("words", "identity"), [(["--paste-back", "--lips-only"], ""), (["--lips-only"], "face.mp4")]
)
def test_what_does_not_go_together(type_it, words, identity):
    code, _, err = type_it(*words, identity=identity or "face.png")
    assert code == 2
    assert err.count("\n") == 1
