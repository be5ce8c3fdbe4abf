"""What a corpus declares of itself: how it is read, its licence, its frames, its people.

A module of this room ends in one :class:`Corpus`, and :data:`lipkit.corpora.CORPORA` lists
it. The command line, the splits, the cards of weights, the tables of results and the table
of corpora all take what they know from there.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lipkit.corpora.record import ClipRecord


@dataclass(frozen=True)
class Published:
    """One row of the paper's Tab. 2; None where the paper gives no number."""

    lmd: float | None = None
    """Mean distance of the mouth's points, pixels of the paper's crop."""
    ssim: float | None = None
    psnr: float | None = None
    """dB."""
    cpbd: float | None = None


@dataclass(frozen=True)
class Corpus:
    """All that the kit knows of one corpus."""

    name: str
    """By which the command line calls it."""
    summary: str
    """What it is, in a few words without a full stop."""
    looked_for: str
    """What a folder of it holds, for the message that it does not."""
    read: Callable[[str | os.PathLike], list[ClipRecord]]
    """Every clip below a folder, sorted by clip id."""
    licence: str
    """Licence of its data; what is trained on it is bound by it."""
    frames: int | None = None
    """Frames, at 25 per second, that every whole clip has; None where they differ."""
    test_speakers: tuple[str, ...] = ()
    """Whom the protocol ``paper`` tests on; none: the last speaker in natural order."""
    strangers: tuple[str, ...] = ()
    """Its people in the split ``strangers``, whom the weights that come with the kit never saw.
    The other protocols take them like anybody else."""
    test_only: bool = False
    """Whether nothing of it may ever be trained on."""
    official_splits: bool = False
    """Whether its records come with the splits of its publishers."""
    protocol: str = "seen"
    """The protocol of splits where none is named."""
    published: Mapping[str, Published] = field(default_factory=dict)
    """The paper's results on it by name of the model."""
    times_note: str = ""
    """What to know about its word times, one line."""
