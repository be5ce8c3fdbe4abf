"""A face that says a speech: its picture or its video, with the mouth of every frame replaced."""

from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor, nn

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.generation.detail import StillDetail
from lipkit.generation.face_video import FaceVideo, paste_into_video
from lipkit.generation.frames import generate_frames
from lipkit.generation.identity import LipImage
from lipkit.generation.moves import Move, can_move, generate_moves
from lipkit.generation.paste import (
    LARGEST_SIDE,
    paste_into,
    shrink,
    shrink_box,
    shrink_points,
    shrinking,
)
from lipkit.generation.redraw import Redrawing
from lipkit.generation.speech import LogMel


def talking_picture(
    generator: nn.Module,
    picture: np.ndarray,
    lips: LipImage,
    logmel: Tensor | LogMel,
    largest_side: int = LARGEST_SIDE,
    still_detail: bool = False,
) -> Iterator[np.ndarray]:
    """A still picture u8 [H, W, 3] saying a speech, frame by frame.

    A generator that moves pixels moves those of the picture; what another one draws, 64 x 64
    pixels, is enlarged and pasted.

    Parameters
    ----------
    lips:
        Of :func:`lipkit.generation.find_lips`.
    largest_side:
        Pixels; a larger picture is shrunk to it.
    still_detail:
        Give lips that are drawn the picture's detail back where they look as they do in it
        (:mod:`lipkit.generation.detail`); moved pixels have it.
    """
    if can_move(generator):
        drawing = Redrawing(*shrunk(picture, lips, largest_side))
        return map(drawing.frame, generate_moves(generator, lips.image, logmel))
    frames = drawn_lips(generator, lips, logmel, still_detail)
    return paste_into(picture, frames, lips.box, largest_side)


def talking_video(
    generator: nn.Module,
    video: FaceVideo,
    logmel: Tensor | LogMel,
    largest_side: int = LARGEST_SIDE,
    still_detail: bool = False,
) -> Iterator[np.ndarray]:
    """A face in a video saying a speech, frame by frame, u8 [H, W, 3].

    The mouth of the identity frame, moved at its own resolution or drawn in 64 x 64 pixels,
    is pasted into every frame.
    """
    if can_move(generator):
        lips = moved_lips(video.lips.large, generate_moves(generator, video.lips.image, logmel))
    else:
        lips = drawn_lips(generator, video.lips, logmel, still_detail)
    repeats = len(logmel) // COLUMNS_PER_FRAME > len(video.boxes)
    return paste_into_video(video, lips, largest_side, repeats)


def moved_lips(large: np.ndarray, moves: Iterable[Move]) -> Iterator[np.ndarray]:
    """Lip images at the resolution of ``large`` u8 [n, n, 3], the identity's."""
    side = len(large)
    drawing = Redrawing(large, np.array([(side - 1) / 2, (side - 1) / 2, side]))
    return map(drawing.frame, moves)


def drawn_lips(
    generator: nn.Module, lips: LipImage, logmel: Tensor | LogMel, still_detail: bool
) -> Iterator[np.ndarray]:
    """Lip images u8 [64, 64, 3], or, with ``still_detail``, at the resolution of ``lips``."""
    frames = generate_frames(generator, lips.image, logmel)
    if not still_detail:
        return frames
    return map(StillDetail(lips.large, lips.image).add, frames)


def shrunk(
    picture: np.ndarray, lips: LipImage, largest_side: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Picture, box and landmarks, no larger than is asked for."""
    scale = shrinking(picture.shape, largest_side)
    face = None if lips.face is None else shrink_points(lips.face, scale)
    return shrink(picture, scale), shrink_box(lips.box, scale), face
