"""Generation: one picture and a speech of any length -> a video of the lips saying it.

:mod:`~lipkit.generation.identity` finds the lips of a picture,
:mod:`~lipkit.generation.face_video` those of every frame of a video,
:mod:`~lipkit.generation.speech` reads the sound, :mod:`~lipkit.generation.frames` generates,
:mod:`~lipkit.generation.inference` makes it fast, :mod:`~lipkit.generation.paste` puts the
lips back into the face, and :mod:`~lipkit.generation.command` joins them: ``lipkit generate``.

The faces of real people may be used with their consent only, and the result must be
shown as what it is: synthetic video.
"""

from lipkit.generation.command import GenerateResult, generate
from lipkit.generation.face_video import FaceVideo, paste_into_video, read_face_video
from lipkit.generation.frames import CHUNK, generate_chunks, generate_frames
from lipkit.generation.identity import LipImage, find_lips
from lipkit.generation.inference import for_inference
from lipkit.generation.paste import paste_into
from lipkit.generation.speech import LogMel, Speech, read_speech
from lipkit.media import read_picture

__all__ = [
    "CHUNK",
    "FaceVideo",
    "GenerateResult",
    "LipImage",
    "LogMel",
    "Speech",
    "find_lips",
    "for_inference",
    "generate",
    "generate_chunks",
    "generate_frames",
    "paste_into",
    "paste_into_video",
    "read_face_video",
    "read_picture",
    "read_speech",
]
