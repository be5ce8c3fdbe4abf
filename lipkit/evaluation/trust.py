"""How far the measure itself can be trusted on a person, and who is therefore not averaged.

Metrics of mouth points see the lips through dlib, and Sync-C through a network that learnt from
a few people. On some faces either fails: a moustache that is taken for the lip, a mouth that the
network cannot read. Then the *truth* scores badly too, and what a model scores there says little
about the model. So each person's truth is examined first, before anybody looks at a model.

The limits were fixed on people who are in the training lists (GRID's s1, s2, s3, s4, s5, s20 and
s22), never on those who are tested:

======================  ==================================  =====================================
limit                   what training people have           why there
======================  ==================================  =====================================
Sync-C at least .16     .25 to .39, s1_test .33; frozen     half of what the network sees in the
                        lips .03                            truth of people it knows
jitter at most 1.2 px   .44 to .81                          half as much again as the worst: more
                                                            would hide the gap between models
implausible at most 5 % 0 to 1.3 %                          four times the worst
======================  ==================================  =====================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipkit.face.mouth import LOWER_INNER, UPPER_INNER

if TYPE_CHECKING:
    from lipkit.evaluation.scores import ClipScores

LIMITS = {"sync": 0.16, "jitter": 1.2, "implausible": 0.05}
"""Least Sync-C of the true lips; most jitter, pixels; most implausible frames, a share."""
CROSSED = 1.0
"""Pixels of the 64x64 lips by which the upper inner lip may lie below the lower: twice what
points of a still picture wander."""
RULE = (
    f"A person is listed and not averaged where the true lips have Sync-C below "
    f"{LIMITS['sync']:g}, where mouth points of a picture that stands still wander by more than "
    f"{LIMITS['jitter']:g} px, or where more than {LIMITS['implausible']:.0%} of the true frames "
    "have no mouth points or lips that cross. The limits were fixed on people of the training "
    "lists. What was not measured fails nobody."
)
SYNC = "sync_confidence"


def jitter(points: np.ndarray) -> float | None:
    """How far the points of a picture that stands still wander about their mean, pixels.

    Parameters
    ----------
    points
        ``[windows, T, 20, 2]`` of one picture per window, each frame's points found anew; NaN
        where none were.

    Returns
    -------
    float or None
        The mean distance to the window's mean points, centroids removed as in LMD; None where
        no window has points.
    """
    centred = points - points.mean(axis=2, keepdims=True)
    found = np.isfinite(centred).all(axis=(2, 3))
    distances = []
    for window, known in zip(centred, found, strict=True):
        if known.sum() > 1:
            wander = window[known] - window[known].mean(axis=0)
            distances.append(np.linalg.norm(wander, axis=-1).mean())
    return float(np.mean(distances)) if distances else None


def implausible_share(points: np.ndarray) -> float | None:
    """Share of frames without mouth points, or with an upper lip below the lower one.

    Parameters
    ----------
    points
        ``[N, 20, 2]`` of true lips, in pixels of the 64x64 lip image; NaN where none were found.
    """
    if not len(points):
        return None
    lost = ~np.isfinite(points).all(axis=(1, 2))
    opening = points[:, LOWER_INNER, 1] - points[:, UPPER_INNER, 1]
    return float((lost | (opening < -CROSSED)).mean())


@dataclass(frozen=True)
class Person:
    """One person of a split, and what their truth says of the measure."""

    name: str
    measured: dict[str, float | None]
    """``sync`` and ``sync_frozen`` (Sync-C of true and of frozen lips), ``jitter``,
    ``implausible``; None where it was not measured."""
    faults: tuple[str, ...]
    """Which limits are broken, in words."""


def people_of(clips: Sequence["ClipScores"], speakers: Mapping[str, str]) -> list[Person]:
    """The people of some clips, in order, each examined by the mean over their clips.

    Parameters
    ----------
    speakers
        Clip id -> who speaks; clips without one are of the same person.
    """
    groups: dict[str, list[ClipScores]] = {}
    for clip in clips:
        groups.setdefault(speakers.get(clip.clip_id, ""), []).append(clip)
    return [_examined(name, own) for name, own in groups.items()]


def _examined(name: str, clips: Sequence["ClipScores"]) -> Person:
    measured = {
        "sync": _mean(_sync(clip, "ground truth") for clip in clips),
        "sync_frozen": _mean(_sync(clip, "frozen lips") for clip in clips),
        "jitter": _mean(clip.jitter for clip in clips),
        "implausible": _mean(clip.implausible for clip in clips),
    }
    sync, wander, share = (measured[limit] for limit in LIMITS)
    faults = []
    if sync is not None and sync < LIMITS["sync"]:
        faults.append(f"Sync-C of the truth {sync:.3f} < {LIMITS['sync']:g}")
    if wander is not None and wander > LIMITS["jitter"]:
        faults.append(f"jitter {wander:.2f} px > {LIMITS['jitter']:g}")
    if share is not None and share > LIMITS["implausible"]:
        faults.append(f"{share:.1%} implausible frames > {LIMITS['implausible']:.0%}")
    return Person(name, measured, tuple(faults))


def _sync(clip: "ClipScores", row: str) -> float | None:
    found = clip.rows.get(row)
    score = found.clip.get(SYNC) if found else None
    return score.mean if score else None


def _mean(values) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
