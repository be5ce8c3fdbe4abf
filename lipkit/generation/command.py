"""From files to a file: what ``lipkit generate`` does."""

import time
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lipkit.config import FPS
from lipkit.data.spectrogram import mel_filters
from lipkit.errors import LipkitError, UsageError
from lipkit.face.landmarks import FaceLandmarks
from lipkit.generation.advice import notes_on_identity, notes_on_size, notes_on_softness
from lipkit.generation.face_video import read_face_video
from lipkit.generation.frames import generate_frames
from lipkit.generation.identity import find_lips, middle_lips
from lipkit.generation.inference import for_inference
from lipkit.generation.moves import can_move
from lipkit.generation.paste import LARGEST_SIDE
from lipkit.generation.speech import LogMel, read_speech
from lipkit.generation.talking import talking_picture, talking_video
from lipkit.media import DamagedError, is_picture, probe, read_picture, write_video
from lipkit.media.given import require_file
from lipkit.weights import load_weights, shipped

SMALLEST_SIDE = 64
"""Pixels; no picture is shrunk below this."""
VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp"}


@dataclass(frozen=True)
class GenerateResult:
    """What :func:`generate` made."""

    path: Path
    frames: int
    """Video frames, 25 a second."""
    realtime: float
    """Seconds of video made in a second of work, after the networks were loaded; reading,
    finding the face and writing count."""
    notes: tuple[str, ...] = ()
    """What the caller should know, such as which of several faces was taken."""


def generate(
    identity: str | Path,
    audio: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    paste_back: bool = False,
    lips_only: bool = False,
    allow_silence: bool = False,
    largest_side: int | None = None,
    still_detail: bool = False,
    progress: bool = True,
    landmark_model: str | Path | None = None,
) -> GenerateResult:
    """Write the video of a face, or of its lips alone, that says a speech.

    Parameters
    ----------
    identity:
        A picture or a video with a face in it (of several faces the largest is taken), or,
        with ``lips_only``, a picture of lips alone, which is cut square around its middle.
        Of a video, the frame with the mouth most shut, seen most from the front, is the
        identity image.
    audio:
        Any sound or video file, of any length.
    out:
        The ``.mp4`` to write: 25 frames/s H.264, with the speech as AAC.
    weights:
        A ``.safetensors`` file of ``lipkit train``, the folder of a finished run, or the name
        of weights that come with the kit; None is ``plus``.
    paste_back:
        Put the lips back into the picture, or into every frame of the video, instead of
        writing 64 x 64 lips. A video that is shorter than the speech is played back and forth.
    allow_silence:
        Take sound in which nothing is to be heard.
    largest_side:
        With ``paste_back``: pixels of the video's longer side, to which a larger picture or
        video is shrunk; None shrinks what is larger than 4,096 pixels, and says so.
    still_detail:
        With ``paste_back`` and a network that draws lips: give them the picture's detail back
        where they look as they do in it.
    landmark_model:
        dlib's 68-point model; found by itself where None.

    Raises
    ------
    LipkitError
        In one line, for any of the files that is missing, unreadable or unfit.
    """
    if paste_back and lips_only:
        raise UsageError("--paste-back needs a picture of a face; leave out --lips-only")
    _check_pasting(paste_back, largest_side, still_detail)
    generator, card = load_weights(_default_weights() if weights is None else weights)
    generator = for_inference(generator)
    if still_detail and can_move(generator):
        raise UsageError(
            "--still-detail is for weights that draw lips; these move the picture's own pixels, "
            "detail and all; leave it out"
        )
    is_video = _is_video(identity)
    if is_video and lips_only:
        raise UsageError(f"{identity}: is a video; --lips-only needs a picture of lips")
    landmarks = None if lips_only else FaceLandmarks(landmark_model).load()
    mel_filters()

    began = time.monotonic()
    speech = read_speech(audio, allow_silence)
    config = card.preset.prepare
    if is_video:
        video = read_face_video(identity, config, landmarks, speech.frames)
        lips, notes = video.lips, video.notes(speech.frames if paste_back else 0)
    else:
        picture, notes = read_picture(identity), []
        lips = (
            middle_lips(picture) if lips_only else find_lips(picture, config, landmarks, identity)
        )
    if lips.faces > 1:
        notes.append(f"{identity}: {lips.faces} faces; the largest is used")
    notes.extend(notes_on_identity(identity, lips, generator))
    if paste_back:
        size = video.size if is_video else picture.shape[1::-1]
        notes.extend(notes_on_size(identity, size, largest_side))
        if not still_detail:
            notes.extend(notes_on_softness(identity, lips, generator, card.preset.name))
    pasting = {"largest_side": largest_side or LARGEST_SIDE, "still_detail": still_detail}
    logmel = LogMel(speech, card.statistics, card.quiet, card.preset.data)
    if paste_back and is_video:
        frames = talking_video(generator, video, logmel, **pasting)
    elif paste_back:
        frames = talking_picture(generator, picture, lips, logmel, **pasting)
    else:
        frames = generate_frames(generator, lips.image, logmel)
    frames = tqdm(frames, "generate", speech.frames, unit="frame", disable=not progress)
    write_video(out, frames, speech)
    realtime = speech.frames / FPS / (time.monotonic() - began)
    return GenerateResult(Path(out), speech.frames, realtime, tuple(notes))


def _check_pasting(paste_back: bool, largest_side: int | None, still_detail: bool) -> None:
    for name, given in (
        ("--largest-side", largest_side is not None),
        ("--still-detail", still_detail),
    ):
        if given and not paste_back:
            raise UsageError(f"{name} is about putting lips into a picture; add --paste-back")
    if largest_side is not None and largest_side < SMALLEST_SIDE:
        raise UsageError(
            f"--largest-side {largest_side}: give {SMALLEST_SIDE} pixels or more; the picture is "
            "shrunk to it"
        )


def _default_weights() -> Path:
    path = shipped.path_of(shipped.DEFAULT)
    if path is None:
        raise UsageError(
            "no weights given, and none come with this copy of lipkit; make some with "
            "`lipkit train PREPARED --preset tiny --out RUN` and add --weights RUN"
        )
    return path


def _is_video(path: str | Path) -> bool:
    """Whether an identity is a video; LipkitError when it is no picture either."""
    path = require_file(path)
    if is_picture(path):
        return False
    try:
        info = probe(path)
    except DamagedError:
        raise
    except LipkitError as no_video:
        # Reading it as a picture tells what it is, or that it is none.
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise
        try:
            read_picture(path)
        except LipkitError as error:
            raise error from no_video
        return False
    if not info.has_video:
        raise LipkitError(f"{path}: is sound alone; give a picture or a video of a face")
    return True
