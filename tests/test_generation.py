"""From a picture and a recording to a video: long speech in pieces, faces, faults."""

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from trained_generators import trained

from lipkit.config import SAMPLE_RATE, PrepareConfig
from lipkit.data.tensors import to_image_tensor
from lipkit.errors import LipkitError, UsageError
from lipkit.face.landmarks import FaceLandmarks, NoFaceError
from lipkit.generation import (
    LogMel,
    find_lips,
    generate,
    generate_chunks,
    generate_frames,
    paste_into,
    read_picture,
)
from lipkit.media import probe, read_audio, read_video, write_audio
from lipkit.presets import Preset
from lipkit.weights import Card, load_weights, save_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
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
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, generator, card)
    return path


def write_picture(path, picture) -> None:
    path.write_bytes(cv2.imencode(path.suffix, picture[..., ::-1])[1].tobytes())


@pytest.fixture
def lips(tmp_path):
    path = tmp_path / "lips größe.png"
    write_picture(path, np.random.default_rng(0).integers(0, 256, (80, 64, 3), dtype=np.uint8))
    return path


@pytest.fixture
def speech(tmp_path):
    """1.31 s: 32 frames and three quarters."""
    path = tmp_path / "speech.wav"
    t = np.arange(int(1.31 * SAMPLE_RATE)) / SAMPLE_RATE
    write_audio(path, (0.3 * np.sin(2 * np.pi * 300 * t)).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A drawn person's portrait, u8 [288, 360, 3]."""
    from lipkit.talker import person, still

    return still(person(0))


@pytest.fixture(scope="module")
def landmarks() -> FaceLandmarks:
    return FaceLandmarks()


@pytest.mark.parametrize(
    "settings",
    [{}, {"temporal_kernel": 3}, {"architecture": "warp"}],
    ids=["one frame", "kernel 3", "warp"],
)
@torch.inference_mode()
def test_pieces_are_those_of_one_pass(settings):
    """Whatever the size of the pieces, the frames around them included."""
    with torch.inference_mode(False):
        generator = trained(width=1 / 32, **settings)
    total = generator.context + 14
    identity, logmel = torch.rand(3, 64, 64) * 2 - 1, torch.randn(4 * total, 128)
    whole = generator(identity[None], logmel[None, None])[0]
    assert whole[:, 1:].sub(whole[:, :-1]).std() > 0.01
    sizes = np.random.default_rng(0).choice(np.arange(2, total), 3, replace=False)
    for chunk in (*sizes, total, total + 1):
        pieces = list(generate_chunks(generator, identity, logmel, int(chunk)))
        assert max(piece.shape[1] for piece in pieces) == min(chunk, total)
        torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_less_context_is_not_enough(monkeypatch):
    with torch.inference_mode(False):
        generator = trained(width=1 / 32)
    identity, logmel = torch.rand(3, 64, 64) * 2 - 1, torch.randn(4 * 24, 128)
    whole = generator(identity[None], logmel[None, None])[0]
    monkeypatch.setattr(type(generator), "context", 4)
    pieces = torch.cat(list(generate_chunks(generator, identity, logmel, 8)), dim=1)
    assert (pieces - whole).abs().max() > 1e-3


def test_frames_are_pictures():
    lips = np.zeros((64, 64, 3), np.uint8)
    generator = trained(width=1 / 32, residual_blocks=1)
    frames = list(generate_frames(generator, lips, torch.randn(4 * 5, 128), chunk=2))
    assert len(frames) == 5
    assert all(f.shape == (64, 64, 3) and f.dtype == np.uint8 for f in frames)


def test_lips_alone_and_a_recording_make_a_video_with_sound(tmp_path, weights, lips, speech):
    out = tmp_path / "out" / "lips.mp4"
    result = generate(lips, speech, out, weights, lips_only=True, progress=False)
    assert (result.path, result.frames, result.notes) == (out, 33, ())
    assert result.realtime > 0
    info = probe(out)
    assert (info.width, info.height, info.has_audio) == (64, 64, True)
    assert len(read_video(out)) == 33
    heard, said = read_audio(out), read_audio(speech)
    # AAC is not exact, but the sound must be the same and at the same place.
    assert np.corrcoef(heard[: len(said)], said[: len(heard)])[0, 1] > 0.99


def test_a_short_sound_makes_one_frame(tmp_path, weights, lips):
    write_audio(tmp_path / "short.wav", np.full(100, 0.1, np.float32))
    out = tmp_path / "lips.mp4"
    result = generate(lips, tmp_path / "short.wav", out, weights, lips_only=True, progress=False)
    assert result.frames == 1


def test_a_face_is_cropped_as_in_preparation(face, landmarks):
    found = find_lips(face, PrepareConfig(), landmarks, "face.png")
    assert found.faces == 1
    assert found.image.shape == (64, 64, 3)
    x, y, side = found.box
    assert 0 < x < face.shape[1]
    assert face.shape[0] / 2 < y < face.shape[0]
    assert 20 < side < 120


def test_a_face_says_a_speech(tmp_path, weights, face, speech):
    write_picture(tmp_path / "face.png", face)
    out = tmp_path / "face.mp4"
    result = generate(tmp_path / "face.png", speech, out, weights, paste_back=True, progress=False)
    video = read_video(out)
    assert video.shape == (result.frames, *face.shape)
    # Far from the mouth it is the still picture, but for compression.
    assert np.abs(video[:, :60, :60].astype(int) - face[:60, :60]).mean() < 4


def test_lips_are_pasted_where_they_were_found(face, landmarks):
    found = find_lips(face, PrepareConfig(), landmarks, "face.png")
    (same,) = paste_into(face, iter([found.image]), found.box)
    assert np.abs(same.astype(int) - face).mean() < 1
    (other,) = paste_into(face, iter([255 - found.image]), found.box)
    changed = np.argwhere((other != face).any(-1))
    x, y, side = found.box
    assert np.abs(changed.mean(0) - (y, x)).max() < side / 4
    assert np.abs(changed - (y, x)).max() <= side / 2 + 1


def test_pasted_lips_leave_no_visible_box(face, landmarks):
    """The step across the rim of the pasted region is that of the picture itself."""
    found = find_lips(face, PrepareConfig(), landmarks, "face.png")
    cx, cy, side = found.box
    angle = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    along, down = np.cos(angle), np.sin(angle)
    reach = 0.92 * (along**4 + down**4) ** -0.25 * side / 2

    def step(picture: np.ndarray) -> float:
        """Mean step, grey levels, from 2 pixels within the rim to 2 pixels outside."""
        sides = [
            cv2.remap(
                picture.astype(np.float32),
                np.float32([cx + (reach + off) * along]),
                np.float32([cy + (reach + off) * down]),
                cv2.INTER_LINEAR,
            )
            for off in (-2, 2)
        ]
        return float(np.abs(sides[0] - sides[1]).mean())

    # As a generator may have it: soft, and of another brightness.
    lips = cv2.GaussianBlur(cv2.convertScaleAbs(found.image, alpha=0.8), (0, 0), 1.5)
    (pasted,) = paste_into(face, [lips], found.box)
    boxed = face.copy()
    half = int(0.92 * side / 2)
    rows, columns = (slice(round(c) - half, round(c) + half) for c in (cy, cx))
    boxed[rows, columns] = cv2.resize(lips, (2 * half, 2 * half))
    assert step(boxed) > step(face) + 8
    assert step(pasted) < step(face) + 1


def test_a_picture_is_shrunk_only_where_asked_or_beyond_4096():
    box = np.array([20.5, 10.5, 16.0])
    lips = np.zeros((64, 64, 3), np.uint8)
    for shape, shown in (((24, 4096), (24, 4096)), ((30, 6144), (20, 4096))):
        picture = np.zeros((*shape, 3), np.uint8)
        assert next(paste_into(picture, [lips], box)).shape == (*shown, 3)


def test_a_large_picture_is_shrunk_where_asked():
    picture = np.full((1500, 2560, 3), 100, np.uint8)
    lips = np.full((64, 64, 3), 100, np.uint8)
    lips[24:40, 24:40] = 250
    (frame,) = paste_into(picture, iter([lips]), np.array([1000.5, 700.5, 200.0]), 1280)
    assert frame.shape == (750, 1280, 3)
    bright = np.argwhere(frame[..., 0] > 200)
    np.testing.assert_allclose(bright.mean(0), (350, 500), atol=1)


def test_the_largest_of_several_faces_is_taken(tmp_path, weights, face, speech):
    double = cv2.resize(face, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    both = np.full((double.shape[0], face.shape[1] + double.shape[1], 3), 128, np.uint8)
    both[: face.shape[0], : face.shape[1]] = face
    both[:, face.shape[1] :] = double
    write_picture(tmp_path / "two.png", both)
    out = tmp_path / "two.mp4"
    result = generate(tmp_path / "two.png", speech, out, weights, progress=False)
    assert len(result.notes) == 1
    assert "2 faces; the largest is used" in result.notes[0]
    found = find_lips(both, PrepareConfig(), FaceLandmarks(), "two.png")
    assert found.box[0] > face.shape[1]


@pytest.mark.slow
def test_a_photograph_of_somebody_outside_all_corpora_speaks(tmp_path, weights, speech):
    """Eileen Collins, NASA's public-domain portrait that comes with scikit-image."""
    portrait = astronaut()
    found = find_lips(portrait, PrepareConfig(), FaceLandmarks(), "collins.png")
    assert found.faces == 1, "dlib sees a second one in her sleeve, with a tenth of the score"
    # Where her mouth is in the picture, and a third wider.
    np.testing.assert_allclose(found.box, (224, 148, 62), atol=4)
    write_picture(tmp_path / "collins.png", portrait)
    out = tmp_path / "collins.mp4"
    generate(tmp_path / "collins.png", speech, out, weights, paste_back=True, progress=False)
    assert read_video(out).shape == (33, *portrait.shape)


def test_a_picture_without_a_face(landmarks):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    with pytest.raises(
        NoFaceError, match=r"wall\.png: no face of 20 pixels or more found.*--lips-only"
    ):
        find_lips(noise, PrepareConfig(), landmarks, "wall.png")


def test_lips_alone_cannot_be_pasted_back(weights, lips, speech, tmp_path):
    out = tmp_path / "out.mp4"
    with pytest.raises(UsageError, match="needs a picture of a face"):
        generate(lips, speech, out, weights, paste_back=True, lips_only=True, progress=False)


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut off"])
def test_a_picture_that_cannot_be_read(tmp_path, content):
    path = tmp_path / "face.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LipkitError, match=r"face\.png: ") as error:
        read_picture(path)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("speaking", [False, True])
@torch.inference_mode()
def test_the_shipped_mouth_rests_in_silence(face, landmarks, speaking):
    from lipkit.talker import talking_clip

    generator, card = load_weights("plus")
    clip = talking_clip(0, "bin blue at f two now", 1)
    picture = clip.frames[len(clip.frames) // 2] if speaking else face
    lips = find_lips(picture, card.preset.prepare, landmarks, "face").image

    def openings(samples: np.ndarray) -> np.ndarray:
        """Distance of points 62 and 66, lip pixels, in every frame."""
        logmel = LogMel(samples, card)[:]
        points = generator.generate(to_image_tensor(lips)[None], logmel[None, None]).points[0]
        return np.linalg.norm(points[:, 14].numpy() - points[:, 18].numpy(), axis=-1)

    silent = openings(np.zeros_like(clip.samples))
    assert silent.max() < 2
    assert np.ptp(silent[12:-12]) < 0.5, "and keeps still"
    assert openings(clip.samples).max() > 5
