"""What happens to pictures before they are compared, and which pictures may be.

The authors' evaluation wrote every frame, real and generated, by ``scipy.misc.imsave`` to a
JPEG file before it measured anything: each frame was stretched to its own full range and
compressed (fact sheet section 8). The convention ``standard`` compares the frames
themselves; ``paper`` compares :func:`as_released`. Both compare grey pictures.
"""

from typing import Literal

import cv2
import numpy as np

from lipkit.config import LIP_SIZE
from lipkit.errors import LipkitError
from lipkit.metrics.metric import Context

JPEG_QUALITY = 75
"""Pillow's default quality, at which ``imsave`` compressed."""


def grey(video: np.ndarray) -> np.ndarray:
    """Luma of Rec. 601, rounded: u8 ``[T, H, W, 3]`` -> ``[T, H, W]``, as the authors' OpenCV.

    >>> import numpy as np
    >>> red = np.zeros((1, 64, 64, 3), np.uint8)
    >>> red[..., 0] = 255
    >>> grey(red).shape, int(grey(red)[0, 0, 0])
    ((1, 64, 64), 76)
    """
    if not len(video):
        return np.empty(video.shape[:-1], np.uint8)
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in video])


def stretch(video: np.ndarray) -> np.ndarray:
    """Each frame's darkest value (of all channels) to 0 and its brightest to 255.

    So the brightness and contrast of a generated frame no longer count. A frame of a single
    value becomes black, as with ``imsave``. u8 ``[T, H, W, 3]`` in and out.

    >>> import numpy as np
    >>> frame = np.full((1, 2, 2, 3), 100, np.uint8)
    >>> frame[0, 0, 0] = 150
    >>> sorted(set(stretch(frame).ravel().tolist()))
    [0, 255]
    """
    low = video.min(axis=(1, 2, 3), keepdims=True).astype(np.float64)
    high = video.max(axis=(1, 2, 3), keepdims=True)
    scale = 255.0 / np.where(high > low, high - low, 255.0)
    return np.floor((video - low) * scale + 0.5).astype(np.uint8)


def jpeg(video: np.ndarray, quality: int = JPEG_QUALITY) -> np.ndarray:
    """Each frame through JPEG and back, with colour at half resolution: u8 ``[T, H, W, 3]``."""
    flags = (cv2.IMWRITE_JPEG_QUALITY, quality)
    frames = []
    for frame in video:
        _, data = cv2.imencode(".jpg", frame[..., ::-1], flags)
        frames.append(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
    return np.stack(frames) if frames else video.copy()


def as_released(
    video: np.ndarray, stretched: bool = True, quality: int | None = JPEG_QUALITY
) -> np.ndarray:
    """Frames as the authors' code measured them; each step can be left out.

    One thing is not repeated: they stretched floating-point frames; here they have 8 bits.

    >>> import numpy as np
    >>> frames = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    >>> as_released(frames).shape
    (2, 64, 64, 3)
    """
    video = stretch(video) if stretched else video
    return video if quality is None else jpeg(video, quality)


def grey_of(
    video: np.ndarray,
    context: Context,
    side: Literal["prediction", "truth"] = "prediction",
    released: bool = False,
) -> np.ndarray:
    """:func:`grey` of one side of a piece, made once for all metrics.

    With ``released`` of :func:`as_released` frames.
    """

    def made() -> np.ndarray:
        return grey(as_released(video) if released else video)

    return context.once((side, released), (video,), made)


def released_greys(
    prediction: np.ndarray, truth: np.ndarray, context: Context
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as the authors' code compared them: see :func:`as_released`."""
    return (
        grey_of(prediction, context, released=True),
        grey_of(truth, context, "truth", released=True),
    )


def require_pair(prediction: np.ndarray, truth: np.ndarray, name: str = "prediction") -> None:
    """Make sure that two videos can be compared frame by frame.

    Raises
    ------
    LipkitError
        Unless both are u8 ``[T, 64, 64, 3]`` of the same T > 0, saying what is wrong.
    """
    prediction, truth = np.asarray(prediction), np.asarray(truth)
    for what, video in ((name, prediction), ("truth", truth)):
        shape = list(video.shape)
        if video.ndim != 4 or shape[1:] != [LIP_SIZE, LIP_SIZE, 3] or not len(video):
            raise LipkitError(
                f"{what}: has shape {shape} where lips are [T, {LIP_SIZE}, {LIP_SIZE}, 3]; "
                "crop or resize it as in preparation"
            )
        if np.issubdtype(video.dtype, np.floating) and not np.isfinite(video).all():
            raise LipkitError(
                f"{what}: has values that are not numbers; look for NaN in what made it"
            )
        if video.dtype != np.uint8:
            raise LipkitError(
                f"{what}: is {video.dtype} (values {video.min():.3g} to {video.max():.3g}) where "
                "pictures are uint8, 0 to 255; convert it with lipkit.data.tensors.to_images"
            )
    if len(prediction) != len(truth):
        raise LipkitError(
            f"{name}: has {len(prediction)} frames, the truth {len(truth)}; compare the same frames"
        )
