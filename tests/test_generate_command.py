"""``lipkit generate`` as it is typed: what it makes, and what it says of unfit files."""

import json
import os
import pickle

import av
import cv2
import numpy as np
import pytest
import torch
from heif_files import write_mosaic
from trained_generators import trained

from lipkit.cli import run_command
from lipkit.config import SAMPLE_RATE
from lipkit.generation import command, generate
from lipkit.media import Limits, probe, read_video, write_audio, write_video
from lipkit.models.generator import GeneratorConfig
from lipkit.presets import Preset
from lipkit.settings import to_dict
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
    (folder / "folder.mp4").mkdir()
    (folder / "sub").mkdir()
    (folder / "link.mp4").symlink_to("face.mp4")
    os.link(folder / "face.mp4", folder / "hard.mp4")
    write_video(folder / "said.mp4", [face] * 8, np.zeros(8 * 1764, np.float32) + 0.01)
    write_video(folder / "one.mp4", [face])
    with av.open(str(folder / "long.mka"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 90 * 8000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
    write_picture(folder / "lips.png", face[190:250, 130:230])
    blank = np.full((2160, 3840, 3), 120, np.uint8)
    write_picture(folder / "blank4k.png", blank)
    far = cv2.resize(face, None, fx=0.42, fy=0.42, interpolation=cv2.INTER_AREA)
    blank[1000 : 1000 + len(far), 2000 : 2000 + far.shape[1]] = far
    write_picture(folder / "far.png", blank)

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
    copied = tmp_path / "shipped" / f"{shipped.DEFAULT}.safetensors"
    copied.write_bytes((folder / "w.safetensors").read_bytes())
    assert type_it(weights="")[0] == 0
    assert type_it(weights=shipped.DEFAULT)[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identity": "wall.png"}, "wall.png: no face of 20 pixels or more found; give"),
        ({"identity": "small.png"}, "small.png: the face is too small, its mouth fills"),
        ({"identity": "none.png"}, "none.png: no such file; check the path"),
        ({"identity": "text.png"}, "text.png: is not a whole picture"),
        ({"identity": "cut.png"}, "cut.png: is not a whole picture"),
        ({"identity": "cut.mp4"}, "cut.mp4: is damaged or cut off"),
        ({"identity": "wall.mp4"}, "wall.mp4: no face found; give a video"),
        ({"identity": "speech.wav"}, "speech.wav: is sound alone; give a picture or a video"),
        ({"identity": "empty.mov"}, "empty.mov: is empty (0 bytes); get the file again"),
        ({"identity": "text.mov"}, "text.mov: is "),
        ({"audio": "none.wav"}, "none.wav: no such file"),
        ({"audio": "text.wav"}, "text.wav: is "),
        ({"audio": "face.mp4"}, "face.mp4: has no audio stream"),
        ({"audio": "empty.wav"}, "empty.wav: "),
        ({"audio": "silent.wav"}, "silent.wav: the sound is silent"),
        ({"weights": "other.safetensors"}, "other.safetensors: the weights do not have the shape"),
        ({"weights": "pickle.pt"}, "pickle.pt: is a pickle file"),
        ({"weights": "minus"}, "minus: no such weights; known names: "),
        ({"weights": "text.png"}, "text.png: is not a whole safetensors file"),
    ],
)
def test_unfit_files_cost_one_line(type_it, tmp_path, options, message):
    code, out, err = type_it("--paste-back", **options)
    assert (code, out) == (1, "")
    assert err.startswith(f"lipkit: {message}")
    assert err.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


@pytest.fixture
def nothing_is_read(monkeypatch):
    """Names, files and headers are checked; nothing is loaded or decoded."""

    def refuse(*_, **__):
        raise AssertionError("was read")

    for name in ("load_weights", "read_speech", "read_picture", "read_face_video", "FaceLandmarks"):
        monkeypatch.setattr(command, name, refuse)


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["--paste-back", "--lips-only"], {}, "--paste-back needs a picture of a face"),
        (["--lips-only"], {"identity": "face.mp4"}, "face.mp4: is a video; --lips-only needs"),
        ([], {"out": "out.avi"}, "out.avi: must end in .mp4, .mov, .mkv, .webm or .gif"),
        ([], {"out": "out"}, "out: must end in"),
        ([], {"out": "folder.mp4"}, "folder.mp4: is a folder; give the name of a file in it"),
        ([], {"out": "face.mp4", "identity": "face.mp4"}, "face.mp4: is --identity, face.mp4,"),
        ([], {"out": "said.mp4", "audio": "said.mp4"}, "said.mp4: is --audio, said.mp4, which"),
        ([], {"out": "link.mp4", "identity": "face.mp4"}, "link.mp4: is --identity, face.mp4"),
        ([], {"out": "hard.mp4", "audio": "face.mp4"}, "hard.mp4: is --audio, face.mp4, which"),
        ([], {"out": "./sub/../face.mp4", "audio": "face.mp4"}, "sub/../face.mp4: is --audio"),
        ([], {"audio": "said.mp4", "audio-track": "2"}, "said.mp4: has no audio track 2; it has 1"),
        ([], {"identity": "https://x.org/a.jpg"}, "https://x.org/a.jpg: is an address; download"),
        ([], {"audio": "http://x.org/a?b=c"}, "http://x.org/a?b=c: is an address; download"),
        ([], {"limit": "second=4"}, "setting 'second' is unknown; did you mean 'seconds'?"),
        ([], {"limit": "seconds=0"}, "seconds=0.0: must be at least 0.1"),
    ],
)
def test_what_was_typed_wrong_is_said_at_once(
    type_it, folder, nothing_is_read, words, options, message
):
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    code, out, err = type_it(*words, **options)
    assert (code, out) == (2, "")
    assert err.startswith(f"lipkit: {message}")
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identity": "none.png"}, "none.png: no such file"),
        ({"audio": "none.wav"}, "none.wav: no such file"),
        ({"audio": "face.mp4"}, "face.mp4: has no audio stream"),
        ({"audio": "text.wav"}, "text.wav: is "),
        ({"identity": "empty.mov"}, "empty.mov: is empty (0 bytes)"),
        ({"identity": "text.mov"}, "text.mov: is "),
        ({"identity": "speech.wav"}, "speech.wav: is sound alone"),
        ({"out": "text.wav/out.mp4"}, "text.wav/out.mp4: "),
        ({"audio": "long.mka", "limit": "seconds=60"}, "long.mka: lasts 90 s where at most 60"),
        ({"identity": "face.mp4", "limit": "pixels=5000"}, "face.mp4: its pictures are 360 x 288"),
    ],
)
def test_unfit_files_are_said_before_any_is_decoded(type_it, nothing_is_read, options, message):
    code, out, err = type_it(**options)
    assert (code, out) == (1, "")
    assert err.startswith(f"lipkit: {message}")


