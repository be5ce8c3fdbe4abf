"""Read any picture, talking-face video or sound file at the kit's rates; write video and WAV.

Everything inside the kit runs at 25 pictures and 44,100 mono samples per second, so that
1,764 samples belong to one picture. Files come at other rates, with gaps, late starts
and encoder delays: they are brought to the kit's rates by their own time stamps.

:mod:`~lipkit.media.container` opens and decodes, :mod:`~lipkit.media.timeline` places
pictures and sound in time, :mod:`~lipkit.media.shown` and :mod:`~lipkit.media.mixing` give
them the looks and the level that a player gives them. :mod:`~lipkit.media.reading`,
:mod:`~lipkit.media.streaming`, :mod:`~lipkit.media.sound`, :mod:`~lipkit.media.pictures`
and :mod:`~lipkit.media.writing` are what the rest of the kit calls;
:mod:`~lipkit.media.limits` says what is too large for them.
"""

from lipkit.media.container import DamagedError
from lipkit.media.limits import Limits, TooLargeError
from lipkit.media.pictures import is_picture, read_picture
from lipkit.media.reading import (
    MediaClip,
    MediaInfo,
    iter_video,
    probe,
    read_audio,
    read_clip,
    read_video,
)
from lipkit.media.sound import Hearing, listen
from lipkit.media.streaming import iter_audio
from lipkit.media.writing import write_audio, write_video

__all__ = [
    "DamagedError",
    "Hearing",
    "Limits",
    "MediaClip",
    "MediaInfo",
    "TooLargeError",
    "is_picture",
    "iter_audio",
    "iter_video",
    "listen",
    "probe",
    "read_audio",
    "read_clip",
    "read_picture",
    "read_video",
    "write_audio",
    "write_video",
]
