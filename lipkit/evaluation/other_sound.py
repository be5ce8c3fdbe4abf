"""Another clip's sound for every clip: what a model loses by it, it owed to hearing."""

from collections.abc import Sequence

import numpy as np

from lipkit.config import COLUMNS_PER_FRAME
from lipkit.data.clips import read_clip
from lipkit.errors import UsageError
from lipkit.evaluation.split import SplitClip
from lipkit.provenance import digest, file_digest


class OtherSounds:
    """The sound of the split's next clip of another speaker; of the next clip where all are one's.

    Parameters
    ----------
    clips
        The whole split, so that measuring fewer of its clips pairs them in the same way.

    Raises
    ------
    UsageError
        Where there is one clip only.

    Notes
    -----
    Sentences of one corpus begin and end with a shut mouth, so that another's sound keeps some
    of the correlation with the lips: it is the null of a correlation, and need not be 0.
    """

    def __init__(self, clips: Sequence[SplitClip]) -> None:
        if len(clips) < 2:
            raise UsageError(
                "--other-sound needs a second clip in the split; leave it out, or measure on "
                "another split"
            )
        others = next_of_another([clip.speaker for clip in clips])
        self._files = {
            clip.clip_id: clips[other].file for clip, other in zip(clips, others, strict=True)
        }
        self.digest = digest(*(f"{c} {file_digest(f)}" for c, f in self._files.items()))
        """Changes with the pairs and with what their files hold."""

    def of(self, clip_id: str, frames: int) -> np.ndarray:
        """log-mel ``[4 * frames, 128]`` to hear with this clip; a shorter one is repeated."""
        other = read_clip(self._files[clip_id]).logmel
        wanted = frames * COLUMNS_PER_FRAME
        return np.tile(other, (-(-wanted // len(other)), 1))[:wanted]


def next_of_another(speakers: Sequence[str]) -> list[int]:
    """For each clip the place of the next one of another speaker, from the end on to the first.

    Where all clips are one speaker's, it is the next clip. There must be two clips.

    >>> next_of_another(["a", "a", "b"])
    [2, 2, 0]
    """
    places = []
    for place, speaker in enumerate(speakers):
        following = [*range(place + 1, len(speakers)), *range(place)]
        places.append(next((i for i in following if speakers[i] != speaker), following[0]))
    return places
