"""Write video (MP4, MOV, MKV, WebM, GIF) and WAV, whole or not at all."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import av
import numpy as np

from lipkit.config import SAMPLE_RATE
from lipkit.errors import LipkitError, UsageError
from lipkit.files import replacing
from lipkit.media.container import file_url
from lipkit.media.encoding import CONTAINERS, Pictures, SoundTrack

AAC_BITS = 128_000


def write_video(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None = None,
    *,
    crf: int = 18,
    audio_bits: int = AAC_BITS,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a video that browsers play, by the ending of its name.

    ``.mp4``, ``.mov`` and ``.mkv``: H.264 (yuv420p) and AAC, the index in front; ``.webm``:
    VP9 and Opus; ``.gif``: pictures alone, 256 colours each. Read again, it has the same
    number of frames and its sound at the same samples. Memory does not grow with the number
    of frames.

    Parameters
    ----------
    path
        It appears when it is whole; on failure what was there stays.
    frames
        uint8 [H, W, 3] each, RGB, 25 per second; any iterable. Sizes must be even, except
        in a GIF: an odd last row or column is doubled.
    samples
        float32 [N], mono, 44,100 per second, in [-1, 1]; cut, or padded with silence, to
        the frames' length. None writes no sound. Anything may stand for the array that
        gives one where it is sliced, such as sound that is read as it is needed.
    crf
        Quality: 0 (lossless) to 51; 18 is visually lossless.
    audio_bits
        Bits per second of the sound.
    metadata
        Tags of the file, such as ``comment``; a GIF keeps none.

    Returns
    -------
    ``path``.

    Raises
    ------
    LipkitError
        When the name ends otherwise, there is no frame, a frame or the sound has another
        shape or type, or the file cannot be written.
    """
    path = Path(path)
    check_video_name(path)
    if isinstance(samples, np.ndarray | list | tuple):
        samples = _checked_samples(path, samples)
    with replacing(path) as temporary:
        try:
            _encode(path, temporary, frames, samples, crf, audio_bits, metadata or {})
        except av.FFmpegError as error:
            # System faults (full disk, no permission) are explained by `replacing`.
            if isinstance(error, OSError):
                raise
            raise LipkitError(f"{path}: cannot be encoded: {error.strerror}") from error
    return path


def check_video_name(path: str | os.PathLike) -> None:
    """Raise UsageError for a name by whose ending no video can be written."""
    if Path(path).suffix.lower() not in CONTAINERS:
        *others, last = CONTAINERS
        raise UsageError(f"{path}: must end in {', '.join(others)} or {last}; choose such a name")


def write_audio(
    path: str | os.PathLike,
    samples: np.ndarray,
    sample_format: Literal["int16", "float32"] = "int16",
) -> Path:
    """Write a mono WAV of 44,100 samples per second.

    ``int16`` rounds to 1/32768 and clips to [-1, 1); ``float32`` keeps every bit.

    Raises
    ------
    LipkitError
        When the name does not end in ``.wav``, the samples are not float [N], or the
        file cannot be written.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audio(Path(folder, "silence.wav"), np.zeros(44_100, np.float32)).stat().st_size
    88244
    """
    from scipy.io import wavfile

    path = Path(path)
    if path.suffix.lower() != ".wav":
        raise LipkitError(f"{path}: must end in .wav; choose such a name")
    samples = _checked_samples(path, samples)
    if sample_format == "int16":
        samples = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    elif sample_format != "float32":
        raise LipkitError(f"{path}: sample format {sample_format!r} is not int16 or float32")
    with replacing(path) as temporary:
        wavfile.write(temporary, SAMPLE_RATE, samples)
    return path


def _checked_samples(path: Path, samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        form = f"{samples.dtype} {list(samples.shape)}"
        raise LipkitError(f"{path}: the sound is {form}; give float32 [N] in [-1, 1]")
    if not np.isfinite(samples).all():
        raise LipkitError(f"{path}: the sound has samples that are not numbers; repair it")
    return samples.astype(np.float32)


def _encode(
    path: Path,
    temporary: Path,
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None,
    crf: int,
    audio_bits: int,
    metadata: Mapping[str, str],
) -> None:
    form = CONTAINERS[path.suffix.lower()]
    video = sound = None
    with av.open(file_url(temporary), "w", format=form.name, options=form.options) as container:
        container.metadata.update(metadata)
        for count, frame in enumerate(frames):
            frame = form.sized(_checked_frame(path, frame))
            if video is None:
                shape = frame.shape
                video = Pictures(container, form, frame.shape, crf)
                if samples is not None and form.sound:
                    sound = SoundTrack(container, form, samples, audio_bits)
            elif frame.shape != shape:
                raise LipkitError(
                    f"{path}: frame {count} is {frame.shape[1]}x{frame.shape[0]} pixels, the first "
                    f"{shape[1]}x{shape[0]}; give frames of one size"
                )
            video.add(frame)
            if sound is not None:
                sound.add_until(count + 1)
        if video is None:
            raise LipkitError(f"{path}: there is no frame to write; give at least one")
        for stream in filter(None, (video, sound)):
            stream.finish()


def _checked_frame(path: Path, frame: np.ndarray) -> np.ndarray:
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        form = f"{frame.dtype} {list(frame.shape)}"
        raise LipkitError(f"{path}: a frame is {form}; give uint8 [H, W, 3]")
    return frame
