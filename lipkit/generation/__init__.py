"""Generation: one picture and a speech of any length -> a video of the lips saying it.

:mod:`~lipkit.generation.identity` finds the lips of a picture,
:mod:`~lipkit.generation.face_video` those of every frame of a video,
:mod:`~lipkit.generation.speech` reads the sound, :mod:`~lipkit.generation.frames` generates,
:mod:`~lipkit.generation.inference` makes it fast. A network that draws lips has them pasted
into the face (:mod:`~lipkit.generation.paste`); one that moves pixels
(:mod:`~lipkit.generation.moves`) moves those of the picture itself
(:mod:`~lipkit.generation.redraw`, with the :mod:`~lipkit.generation.jaw` and what is
:mod:`painted <lipkit.generation.paint>`). :mod:`~lipkit.generation.talking` chooses, and
:mod:`~lipkit.generation.command` joins them all: ``lipkit generate``. While somebody still
speaks, :mod:`~lipkit.generation.streaming` gives the frames as the sound arrives.

The faces of real people may be used with their consent only, and the result must be
shown as what it is: synthetic video.
"""

from lipkit.generation.command import GenerateResult, generate
from lipkit.generation.face_video import FaceVideo, paste_into_video, read_face_video
from lipkit.generation.frames import CHUNK, generate_chunks, generate_frames
from lipkit.generation.identity import LipImage, find_lips
from lipkit.generation.inference import for_inference
from lipkit.generation.moves import Move, can_move, generate_moves
from lipkit.generation.paste import paste_into
from lipkit.generation.redraw import Redrawing
from lipkit.generation.speech import LogMel, Speech, read_speech
from lipkit.generation.streaming import SpeechStream, pipe_pieces
from lipkit.generation.talking import talking_picture, talking_video
from lipkit.media import read_picture

__all__ = [
    "CHUNK",
    "FaceVideo",
    "GenerateResult",
    "LipImage",
    "LogMel",
    "Move",
    "Redrawing",
    "Speech",
    "SpeechStream",
    "can_move",
    "find_lips",
    "for_inference",
    "generate",
    "generate_chunks",
    "generate_frames",
    "generate_moves",
    "paste_into",
    "paste_into_video",
    "pipe_pieces",
    "read_face_video",
    "read_picture",
    "read_speech",
    "talking_picture",
    "talking_video",
]
