"""What ``lipkit generate`` refuses before anything is decoded, loaded or written."""

import os
from pathlib import Path

import numpy as np

from lipkit.errors import LipkitError, UsageError
from lipkit.face.landmarks import FaceLandmarks, find_faces
from lipkit.media import DamagedError, Limits, is_picture, probe, read_picture
from lipkit.media.given import require_file
from lipkit.media.writing import check_video_name

_VIDEO_SUFFIXES = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".3gp"}


def check_names(
    identity: str | Path, audio: str | Path, out: str | Path, others: tuple = ()
) -> None:
    """Look at the names: the files that are read are there, and ``out`` can be written.

    Parameters
    ----------
    others
        Further files that are read, None where they are not given.

    Raises
    ------
    UsageError
        When ``out`` has an ending that cannot be written, or is one of the files that are
        read, also through a link.
    LipkitError
        When a file is missing, empty, a folder, an address, or ``out`` cannot be made.
    """
    check_video_name(out)
    for path in (identity, audio):
        require_file(path)
    out = Path(out)
    for option, path in zip(("--identity", "--audio"), (identity, audio), strict=True):
        _check_apart(out, path, option)
    for path in others:
        if path is not None:
            _check_apart(out, path, "a file that is read")
    _check_place(out)


def _check_apart(out: Path, path: str | Path, option: str) -> None:
    path = Path(path)
    same = out.resolve() == path.resolve()
    if not same and out.exists() and path.exists():
        same = os.path.samefile(out, path)  # A second name of the same bytes.
    if same:
        raise UsageError(
            f"{out}: is {option}, {path}, which would be replaced; choose another --out"
        )


def _check_place(out: Path) -> None:
    if out.is_dir():
        raise UsageError(f"{out}: is a folder; give the name of a file in it")
    folder = out.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise LipkitError(f"{out}: {folder} is a file, no folder; choose another --out")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LipkitError(f"{out}: {folder} may not be written to; choose another --out")


def check_sound(audio: str | Path, track: int | None, limits: Limits) -> None:
    """Look at the header of the speech: there is sound, the track, and not too much.

    Raises
    ------
    LipkitError
        When it is not a recording, has no sound or no such track, or declares to be too long.
    """
    info = probe(audio, limits=limits)
    if not info.has_audio:
        raise LipkitError(
            f"{audio}: has no audio stream; give a file with sound or a separate sound file"
        )
    if track and track > info.audio_tracks:
        raise UsageError(f"{audio}: has no audio track {track}; it has {info.audio_tracks}")


def identity_is_video(identity: str | Path, limits: Limits) -> bool:
    """Whether an identity is a video rather than a still picture.

    Raises
    ------
    LipkitError
        When it is neither; the message says what it is.
    """
    path = Path(identity)
    if is_picture(path):
        return False
    try:
        info = probe(path, limits=limits)
    except DamagedError:
        raise
    except LipkitError as no_video:
        if path.suffix.lower() in _VIDEO_SUFFIXES:
            raise
        # Reading it as a picture tells what it is, or that it is none.
        try:
            read_picture(path, limits)
        except LipkitError as error:
            raise error from no_video
        return False
    if not info.has_video:
        raise LipkitError(f"{path}: is sound alone; give a picture or a video of a face")
    return True


def shows_a_face(picture: np.ndarray) -> bool:
    """Whether a picture u8 [H, W, 3] that should show lips alone shows a face.

    False where it cannot be told, because dlib or its model is not there.
    """
    try:
        return bool(find_faces(FaceLandmarks(), picture))
    except LipkitError:
        return False
