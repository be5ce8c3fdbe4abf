"""Farneback's flow of a clip, computed once and kept on disk.

What is kept is the *motion series* (mean size of the flow, one number per step), which the
analysis needs: some 300 bytes per clip instead of 50 ms.

An entry belongs to one version of one clip file (its path, size and time of change), the
flow's parameters and OpenCV's version; anything else has another entry, so that nothing
stale is ever read. Entries are complete or absent, and several processes may share a folder.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from lipkit.errors import LipkitError
from lipkit.files import replacing
from lipkit.flow.farneback import PARAMETERS, farneback

Frames = Callable[[], np.ndarray]
"""Gives the frames of a clip, u8 ``[T, H, W, 3]``; called only when the cache lacks them."""


class FlowCache:
    """A folder of flow.

    Parameters
    ----------
    folder
        Made on the first write; it may be deleted at any time.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)

    def motion(self, clip: str | os.PathLike, frames: Frames) -> np.ndarray:
        """Mean size of the flow at each step, f32 ``[T-1]``, pixels per frame.

        Parameters
        ----------
        clip
            The file that ``frames`` come from.
        frames
            Called when the cache does not hold the clip.

        Raises
        ------
        LipkitError
            When the clip's file is gone, or the folder cannot be written.
        """
        path = self._entry(clip)
        try:
            return np.load(path)
        except (OSError, ValueError, EOFError):
            return _keep(path, mean_size(farneback(frames())))

    def _entry(self, clip: str | os.PathLike) -> Path:
        path = Path(clip).resolve()
        try:
            state = path.stat()
        except OSError as error:
            raise LipkitError(f"{clip}: cannot be read: {error.strerror}") from error
        version = (str(path), state.st_size, state.st_mtime_ns, PARAMETERS, cv2.__version__)
        key = hashlib.blake2b(repr(version).encode(), digest_size=10).hexdigest()
        return self.folder / "motion" / f"{path.stem}-{key}.npy"


def mean_size(flow: np.ndarray) -> np.ndarray:
    """Mean size of the flow over the picture: ``[T-1, H, W, 2]`` -> f32 ``[T-1]``, pixels."""
    return np.linalg.norm(flow, axis=3).mean(axis=(1, 2))


def _keep(path: Path, values: np.ndarray) -> np.ndarray:
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.save(file, values)
    return values