@pytest.mark.parametrize("ending", [".mov", ".mkv", ".webm", ".gif"])
def test_other_endings(type_it, tmp_path, ending):
    out = tmp_path / f"out{ending}"
    assert type_it(out=str(out))[0] == 0
    assert read_video(out).shape == (10, 64, 64, 3)
    assert probe(out).has_audio == (ending != ".gif")


def test_a_generated_video_says_that_it_is_synthetic(type_it, tmp_path):
    def tags():
        with av.open(str(tmp_path / "out.mp4")) as container:
            return container.metadata

    assert type_it()[0] == 0
    assert tags()["comment"].startswith("Synthetic video.")
    assert "TrainedAlgorithmicMedia" in tags()["description"]
    assert type_it("--no-synthetic-note")[0] == 0
    assert "comment" not in tags()


def test_json_for_scripts(type_it, tmp_path):
    code, out, err = type_it("--json", identity="two.png")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert made["realtime"] > 0
    assert {name: made[name] for name in ("path", "frames", "fps", "seconds")} == {
        "path": str(tmp_path / "out.mp4"),
        "frames": 10,
        "fps": 25,
        "seconds": 0.4,
    }
    assert made["notes"] == ["two.png: 2 faces; the largest is used"]


def test_a_whole_face_given_as_lips_is_noted(type_it, folder):
    code, out, _ = type_it("--lips-only")
    assert code == 0
    assert "face.png: shows a whole face, whose middle is taken for lips" in out
    assert "whole face" not in type_it("--lips-only", identity="lips.png")[1]


def test_a_video_of_one_picture_is_no_second_of_video(type_it):
    code, out, _ = type_it("--paste-back", identity="one.mp4")
    assert code == 0
    assert "one.mp4: holds one picture, which stands still" in out
    assert "of video for" not in out


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_a_phone_s_mosaic_is_a_face(type_it, tmp_path, folder, kind):
    face = cv2.imread(str(folder / "face.png"))[..., ::-1]
    stored = np.rot90(cv2.copyMakeBorder(face, 0, 32, 0, 24, cv2.BORDER_REPLICATE), 1)
    path = write_mosaic(folder / f"face.{kind}", stored, kind.upper(), 64, quarter_turns=3)
    code, out, err = type_it("--paste-back", identity=path.name)
    assert (code, err) == (0, "")
    assert "of video for" not in out
    assert read_video(tmp_path / "out.mp4").shape == (10, 320, 384, 3)


def test_a_small_face_in_a_large_picture_is_found(type_it, folder):
    code, _, err = type_it(identity="far.png")
    assert (code, err) == (0, "")


def test_where_none_is_found_the_size_that_would_be_is_said(type_it):
    code, _, err = type_it(identity="blank4k.png")
    assert code == 1
    assert "blank4k.png: no face of 40 pixels or more found; give a sharp picture" in err


def test_a_bar_is_shown_while_the_face_is_sought(folder, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("lipkit.jobs.progress.is_watched", lambda: True)
    generate(
        folder / "face.mp4", folder / "speech.wav", tmp_path / "a.mp4", folder / "w.safetensors"
    )
    shown = capfd.readouterr().err
    assert "find the face" in shown
    assert "generate" in shown


def test_the_network_goes_to_the_gpu_where_there_is_one(folder, tmp_path, monkeypatch):
    moved, really = [], torch.nn.Module.to

    def to(module, *place, **form):
        if not place:
            return really(module, **form)
        moved.extend(place)
        return module

    monkeypatch.setattr(torch.nn.Module, "to", to)
    files = folder / "face.png", folder / "speech.wav", tmp_path / "a.mp4", folder / "w.safetensors"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    generate(*files, progress=False)
    assert moved == []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    generate(*files, progress=False)
    assert moved == ["cuda"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_the_gpu_the_video_is_the_same(folder, tmp_path, monkeypatch):
    files = folder / "face.png", folder / "speech.wav", tmp_path / "a.mp4", folder / "w.safetensors"
    generate(*files, progress=False)
    there = read_video(tmp_path / "a.mp4").astype(int)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    generate(*files, progress=False)
    assert np.abs(read_video(tmp_path / "a.mp4") - there).max() <= 8


def test_help_states_the_limits_as_they_are(capsys):
    assert run_command(["generate", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, value in to_dict(Limits()).items():
        assert f"{name}={value:g}" in shown or f"{name}={value}" in shown
