"""Videos as HTML that holds them, so that a notebook carries what it shows."""

import base64
import html
import tempfile
from pathlib import Path

import numpy as np

from lipkit.media import write_video

CONTROLS = 64
"""Notebook pixels below the picture: browsers lay a player's controls over its lowest part, which
is where a mouth is."""


def video_html(
    frames: np.ndarray,
    samples: np.ndarray,
    alt: str,
    width: int,
    crf: int,
    audio_bits: int,
    autoplay: bool = False,
) -> str:
    """A player with picture and sound (H.264 and AAC), its controls below the picture.

    Parameters
    ----------
    frames, samples
        u8 [T, H, W, 3] at 25 per second; f32 [T * 1764].
    alt
        What screen readers read out.
    width
        In notebook pixels; small pictures are enlarged.
    crf, audio_bits
        As for :func:`lipkit.media.write_video`.
    autoplay
        Whether it starts at once.

    >>> import numpy as np
    >>> frames, silence = np.zeros((2, 32, 64, 3), np.uint8), np.zeros(2 * 1764, np.float32)
    >>> video_html(frames, silence, "black", width=100, crf=30, audio_bits=20_000)[:58]
    '<video controls width="100" height="114" aria-label="black'
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, frames, samples, crf=crf, audio_bits=audio_bits)
        data = base64.b64encode(path.read_bytes()).decode()
    height = round(width * frames.shape[1] / frames.shape[2]) + CONTROLS
    return (
        f'<video controls{" autoplay" * autoplay} width="{width}" height="{height}" '
        f'aria-label="{html.escape(alt)}" '
        'style="object-fit: contain; object-position: top; background: #222">'
        f'<source src="data:video/mp4;base64,{data}" type="video/mp4"></video>'
    )
