"""Generation: one picture and a speech of any length -> a video of the lips saying it.

The faces of real people may be used with their consent only, and the result must be
shown as what it is: synthetic video.
"""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from lipkit.audio import log_mel
from lipkit.config import COLUMNS_PER_FRAME, FPS, LIP_SIZE, SAMPLES_PER_FRAME, PrepareConfig
from lipkit.errors import LipkitError, UsageError
from lipkit.landmarks import FaceLandmarks, NoFaceError, track
from lipkit.lips import crop, crop_boxes, paste_back
from lipkit.media import read_audio, write_video
from lipkit.models.generator import Generator
from lipkit.tensors import normalise, to_image_tensor, to_images
from lipkit.weights import load_weights

CHUNK = 64
"""Frames generated at once; memory does not grow with the length of the speech."""
SMALLEST_LIPS = 16
"""Pixels; a lip box smaller than this holds too little of a person to go by."""
STILL_MARGIN = 1.06
"""Median side of a clip's stable crop over that of its single frames, on GRID: a clip's side
fits its largest mouth, a still's only its own."""
LARGEST_SIDE = 1280
"""Pixels; a larger picture is shrunk to this before lips are pasted back into it."""


@dataclass(frozen=True)
class LipImage:
    """The lips of a still picture."""

    image: np.ndarray
    """u8 [64, 64, 3], RGB."""
    box: np.ndarray | None = None
    """f32 [3]: centre x, centre y and side in the picture; None for a picture of lips alone."""
    faces: int = 0
    """Faces seen in the picture; the lips are those of the largest."""


@dataclass(frozen=True)
class GenerateResult:
    """What :func:`generate` made."""

    path: Path
    frames: int
    """Video frames, 25 a second."""
    realtime: float
    """Seconds of video made in a second of work, after the networks were loaded."""
    notes: tuple[str, ...] = ()
    """What the caller should know, such as which of several faces was taken."""


def generate(
    identity: str | Path,
    audio: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    paste_back: bool = False,
    lips_only: bool = False,
    progress: bool = True,
    landmark_model: str | Path | None = None,
) -> GenerateResult:
    """Write the video of a face, or of its lips alone, that says a speech.

    Parameters
    ----------
    identity:
        A picture with a face in it (of several faces the largest is taken), or, with
        ``lips_only``, one of lips alone, which is cut square around its middle.
    audio:
        Any sound or video file, of any length.
    out:
        The ``.mp4`` to write: 25 frames/s H.264, with the speech as AAC.
    weights:
        A ``.safetensors`` file of ``lipkit train``, or the folder of a finished run.
    paste_back:
        Put the lips back into the picture instead of writing 64 x 64 lips.
    landmark_model:
        dlib's 68-point model; found by itself where None.

    Raises
    ------
    LipkitError
        In one line, for any of the files that is missing, unreadable or unfit.
    """
    if weights is None:
        raise UsageError(
            "no weights given; make some with `lipkit train PREPARED --preset tiny --out RUN` "
            "and add --weights RUN"
        )
    if paste_back and lips_only:
        raise UsageError("--paste-back needs a picture of a face; leave out --lips-only")
    generator, card = load_weights(weights)
    picture = read_picture(identity)
    if lips_only:
        lips = LipImage(_middle_square(picture))
    else:
        lips = find_lips(picture, card.preset.prepare, FaceLandmarks(landmark_model), identity)
    samples = read_speech(audio)

    began = time.monotonic()
    logmel = normalise(log_mel(samples), card.statistics)
    frames = generate_frames(generator, lips.image, logmel)
    if paste_back:
        frames = paste_into(picture, frames, lips.box)
    total = len(samples) // SAMPLES_PER_FRAME
    frames = tqdm(frames, "generate", total, unit="frame", disable=not progress)
    write_video(out, frames, samples)
    realtime = total / FPS / (time.monotonic() - began)
    notes = (f"{identity}: {lips.faces} faces; the largest is used",) if lips.faces > 1 else ()
    return GenerateResult(Path(out), total, realtime, notes)


def generate_frames(
    generator: Generator, lips: np.ndarray, logmel: Tensor, chunk: int = CHUNK
) -> Iterator[np.ndarray]:
    """Generate lip images one by one: :func:`generate_chunks` as pictures u8 [64, 64, 3].

    ``lips`` is the identity, u8 [64, 64, 3]; the rest is as there.
    """
    for video in generate_chunks(generator, to_image_tensor(lips), logmel, chunk):
        yield from to_images(video)


