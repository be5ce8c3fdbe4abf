"""How much the lips move, so that frozen and jittering ones are seen."""

import numpy as np

from lipkit.metrics.conventions import grey, require_pair
from lipkit.metrics.metric import Context, Metric


def motion(video: np.ndarray, joints: tuple[int, ...] = (0,)) -> float:
    """Mean absolute difference of neighbouring frames, grey levels.

    Pairs that meet at one of ``joints`` do not count: there two windows meet, whose identity
    images may differ. u8 ``[T, H, W, 3]``; NaN when no pair is left.

    >>> import numpy as np
    >>> video = np.zeros((3, 64, 64, 3), np.uint8)
    >>> video[2] = 10
    >>> motion(video)  # the pairs differ by 0 and 10
    5.0
    """
    frames = grey(video).astype(np.int16)
    differences = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2))
    inside = np.ones(len(differences), bool)
    inside[[joint - 1 for joint in joints if 0 < joint <= len(differences)]] = False
    return float(differences[inside].mean()) if inside.any() else float("nan")


def relative_motion(prediction, truth, sound, context: Context) -> float:
    """:func:`motion` of the prediction over that of the truth: 0 frozen, 1 as the truth.

    The camera's noise counts as motion, so smooth lips that move correctly stay below 1.
    NaN where the truth stands still.
    """
    require_pair(prediction, truth)
    real = motion(truth, context.joints)
    return motion(prediction, context.joints) / real if real > 0 else float("nan")


METRICS = (
    Metric(
        "motion",
        "Motion",
        "",
        "truth",
        "standard",
        "mean absolute difference of neighbouring grey frames, over that of the truth",
        relative_motion,
        over="clip",
    ),
)
