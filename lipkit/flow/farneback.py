"""OpenCV's Farneback flow with the authors' parameters (fact sheet section 3 and 4).

Dense and quick, but not differentiable: it serves the analysis of real clips (Fig. 3) and
is the proxy from which the authors' FlowNetS learns.
"""

import itertools

import cv2
import numpy as np

PARAMETERS = {
    "pyr_scale": 0.5,
    "levels": 3,
    "winsize": 15,
    "iterations": 3,
    "poly_n": 5,
    "poly_sigma": 1.2,
    "flags": 0,
}
"""The parameters with which the authors call it."""


def farneback(frames: np.ndarray) -> np.ndarray:
    """Flow of each neighbouring pair of ``frames``.

    Parameters
    ----------
    frames
        u8 ``[T, H, W, 3]`` RGB or ``[T, H, W]`` grey.

    Returns
    -------
    numpy.ndarray
        f32 ``[T-1, H, W, 2]``, pixels, x then y.

    Raises
    ------
    ValueError
        For fewer than two frames.

    >>> import numpy as np
    >>> row = np.sin(np.arange(64) / 3) * 100 + 128
    >>> frames = np.stack([np.tile(np.roll(row, shift), (64, 1)) for shift in (0, 1)])
    >>> farneback(frames.astype(np.uint8)).shape
    (1, 64, 64, 2)
    """
    if len(frames) < 2:
        raise ValueError("flow needs at least two frames")
    grey = frames if frames.ndim == 3 else [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    flow = [
        cv2.calcOpticalFlowFarneback(first, second, None, **PARAMETERS)
        for first, second in itertools.pairwise(grey)
    ]
    return np.stack(flow)
