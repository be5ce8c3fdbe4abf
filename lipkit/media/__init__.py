"""Read any talking-face video or sound file at the kit's rates; write MP4 and WAV.

Everything inside the kit runs at 25 pictures and 44,100 mono samples a second, so that
1,764 samples belong to one picture. Files come at other rates, with gaps, late starts
and encoder delays: they are brought to the kit's rates by their own time stamps.

:mod:`~lipkit.media.container` opens and decodes, :mod:`~lipkit.media.timeline` places
pictures and sound in time, :mod:`~lipkit.media.reading`, :mod:`~lipkit.media.streaming`
and :mod:`~lipkit.media.writing` are what the rest of the kit calls.
"""

from lipkit.media.container import DamagedError
from lipkit.media.reading import (
    MediaClip,
    MediaInfo,
    iter_video,
    probe,
    read_audio,
    read_clip,
    read_video,
)
from lipkit.media.streaming import iter_audio
from lipkit.media.writing import write_audio, write_video

__all__ = [
    "DamagedError",
    "MediaClip",
    "MediaInfo",
    "iter_audio",
    "iter_video",
    "probe",
    "read_audio",
    "read_clip",
    "read_video",
    "write_audio",
    "write_video",
]
