"""The playground and its figures without a browser."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from trained_generators import trained

from lipkit.errors import LipkitError, UsageError
from lipkit.generation import LipImage
from lipkit.media import write_audio
from lipkit.plots import generation as figures
from lipkit.plots import to_png
from lipkit.presets import preset
from lipkit.weights import Card, Weights
from lipkit.widgets import Playground, playground, talk
from lipkit.widgets.shown import WIDGET_VIEW

pytestmark = pytest.mark.slow

FRAME = 1764
FACE = np.full((90, 120, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def weights() -> Weights:
    card = Card(
        preset=preset("tiny"),
        statistics={"logmel_mean": -40.0, "logmel_std": 20.0},
        corpus="synthetic",
        split="train",
        clips=1,
        step=1,
        date="2025-01-01",
    )
    return Weights(trained(), card)


@pytest.fixture(autouse=True)
def lips(monkeypatch):
    """A face is wherever the picture is not black; no landmark model is needed."""

    def find(picture, config, landmarks, name):
        if picture.max() == 0:
            raise LipkitError(f"{name}: no face found")
        return LipImage(np.full((64, 64, 3), picture[0, 0], np.uint8), np.float32([60, 45, 32]), 1)

    monkeypatch.setattr(playground, "find_lips", find)


@pytest.fixture
def sound() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, 5 * FRAME + 100).astype(np.float32)


def drop(ground: Playground, name: str, kind: str, data: bytes) -> None:
    """Send a file as the field in the browser does."""
    ground.files.receive(None, {"name": name, "kind": kind}, [memoryview(data)])


def test_lips_last_as_long_as_the_sound_and_hear_it(weights, sound):
    take = talk(weights, FACE, sound, "lips")
    assert take.frames.shape == (6, 64, 64, 3)
    assert len(take.samples) == 6 * FRAME
    assert np.array_equal(take.samples[: len(sound)], sound)
    assert not take.samples[len(sound) :].any()
    other = talk(weights, FACE, sound[::-1], "lips")
    assert (other.frames != take.frames).any()


def test_a_face_changes_at_its_lips_only(weights, sound):
    take = talk(weights, FACE, sound)
    assert take.frames.shape == (6, *FACE.shape)
    changed = (take.frames != FACE).any(axis=(0, 3))
    assert changed.any()
    rows, columns = np.nonzero(changed)
    assert rows.min() >= 45 - 17
    assert rows.max() <= 45 + 17
    assert columns.min() >= 60 - 17
    assert columns.max() <= 60 + 17


def test_a_long_recording_is_cut(weights, monkeypatch):
    monkeypatch.setattr(playground, "MOST_SECONDS", 1)
    assert len(talk(weights, FACE, np.zeros(30 * FRAME), "lips").frames) == 25


def test_the_callback_refuses_what_it_cannot_do(weights, sound):
    with pytest.raises(UsageError, match="did you mean 'lips'"):
        talk(weights, FACE, sound, "lip")
    with pytest.raises(UsageError, match="recording is empty"):
        talk(weights, FACE, sound[:0])
    with pytest.raises(UsageError, match="at least one face"):
        Playground(weights, {}, {"a": sound})


def test_the_button_shows_the_video_of_what_the_controls_say(weights, sound):
    ground = Playground(weights, {"a": FACE, "b": FACE // 2}, {"x": sound, "y": sound[:FRAME]})
    assert ground.stage.value == ""
    ground.face.value, ground.recording.value, ground.view.value = "b", "y", "lips"
    ground.go.click()
    assert re.search(r'aria-label="b says: y"', ground.stage.value)
    assert "data:video/mp4;base64," in ground.stage.value
    assert ground.message.value.startswith("0.0 s of synthetic video")


def test_a_fault_is_one_line_and_leaves_the_video(weights, sound):
    ground = Playground(weights, {"a": FACE, "none": 0 * FACE}, {"x": sound[:FRAME]})
    ground.go.click()
    before = ground.stage.value
    ground.face.value = "none"
    ground.go.click()
    assert ground.message.value == "the picture: no face found"
    assert ground.stage.value == before


def test_uploads_join_the_choices(weights, sound, tmp_path):
    ground = Playground(weights, {"a": FACE}, {"x": sound})
    buffer = io.BytesIO()
    Image.fromarray(FACE).save(buffer, "PNG")
    drop(ground, "me/../<b>.png", "image/png", buffer.getvalue())
    assert ground.face.options == ("a", "me/../<b>.png")
    assert ground.face.value == "me/../<b>.png"
    assert "&lt;b&gt;" in ground.message.value
    write_audio(tmp_path / "mine.wav", np.tile(sound, 3))
    drop(ground, "mine.wav", "audio/wav", (tmp_path / "mine.wav").read_bytes())
    assert ground.recording.value == "mine.wav"
    ground.go.click()
    assert "mine.wav" in ground.stage.value


def test_the_microphones_recordings_join_the_choices(weights, sound, tmp_path):
    ground = Playground(weights, {"a": FACE}, {"x": sound})
    write_audio(tmp_path / "voice.wav", sound)
    for name in ("my voice 1", "my voice 2"):
        ground.microphone.receive(
            None, {"sound": ""}, [memoryview((tmp_path / "voice.wav").read_bytes())]
        )
        assert ground.recording.value == name
        assert ground.message.value == f"{name} is taken"
    ground.go.click()
    assert 'aria-label="a says: my voice 2"' in ground.stage.value


def speak(ground: Playground, sound: np.ndarray, rate: float = 44100.0) -> list[bytes]:
    """Say a sound into a live microphone; the screen after each piece."""
    seen = []
    for start in range(0, len(sound), 2048):
        piece = memoryview(sound[start : start + 2048].astype("<f4").tobytes())
        ground.microphone.receive(None, {"piece": rate}, [piece])
        seen.append(ground.screen.value)
    ground.microphone.receive(None, {"end": True}, [])
    return [*seen, ground.screen.value]


@pytest.mark.parametrize("rate", [44100.0, 48000.0])
def test_a_live_voice_moves_the_face_while_it_speaks(weights, sound, rate):
    ground = Playground(weights, {"a": FACE}, {"x": sound})
    assert ground.screen.layout.display == "none"
    voice = np.tile(sound, 8)
    seen = speak(ground, voice, rate)
    assert ground.screen.layout.display != "none"
    # Nothing until what the first picture depends on was heard, then one after the other.
    first = next(i for i, jpeg in enumerate(seen) if jpeg)
    context = weights.generator.context
    assert abs(first * 2048 - (context + 1) * FRAME * rate / 44100) < 3 * 2048
    assert len(set(seen)) > len(seen) / 2
    shown = np.asarray(Image.open(io.BytesIO(seen[-1])))
    assert shown.shape == FACE.shape
    # The recording is kept, and says the same when it is played.
    assert ground.recording.value == "my voice 1"
    kept = ground._recordings["my voice 1"]
    assert abs(len(kept) - len(voice) * 44100 / rate) < 50
    frames = talk(weights, FACE, kept).frames
    assert np.abs(frames[-1].astype(int) - shown).mean() < 6
    assert f"{len(frames)} pictures, each {context / 25 + 0.0116:.2f} s" in ground.message.value
    speak(ground, voice[:4096])
    assert ground.recording.value == "my voice 2"


def test_a_live_voice_for_a_picture_without_a_face(weights, sound):
    ground = Playground(weights, {"none": 0 * FACE, "a": FACE}, {"x": sound})
    speak(ground, sound)
    assert ground.message.value == "the picture: no face found"
    assert ground.recording.options == ("x",)
    ground.face.value = "a"
    speak(ground, sound)
    assert ground.recording.value == "my voice 1"


def test_a_microphone_without_sound_says_why_and_changes_nothing(weights, sound):
    ground = Playground(weights, {"a": FACE}, {"x": sound})
    ground.microphone.receive(None, {"fault": "Permission denied"}, [])
    assert ground.message.value.startswith("no recording: Permission denied; allow")
    ground.microphone.receive(None, {"sound": "audio/webm"}, [memoryview(b"")])
    assert ground.message.value.startswith("my voice 1: ")
    assert ground.recording.options == ("x",)


def test_an_upload_that_cannot_be_read_is_named_and_changes_nothing(weights, sound):
    ground = Playground(weights, {"a": FACE}, {"x": sound})
    drop(ground, "notes.png", "image/png", b"no picture")
    assert ground.message.value.startswith("notes.png: is not a whole picture")
    drop(ground, "holiday.HEIC", "", b"a picture of a telephone")
    assert ground.message.value.startswith("holiday.HEIC: is not a whole picture")
    drop(ground, "notes.txt", "text/plain", b"no recording")
    assert ground.message.value.startswith("notes.txt: is not a video or sound file")
    assert (ground.face.options, ground.recording.options) == (("a",), ("x",))


def test_no_fault_advises_an_option_of_the_command_line(weights, monkeypatch, tmp_path):
    def no_face(picture, config, landmarks, name):
        raise LipkitError(
            f"{name}: no face; give a sharp picture, or add --lips-only if it is lips"
        )

    monkeypatch.setattr(playground, "find_lips", no_face)
    ground = Playground(weights, {"a": FACE}, {"x": np.zeros(FRAME, np.float32)})
    ground.go.click()
    assert ground.message.value == "the picture: no face; give a sharp picture"
    write_audio(tmp_path / "hush.wav", np.zeros(25 * FRAME, np.float32))
    drop(ground, "hush.wav", "audio/wav", (tmp_path / "hush.wav").read_bytes())
    assert ground.message.value.startswith("hush.wav: ")
    assert "--" not in ground.message.value


def test_a_viewer_without_a_kernel_shows_a_sentence(weights, sound):
    bundle = Playground(weights, {"a": FACE}, {"x": sound})._repr_mimebundle_()
    assert WIDGET_VIEW in bundle
    assert bundle["text/plain"].startswith("A playground: run this cell")


def test_figures_of_generation_show_what_they_are_given():
    figure = figures.identity_figure(FACE, (60, 45, 32), FACE[:64, :64])
    to_png(figure, scale=0.5)
    box = figure.axes[0].patches[0]
    assert (box.get_x(), box.get_y(), box.get_width()) == (44, 29, 32)
    assert figure.axes[1].get_xlim() == (12, 108)

    curve = np.linspace(0, 8, 50)
    sounds = [("b", 0.2, 0.4), ("_", 0.4, 0.6), ("a", 0.6, 1.0)]
    ax = figures.openings_figure({"one": curve, "two": curve / 2}, sounds).axes[0]
    to_png(ax.figure, scale=0.5)
    assert np.array_equal(ax.lines[1].get_ydata(), curve / 2)
    assert ax.lines[0].get_xdata()[0] == pytest.approx(0.02)
    assert [t.get_text() for t in ax.texts] == ["b", "a"]
    (shaded,) = ax.patches
    assert (shaded.get_x(), shaded.get_width()) == pytest.approx((0.2, 0.2))


def test_a_typed_sentence_is_said_and_played(weights, sound):
    board = Playground(weights, {"grey": FACE}, {"noise": sound})
    board.typed.value = "  good   morning "
    assert board.recording.value == "good morning"
    assert "good morning" in board.stage.value
    seconds = float(re.match(r"([\d.]+) s of synthetic video", board.message.value)[1])
    assert 0.8 < seconds < 3


def test_a_sentence_without_a_word_is_refused_in_a_line(weights, sound):
    board = Playground(weights, {"grey": FACE}, {"noise": sound})
    board.typed.value = "?!"
    assert "nothing to say" in board.message.value
    assert board.recording.options == ("noise",)
    board.typed.value = ""
    assert not board.stage.value


def test_a_long_text_is_cut(weights, sound):
    board = Playground(weights, {"grey": FACE}, {"noise": sound})
    board.typed.value = "word " * 500
    assert len(board.recording.value) <= playground.MOST_LETTERS
    seconds = float(re.match(r"([\d.]+) s", board.message.value)[1])
    assert seconds <= playground.MOST_SECONDS
