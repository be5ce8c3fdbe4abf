"""Drawn people who all make the same mouths: lip images that differ in one thing only."""

from collections.abc import Sequence

import numpy as np

from lipkit.config import PrepareConfig
from lipkit.face.lips import crop, crop_boxes
from lipkit.talker.face import Pose, face
from lipkit.talker.people import person
from lipkit.talker.visemes import VISEMES


def lip_gallery(
    people: int, visemes: Sequence[str], seed: int = 0, config: PrepareConfig | None = None
) -> np.ndarray:
    """Lip images of the first people of the synthetic corpus, each with the same mouths.

    The head is moved and turned a little in every picture, as a speaker's is, so that no two
    pictures agree pixel by pixel.

    Parameters
    ----------
    people
        How many people, starting with person 0.
    visemes
        Names of mouth shapes (:data:`lipkit.talker.VISEMES`); another name is a KeyError.
    seed
        Seeds the people's features, the poses and the camera's noise.
    config
        The crop; one box size per person, as in a clip.

    Returns
    -------
    np.ndarray
        u8 ``[people, visemes, 64, 64, 3]``.

    >>> lip_gallery(people=1, visemes=["bilabial", "open"]).shape
    (1, 2, 64, 64, 3)
    """
    draw = np.random.default_rng(seed)
    targets = [np.array(VISEMES[name].target) for name in visemes]
    gallery = []
    for index in range(people):
        drawn_face = face(person(index, seed))
        poses = [Pose(*draw.normal(0, 1.5, 3), *draw.normal(0, 1.0, 2)) for _ in targets]
        drawn = list(zip(targets, poses, strict=True))
        frames = [drawn_face.frame(mouth, pose, grain=i) for i, (mouth, pose) in enumerate(drawn)]
        points = np.stack([drawn_face.landmarks(mouth, pose) for mouth, pose in drawn])
        gallery.append(crop(frames, crop_boxes(points, config or PrepareConfig())))
    return np.stack(gallery)