@torch.inference_mode()
def generate_chunks(
    generator: Generator, identity: Tensor, logmel: Tensor, chunk: int = CHUNK
) -> Iterator[Tensor]:
    """Generate a video piece by piece, in memory that does not grow with its length.

    Each piece is generated together with the frames on both sides that can change it
    (``generator.context``), so that the pieces are those of one pass over everything.

    Parameters
    ----------
    generator:
        In eval mode: batch norm by its running statistics.
    identity:
        [3, 64, 64] in [-1, 1].
    logmel:
        [4T, 128], normalised.
    chunk:
        Frames of a piece.

    Yields
    ------
    Tensor
        [3, n, 64, 64] in [-1, 1]; the n sum up to T.
    """
    device = next(generator.parameters()).device
    identity = identity.unsqueeze(0).to(device)
    total, context = len(logmel) // COLUMNS_PER_FRAME, generator.context
    for start in range(0, total, chunk):
        end = min(start + chunk, total)
        first, last = max(0, start - context), min(total, end + context)
        heard = logmel[first * COLUMNS_PER_FRAME : last * COLUMNS_PER_FRAME]
        video = generator(identity, heard[None, None].to(device))[0]
        yield video[:, start - first : end - first]


def paste_into(
    picture: np.ndarray, lips: Iterator[np.ndarray], box: np.ndarray
) -> Iterator[np.ndarray]:
    """Put each lip image back into a still picture u8 [H, W, 3] at ``box`` (x, y, side)."""
    scale = min(1.0, LARGEST_SIDE / max(picture.shape[:2]))
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        # Pixel centres lie at whole numbers, so the picture's corner is at -1/2.
        box = np.array([(box[0] + 0.5) * scale - 0.5, (box[1] + 0.5) * scale - 0.5, box[2] * scale])
    for image in lips:
        yield paste_back(picture, image, box)


def find_lips(
    picture: np.ndarray, config: PrepareConfig, landmarks: FaceLandmarks, name: str | Path
) -> LipImage:
    """Crop the lips of the largest face in a picture as in preparation.

    Parameters
    ----------
    picture:
        u8 [H, W, 3], RGB.
    config:
        The crop of the set on which the generator was trained.
    name:
        The picture's file, for error messages.

    Raises
    ------
    LipkitError
        When there is no face, or it is too small.
    """
    try:
        found = track([picture], landmarks)
    except NoFaceError:
        raise NoFaceError(
            f"{name}: no face found; give a sharp picture of a face seen from the front, or "
            "add --lips-only if it shows lips alone"
        ) from None
    if config.crop == "stable":
        config = dataclasses.replace(config, crop_scale=config.crop_scale * STILL_MARGIN)
    box = crop_boxes(found.points, config)[0]
    if box[2] < SMALLEST_LIPS:
        raise LipkitError(
            f"{name}: the face is too small, its mouth fills {box[2]:.0f} pixels where "
            f"{SMALLEST_LIPS} are needed; give a larger picture"
        )
    return LipImage(crop([picture], box[None])[0], box, found.faces)


def read_picture(path: str | Path) -> np.ndarray:
    """A picture file as u8 [H, W, 3], RGB, turned upright where the camera noted how.

    Raises
    ------
    LipkitError
        When the file is missing or is no picture.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise LipkitError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None:
        raise LipkitError(f"{path}: is not a whole picture; give a JPEG or PNG file")
    return np.ascontiguousarray(picture[..., ::-1])


def read_speech(path: str | Path) -> np.ndarray:
    """The sound of a file as f32 [N], mono 44.1 kHz, padded with silence to whole frames.

    Raises
    ------
    LipkitError
        When the file is missing, unreadable, or without sound.
    """
    samples = read_audio(path)
    if len(samples) == 0:
        raise LipkitError(f"{path}: the sound is empty; give a recording of speech")
    return np.pad(samples, (0, -len(samples) % SAMPLES_PER_FRAME))


def _middle_square(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = picture[top : top + side, left : left + side]
    shrinks = side > LIP_SIZE
    return cv2.resize(
        square,
        (LIP_SIZE, LIP_SIZE),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
